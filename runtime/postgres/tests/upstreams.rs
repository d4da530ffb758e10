//! Upstreams that ask for too little, or break the protocol: nothing of what they say is passed on.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what fails here fails a test"
)]

mod world;

use hpol_postgres::ChannelBinding;
use insta::assert_snapshot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use world::client::{Client, message, startup, text};
use world::identity::Identity;
use world::{Gate, settings};

/// A server that answers the startup packet with `login`, the gateway's own queries with nothing found, and every simple
/// query with `answer`.
async fn upstream(login: Vec<u8>, answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u32().await.unwrap();
        stream
            .read_exact(&mut vec![0; length as usize - 4])
            .await
            .unwrap();
        stream.write_all(&login).await.unwrap();
        // Ends when the gateway hangs up.
        while let Ok(tag) = stream.read_u8().await {
            let length = stream.read_u32().await.unwrap();
            stream
                .read_exact(&mut vec![0; length as usize - 4])
                .await
                .unwrap();
            let reply = match tag {
                b'P' => message(b'1', b""),
                b'B' => message(b'2', b""),
                b'E' => message(b'C', b"SELECT 0\0"),
                b'C' => message(b'3', b""),
                b'S' => message(b'Z', b"I"),
                b'Q' => answer.clone(),
                _ => Vec::new(),
            };
            if stream.write_all(&reply).await.is_err() {
                return;
            }
        }
    });
    port
}

