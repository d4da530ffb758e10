//! TLS on both sides: what may come before it, how it is agreed on, and what refuses it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what fails here fails a test"
)]

mod world;

use std::process::Command;
use std::sync::Arc;

use hpol_postgres::UpstreamTls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use world::World;
use world::client::{message, startup, text};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

struct Identity {
    certificate: CertifiedKey<rcgen::KeyPair>,
}

impl Identity {
    fn new() -> Identity {
        // Another test of this process may have been first; all install the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Identity {
            certificate: generate_simple_self_signed(["localhost".to_owned()]).unwrap(),
        }
    }

    fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
            self.certificate.signing_key.serialize_der(),
        ));
        let chain = vec![self.certificate.cert.der().clone()];
        Arc::new(
            ServerConfig::builder()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap(),
        )
    }

    fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.cert.der().clone()).unwrap();
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// Sends a startup packet and the token; the first byte of each answer up to ReadyForQuery.
async fn log_in(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> String {
    stream
        .write_all(&startup(
            196_608,
            &[("user", "agent"), ("database", "orders")],
        ))
        .await
        .unwrap();
    stream
        .write_all(&message(b'p', &text("agent")))
        .await
        .unwrap();
    let mut tags = String::new();
    while !tags.ends_with(['Z', 'E']) {
        let Ok(tag) = stream.read_u8().await else {
            break;
        };
        let length = stream.read_u32().await.unwrap();
        stream
            .read_exact(&mut vec![0; length as usize - 4])
            .await
            .unwrap();
        if !tags.ends_with(char::from(tag)) {
            tags.push(char::from(tag));
        }
    }
    tags
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_come_by_tls_or_not_at_all() {
    let identity = Identity::new();
    let world = World::build(&[], Some(identity.server()), |settings| {
        settings.danger_plaintext_clients = false
    })
    .await;

    let mut plain = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(log_in(&mut plain).await, "E");

    let mut asked = TcpStream::connect(world.address).await.unwrap();
    asked.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(asked.read_u8().await.unwrap(), b'S');
    let connector = TlsConnector::from(identity.client(&[]));
    assert_eq!(
        log_in(&mut connector.connect(localhost(), asked).await.unwrap()).await,
        "RSKZ"
    );

    let direct = TcpStream::connect(world.address).await.unwrap();
    let connector = TlsConnector::from(identity.client(&["postgresql"]));
    assert_eq!(
        log_in(&mut connector.connect(localhost(), direct).await.unwrap()).await,
        "RSKZ"
    );

    // Without the protocol's name the gateway hangs up, whatever was agreed on.
    let unnamed = TcpStream::connect(world.address).await.unwrap();
    let connector = TlsConnector::from(identity.client(&[]));
    let mut unnamed = connector.connect(localhost(), unnamed).await.unwrap();
    assert_eq!(unnamed.read(&mut [0; 16]).await.unwrap_or(0), 0);

    // What is sent in the clear after SSLRequest must not be taken for a part of the session.
    let mut early = TcpStream::connect(world.address).await.unwrap();
    let injected = startup(196_608, &[("user", "agent"), ("database", "orders")]);
    early
        .write_all(&[&SSL_REQUEST[..], &injected].concat())
        .await
        .unwrap();
    assert_eq!(early.read(&mut [0; 16]).await.unwrap_or(0), 0);

    // TLS inside of TLS.
    let mut twice = TcpStream::connect(world.address).await.unwrap();
    twice.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(twice.read_u8().await.unwrap(), b'S');
    let connector = TlsConnector::from(identity.client(&[]));
    let mut twice = connector.connect(localhost(), twice).await.unwrap();
    twice.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(twice.read(&mut [0; 16]).await.unwrap_or(0), 0);

    world.log.until("refused: encryption").await;
    let mut refused = world.log.words();
    refused.sort();
    insta::assert_snapshot!(refused.join("\n"), @r#"
    refused: bytes followed SSLRequest before it was answered
    refused: direct TLS without ALPN `postgresql`
    refused: encryption was asked for inside TLS
    refused: this connection requires TLS
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_is_reached_by_verified_tls() {
    let identity = Identity::new();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        folder.path().join("server.crt"),
        folder.path().join("server.key"),
    );
    std::fs::write(&certificate, identity.certificate.cert.pem()).unwrap();
    std::fs::write(&key, identity.certificate.signing_key.serialize_pem()).unwrap();
    assert!(
        Command::new("chmod")
            .arg("600")
            .arg(&key)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        Command::new("chmod")
            .arg("755")
            .arg(folder.path())
            .status()
            .unwrap()
            .success()
    );
    if hpol_support::process::is_root() {
        assert!(
            Command::new("chown")
                .arg("postgres")
                .arg(&key)
                .status()
                .unwrap()
                .success()
        );
    }
    let files = [
        format!("ssl_cert_file={}", certificate.display()),
        format!("ssl_key_file={}", key.display()),
    ];
    let server = ["ssl=on", &files[0], &files[1]];

    let trusted = identity.client(&[]);
    let world = World::build(&server, None, |settings| {
        settings.tls = UpstreamTls::Require {
            config: trusted,
            name: localhost(),
        };
    })
    .await;
    let mut client = world.login().await;
    let answer = client
        .query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .await;
    assert!(answer.contains("D t"), "{answer}");

    let another = Identity::new().client(&[]);
    let world = World::build(&server, None, |settings| {
        settings.tls = UpstreamTls::Require {
            config: another,
            name: localhost(),
        };
    })
    .await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(log_in(&mut stream).await, "RE");

    // A server without TLS is not used.
    let trusted = identity.client(&[]);
    let world = World::build(&[], None, |settings| {
        settings.tls = UpstreamTls::Require {
            config: trusted,
            name: localhost(),
        };
    })
    .await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(log_in(&mut stream).await, "RE");
}
