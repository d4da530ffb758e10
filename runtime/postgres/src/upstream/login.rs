//! Logs in to the upstream with the gateway's credential and reads what the server reports about itself.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use pgwire::messages::startup::{SASLInitialResponse, SASLResponse, Startup};

use super::scram::{self, Binding};
use super::{Channel, Dialled, ReachUpstream, UpstreamKey};
use crate::codec::backend::{self, TransactionStatus};
use crate::codec::body::Body;
use crate::codec::login::{read_backend_key, read_negotiated, write};
use crate::codec::{Frame, Malformed};
use crate::connection::{ChannelBinding, PostgresConnection, UpstreamTls};
use crate::wire::Wire;

const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// What a server says before its first ReadyForQuery, at most: some fifteen settings today.
const MAX_MESSAGES: usize = 256;

/// SQLSTATEs with which servers and poolers refuse a version of the protocol.
const UNKNOWN_VERSION: [&str; 2] = ["0A000", "08P01"];

/// A session with the upstream, logged in and idle.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) wire: Wire,
    pub(crate) key: Option<UpstreamKey>,
    /// The settings it reports, for the client.
    pub(crate) parameters: Vec<(String, String)>,
}

/// Logs in to `database` by protocol 3 with this minor version, or the older one that the server names; `chosen` are the
/// settings that the client may choose.
///
/// # Errors
/// [`ReachUpstream::Version`] where an older version may come through; everything else is final.
pub(super) async fn login(
    dialled: Dialled,
    connection: &PostgresConnection,
    database: &str,
    chosen: &[(&'static str, String)],
    minor: u16,
) -> Result<Login, ReachUpstream> {
    let Dialled { mut wire, channel } = dialled;
    let user = &connection.settings().user;
    startup(&mut wire.out, minor, user, database, chosen)?;
    let (minor, first) = agree(&mut wire, minor).await?;
    authenticate(&mut wire, connection, &channel, &first).await?;
    let mut login = Login {
        wire,
        key: None,
        parameters: Vec::new(),
    };
    for _ in 0..MAX_MESSAGES {
        let frame = login.wire.receive(backend::limit).await?;
        match frame.tag() {
            backend::PARAMETER_STATUS => {
                let (name, value) = backend::parameter_status(frame.body())?;
                login.parameters.push((name.to_owned(), value.to_owned()));
            }
            backend::BACKEND_KEY_DATA => {
                let (process, secret) = read_backend_key(frame.body(), minor)?;
                login.key = Some(UpstreamKey { process, secret });
            }
            backend::NOTICE_RESPONSE => {}
            backend::READY_FOR_QUERY
                if TransactionStatus::decode(frame.body())? == TransactionStatus::Idle =>
            {
                return login.checked(user);
            }
            backend::ERROR_RESPONSE => return Err(refused(&frame)),
            _ => return Err(unexpected()),
        }
    }
    Err(unexpected())
}

impl Login {
    /// The settings that everything the gateway understands depends on, and the role that it logged in as. A pooler may
    /// leave the role out.
    fn checked(self, user: &str) -> Result<Login, ReachUpstream> {
        for (name, expected) in PINNED {
            if self.reported(name) != Some(expected) {
                return Err(self.unexpected(name, expected));
            }
        }
        let role = "session_authorization";
        match self.reported(role) {
            Some(reported) if reported != user => Err(self.unexpected(role, user)),
            _ => Ok(self),
        }
    }

    fn reported(&self, wanted: &str) -> Option<&str> {
        let reported = self.parameters.iter().find(|(name, _)| name == wanted);
        reported.map(|(_, value)| value.as_str())
    }

    fn unexpected(&self, name: &'static str, expected: &str) -> ReachUpstream {
        ReachUpstream::Setting {
            name,
            value: self.reported(name).unwrap_or_default().to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Reported settings with the only value under which the parser reads what the server reads. Of these the client's side
/// of the login can ask for the first ones; the encoding of a database was chosen when it was made, and decides how names
/// are folded and cut off.
pub(crate) const PINNED: [(&str, &str); 3] = [
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    (SERVER_ENCODING, "UTF8"),
];

const SERVER_ENCODING: &str = "server_encoding";

fn startup(
    out: &mut BytesMut,
    minor: u16,
    user: &str,
    database: &str,
    chosen: &[(&'static str, String)],
) -> Result<(), Malformed> {
    let chosen = chosen.iter().map(|(name, value)| (*name, value.as_str()));
    let own = [
        ("user", user),
        ("database", database),
        ("row_security", "on"),
    ];
    let parameters = chosen
        .chain(own)
        .chain(
            PINNED
                .into_iter()
                .filter(|(name, _)| *name != SERVER_ENCODING),
        )
        // A NUL would end the text early, and what follows it would be the next parameter.
        .map(|(name, value)| (name.to_owned(), value.replace('\0', "")));
    let mut packet = Startup::new();
    packet.protocol_number_minor = minor;
    packet.parameters = BTreeMap::from_iter(parameters);
    write(out, &packet)
}

/// The minor version that both speak, and the server's first message about the login.
async fn agree(wire: &mut Wire, asked: u16) -> Result<(u16, Frame), ReachUpstream> {
    let frame = wire.receive(backend::limit).await?;
    match frame.tag() {
        backend::NEGOTIATE_VERSION => {
            let minor = read_negotiated(frame.body())?;
            // A server names an older version, or there was nothing to negotiate.
            if minor >= asked {
                return Err(unexpected());
            }
            Ok((minor, wire.receive(backend::limit).await?))
        }
        backend::ERROR_RESPONSE
            if asked > 0 && UNKNOWN_VERSION.contains(&backend::sqlstate(frame.body()).as_str()) =>
        {
            Err(ReachUpstream::Version { minor: asked })
        }
        _ => Ok((asked, frame)),
    }
}

async fn authenticate(
    wire: &mut Wire,
    connection: &PostgresConnection,
    channel: &Channel,
    first: &Frame,
) -> Result<(), ReachUpstream> {
    let (kind, rest) = authentication(first)?;
    let downgrade = |asked| Err(ReachUpstream::Downgrade { asked });
    match kind {
        0 => without_password(connection, channel),
        10 => scram_exchange(wire, connection, channel, &rest).await,
        3 => downgrade("a password in the clear"),
        5 => downgrade("MD5"),
        _ => downgrade("another method"),
    }
}

/// Whether a server may let the gateway in that asks for no password.
fn without_password(
    connection: &PostgresConnection,
    channel: &Channel,
) -> Result<(), ReachUpstream> {
    let settings = connection.settings();
    if binding_mode(connection) == ChannelBinding::Require {
        return Err(ReachUpstream::Unbound {
            why: "the upstream asks for no password to bind",
        });
    }
    match (&settings.password, channel.certificate_shown) {
        _ if settings.danger_upstream_without_password => Ok(()),
        (None, true) => Ok(()),
        (None, false) => Err(ReachUpstream::CertificateNotAsked),
        (Some(_), _) => Err(ReachUpstream::Downgrade {
            asked: "no password at all",
        }),
    }
}

fn binding_mode(connection: &PostgresConnection) -> ChannelBinding {
    match &connection.settings().tls {
        UpstreamTls::Disable => ChannelBinding::Disable,
        UpstreamTls::Require {
            channel_binding, ..
        } => *channel_binding,
    }
}

async fn scram_exchange(
    wire: &mut Wire,
    connection: &PostgresConnection,
    channel: &Channel,
    offer: &[u8],
) -> Result<(), ReachUpstream> {
    let (mechanism, binding) = choose(&offered(offer)?, binding_mode(connection), channel)?;
    let password = connection.settings().password.as_ref();
    let password = password.ok_or(ReachUpstream::NoPassword)?.reveal();
    let (hello, first) = scram::begin(password, binding)?;
    let hello = SASLInitialResponse::new(mechanism.to_owned(), Some(Bytes::from(hello)));
    write(&mut wire.out, &hello)?;
    let challenge = expect(wire, 11).await?;
    // The key derivation is the one long computation of a login: not on a thread that serves other connections.
    let (answer, last) = tokio::task::spawn_blocking(move || first.answer(&challenge))
        .await
        .map_err(|_| ReachUpstream::Scram {
            why: "the computation failed",
        })??;
    write(&mut wire.out, &SASLResponse::new(Bytes::from(answer)))?;
    last.verify(&expect(wire, 12).await?)?;
    expect(wire, 0).await?;
    Ok(())
}

/// The mechanisms that a server offers.
fn offered(offer: &[u8]) -> Result<Vec<&str>, Malformed> {
    let mut offer = Body::new(offer);
    let mut mechanisms = Vec::new();
    loop {
        match offer.text()? {
            "" => return Ok(mechanisms),
            mechanism => mechanisms.push(mechanism),
        }
    }
}

/// Which mechanism, and what is said of the channel. Where this side could bind and sees no offer it says so: a server that
/// made one then knows that somebody took it away.
fn choose(
    offered: &[&str],
    mode: ChannelBinding,
    channel: &Channel,
) -> Result<(&'static str, Binding), ReachUpstream> {
    let plus = offered.contains(&SCRAM_SHA_256_PLUS);
    let certificate = channel.end_point.clone();
    let unbound = match (mode, certificate) {
        (ChannelBinding::Disable, _) => Binding::None,
        (_, Some(hash)) if plus => return Ok((SCRAM_SHA_256_PLUS, Binding::Certificate(hash))),
        (ChannelBinding::Require, Some(_)) => {
            return Err(ReachUpstream::Unbound {
                why: "the upstream does not offer SCRAM-SHA-256-PLUS",
            });
        }
        (ChannelBinding::Require, None) => {
            return Err(ReachUpstream::Unbound {
                why: "its certificate has a signature that no binding is defined for",
            });
        }
        (ChannelBinding::Prefer, Some(_)) => Binding::NotOffered,
        (ChannelBinding::Prefer, None) => Binding::None,
    };
    if offered.contains(&SCRAM_SHA_256) {
        Ok((SCRAM_SHA_256, unbound))
    } else {
        Err(ReachUpstream::Downgrade {
            asked: "another SASL mechanism",
        })
    }
}

async fn expect(wire: &mut Wire, kind: u32) -> Result<Vec<u8>, ReachUpstream> {
    let frame = wire.receive(backend::limit).await?;
    match authentication(&frame)? {
        (found, rest) if found == kind => Ok(rest),
        _ => Err(unexpected()),
    }
}

/// The kind of an Authentication message and what follows it.
fn authentication(frame: &Frame) -> Result<(u32, Vec<u8>), ReachUpstream> {
    match frame.tag() {
        backend::AUTHENTICATION => {
            let mut body = Body::new(frame.body());
            let kind = body.u32()?;
            let rest = body.bytes(body.remaining())?;
            Ok((kind, rest.to_vec()))
        }
        backend::ERROR_RESPONSE => Err(refused(frame)),
        _ => Err(unexpected()),
    }
}

fn refused(frame: &Frame) -> ReachUpstream {
    ReachUpstream::Refused {
        sqlstate: backend::sqlstate(frame.body()),
    }
}

fn unexpected() -> ReachUpstream {
    ReachUpstream::Protocol(Malformed::Body {
        what: "it is not expected during login",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pg_15_a_mechanism_is_chosen_by_what_is_offered_and_required() {
        use ChannelBinding::{Disable, Prefer, Require};
        let hash = || Some(vec![1, 2]);
        let both = &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256][..];
        let (plain, plus) = (&both[1..], &both[..1]);
        for (offer, mode, end_point, expected) in [
            (
                both,
                Prefer,
                hash(),
                "SCRAM-SHA-256-PLUS Certificate([1, 2])",
            ),
            (
                both,
                Require,
                hash(),
                "SCRAM-SHA-256-PLUS Certificate([1, 2])",
            ),
            (both, Disable, hash(), "SCRAM-SHA-256 None"),
            (both, Prefer, None, "SCRAM-SHA-256 None"),
            (
                both,
                Require,
                None,
                "this connection requires channel binding, and its certificate has a signature that no binding is defined for",
            ),
            (plain, Prefer, hash(), "SCRAM-SHA-256 NotOffered"),
            (
                plain,
                Require,
                hash(),
                "this connection requires channel binding, and the upstream does not offer SCRAM-SHA-256-PLUS",
            ),
            (plain, Prefer, None, "SCRAM-SHA-256 None"),
            (
                plus,
                Prefer,
                hash(),
                "SCRAM-SHA-256-PLUS Certificate([1, 2])",
            ),
            (
                plus,
                Disable,
                hash(),
                "the upstream asks for another SASL mechanism, and this gateway logs in by SCRAM-SHA-256 only",
            ),
            (
                &["OAUTHBEARER"],
                Prefer,
                hash(),
                "the upstream asks for another SASL mechanism, and this gateway logs in by SCRAM-SHA-256 only",
            ),
        ] {
            let channel = Channel {
                end_point,
                certificate_shown: false,
            };
            let chosen = match choose(offer, mode, &channel) {
                Ok((mechanism, binding)) => format!("{mechanism} {binding:?}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(chosen, expected, "{offer:?} {mode:?}");
        }
    }
}
