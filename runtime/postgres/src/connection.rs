//! One configured PostgreSQL connection: where the upstream is, how the gateway logs in to it, and what is shared by the
//! sessions before it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hpol_operation::sql::Analyser;
use hpol_session::Protocol;
use hpol_session::principal::Connection;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use crate::cancel::CancelKeys;
use crate::catalogue::Catalogues;

/// One upstream that clients reach under a name.
#[derive(Debug)]
pub struct PostgresConnection {
    settings: Settings,
    connection: Connection,
    pub(crate) analyser: Arc<Analyser>,
    pub(crate) cancels: Arc<CancelKeys>,
    /// The catalogues that its sessions share.
    pub(crate) catalogues: Catalogues,
    /// Whether the powers of the upstream role have been told.
    pub(crate) powers_told: AtomicBool,
    /// Whether the upstream refused a newer protocol than 3.0.
    pub(crate) speaks_old_protocol: AtomicBool,
}

/// What the gateway's configuration says of a connection.
#[derive(Debug)]
pub struct Settings {
    /// Its name in the configuration; policies know it by this.
    pub name: String,
    /// Host name or address of the upstream.
    pub host: String,
    /// Port of the upstream.
    pub port: u16,
    /// The role that the gateway logs in as. Clients never see its password.
    pub user: String,
    /// That role's password. Without one the upstream has to ask for the client certificate in [`Settings::tls`].
    pub password: Option<Secret>,
    /// The databases that clients may name, and what each is called upstream. Never empty.
    pub databases: BTreeMap<String, String>,
    /// How the upstream is reached.
    pub tls: UpstreamTls,
    /// Clients may log in without TLS. For development on loopback only: their tokens are readable on the way.
    pub danger_plaintext_clients: bool,
    /// The upstream need not ask for a password, as with `trust` in its `pg_hba.conf`.
    pub danger_upstream_without_password: bool,
    /// Time bounds.
    pub limits: Limits,
}

/// Time bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte to ReadyForQuery: TLS, token, upstream login and catalogue together.
    pub handshake: Duration,
    /// How long a statement may go on after its client has gone away, so that its outcome can be recorded.
    pub drain: Duration,
    /// How long a catalogue is believed before it is read again.
    pub catalogue_age: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            handshake: Duration::from_secs(15),
            drain: Duration::from_secs(10),
            catalogue_age: Duration::from_secs(60),
        }
    }
}

/// How the upstream is reached.
#[derive(Clone)]
pub enum UpstreamTls {
    /// In the clear: for a loopback or otherwise protected network.
    Disable,
    /// TLS with a verified certificate; a server that does not offer it is not used.
    Require {
        /// Trust anchors, and the gateway's own certificate where it has one.
        config: Arc<ClientConfig>,
        /// The name that the certificate must bear.
        name: ServerName<'static>,
        /// Whether the login is bound to that certificate.
        channel_binding: ChannelBinding,
    },
}

/// Whether a login by password is bound to the certificate that the upstream showed, so that nobody in between can pass it
/// on, not even with a certificate that is valid (SCRAM-SHA-256-PLUS with `tls-server-end-point`, RFC 5802 and RFC 5929).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where the upstream offers it.
    #[default]
    Prefer,
    /// Always; an upstream that does not offer it is not used.
    Require,
}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamTls::Disable => f.write_str("Disable"),
            UpstreamTls::Require { name, .. } => write!(f, "Require({name:?})"),
        }
    }
}

/// A password. Never shown; wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the password over.
    #[must_use]
    pub fn new(password: String) -> Secret {
        Secret(Zeroizing::new(password))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl PostgresConnection {
    /// A connection that no client has reached yet. Analyser and keys are shared by all connections of a gateway.
    #[must_use]
    pub fn new(
        settings: Settings,
        analyser: Arc<Analyser>,
        cancels: Arc<CancelKeys>,
    ) -> Arc<PostgresConnection> {
        let connection = Connection {
            name: settings.name.clone(),
            protocol: Protocol::Postgres,
        };
        Arc::new(PostgresConnection {
            settings,
            connection,
            analyser,
            cancels,
            catalogues: Catalogues::default(),
            powers_told: AtomicBool::new(false),
            speaks_old_protocol: AtomicBool::new(false),
        })
    }

    /// What was configured.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The connection as policies and records know it.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The upstream's name for the database that a client asks for. A client that names none gets the only one there is.
    pub(crate) fn database(&self, asked: Option<&str>) -> Option<&str> {
        match asked.filter(|name| !name.is_empty()) {
            Some(name) => self.settings.databases.get(name).map(String::as_str),
            None if self.settings.databases.len() == 1 => {
                self.settings.databases.values().next().map(String::as_str)
            }
            None => None,
        }
    }
}
