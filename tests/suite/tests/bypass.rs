//! Ways to get a classified value out, end to end: every statement of `data/mask-bypass.txt` in the simple protocol, in the
//! extended one in text and in binary, and without a Describe. Every byte that the gateway sends is searched for the value,
//! also where it is cut up, reversed, hashed or encoded. The policy, `policies/canary`, allows everything and has no
//! detector, so nothing but the class of a column stands in the way.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use hpol_support::gateway::{Deployment, Gateway};
use hpol_support::postgres::{GATEWAY_USER, PostgresServer, find_bin};
use hpol_support::wire::{Wire, message, text};
use hpol_support::world::demo_data;

/// A word that every classified value begins with, and nothing else has.
const WORD: &str = "kestrel";

/// MD5 of `kestrel-1-quartz`, the value of the first customer.
const MD5: &str = "6ce430ac156f5df3a4276f110b5f504a";

/// SHA-256 of the same.
const SHA_256: &str = "f3ddf64f576d225ed237478b4f37b3958910b19b54aeacb619074081386fe1e0";

/// How many statements have to show the value where no gateway stands in between; a corpus that shows less has no teeth.
const TEETH: usize = 150;

/// How statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Simple,
    /// What is a query is sent in a COPY TO STDOUT with this format.
    Copy(&'static str),
    Extended {
        binary: bool,
        describe: bool,
    },
}

/// The queries of the corpus are copied out too, in every format.
const CHANNELS: [Channel; 7] = [
    Channel::Simple,
    Channel::Copy("text, NULL ''"),
    Channel::Copy("csv"),
    Channel::Copy("binary"),
    Channel::Extended {
        binary: false,
        describe: true,
    },
    Channel::Extended {
        binary: true,
        describe: true,
    },
    Channel::Extended {
        binary: false,
        describe: false,
    },
];

/// The lines of the corpus, and from which on they have to be refused.
fn corpus() -> (Vec<Vec<&'static str>>, usize) {
    let text = include_str!("../data/mask-bypass.txt");
    let mut lines = Vec::new();
    let mut inferences = usize::MAX;
    for line in text.lines() {
        match line.strip_prefix('#') {
            Some(comment) if comment.starts_with(" =") => inferences = lines.len(),
            Some(_) => {}
            None => lines.push(line.split(" ;; ").collect()),
        }
    }
    (lines, inferences)
}

fn suite() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn postgres() -> PostgresServer {
    let postgres = PostgresServer::start().unwrap();
    postgres.load("demo", &demo_data()).unwrap();
    postgres
        .load("demo", &suite().join("data/canary.sql"))
        .unwrap();
    postgres
}

