//! The connection to the upstream server: dialling, TLS, login with the gateway's own credential, and the few queries
//! that the gateway itself asks. What clients ask goes through `forward`.

mod login;
mod query;
mod role;
mod scram;
mod session;

use std::io;

use bytes::{BufMut, BytesMut};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::codec::{Malformed, encode};
use crate::connection::{PostgresConnection, UpstreamTls};
use crate::wire::{Receive, Wire};

pub(crate) use login::{Login, PINNED, login};
pub(crate) use query::{OWN_NAME, query};
pub(crate) use role::powers;
pub(crate) use session::{limit, pin_search_path};

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;

/// The key by which an upstream lets its statements be cancelled.
#[derive(Clone, Copy)]
pub(crate) struct UpstreamKey {
    pub(crate) process: u32,
    pub(crate) secret: u32,
}

impl std::fmt::Debug for UpstreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamKey")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
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
    #[error("the upstream refused with SQLSTATE {sqlstate}")]
    Refused { sqlstate: String },
    #[error("the upstream reports `{name}` as `{value}`, and `{expected}` is needed")]
    Setting {
        name: &'static str,
        value: String,
        expected: &'static str,
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

/// Connects and, where configured, encrypts.
pub(crate) async fn dial(connection: &PostgresConnection) -> Result<Wire, ReachUpstream> {
    let settings = connection.settings();
    let mut stream = TcpStream::connect((settings.host.as_str(), settings.port))
        .await
        .map_err(|error| ReachUpstream::Dial {
            host: settings.host.clone(),
            port: settings.port,
            error,
        })?;
    // Messages are small and answered at once; waiting to fill a packet only delays them.
    stream.set_nodelay(true)?;
    match &settings.tls {
        UpstreamTls::Disable => Ok(Wire::new(stream)),
        UpstreamTls::Require { config, name } => {
            let mut request = BytesMut::new();
            encode::packet(&mut request, |out| out.put_u32(SSL_REQUEST));
            stream.write_all(&request).await?;
            encrypt(stream, TlsConnector::from(config.clone()), name.clone()).await
        }
    }
}

async fn encrypt(
    mut stream: TcpStream,
    connector: TlsConnector,
    name: ServerName<'static>,
) -> Result<Wire, ReachUpstream> {
    if stream.read_u8().await? != b'S' {
        return Err(ReachUpstream::NoTls);
    }
    // Whatever follows `S` before our ClientHello was not sent by the party that TLS will authenticate.
    match stream.try_read(&mut [0; 1]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Ok(0) => return Err(ReachUpstream::Closed),
        Ok(_) => return Err(ReachUpstream::EarlyBytes),
        Err(error) => return Err(error.into()),
    }
    Ok(Wire::new(
        connector
            .connect(name, stream)
            .await
            .map_err(ReachUpstream::Tls)?,
    ))
}

/// Asks the upstream to cancel what the session with `key` runs. Whether it does shows in that session.
pub(crate) async fn cancel(
    connection: &PostgresConnection,
    key: UpstreamKey,
) -> Result<(), ReachUpstream> {
    let mut wire = dial(connection).await?;
    encode::packet(&mut wire.out, |out| {
        out.put_u32(CANCEL_REQUEST);
        out.put_u32(key.process);
        out.put_u32(key.secret);
    });
    wire.flush().await?;
    // The server answers by closing; closing first could lose the request.
    match wire.receive(|_| None).await {
        Ok(_) | Err(_) => Ok(()),
    }
}
