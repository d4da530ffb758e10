//! Logs in to the upstream with the gateway's credential and reads what the server reports about itself.

use bytes::{BufMut, BytesMut};

use super::scram;
use super::{ReachUpstream, UpstreamKey};
use crate::codec::backend::{self, TransactionStatus};
use crate::codec::body::Body;
use crate::codec::{Frame, encode, frontend};
use crate::connection::PostgresConnection;
use crate::wire::Wire;

const PROTOCOL_3_0: u32 = 196_608;
const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// What a server says before its first ReadyForQuery, at most: some fifteen settings today.
const MAX_MESSAGES: usize = 256;

/// A session with the upstream, logged in and idle.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) wire: Wire,
    pub(crate) key: Option<UpstreamKey>,
    /// The settings it reports, for the client.
    pub(crate) parameters: Vec<(String, String)>,
}

/// Logs in to `database`; `parameters` are the settings that the client may choose.
pub(crate) async fn login(
    mut wire: Wire,
    connection: &PostgresConnection,
    database: &str,
    parameters: &[(&'static str, String)],
) -> Result<Login, ReachUpstream> {
    startup(
        &mut wire.out,
        &connection.settings().user,
        database,
        parameters,
    );
    authenticate(&mut wire, connection).await?;
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
                let (process, secret) = backend::backend_key(frame.body())?;
                login.key = Some(UpstreamKey { process, secret });
            }
            backend::NOTICE_RESPONSE => {}
            backend::READY_FOR_QUERY
                if TransactionStatus::decode(frame.body())? == TransactionStatus::Idle =>
            {
                return login.checked();
            }
            backend::ERROR_RESPONSE => return Err(refused(&frame)),
            _ => return Err(unexpected()),
        }
    }
    Err(unexpected())
}

impl Login {
    /// The settings that everything the gateway understands depends on.
    fn checked(self) -> Result<Login, ReachUpstream> {
        for (name, expected) in PINNED {
            let value = self
                .parameters
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str());
            if value != Some(expected) {
                let value = value.unwrap_or_default().to_owned();
                return Err(ReachUpstream::Setting {
                    name,
                    value,
                    expected,
                });
            }
        }
        Ok(self)
    }
}

/// Reported settings with the only value under which the parser reads what the server reads.
pub(crate) const PINNED: [(&str, &str); 2] = [
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
];

fn startup(out: &mut BytesMut, user: &str, database: &str, parameters: &[(&'static str, String)]) {
    encode::packet(out, |out| {
        out.put_u32(PROTOCOL_3_0);
        let pinned = PINNED.iter().map(|(name, value)| (*name, *value));
        let own = [
            ("user", user),
            ("database", database),
            ("row_security", "on"),
        ];
        let chosen = parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        for (name, value) in own.into_iter().chain(pinned).chain(chosen) {
            encode::text(out, name);
            encode::text(out, value);
        }
        out.put_u8(0);
    });
}

async fn authenticate(
    wire: &mut Wire,
    connection: &PostgresConnection,
) -> Result<(), ReachUpstream> {
    let (kind, rest) = authentication(wire).await?;
    match kind {
        0 if connection.settings().danger_upstream_without_password => Ok(()),
        0 => Err(ReachUpstream::Downgrade {
            asked: "no password at all",
        }),
        10 => scram_exchange(wire, connection, &rest).await,
        3 => Err(ReachUpstream::Downgrade {
            asked: "a password in the clear",
        }),
        5 => Err(ReachUpstream::Downgrade { asked: "MD5" }),
        _ => Err(ReachUpstream::Downgrade {
            asked: "another method",
        }),
    }
}

async fn scram_exchange(
    wire: &mut Wire,
    connection: &PostgresConnection,
    offer: &[u8],
) -> Result<(), ReachUpstream> {
    if !offers_scram(offer)? {
        return Err(ReachUpstream::Downgrade {
            asked: "another SASL mechanism",
        });
    }
    let (message, first) = scram::begin(connection.settings().password.reveal())?;
    encode::message(&mut wire.out, frontend::PASSWORD, |out| {
        encode::text(out, SCRAM_SHA_256);
        out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(message.as_bytes());
    });
    let challenge = expect(wire, 11).await?;
    // The key derivation is the one long computation of a login: not on a thread that serves other connections.
    let (answer, last) = tokio::task::spawn_blocking(move || first.answer(&challenge))
        .await
        .map_err(|_| ReachUpstream::Scram {
            why: "the computation failed",
        })??;
    encode::message(&mut wire.out, frontend::PASSWORD, |out| {
        out.extend_from_slice(answer.as_bytes())
    });
    last.verify(&expect(wire, 12).await?)?;
    expect(wire, 0).await?;
    Ok(())
}

fn offers_scram(offer: &[u8]) -> Result<bool, ReachUpstream> {
    let mut offer = Body::new(offer);
    let mut found = false;
    loop {
        let mechanism = offer.text()?;
        if mechanism.is_empty() {
            return Ok(found);
        }
        found |= mechanism == SCRAM_SHA_256;
    }
}

async fn expect(wire: &mut Wire, kind: u32) -> Result<Vec<u8>, ReachUpstream> {
    match authentication(wire).await? {
        (found, rest) if found == kind => Ok(rest),
        _ => Err(unexpected()),
    }
}

/// The kind of an Authentication message and what follows it.
async fn authentication(wire: &mut Wire) -> Result<(u32, Vec<u8>), ReachUpstream> {
    let frame = wire.receive(backend::limit).await?;
    match frame.tag() {
        backend::AUTHENTICATION => {
            let mut body = Body::new(frame.body());
            let kind = body.u32()?;
            let rest = body.bytes(body.remaining())?;
            Ok((kind, rest.to_vec()))
        }
        backend::ERROR_RESPONSE => Err(refused(&frame)),
        _ => Err(unexpected()),
    }
}

fn refused(frame: &Frame) -> ReachUpstream {
    ReachUpstream::Refused {
        sqlstate: backend::sqlstate(frame.body()),
    }
}

fn unexpected() -> ReachUpstream {
    ReachUpstream::Protocol(crate::codec::Malformed::Body {
        what: "it is not expected during login",
    })
}