#[test]
fn pg_40_41_42_no_byte_of_a_classified_value_reaches_the_client() {
    let postgres = postgres();
    let gateway = Gateway::start(&Deployment {
        policy: suite().join("policies/canary"),
        postgres: Some(&postgres),
        plaintext_clients: true,
        ..Deployment::default()
    })
    .unwrap();
    let (lines, inferences) = corpus();
    assert!(lines.len() >= 120 && inferences < lines.len());
    let mut failures = Vec::new();
    for channel in CHANNELS {
        let mut wire = Wire::login(&gateway, "corpus").unwrap();
        for (number, statements) in lines.iter().enumerate() {
            let mut heard = send(&mut wire, Channel::Simple, "BEGIN");
            let mut refused = false;
            for statement in statements {
                let answer = send(&mut wire, channel, statement);
                refused |= answer.contains_error;
                heard.bytes.extend(answer.bytes);
            }
            heard
                .bytes
                .extend(send(&mut wire, Channel::Simple, "ROLLBACK").bytes);
            if let Some(form) = shown(&heard.bytes) {
                failures.push(format!("{channel:?} shows {form}: {statements:?}"));
            }
            if number >= inferences && !refused {
                failures.push(format!("{channel:?} answers: {statements:?}"));
            }
        }
        // The session is as good as new, so what was refused was refused for its own sake.
        let answer = send(
            &mut wire,
            Channel::Simple,
            "SELECT name FROM customers WHERE id = 1",
        );
        assert!(!answer.contains_error);
        assert!(answer.bytes.windows(10).any(|at| at == b"Customer 1"));
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    gateway.verify().unwrap();
    let records = gateway.records().unwrap();
    let records = serde_json::to_vec(&records).unwrap();
    assert_eq!(shown(&records), None, "values stay out of the log");
}

/// Without this the test above could pass because its statements do not even run.
#[test]
fn without_a_gateway_the_corpus_shows_the_value() {
    let postgres = postgres();
    let (lines, inferences) = corpus();
    let mut hidden = String::new();
    let mut teeth = 0;
    for statements in &lines[..inferences] {
        let mut psql = Command::new(find_bin().unwrap().join("psql"));
        psql.env("PGHOST", "127.0.0.1")
            .env("PGPORT", postgres.port().to_string())
            .env("PGUSER", GATEWAY_USER)
            .env("PGPASSWORD", postgres.password())
            .env("PGDATABASE", "demo")
            .args(["-XAtq", "-c", "BEGIN"]);
        for statement in statements {
            psql.args(["-c", statement]);
        }
        let output = psql.args(["-c", "ROLLBACK"]).output().unwrap();
        let heard = [output.stdout, output.stderr].concat();
        if shown(&heard).is_some() {
            teeth += 1;
        } else {
            let heard = String::from_utf8_lossy(&heard);
            writeln!(
                hidden,
                "{statements:?}: {}",
                heard.lines().next().unwrap_or_default()
            )
            .unwrap();
        }
    }
    println!("without the value:\n{hidden}");
    assert!(
        teeth >= TEETH,
        "{teeth} of {inferences}; without the value:\n{hidden}"
    );
}

/// The form in which the value is among these bytes.
fn shown(bytes: &[u8]) -> Option<&'static str> {
    // What is left of a value that was cut up: bytes of the protocol and separators go, letters and digits stay.
    let letters: Vec<u8> = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    let reversed: String = WORD.chars().rev().collect();
    let codes: String = WORD.bytes().map(|byte| byte.to_string()).collect();
    let plain = [
        ("the value", WORD.to_owned()),
        ("the value reversed", reversed),
        (
            "the value as hexadecimal digits",
            HEXLOWER.encode(WORD.as_bytes()),
        ),
        ("the value as codes", codes),
        ("its MD5", MD5.to_owned()),
        ("its SHA-256", SHA_256.to_owned()),
    ];
    let found = plain
        .iter()
        .find(|(_, form)| holds(&letters, form.as_bytes()));
    if let Some((name, _)) = found {
        return Some(name);
    }
    // In base64 it depends on where the value begins, and on nothing of what is not part of it.
    (0..3)
        .any(|skip| {
            let aligned = &WORD.as_bytes()[skip..];
            let aligned = &aligned[..aligned.len() / 3 * 3];
            holds(bytes, BASE64.encode(aligned).as_bytes())
        })
        .then_some("the value in base64")
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|at| at == wanted)
}

/// Whether a COPY can give out what the statement gives.
fn is_query(statement: &str) -> bool {
    const FIRST: [&str; 8] = [
        "SELECT", "TABLE", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE",
    ];
    let first = statement.split_whitespace().next();
    first.is_some_and(|first| FIRST.contains(&first)) && !statement.contains(" INTO TEMP ")
}

/// What came back up to ReadyForQuery.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    contains_error: bool,
}

fn send(wire: &mut Wire, channel: Channel, statement: &str) -> Answer {
    match channel {
        Channel::Simple => wire.query(statement).unwrap(),
        Channel::Copy(format) => {
            let copied = format!("COPY ({statement}) TO STDOUT (FORMAT {format})");
            let sent = if is_query(statement) {
                &copied
            } else {
                statement
            };
            wire.query(sent).unwrap();
        }
        Channel::Extended { binary, describe } => {
            let formats: &[u8] = if binary { &[0, 1, 0, 1] } else { &[0, 0] };
            let mut bytes = message(b'P', &[&[0][..], &text(statement), &[0, 0]].concat());
            bytes.extend(message(b'B', &[&[0; 6][..], formats].concat()));
            if describe {
                bytes.extend(message(b'D', b"P\0"));
            }
            bytes.extend(message(b'E', &[0; 5]));
            bytes.extend(message(b'S', b""));
            wire.send(&bytes).unwrap();
        }
    }
    let mut answer = Answer::default();
    let heard = |tag, body: &[u8]| {
        answer.contains_error |= tag == b'E';
        answer.bytes.extend(body);
    };
    wire.until_ready(heard).unwrap();
    answer
}
