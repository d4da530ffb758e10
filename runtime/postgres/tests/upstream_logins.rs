//! How the gateway logs in to a real PostgreSQL over TLS: verified, bound to the channel, by password or by certificate,
//! and not past somebody in between.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what fails here fails a test"
)]

mod world;

use std::sync::Arc;

use hpol_postgres::{ChannelBinding, Settings, UpstreamTls};
use insta::assert_snapshot;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use world::client::{Client, message, text};
use world::identity::{Identity, ServerFiles, localhost, trusting};
use world::{Gate, World};

async fn world(settings: &[String], change: impl FnOnce(&mut Settings)) -> World {
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    World::build(&settings, None, change).await
}

/// Why a client gets no session, as the record says; empty if it gets one.
async fn outcome(gate: &Gate) -> String {
    let given = [("user", "whoever"), ("database", "orders")];
    let mut client = Client::connect(gate.address, &given).await;
    client.send(&message(b'p', &text("agent"))).await;
    let lines = client.lines(1).await;
    if lines.ends_with("Z I") {
        return String::new();
    }
    assert!(lines.contains("57P03"), "{lines}");
    gate.closed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_15_the_upstream_is_reached_by_verified_tls() {
    let identity = Identity::new();
    let files = identity.files();
    let world = world(&files.settings(), |settings| {
        settings.tls = identity.upstream(ChannelBinding::Prefer);
    })
    .await;
    let mut client = world.login().await;
    let answer = client
        .query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .await;
    assert!(answer.contains("D t"), "{answer}");

    let another = Identity::new();
    let mut wrong_host = identity.upstream(ChannelBinding::Prefer);
    if let UpstreamTls::Require { name, .. } = &mut wrong_host {
        *name = ServerName::try_from("db.example.com").unwrap();
    }
    let mut reasons = Vec::new();
    for tls in [another.upstream(ChannelBinding::Prefer), wrong_host] {
        let gate = world.beside(|settings| settings.tls = tls).await;
        reasons.push(outcome(&gate).await);
    }
    assert_snapshot!(reasons.join("\n"), @r#"
    no upstream: TLS with the upstream failed: invalid peer certificate: BadSignature
    no upstream: TLS with the upstream failed: invalid peer certificate: certificate not valid for name "db.example.com"; certificate is only valid for DnsName("localhost")
    "#);

    // A server without TLS is not used.
    let plain =
        World::with(|settings| settings.tls = identity.upstream(ChannelBinding::Prefer)).await;
    assert_snapshot!(outcome(&plain).await, @"no upstream: the upstream does not offer TLS, which this connection requires");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_15_logins_are_bound_to_the_certificate() {
    for (algorithm, required) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, ""),
        (&rcgen::PKCS_ECDSA_P384_SHA384, ""),
        (&rcgen::PKCS_RSA_SHA512, ""),
    ] {
        let identity = Identity::of("localhost", algorithm);
        let files = identity.files();
        let world = world(&files.settings(), |settings| {
            settings.tls = identity.upstream(ChannelBinding::Require);
        })
        .await;
        assert_eq!(outcome(&world).await, required);
        for mode in [ChannelBinding::Prefer, ChannelBinding::Disable] {
            let gate = world
                .beside(|settings| settings.tls = identity.upstream(mode))
                .await;
            assert_eq!(outcome(&gate).await, "", "{mode:?}");
        }
    }
}

/// What somebody in between does to the server's list of mechanisms.
#[derive(Clone, Copy)]
enum Between {
    PassesOn,
    TakesPlusAway,
}

/// Stands between the gateway and the server on `port`, with a certificate that the gateway trusts.
async fn in_between(own: &Identity, server: &Identity, port: u16, does: Between) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(own.server());
    let connector = TlsConnector::from(server.client(&[]));
    tokio::spawn(async move {
        let (mut gateway, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        gateway.read_exact(&mut request).await.unwrap();
        gateway.write_all(b"S").await.unwrap();
        let mut gateway = acceptor.accept(gateway).await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        server.write_all(&request).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'S');
        let mut server = connector.connect(localhost(), server).await.unwrap();
        // The startup packet one way, what the server offers the other.
        let mut packet = vec![0; 4096];
        let length = gateway.read(&mut packet).await.unwrap();
        server.write_all(&packet[..length]).await.unwrap();
        let mut offer = Vec::new();
        while !offer.ends_with(b"SCRAM-SHA-256\0\0") {
            offer.push(server.read_u8().await.unwrap());
        }
        if let Between::TakesPlusAway = does {
            let at = offer
                .windows(9)
                .position(|part| part == b"R\0\0\0\x2a\0\0\0\x0a");
            offer.truncate(at.unwrap());
            offer.extend(message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"));
        }
        gateway.write_all(&offer).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut gateway, &mut server).await;
    });
    address.port()
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_15_somebody_in_between_gets_no_session_even_with_a_trusted_certificate() {
    let (server, between) = (Identity::new(), Identity::new());
    let files = server.files();
    let world = world(&files.settings(), |settings| {
        settings.tls = server.upstream(ChannelBinding::Require);
    })
    .await;
    let both = || {
        let config = ClientConfig::builder().with_root_certificates(trusting(&[&server, &between]));
        Arc::new(config.with_no_client_auth())
    };
    let mut outcomes = Vec::new();
    for (does, mode) in [
        (Between::PassesOn, ChannelBinding::Disable),
        (Between::PassesOn, ChannelBinding::Prefer),
        (Between::PassesOn, ChannelBinding::Require),
        (Between::TakesPlusAway, ChannelBinding::Prefer),
        (Between::TakesPlusAway, ChannelBinding::Require),
    ] {
        let port = in_between(&between, &server, world.server.port(), does).await;
        let gate = world
            .beside(|settings| {
                settings.port = port;
                settings.tls = UpstreamTls::Require {
                    config: both(),
                    name: localhost(),
                    channel_binding: mode,
                };
            })
            .await;
        outcomes.push(format!("{mode:?}: {}", outcome(&gate).await));
    }
    assert_snapshot!(outcomes.join("\n"), @r#"
    Disable: 
    Prefer: no upstream: the upstream refused with SQLSTATE 28000
    Require: no upstream: the upstream refused with SQLSTATE 28000
    Prefer: no upstream: the upstream refused with SQLSTATE 28000
    Require: no upstream: this connection requires channel binding, and the upstream does not offer SCRAM-SHA-256-PLUS
    "#);
}

/// A server that lets the gateway in by `method` and knows the authority `client`.
fn asking(files: &ServerFiles, client: &Identity, method: &str) -> Vec<String> {
    let authority = files.write("clients.crt", &client.pem());
    let rules = format!(
        "local all all trust\nhost all postgres 127.0.0.1/32 scram-sha-256\nhostssl all hpol_gateway 127.0.0.1/32 {method}\n"
    );
    let rules = files.write("pg_hba.conf", &rules);
    let mut settings = files.settings();
    settings.push(format!("ssl_ca_file={}", authority.display()));
    settings.push(format!("hba_file={}", rules.display()));
    settings
}

fn showing(server: &Identity, own: Option<&Identity>, mode: ChannelBinding) -> UpstreamTls {
    let config = ClientConfig::builder().with_root_certificates(trusting(&[server]));
    let config = match own {
        Some(own) => config
            .with_client_auth_cert(own.chain(), own.key())
            .unwrap(),
        None => config.with_no_client_auth(),
    };
    UpstreamTls::Require {
        config: Arc::new(config),
        name: localhost(),
        channel_binding: mode,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_logs_in_by_certificate() {
    let server = Identity::new();
    let own = Identity::of("hpol_gateway", &rcgen::PKCS_ECDSA_P256_SHA256);
    let stranger = Identity::of("hpol_gateway", &rcgen::PKCS_ECDSA_P256_SHA256);
    let files = server.files();
    let world = world(&asking(&files, &own, "cert"), |settings| {
        settings.tls = showing(&server, Some(&own), ChannelBinding::Prefer);
        settings.password = None;
    })
    .await;
    let mut client = world.login().await;
    let answer = client
        .query("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .await;
    assert!(answer.contains("D /CN=hpol_gateway"), "{answer}");

    let mut reasons = Vec::new();
    for (shown, password, mode) in [
        (Some(&stranger), None, ChannelBinding::Prefer),
        (None, None, ChannelBinding::Prefer),
        (Some(&own), Some("unknown"), ChannelBinding::Prefer),
        (Some(&own), None, ChannelBinding::Require),
    ] {
        let gate = world
            .beside(|settings| {
                settings.tls = showing(&server, shown, mode);
                settings.password =
                    password.map(|password: &str| hpol_postgres::Secret::new(password.to_owned()));
            })
            .await;
        reasons.push(outcome(&gate).await);
    }
    assert_snapshot!(reasons.join("\n"), @r#"
    no upstream: the connection to the upstream was lost: received fatal alert: UnknownCA
    no upstream: the upstream refused with SQLSTATE 28000
    no upstream: the upstream asks for no password at all, and this gateway logs in by SCRAM-SHA-256 only
    no upstream: this connection requires channel binding, and the upstream asks for no password to bind
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_beside_a_password_is_shown_too() {
    let server = Identity::new();
    let own = Identity::of("hpol_gateway", &rcgen::PKCS_ECDSA_P256_SHA256);
    let files = server.files();
    let both = asking(&files, &own, "scram-sha-256 clientcert=verify-full");
    let world = world(&both, |settings| {
        settings.tls = showing(&server, Some(&own), ChannelBinding::Require);
    })
    .await;
    assert_eq!(outcome(&world).await, "");
    let mut reasons = Vec::new();
    for (shown, with_password) in [(None, true), (Some(&own), false)] {
        let gate = world
            .beside(|settings| {
                settings.tls = showing(&server, shown, ChannelBinding::Prefer);
                if !with_password {
                    settings.password = None;
                }
            })
            .await;
        reasons.push(outcome(&gate).await);
    }
    assert_snapshot!(reasons.join("\n"), @r#"
    no upstream: the upstream refused with SQLSTATE 28000
    no upstream: the upstream asks for a password, and this connection has a client certificate only
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_15_a_server_that_trusts_everybody_is_not_taken_for_one_that_knows_the_certificate() {
    let server = Identity::new();
    let own = Identity::of("hpol_gateway", &rcgen::PKCS_ECDSA_P256_SHA256);
    let files = server.files();
    let mut trusts = asking(&files, &own, "trust");
    // Without an authority it asks for no certificate.
    trusts.retain(|setting| !setting.starts_with("ssl_ca_file"));
    let world = world(&trusts, |settings| {
        settings.tls = showing(&server, Some(&own), ChannelBinding::Prefer);
        settings.password = None;
    })
    .await;
    assert_snapshot!(outcome(&world).await, @"no upstream: the upstream did not ask for the client certificate, which is all this connection has");
}
