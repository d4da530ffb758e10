//! From the first byte to the startup packet: TLS by SSLRequest or at once, refusal of GSSAPI encryption, cancel requests.
//! Every request may come once, and nothing sent in the clear survives into TLS.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::TurnedAway;
use crate::codec::encode::Report;
use crate::codec::login::CancelSecret;
use crate::codec::startup::{Packet, ReadPacket, Startup, read};
use crate::wire::Wire;

/// First byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// The protocol name that direct TLS must agree on (PostgreSQL manual, "SSL Session Encryption").
const ALPN: &[u8] = b"postgresql";

/// What a client wants once the transport is settled.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A session.
    Session { wire: Wire, startup: Startup },
    /// That another session's operation ends. The wire is closed once that was asked for.
    Cancel {
        wire: Wire,
        process: u32,
        secret: Box<CancelSecret>,
    },
}

/// A client that was turned away, and the wire to tell it on where there is one.
pub(crate) type Refused = Box<(TurnedAway, Option<Wire>)>;

/// Settles the transport and reads the startup packet.
pub(crate) async fn arrive(
    mut stream: TcpStream,
    tls: Option<&Arc<ServerConfig>>,
    plaintext: bool,
) -> Result<Arrival, Refused> {
    if first_byte(&stream).await? == TLS_HANDSHAKE {
        let config = tls.ok_or_else(|| silent("the client began TLS, and none is configured"))?;
        let stream = accept(stream, config).await?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(silent("direct TLS without ALPN `postgresql`"));
        }
        return encrypted(stream).await;
    }
    let mut gssenc_asked = false;
    loop {
        match packet(&mut stream).await? {
            Packet::GssEnc if !gssenc_asked => {
                gssenc_asked = true;
                stream.write_all(b"N").await.map_err(lost)?;
            }
            Packet::Ssl => {
                let Some(config) = tls else {
                    stream.write_all(b"N").await.map_err(lost)?;
                    return unencrypted(stream, plaintext).await;
                };
                nothing_early(&stream)?;
                stream.write_all(b"S").await.map_err(lost)?;
                return encrypted(accept(stream, config).await?).await;
            }
            Packet::Cancel { process, secret } => {
                return Ok(Arrival::Cancel {
                    wire: Wire::new(stream),
                    process,
                    secret,
                });
            }
            Packet::Startup(startup) => return in_the_clear(stream, startup, plaintext),
            Packet::GssEnc => return Err(silent("GSSAPI encryption was asked for twice")),
        }
    }
}

/// After `N` to SSLRequest a client may go on in the clear, ask for GSSAPI, or cancel.
async fn unencrypted(mut stream: TcpStream, plaintext: bool) -> Result<Arrival, Refused> {
    match packet(&mut stream).await? {
        Packet::Startup(startup) => in_the_clear(stream, startup, plaintext),
        Packet::Cancel { process, secret } => Ok(Arrival::Cancel {
            wire: Wire::new(stream),
            process,
            secret,
        }),
        Packet::Ssl | Packet::GssEnc => Err(silent(
            "encryption was asked for again after it was refused",
        )),
    }
}

fn in_the_clear(stream: TcpStream, startup: Startup, plaintext: bool) -> Result<Arrival, Refused> {
    let wire = Wire::new(stream);
    if plaintext {
        return Ok(Arrival::Session { wire, startup });
    }
    let report = Report::fatal("28000", "this connection requires TLS")
        .with_hint("connect with sslmode=require or stricter");
    Err(Box::new((TurnedAway::with(report), Some(wire))))
}

/// Inside TLS there is nothing left to negotiate.
async fn encrypted(mut stream: TlsStream<TcpStream>) -> Result<Arrival, Refused> {
    match packet(&mut stream).await? {
        Packet::Startup(startup) => Ok(Arrival::Session {
            wire: Wire::new(stream),
            startup,
        }),
        Packet::Cancel { process, secret } => Ok(Arrival::Cancel {
            wire: Wire::new(stream),
            process,
            secret,
        }),
        Packet::Ssl | Packet::GssEnc => Err(silent("encryption was asked for inside TLS")),
    }
}

async fn first_byte(stream: &TcpStream) -> Result<u8, Refused> {
    let mut byte = [0];
    match stream.peek(&mut byte).await.map_err(lost)? {
        0 => Err(silent("closed before the first byte")),
        _ => Ok(byte[0]),
    }
}

/// What came before our `S` came in the clear, so it must not be taken for the start of TLS (CVE-2021-23214).
fn nothing_early(stream: &TcpStream) -> Result<(), Refused> {
    match stream.try_read(&mut [0; 1]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(lost(error)),
        Ok(_) => Err(silent("bytes followed SSLRequest before it was answered")),
    }
}

async fn accept(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
) -> Result<TlsStream<TcpStream>, Refused> {
    let mut config = ServerConfig::clone(config);
    config.alpn_protocols = vec![ALPN.to_vec()];
    let accepted = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
    accepted.map_err(|error| silent(format!("TLS failed: {error}")))
}

async fn packet(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Packet, Refused> {
    read(stream).await.map_err(|error| match error {
        ReadPacket::Malformed(malformed) => silent(format!("startup packet: {malformed}")),
        ReadPacket::Lost(error) => lost(error),
    })
}

fn silent(reason: impl Into<String>) -> Refused {
    Box::new((TurnedAway::silently(reason), None))
}

fn lost(error: io::Error) -> Refused {
    silent(format!("the connection was lost before login: {error}"))
}
