//! TLS to the upstream: asked for by SSLRequest, verified, and what is known once it stands: what a login can be bound to,
//! and whether the server wanted the gateway's certificate.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{BufMut, BytesMut};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{ReachUpstream, binding};
use crate::codec::encode;

const SSL_REQUEST: u32 = 80_877_103;

/// An encrypted stream to a server whose certificate was verified.
pub(super) struct Encrypted {
    pub(super) stream: TlsStream<TcpStream>,
    /// The hash of the server's certificate, where one is defined for it.
    pub(super) end_point: Option<Vec<u8>>,
    /// Whether the server asked for the gateway's certificate, and got it.
    pub(super) certificate_shown: bool,
}

/// Asks for TLS and makes it.
pub(super) async fn encrypt(
    mut stream: TcpStream,
    config: &ClientConfig,
    name: ServerName<'static>,
) -> Result<Encrypted, ReachUpstream> {
    let mut request = BytesMut::new();
    encode::packet(&mut request, |out| out.put_u32(SSL_REQUEST));
    stream.write_all(&request).await?;
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
    let watched = Arc::new(Watched {
        certificate: Arc::clone(&config.client_auth_cert_resolver),
        shown: AtomicBool::new(false),
    });
    let mut config = config.clone();
    config.client_auth_cert_resolver = Arc::clone(&watched) as Arc<dyn ResolvesClientCert>;
    // A resumed handshake asks for no certificate.
    config.resumption = Resumption::disabled();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(ReachUpstream::Tls)?;
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    Ok(Encrypted {
        end_point: certificate.and_then(|certificate| binding::tls_server_end_point(certificate)),
        certificate_shown: watched.shown.load(Ordering::Acquire),
        stream,
    })
}

/// The gateway's certificate, and whether a server was given it.
struct Watched {
    certificate: Arc<dyn ResolvesClientCert>,
    shown: AtomicBool,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl ResolvesClientCert for Watched {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let certificate = self.certificate.resolve(root_hint_subjects, schemes);
        self.shown.store(certificate.is_some(), Ordering::Release);
        certificate
    }

    fn only_raw_public_keys(&self) -> bool {
        self.certificate.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.certificate.has_certs()
    }
}
