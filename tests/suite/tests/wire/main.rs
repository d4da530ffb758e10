//! The wire protocol of PostgreSQL byte by byte against the running gateway: what no driver sends, and what drivers send
//! in an order that is easy to get wrong. The policy stands in `policies/wide`.

mod raw;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use hpol_support::gateway::Deployment;
use hpol_support::records::{Records, strings};
use hpol_support::world::{Shared, World};
use serde_json::Value;

use crate::raw::{
    Raw, VERSION_3, bind, close, execute, message, packet, parse, startup, sync, text,
};

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD
        .get(|| {
            World::start_with(Deployment {
                policy: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/wide"),
                plaintext_clients: true,
                ..Deployment::default()
            })
        })
        .unwrap()
}

fn decisions(world: &World, name: &str) -> Vec<Value> {
    let records = Records::of(&world.gateway).unwrap();
    records.decisions(name).into_iter().cloned().collect()
}

fn assert_alive(world: &World) {
    let mut raw = Raw::login(world, "alive");
    assert_eq!(raw.query("SELECT 1"), ["T", "D 1", "C SELECT 1", "Z I"]);
}

#[test]
fn pg_01_02_broken_startup_packets_are_hung_up_on() {
    let world = world();
    let cancel = |length: u32| [length.to_be_bytes(), 80_877_102_u32.to_be_bytes()].concat();
    let length = |length: u32| [length.to_be_bytes(), VERSION_3.to_be_bytes()].concat();
    let unterminated = packet(&[&VERSION_3.to_be_bytes()[..], b"user\0someone"].concat());
    let endless = packet(&[&VERSION_3.to_be_bytes()[..], &[b'a'; 20_000]].concat());
    for (name, bytes) in [
        ("length 0", length(0)),
        ("length 7", length(7)),
        ("length 10,001", length(10_001)),
        ("length 2^31 - 1", length(i32::MAX as u32)),
        ("length -1", length(u32::MAX)),
        ("parameters without an end", unterminated),
        ("too many parameters", endless),
        (
            "a cancel request of 2^31 - 1 bytes",
            cancel(i32::MAX as u32),
        ),
        ("a cancel request of 12 bytes", cancel(12)),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
    ] {
        let mut raw = Raw::connect(&world);
        // A packet that is too short to be whole waits for more, which never comes. The gateway may have hung up before.
        let _ = raw.0.0.write_all(&bytes);
        let _ = raw.0.0.shutdown(std::net::Shutdown::Write);
        let answer = raw.rest();
        assert!(answer.is_empty() || answer[0] == b'E', "{name}: {answer:?}");
    }
    assert_alive(&world);
}

#[test]
fn pg_04_bytes_in_the_clear_do_not_survive_into_tls() {
    let world = world();
    let mut raw = Raw::connect(&world);
    let ssl = packet(&80_877_103_u32.to_be_bytes());
    let early = startup(VERSION_3, &[("user", "early"), ("database", "demo")]);
    raw.send(&[ssl, early].concat());
    assert_eq!(raw.rest(), b"", "hung up on without an answer");
    assert_alive(&world);
}

#[test]
fn pg_08_other_versions_are_negotiated_or_refused() {
    let world = world();
    for (version, expected) in [
        (2 << 16, "E FATAL / 0A000 / protocol 2.0 is not supported"),
        (VERSION_3 + 1, "R"),
        (VERSION_3 + 2, "R"),
        (VERSION_3 + 9_999, "v"),
    ] {
        let mut raw = Raw::connect(&world);
        raw.send(&startup(version, &[("user", "u"), ("database", "demo")]));
        assert_eq!(raw.next().as_deref(), Some(expected), "{version:x}");
    }
}