fn authentication(kind: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes(), rest].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_15_a_login_that_is_weaker_than_scram_is_not_made() {
    let mut reasons = Vec::new();
    for login in [
        authentication(0, b""),
        authentication(3, b""),
        authentication(5, b"salt"),
        authentication(10, b"SCRAM-SHA-256-PLUS\0\0"),
        [
            authentication(10, b"SCRAM-SHA-256\0\0"),
            authentication(11, b"r=mine,s=c2FsdA==,i=4096"),
        ]
        .concat(),
        [
            authentication(10, b"SCRAM-SHA-256\0\0"),
            authentication(0, b""),
        ]
        .concat(),
        message(b'E', b"SFATAL\0C28P01\0Mno\0\0"),
        message(0, b""),
        message(b'R', b"\0"),
    ] {
        let port = upstream(login, Vec::new()).await;
        let gate = Gate::open(settings(port), None).await;
        let mut stream = TcpStream::connect(gate.address).await.unwrap();
        let hello = startup(196_608, &[("user", "agent"), ("database", "orders")]);
        stream
            .write_all(&[hello, message(b'p', &text("agent"))].concat())
            .await
            .unwrap();
        let mut client = Client {
            stream,
            process: 0,
            secret: 0,
        };
        assert_eq!(
            client.lines(1).await,
            "R 3\nE FATAL / 57P03 / the upstream database cannot be reached / \
             the operator of the gateway sees the cause in its log\n(closed)"
        );
        reasons.push(gate.closed().await);
    }
    assert_snapshot!(reasons.join("\n"), @r#"
    no upstream: the upstream asks for no password at all, and this gateway logs in by SCRAM-SHA-256 only
    no upstream: the upstream asks for a password in the clear, and this gateway logs in by SCRAM-SHA-256 only
    no upstream: the upstream asks for MD5, and this gateway logs in by SCRAM-SHA-256 only
    no upstream: the upstream asks for another SASL mechanism, and this gateway logs in by SCRAM-SHA-256 only
    no upstream: the upstream's SCRAM exchange is not acceptable: the server nonce does not extend ours
    no upstream: the upstream broke the protocol: message is malformed: it is not expected during login
    no upstream: the upstream refused with SQLSTATE 28P01
    no upstream: the upstream broke the protocol: message type 0x00 is not accepted here
    no upstream: the upstream broke the protocol: message is malformed: it ends too early
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_16_an_upstream_that_breaks_the_protocol_is_not_believed() {
    let column = b"\0\x01ssn\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    let described = message(b'T', column);
    let secret = b"\0\x01\0\0\0\x0b987-65-4320";
    let mut lines = Vec::new();
    for answer in [
        // Fewer and more values than columns, a length that is no length, bytes after the end.
        [&described[..], &message(b'D', b"\0\0")].concat(),
        [
            &described[..],
            &message(b'D', b"\0\x02\0\0\0\x0b987-65-4320\0\0\0\x0b987-65-4320"),
        ]
        .concat(),
        [
            &described[..],
            &message(b'D', b"\0\x01\xff\xff\xff\xfe987-65-4320"),
        ]
        .concat(),
        [
            &described[..],
            &message(b'D', &[&secret[..], b"987-65-4320"].concat()),
        ]
        .concat(),
        // Rows of nothing, and types that are no answer.
        message(b'D', secret),
        message(b'T', b"\0\x02ssn\0"),
        message(b'2', b""),
        message(b'R', &0_u32.to_be_bytes()),
        b"\0\0\0\0\x04".to_vec(),
        b"D\x7f\xff\xff\xff".to_vec(),
        b"Z\0\0\0\x05X".to_vec(),
        message(b'S', b"client_encoding\0SJIS\0"),
        message(b'S', b"session_authorization\0root\0"),
        // An error without a code is one.
        [
            message(b'E', b"SERROR\0Mno 987-65-4320\0Drow (987-65-4320)\0\0"),
            message(b'Z', b"I"),
        ]
        .concat(),
    ] {
        let settings_report = [
            message(b'S', b"client_encoding\0UTF8\0"),
            message(b'S', b"standard_conforming_strings\0on\0"),
            message(b'S', b"server_encoding\0UTF8\0"),
            message(b'Z', b"I"),
        ];
        let login = [authentication(0, b""), settings_report.concat()].concat();
        let mut settings = settings(upstream(login, answer).await);
        settings.danger_upstream_without_password = true;
        let gate = Gate::open(settings, None).await;
        let mut client = gate.login().await;
        lines.push(client.query("SELECT 1").await);
    }
    assert_snapshot!(lines.join("\n--\n"), @r#"
    T 1 columns
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: a row does not fit its description
    (closed)
    --
    T 1 columns
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: a row does not fit its description
    (closed)
    --
    T 1 columns
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: a length is negative
    (closed)
    --
    T 1 columns
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: bytes follow its end
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: a row came without its description
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: it ends too early
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: it answers something else than what was asked
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: it answers something else than what was asked
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message type 0x00 is not accepted here
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message type `D` of 2147483643 bytes is longer than the limit of 67108864
    (closed)
    --
    E FATAL / 08006 / the upstream broke the protocol: message is malformed: its transaction status is unknown
    (closed)
    --
    E FATAL / 0A000 / `client_encoding` is `SJIS` upstream and must be `UTF8`
    (closed)
    --
    E FATAL / 0A000 / `session_authorization` changed upstream
    (closed)
    --
    E  / no ***-**-4320
    Z I
    "#);
}

/// What an upstream knows of protocol 3.2.
#[derive(Clone, Copy)]
enum Knows {
    /// Nothing; it refuses with this SQLSTATE, as some do.
    Refuses(&'static [u8; 5]),
    /// That there is something newer than it speaks.
    Negotiates,
    All,
}

const KEY: &[u8] = b"\0\0\0\x07a secret of protocol 3.2, 32 bytes";

/// A server that lets everybody in and answers no query before it is cancelled; tells each version and key it is given.
async fn versioned(knows: Knows) -> (u16, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let cancelled = std::sync::Arc::new(tokio::sync::Notify::new());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (tell, cancelled) = (tell.clone(), cancelled.clone());
            tokio::spawn(async move {
                let length = stream.read_u32().await.unwrap() as usize;
                let mut packet = vec![0; length - 4];
                stream.read_exact(&mut packet).await.unwrap();
                if packet.starts_with(&80_877_102_u32.to_be_bytes()) {
                    tell.send(packet[4..].to_vec()).unwrap();
                    cancelled.notify_one();
                    return;
                }
                tell.send(packet[..4].to_vec()).unwrap();
                let newer = packet[3] > 0;
                match knows {
                    Knows::Refuses(code) if newer => {
                        let report = [b"SFATAL\0C", &code[..], b"\0Mversion\0\0"].concat();
                        stream.write_all(&message(b'E', &report)).await.unwrap();
                        return;
                    }
                    Knows::Negotiates if newer => {
                        let version = message(b'v', b"\0\x03\0\0\0\0\0\0");
                        stream.write_all(&version).await.unwrap();
                    }
                    _ => {}
                }
                let key = match knows {
                    Knows::All => message(b'K', KEY),
                    _ => message(b'K', &KEY[..8]),
                };
                let reports = [
                    message(b'S', b"client_encoding\0UTF8\0"),
                    message(b'S', b"standard_conforming_strings\0on\0"),
                    message(b'S', b"server_encoding\0UTF8\0"),
                ];
                let login = [
                    authentication(0, b""),
                    reports.concat(),
                    key,
                    message(b'Z', b"I"),
                ];
                stream.write_all(&login.concat()).await.unwrap();
                while let Ok(tag) = stream.read_u8().await {
                    let length = stream.read_u32().await.unwrap() as usize;
                    stream.read_exact(&mut vec![0; length - 4]).await.unwrap();
                    let reply = match tag {
                        b'P' => message(b'1', b""),
                        b'B' => message(b'2', b""),
                        b'E' => message(b'C', b"SELECT 0\0"),
                        b'C' => message(b'3', b""),
                        b'S' => message(b'Z', b"I"),
                        b'Q' => {
                            cancelled.notified().await;
                            let report = message(b'E', b"SERROR\0C57014\0Mcanceled\0\0");
                            [report, message(b'Z', b"I")].concat()
                        }
                        _ => Vec::new(),
                    };
                    if stream.write_all(&reply).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_08_30_an_upstream_is_spoken_to_in_the_version_it_knows() {
    let (old, new) = (vec![0, 3, 0, 0], vec![0, 3, 0, 2]);
    for (knows, versions, key) in [
        (Knows::All, vec![&new, &new], KEY),
        (Knows::Negotiates, vec![&new, &new], &KEY[..8]),
        (Knows::Refuses(b"0A000"), vec![&new, &old, &old], &KEY[..8]),
        (Knows::Refuses(b"08P01"), vec![&new, &old, &old], &KEY[..8]),
    ] {
        let (port, mut told) = versioned(knows).await;
        let mut settings = settings(port);
        settings.danger_upstream_without_password = true;
        let gate = Gate::open(settings, None).await;
        // Twice: what was refused once is not asked for again.
        drop(gate.login().await);
        let mut client = gate.login().await;
        for version in versions {
            assert_eq!(&told.recv().await.unwrap(), version);
        }
        client.send(&world::client::query("SELECT 1")).await;
        gate.log.until("allow by shop.agents_work: SELECT ?").await;
        client.cancel(gate.address).await;
        assert!(client.lines(1).await.contains("57014"));
        // The upstream is given its own key, whole.
        assert_eq!(told.recv().await.unwrap(), key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_reports_another_session_is_not_used() {
    let mut reasons = Vec::new();
    for reports in [
        &[
            ("client_encoding", "SJIS"),
            ("standard_conforming_strings", "on"),
        ][..],
        &[
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "off"),
        ],
        &[("client_encoding", "UTF8")],
        &[
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "on"),
            ("server_encoding", "LATIN1"),
        ],
        &[
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "on"),
            ("server_encoding", "SQL_ASCII"),
        ],
        &[
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "on"),
        ],
        &[
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "on"),
            ("server_encoding", "UTF8"),
            ("session_authorization", "postgres"),
        ],
    ] {
        let mut login = authentication(0, b"");
        for (name, value) in reports {
            login.extend(message(b'S', &[text(name), text(value)].concat()));
        }
        login.extend(message(b'Z', b"I"));
        let mut settings = settings(upstream(login, Vec::new()).await);
        settings.danger_upstream_without_password = true;
        let gate = Gate::open(settings, None).await;
        let given = [("user", "agent"), ("database", "orders")];
        let mut client = Client::connect(gate.address, &given).await;
        client.send(&message(b'p', &text("agent"))).await;
        assert!(client.lines(1).await.contains("57P03"));
        reasons.push(gate.closed().await);
    }
    assert_snapshot!(reasons.join("\n"), @r#"
    no upstream: the upstream reports `client_encoding` as `SJIS`, and `UTF8` is needed
    no upstream: the upstream reports `standard_conforming_strings` as `off`, and `on` is needed
    no upstream: the upstream reports `standard_conforming_strings` as ``, and `on` is needed
    no upstream: the upstream reports `server_encoding` as `LATIN1`, and `UTF8` is needed
    no upstream: the upstream reports `server_encoding` as `SQL_ASCII`, and `UTF8` is needed
    no upstream: the upstream reports `server_encoding` as ``, and `UTF8` is needed
    no upstream: the upstream reports `session_authorization` as `postgres`, and `hpol_gateway` is needed
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_05_15_nothing_is_read_between_the_answer_to_ssl_request_and_tls() {
    let mut reasons = Vec::new();
    for answer in [&b"SE\0\0\0\x05\0"[..], b"N", b"E\0\0\0\x05\0", b""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = settings(listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 8]).await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        settings.tls = Identity::new().upstream(ChannelBinding::Prefer);
        let gate = Gate::open(settings, None).await;
        let given = [("user", "agent"), ("database", "orders")];
        let mut client = Client::connect(gate.address, &given).await;
        client.send(&message(b'p', &text("agent"))).await;
        assert!(client.lines(1).await.contains("57P03"));
        reasons.push(gate.closed().await);
    }
    assert_snapshot!(reasons.join("\n"), @r#"
    no upstream: the upstream sent bytes between its answer to SSLRequest and TLS
    no upstream: the upstream does not offer TLS, which this connection requires
    no upstream: the upstream does not offer TLS, which this connection requires
    no upstream: the connection to the upstream was lost: unexpected end of file
    "#);
}
