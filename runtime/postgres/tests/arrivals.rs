//! Bytes before login: what no client sends that means well, and what versions of the protocol agree on.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod world;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use world::client::{Client, message, query, startup, text};
use world::{Gate, World};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
const VERSION_3_0: u32 = 196_608;
const VERSION_3_2: u32 = 196_610;
const WHO: [(&str, &str); 2] = [("user", "whoever"), ("database", "orders")];

/// What the gateway answers to `bytes`, up to the end of the connection.
async fn answer(gate: &Gate, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(gate.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // What is left unread on the other side may reset the connection.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

fn client(stream: TcpStream) -> Client {
    Client {
        stream,
        process: 0,
        secret: 0,
    }
}

/// Whether a client that means well still gets a session.
async fn lets_in(gate: &Gate) -> bool {
    gate.login().await.query("SELECT 1").await.ends_with("Z I")
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_01_02_packets_of_impossible_length_end_the_connection() {
    let world = World::start().await;
    for length in [0_u32, 4, 7, 10_001, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        assert_eq!(answer(&world, &length.to_be_bytes()).await, b"", "{length}");
    }
    let cancel = 80_877_102_u32.to_be_bytes();
    for length in [8_u32, 12, 269, 10_000] {
        let packet = [length.to_be_bytes(), cancel].concat();
        assert_eq!(answer(&world, &packet).await, b"", "{length}");
    }
    let mut unterminated = startup(VERSION_3_0, &WHO);
    *unterminated.last_mut().unwrap() = b'x';
    assert_eq!(answer(&world, &unterminated).await, b"");
    assert_eq!(world.log.words().len(), 12);
    assert!(lets_in(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_03_whoever_dawdles_is_cut_off_and_holds_nobody_up() {
    let world = World::with(|settings| settings.limits.handshake = Duration::from_secs(4)).await;
    let hello = startup(VERSION_3_0, &WHO);
    let beginnings = [&b""[..], b"\0", &hello[..4], &hello[..20], &hello];
    let mut dawdling = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream
            .write_all(beginnings[n % beginnings.len()])
            .await
            .unwrap();
        dawdling.push(stream);
    }
    assert!(lets_in(&world).await);
    for mut stream in dawdling {
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        // Only those with a whole packet were asked for a token; nobody was told more.
        assert!(
            told.is_empty() || told == message(b'R', &3_u32.to_be_bytes()),
            "{told:?}"
        );
    }
    let words = world.log.words();
    let late = words
        .iter()
        .filter(|word| *word == "refused: the login took too long");
    assert_eq!(late.count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_06_requests_for_encryption_come_once_each() {
    let world = World::start().await;
    // This gate has no certificate, so all it can say is no.
    let hello = startup(VERSION_3_0, &[]);
    for (packets, expected) in [
        (vec![&SSL_REQUEST[..], &SSL_REQUEST], &b"N"[..]),
        (vec![&GSSENC_REQUEST, &GSSENC_REQUEST], b"N"),
        (vec![&SSL_REQUEST, &GSSENC_REQUEST], b"N"),
        (vec![&SSL_REQUEST; 11], b"N"),
        (vec![&GSSENC_REQUEST, &SSL_REQUEST, &SSL_REQUEST], b"NN"),
    ] {
        assert_eq!(answer(&world, &packets.concat()).await, expected);
    }
    // GSSAPI, then TLS, then neither, is what libpq does.
    let told = answer(
        &world,
        &[&GSSENC_REQUEST[..], &SSL_REQUEST, &hello].concat(),
    )
    .await;
    assert!(told.starts_with(b"NNE"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_08_versions_and_options_are_negotiated() {
    let world = World::start().await;
    for (version, parameters, expected) in [
        (VERSION_3_0, vec![], None),
        (VERSION_3_0 + 1, vec![], None),
        (VERSION_3_2, vec![], None),
        (VERSION_3_0 + 9999, vec![], Some((VERSION_3_2, vec![]))),
        (
            VERSION_3_0,
            vec![("_pq_.a", "1"), ("_pq_.b", "")],
            Some((VERSION_3_0, vec!["_pq_.a", "_pq_.b"])),
        ),
        (
            VERSION_3_2,
            vec![("_pq_.a", "1")],
            Some((VERSION_3_2, vec!["_pq_.a"])),
        ),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let given = [&WHO[..], &parameters].concat();
        stream.write_all(&startup(version, &given)).await.unwrap();
        let mut client = client(stream);
        client.send(&message(b'p', &text("agent"))).await;
        let (mut negotiated, mut key) = (None, 0);
        loop {
            match client.receive().await.unwrap() {
                (b'v', body) => negotiated = Some(body),
                (b'K', body) => key = body.len() - 4,
                (b'Z', _) => break,
                (b'E', body) => panic!("{}", world::client::line(b'E', &body)),
                _ => {}
            }
        }
        let expected = expected.map(|(version, options)| {
            let count = u32::try_from(options.len()).unwrap();
            let names: Vec<u8> = options.into_iter().flat_map(text).collect();
            [&version.to_be_bytes()[..], &count.to_be_bytes(), &names].concat()
        });
        assert_eq!(negotiated, expected, "{version}");
        assert_eq!(
            key,
            if version >= VERSION_3_2 { 32 } else { 4 },
            "{version}"
        );
    }
    for (major, minor) in [(1, 0), (2, 0), (4, 0), (9999, 0)] {
        let told = answer(&world, &startup(major << 16 | minor, &WHO)).await;
        let told = String::from_utf8_lossy(&told);
        assert!(
            told.contains(&format!("protocol {major}.{minor} is not supported")),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_08_29_a_long_key_cancels_and_no_part_of_it_does() {
    let world = World::start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&startup(VERSION_3_2, &WHO)).await.unwrap();
    let mut client = client(stream);
    client.send(&message(b'p', &text("agent"))).await;
    let mut key = Vec::new();
    loop {
        match client.receive().await.unwrap() {
            (b'K', body) => key = body,
            (b'Z', _) => break,
            _ => {}
        }
    }
    client.send(&query("SELECT pg_sleep(60)")).await;
    world
        .log
        .until("allow by shop.agents_work: SELECT pg_sleep")
        .await;
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
    while world.server.execute("demo", running).unwrap() != "1" {}
    let cancel = |key: &[u8]| {
        let length = u32::try_from(key.len() + 8).unwrap();
        [
            &length.to_be_bytes()[..],
            &80_877_102_u32.to_be_bytes(),
            key,
        ]
        .concat()
    };
    let mut wrong = key.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for not_it in [&key[..8], &key[..35], &wrong, &[&key[..], b"\0"].concat()] {
        assert_eq!(answer(&world, &cancel(not_it)).await, b"");
    }
    assert_eq!(world.server.execute("demo", running).unwrap(), "1");
    assert_eq!(answer(&world, &cancel(&key)).await, b"");
    let told = client.lines(1).await;
    assert!(
        told.contains("57014 / canceling statement due to user request"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_09_names_are_told_once_and_mean_nothing_by_case() {
    let world = World::start().await;
    for twice in [
        [("user", "agent"), ("user", "postgres")],
        [("user", "agent"), ("USER", "postgres")],
        [("database", "orders"), ("Database", "demo")],
        [("user", ""), ("user", "agent")],
    ] {
        let given = [&twice[..], &[("client_encoding", "UTF8")]].concat();
        assert_eq!(answer(&world, &startup(VERSION_3_0, &given)).await, b"");
    }
    for (given, subject) in [
        // There is one database only, so it need not be named; and the name of the user is not who it is.
        (vec![("user", "postgres")], "agent"),
        (vec![("USER", "dana"), ("DataBase", "orders")], "agent"),
        (vec![("user", "agent"), ("database", "")], "dana"),
    ] {
        let mut client = Client::connect(world.address, &given).await;
        client.send(&message(b'p', &text(subject))).await;
        let told = client.lines(1).await;
        assert!(told.ends_with("Z I"), "{given:?}: {told}");
    }
    let given = [("user", "agent"), ("database", "demo")];
    let mut client = Client::connect(world.address, &given).await;
    // Which databases there are is told to those who have shown who they are.
    client.send(&message(b'p', &text("agent"))).await;
    let told = client.lines(1).await;
    assert!(told.contains("database `demo` is not offered"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_13_14_only_a_password_of_possible_form_is_read() {
    let world = World::start().await;
    let long = message(b'p', &vec![b'x'; 70_000]);
    let mut endless = vec![b'p'];
    endless.extend(0x7fff_ffff_u32.to_be_bytes());
    let mut negative = vec![b'p'];
    negative.extend((-1_i32).to_be_bytes());
    for (bytes, told) in [
        (
            message(b'Q', &text("SELECT 1")),
            "message type `Q` is not accepted here",
        ),
        (message(b'P', b""), "message type `P` is not accepted here"),
        (message(0, b""), "message type 0x00 is not accepted here"),
        (long, "longer than the limit"),
        (endless, "longer than the limit"),
        (negative, "longer than the limit"),
        (b"p\0\0\0\x03".to_vec(), "impossible length 3"),
        (b"p\0\0\0\0".to_vec(), "impossible length 0"),
        (message(b'p', b""), "a text has no end"),
        (message(b'p', b"agent"), "a text has no end"),
        (message(b'p', b"agent\0\0"), "bytes follow its end"),
        (message(b'p', b"agent\0SCRAM"), "bytes follow its end"),
        (message(b'p', b"\xff\xfe\0"), "not UTF-8"),
        (
            message(b'p', b"SCRAM-SHA-256\0\x7f\xff\xff\xff"),
            "bytes follow its end",
        ),
        (message(b'p', b"\0"), "authentication failed"),
    ] {
        let bytes = [startup(VERSION_3_0, &WHO), bytes].concat();
        let answer = answer(&world, &bytes).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.contains("FATAL") && answer.contains(told),
            "{told}: {answer}"
        );
    }
    assert!(lets_in(&world).await);
}