#[test]
fn pg_13_14_nothing_but_a_password_comes_before_the_login() {
    let world = world();
    let huge = [&[b'p'][..], &i32::MAX.to_be_bytes()].concat();
    for (name, bytes) in [
        ("a query", message(b'Q', &text("SELECT 1"))),
        ("a parse", parse("", "SELECT 1")),
        ("a password of 2 GiB", huge),
        ("a password of 1 MiB", message(b'p', &[b'a'; 1 << 20])),
        ("a password without an end", message(b'p', b"token")),
        ("two passwords in one", message(b'p', b"token\0token\0")),
        ("a password that is not UTF-8", message(b'p', b"\xff\xfe\0")),
    ] {
        let mut raw = Raw::connect(&world);
        raw.send(&startup(VERSION_3, &[("user", "u"), ("database", "demo")]));
        assert_eq!(raw.next().as_deref(), Some("R"), "{name}");
        // It may hang up before all of it is sent.
        let _ = raw.0.0.write_all(&bytes);
        let answer = raw.rest();
        assert!(
            answer.is_empty() || (answer[0] == b'E' && !answer.contains(&b'Z')),
            "{name}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_alive(&world);
}

#[test]
fn pg_17_28_what_is_no_message_of_a_client_ends_the_session() {
    let world = world();
    for (index, bytes) in [
        [&[b'Q'][..], &i32::MAX.to_be_bytes()].concat(),
        [&[b'Q'][..], &u32::MAX.to_be_bytes()].concat(),
        [&[b'Q'][..], &3_u32.to_be_bytes()].concat(),
        message(b'Z', b"I"),
        message(b'D', b""),
        message(0, b""),
        message(b'R', &[0; 4]),
        message(b'Q', b"SELECT 1"),
        message(b'Q', b"SELECT 1\0DROP TABLE orders\0"),
        message(b'Q', b"SELECT '\xff'\0"),
        message(b'P', b"unfinished"),
        message(b'B', &[0, 0, 0, 1]),
        message(b'S', b"more"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("misbehaved-{index}");
        let mut raw = Raw::login(&world, &name);
        let lines = raw.ask(&bytes);
        let [fatal, closed] = &lines[..] else {
            panic!("{index}: {lines:?}")
        };
        assert!(
            fatal.starts_with("E FATAL") && fatal.contains(" / 08P01 / "),
            "{index}: {lines:?}"
        );
        assert_eq!(closed, "(closed)");
        assert!(
            decisions(&world, &name)
                .iter()
                .all(|decision| decision["verdict"] == "block")
        );
    }
    assert_alive(&world);
}

#[test]
fn pg_20_a_name_keeps_its_meaning() {
    let world = world();
    let mut raw = Raw::login(&world, "renamer");
    let select = "SELECT ssn FROM customers WHERE id = 1";
    assert_eq!(
        raw.ask(&[parse("s", select), sync()].concat()),
        ["1", "Z I"]
    );
    // Taken: fails as the server has it fail, and `s` is still the SELECT.
    let lines = raw.ask(&[parse("s", "SELECT 2"), sync()].concat());
    assert!(lines[0].contains("42P05"), "{lines:?}");
    let run = [bind("", "s"), execute("", 0), sync()].concat();
    assert_eq!(raw.ask(&run), ["2", "D ***-**-4321", "C SELECT 1", "Z I"]);
    // Refused: there is no such statement afterwards.
    let refused = [
        parse("d", "DROP TABLE orders"),
        bind("", "d"),
        execute("", 0),
        sync(),
    ];
    let lines = raw.ask(&refused.concat());
    assert!(lines[0].contains("42501"), "{lines:?}");
    assert_eq!(lines[1..], ["Z I"]);
    let lines = raw.ask(&[bind("", "d"), execute("", 0), sync()].concat());
    assert!(lines[0].contains("26000"), "{lines:?}");
    // The unnamed statement is replaced in the middle of a pipeline; each Bind gets the one of its time.
    let pipeline = [
        parse("", "SELECT 10"),
        bind("", ""),
        execute("", 0),
        parse("", select),
        bind("", ""),
        execute("", 0),
        sync(),
    ];
    assert_eq!(
        raw.ask(&pipeline.concat()),
        [
            "1",
            "2",
            "D 10",
            "C SELECT 1",
            "1",
            "2",
            "D ***-**-4321",
            "C SELECT 1",
            "Z I"
        ]
    );
    // A Parse that fails on the server leaves the unnamed statement gone, here as there.
    let lines = raw.ask(&[parse("", "SELECT nothing FROM orders"), sync()].concat());
    assert!(lines[0].starts_with("E ERROR"), "{lines:?}");
    let lines = raw.ask(&[bind("", ""), execute("", 0), sync()].concat());
    assert!(lines[0].contains("26000"), "{lines:?}");
}

#[test]
fn pg_21_what_is_not_there_is_not_run() {
    let world = world();
    let mut raw = Raw::login(&world, "absent");
    let lines = raw.ask(&[bind("", "never"), execute("", 0), sync()].concat());
    assert!(lines[0].contains("26000"), "{lines:?}");
    let lines = raw.ask(&[execute("never", 0), sync()].concat());
    assert!(lines[0].contains("34000"), "{lines:?}");
    let closed = [
        parse("s", "SELECT 1"),
        close(b'S', "s"),
        bind("", "s"),
        execute("", 0),
        sync(),
    ];
    let lines = raw.ask(&closed.concat());
    assert_eq!(lines[..2], ["1", "3"], "{lines:?}");
    assert!(lines[2].contains("26000"), "{lines:?}");
    let closed = [
        parse("", "SELECT 1"),
        bind("p", ""),
        close(b'P', "p"),
        execute("p", 0),
        sync(),
    ];
    let lines = raw.ask(&closed.concat());
    assert_eq!(lines[..3], ["1", "2", "3"], "{lines:?}");
    assert!(lines[3].contains("34000"), "{lines:?}");
    assert_eq!(raw.query("SELECT 1"), ["T", "D 1", "C SELECT 1", "Z I"]);
}

#[test]
fn pg_22_each_portion_is_judged_and_masked() {
    let world = world();
    let mut raw = Raw::login(&world, "portions");
    raw.query("BEGIN");
    let sql = "SELECT ssn FROM customers WHERE id < 5 ORDER BY id";
    let first = [
        parse("", sql),
        bind("p", ""),
        execute("p", 1),
        execute("p", 2),
        sync(),
    ];
    // `s`: the portal is suspended.
    assert_eq!(
        raw.ask(&first.concat()),
        [
            "1",
            "2",
            "D ***-**-4321",
            "s",
            "D ***-**-4322",
            "D ***-**-4323",
            "s",
            "Z T"
        ]
    );
    assert_eq!(
        raw.ask(&[execute("p", 0), sync()].concat()),
        ["D ***-**-4324", "C SELECT 1", "Z T"]
    );
    raw.query("COMMIT");
    let portions = decisions(&world, "portions");
    let of_select = portions
        .iter()
        .filter(|decision| decision["masked"].as_str().unwrap().contains("ssn"));
    assert_eq!(of_select.count(), 3, "one decision for each Execute");
}

#[test]
fn pg_25_a_function_call_is_refused() {
    let world = world();
    let mut raw = Raw::login(&world, "caller");
    // lo_export by its object id, without any SQL.
    let call = [&765_u32.to_be_bytes()[..], &[0; 6]].concat();
    let lines = raw.ask(&message(b'F', &call));
    assert!(
        lines[0].contains("0A000") && lines[0].contains("FunctionCall"),
        "{lines:?}"
    );
    assert_eq!(lines[1..], ["Z I"]);
    let refused = decisions(&world, "caller");
    assert_eq!(strings(&refused[0]["rules"]), ["gateway"]);
    assert_eq!(raw.query("SELECT 1"), ["T", "D 1", "C SELECT 1", "Z I"]);
}

#[test]
fn pg_24_one_error_and_one_ready_for_each_refusal() {
    let world = world();
    let mut raw = Raw::login(&world, "counted");
    let refusal = "E ERROR / 42501 / blocked by wide.no_schema: Something has to be blocked.";
    for _ in 0..3 {
        assert_eq!(raw.query("DROP TABLE orders"), [refusal, "Z I"]);
    }
    // Three queries sent ahead: three answers, in order.
    let ahead = [
        message(b'Q', &text("SELECT 1")),
        message(b'Q', &text("DROP TABLE orders")),
        message(b'Q', &text("SELECT 3")),
    ];
    raw.send(&ahead.concat());
    assert_eq!(raw.until_ready(), ["T", "D 1", "C SELECT 1", "Z I"]);
    assert_eq!(raw.until_ready(), [refusal, "Z I"]);
    assert_eq!(raw.until_ready(), ["T", "D 3", "C SELECT 1", "Z I"]);
    // In an open transaction of the extended protocol.
    raw.query("BEGIN");
    let lines = raw.ask(&[parse("", "DROP TABLE orders"), sync()].concat());
    assert_eq!(lines, [refusal, "Z E"]);
    assert_eq!(raw.query("ROLLBACK"), ["C ROLLBACK", "Z I"]);
}

#[test]
fn pg_27_floods_of_flush_and_sync_are_answered() {
    let world = world();
    let mut raw = Raw::login(&world, "flooder");
    let flood = [message(b'H', b"").repeat(5_000), sync().repeat(2_000)].concat();
    raw.send(&flood);
    for number in 0..2_000 {
        assert_eq!(raw.until_ready(), ["Z I"], "{number}");
    }
    assert_eq!(raw.query("SELECT 1"), ["T", "D 1", "C SELECT 1", "Z I"]);
}

#[test]
fn pg_03_clients_that_never_log_in_do_not_keep_others_out() {
    let world = world();
    let idle: Vec<Raw> = (0..100).map(|_| Raw::connect(&world)).collect();
    let mut half: Vec<Raw> = (0..50).map(|_| Raw::connect(&world)).collect();
    for raw in &mut half {
        raw.send(&startup(VERSION_3, &[("user", "u"), ("database", "demo")]));
    }
    assert_alive(&world);
    drop((idle, half));
    assert_alive(&world);
}
