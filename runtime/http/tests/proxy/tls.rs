//! TLS on both sides of the proxy.

use std::sync::Arc;

use hpol_http::{Limits, Upstream};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::world::{Served, World, request};

struct Certificate {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain: CertificateDer<'static> = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let server = server
        .with_no_client_auth()
        .with_single_cert(vec![chain.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(chain).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    Certificate {
        server: Arc::new(server),
        client: Arc::new(client),
    }
}

#[tokio::test]
async fn both_sides_may_speak_tls() {
    let (outer, inner) = (certificate(), certificate());
    // A TLS front before the plain upstream.
    let served = Served::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, plain) = (TlsAcceptor::from(inner.server.clone()), served.address);
    let front = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut upstream = TcpStream::connect(plain).await.unwrap();
        tokio::io::copy_bidirectional(&mut stream, &mut upstream)
            .await
            .unwrap_or_default();
    });
    let upstream = Upstream::new(
        &format!("https://localhost:{port}"),
        Some(inner.client.clone()),
    )
    .unwrap();
    let world = World::between(
        Limits::DEFAULT,
        served,
        upstream,
        Some(outer.server.clone()),
    )
    .await;

    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(world.address).await.unwrap();
    let mut stream = TlsConnector::from(outer.client.clone())
        .connect(name, stream)
        .await
        .unwrap();
    stream
        .write_all(request("GET /a", "Connection: close\r\n", "").as_bytes())
        .await
        .unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    assert!(
        response.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&response)
    );
    assert_eq!(world.upstream.seen().len(), 1);
    front.abort();
}

#[tokio::test]
async fn an_upstream_that_cannot_prove_itself_gets_nothing() {
    let (trusted, other) = (certificate(), certificate());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(other.server.clone());
    let front = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_err()
    });
    let upstream = Upstream::new(
        &format!("https://localhost:{port}"),
        Some(trusted.client.clone()),
    )
    .unwrap();
    let world = World::between(Limits::DEFAULT, Served::start().await, upstream, None).await;
    let mut client = world.client().await;
    assert_eq!(client.ask("POST /a", "", "x").await.status, 502);
    assert!(front.await.unwrap());
    assert_eq!(
        world.recorded("outcome").await.last().unwrap(),
        "outcome NotRun "
    );
}

#[tokio::test]
async fn a_client_that_does_not_speak_tls_is_turned_away() {
    let served = Served::start().await;
    let upstream = Upstream::new(&format!("http://{}", served.address), None).unwrap();
    let world = World::between(
        Limits::DEFAULT,
        served,
        upstream,
        Some(certificate().server.clone()),
    )
    .await;
    let mut client = world.client().await;
    client.send(&request("GET /a", "", "")).await;
    let words = world.recorded("turned away: TLS handshake failed").await;
    assert_eq!(words.len(), 1);
    assert!(world.upstream.seen().is_empty());
}
