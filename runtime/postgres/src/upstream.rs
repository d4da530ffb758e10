//! The connection to the upstream server: dialling, TLS, login with the gateway's own credential, and the few queries
//! that the gateway itself asks. What clients ask goes through `forward`.

mod binding;
mod login;
mod query;
mod role;
mod scram;
mod session;
mod tls;

use std::io;
use std::sync::atomic::Ordering;

use bytes::BufMut;
use tokio::net::TcpStream;

use crate::codec::login::CancelSecret;
use crate::codec::{Malformed, encode};
use crate::connection::{PostgresConnection, UpstreamTls};
use crate::wire::{Receive, Wire};

pub(crate) use login::{Login, PINNED};
pub(crate) use query::{OWN_NAME, query};
pub(crate) use role::powers;
pub(crate) use session::{fixed_settings, limit, pin_search_path};

const CANCEL_REQUEST: u32 = 80_877_102;

/// The newest minor version of protocol 3 that servers are asked for.
const NEWEST_MINOR: u16 = 2;

/// The key by which an upstream lets its statements be cancelled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpstreamKey {
    process: u32,
    secret: CancelSecret,
}

/// Why there is no session with the upstream. For the log; the client is told less.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachUpstream {
    #[error("cannot connect to `{host}` port {port}: {error}")]
    Dial {
        host: String,
        port: u16,
        error: io::Error,
    },
    #[error("the upstream does not offer TLS, which this connection requires")]
    NoTls,
    #[error("the upstream sent bytes between its answer to SSLRequest and TLS")]
    EarlyBytes,
    #[error("TLS with the upstream failed: {0}")]
    Tls(io::Error),
    #[error("the upstream broke the protocol: {0}")]
    Protocol(#[from] Malformed),
    #[error("the connection to the upstream was lost: {0}")]
    Lost(#[from] io::Error),
    #[error("the upstream closed the connection")]
    Closed,
    #[error("the upstream asks for {asked}, and this gateway logs in by SCRAM-SHA-256 only")]
    Downgrade { asked: &'static str },
    #[error("the upstream's SCRAM exchange is not acceptable: {why}")]
    Scram { why: &'static str },
    #[error("this connection requires channel binding, and {why}")]
    Unbound { why: &'static str },
    #[error("the upstream asks for a password, and this connection has a client certificate only")]
    NoPassword,
    #[error(
        "the upstream did not ask for the client certificate, which is all this connection has"
    )]
    CertificateNotAsked,
    #[error("the upstream does not know protocol 3.{minor}")]
    Version { minor: u16 },
    #[error("the upstream refused with SQLSTATE {sqlstate}")]
    Refused { sqlstate: String },
    #[error("the upstream reports `{name}` as `{value}`, and `{expected}` is needed")]
    Setting {
        name: &'static str,
        value: String,
        expected: String,
    },
    #[error("schema `{schema}` is not in the search path of the gateway's role")]
    Schema { schema: String },
    #[error("the upstream has no setting `{name}`")]
    Timeout { name: &'static str },
    #[error("the upstream answered a catalogue query with something else")]
    Catalogue,
}

impl From<Receive> for ReachUpstream {
    fn from(receive: Receive) -> ReachUpstream {
        match receive {
            Receive::Malformed(malformed) => ReachUpstream::Protocol(malformed),
            Receive::Lost(error) => ReachUpstream::Lost(error),
            Receive::Closed => ReachUpstream::Closed,
        }
    }
}

/// A connection before login, and what is known of its channel.
struct Dialled {
    wire: Wire,
    channel: Channel,
}

/// What a login can rely on.
#[derive(Default)]
struct Channel {
    /// What the login can be bound to: a hash of the certificate that the server showed.
    end_point: Option<Vec<u8>>,
    /// The gateway's own certificate was asked for, and shown.
    certificate_shown: bool,
}

/// Connects and, where configured, encrypts.
async fn dial(connection: &PostgresConnection) -> Result<Dialled, ReachUpstream> {
    let settings = connection.settings();
    let stream = TcpStream::connect((settings.host.as_str(), settings.port))
        .await
        .map_err(|error| ReachUpstream::Dial {
            host: settings.host.clone(),
            port: settings.port,
            error,
        })?;
    // Messages are small and answered at once; waiting to fill a packet only delays them.
    stream.set_nodelay(true)?;
    match &settings.tls {
        UpstreamTls::Disable => Ok(Dialled {
            wire: Wire::new(stream),
            channel: Channel::default(),
        }),
        UpstreamTls::Require { config, name, .. } => {
            let encrypted = tls::encrypt(stream, config, name.clone()).await?;
            Ok(Dialled {
                wire: Wire::new(encrypted.stream),
                channel: Channel {
                    end_point: encrypted.end_point,
                    certificate_shown: encrypted.certificate_shown,
                },
            })
        }
    }
}

/// Connects and logs in to `database`; `chosen` are the settings that the client may choose.
///
/// Servers before PostgreSQL 9.3, and some poolers, refuse a minor version that they do not know instead of naming theirs.
/// Such an upstream is asked for 3.0 from then on.
pub(crate) async fn open(
    connection: &PostgresConnection,
    database: &str,
    chosen: &[(&'static str, String)],
) -> Result<Login, ReachUpstream> {
    let minor = match connection.speaks_old_protocol.load(Ordering::Relaxed) {
        true => 0,
        false => NEWEST_MINOR,
    };
    let dialled = dial(connection).await?;
    match login::login(dialled, connection, database, chosen, minor).await {
        Err(ReachUpstream::Version { .. }) if minor > 0 => {
            let dialled = dial(connection).await?;
            let login = login::login(dialled, connection, database, chosen, 0).await?;
            connection
                .speaks_old_protocol
                .store(true, Ordering::Relaxed);
            Ok(login)
        }
        opened => opened,
    }
}

/// Asks the upstream to cancel what the session with `key` runs. Whether it does shows in that session.
pub(crate) async fn cancel(
    connection: &PostgresConnection,
    key: UpstreamKey,
) -> Result<(), ReachUpstream> {
    let mut wire = dial(connection).await?.wire;
    encode::packet(&mut wire.out, |out| {
        out.put_u32(CANCEL_REQUEST);
        out.put_u32(key.process);
        out.extend_from_slice(key.secret.as_bytes());
    });
    wire.flush().await?;
    // The server answers by closing; closing first could lose the request.
    match wire.receive(|_| None).await {
        Ok(_) | Err(_) => Ok(()),
    }
}
