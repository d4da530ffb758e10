//! Who asks, and of what: the identity a token proved, and the connection it reached.

use std::net::{IpAddr, SocketAddr};

use hpol_bundle::address;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_evidence::record;
use jiff::Timestamp;

use crate::claims::Claims;

/// An authenticated subject. Holds what the token said, never the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// `sub` claim.
    pub id: String,
    /// `iss` claim.
    pub issuer: String,
    /// Groups the issuer puts the subject in.
    pub groups: Vec<String>,
    /// When the token ends, and with it every session opened by it.
    pub expires: Timestamp,
    /// Its claims, of which a session keeps those that the policy reads.
    pub claims: Claims,
}

impl Principal {
    /// Whether both are the same identity: a subject is unique within its issuer only.
    #[must_use]
    pub fn is_same_subject(&self, other: &Principal) -> bool {
        self.id == other.id && self.issuer == other.issuer
    }

    pub(crate) fn facts(&self, vocabulary: &Vocabulary) -> Facts {
        let mut facts = Facts::new();
        let mut set = |name: &str, value: Value| {
            if let Some((id, _)) = vocabulary.lookup(name) {
                facts.set(id, Fact::Known(value));
            }
        };
        set("subject.id", Value::Text(self.id.as_str().into()));
        set("subject.issuer", Value::Text(self.issuer.as_str().into()));
        set(
            "subject.groups",
            Value::Set(
                self.groups
                    .iter()
                    .map(|group| group.as_str().into())
                    .collect(),
            ),
        );
        facts.extend(&self.claims.facts(vocabulary));
        facts
    }

    /// The identity alone. What its claims were is not known any more.
    pub(crate) fn without_claims(&self) -> Principal {
        let mut identity = Principal {
            claims: Claims::default(),
            ..self.clone()
        };
        identity.claims.keep_for(Vocabulary::builtin());
        identity
    }

    pub(crate) fn record(&self) -> record::Subject {
        let mut groups = self.groups.clone();
        groups.sort();
        record::Subject {
            id: self.id.clone(),
            issuer: self.issuer.clone(),
            groups,
        }
    }
}

/// A named upstream that the gateway fronts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name in the gateway's configuration.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
}

impl Connection {
    pub(crate) fn facts(&self, vocabulary: &Vocabulary) -> Facts {
        let mut facts = Facts::new();
        for (name, text) in [
            ("connection.name", self.name.as_str()),
            ("connection.kind", self.protocol.as_str()),
        ] {
            if let Some((id, _)) = vocabulary.lookup(name) {
                facts.set(id, Fact::Known(Value::Text(text.into())));
            }
        }
        facts
    }

    pub(crate) fn record(&self) -> record::Connection {
        record::Connection {
            name: self.name.clone(),
            kind: self.protocol.as_str().to_owned(),
        }
    }
}

/// Where a client connected from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(Option<IpAddr>);

impl ClientAddress {
    /// Reads an address with or without a port. What is neither is not known, and counts so in conditions.
    pub(crate) fn read(client: &str) -> ClientAddress {
        let socket = client.parse().map(|socket: SocketAddr| socket.ip());
        ClientAddress(socket.or_else(|_| client.parse()).ok())
    }

    pub(crate) fn facts(self, vocabulary: &Vocabulary) -> Facts {
        let mut facts = Facts::new();
        if let Some((id, _)) = vocabulary.lookup("session.client_address") {
            let known = |ip| Fact::Known(Value::Text(address::text(ip)));
            facts.set(id, self.0.map_or(Fact::Unknown, known));
        }
        facts
    }
}
