//! TLS to clients: what may come before it, how it is agreed on, and what refuses it. That to upstreams is in
//! `upstream_logins`.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod world;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use world::World;
use world::client::{message, startup, text};
use world::identity::{Identity, localhost};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

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
async fn pg_04_06_07_clients_come_by_tls_or_not_at_all() {
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

    // With another protocol's name there is not even TLS.
    let other = TcpStream::connect(world.address).await.unwrap();
    let connector = TlsConnector::from(identity.client(&["http/1.1"]));
    assert!(connector.connect(localhost(), other).await.is_err());

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

    world.log.until("refused: TLS failed").await;
    world.log.until("refused: encryption").await;
    let mut refused = world.log.words();
    refused.sort();
    insta::assert_snapshot!(refused.join("\n"), @r#"
    refused: TLS failed: peer doesn't support any known protocol
    refused: bytes followed SSLRequest before it was answered
    refused: direct TLS without ALPN `postgresql`
    refused: encryption was asked for inside TLS
    refused: this connection requires TLS
    "#);
}
