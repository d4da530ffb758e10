//! Random sequences of messages, sent in random pieces without waiting: whatever a client sends, what was judged is what
//! runs. Sequences of allowed statements are sent to the server directly too, and both answer alike.
//!
//! `HPOL_PIPELINES` and `HPOL_PIPELINES_SEED` choose more and other sequences. What fails names its own seed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what fails here fails a test"
)]

#[path = "random_pipelines/gate.rs"]
mod gate;
#[path = "random_pipelines/random.rs"]
mod random;
#[path = "random_pipelines/sequence.rs"]
mod sequence;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hpol_evidence::record::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use gate::{Gate, digest};
use sequence::{END, Sequence};
use world::client::{Client, line};

/// Sequences in an ordinary run.
const SEQUENCES: u64 = 150;

const SEED: u64 = 0x6870_6f6c;

/// No sequence takes this long but one that hangs.
const SEQUENCE_TIME: Duration = Duration::from_secs(30);

/// How the classified values of the test begin; what is left of them when hidden does not.
const CLASSIFIED: &[u8] = b"987-65";

/// Commands that run what a name stands for.
const NAMED: [&str; 3] = ["EXECUTE", "FETCH", "MOVE"];

/// What the sequences may have done so far.
#[derive(Default)]
struct Expected {
    /// The sequence in which a number was used.
    seeds: BTreeMap<u64, u64>,
    /// The digest of the text that inserts a number, where the number is in it.
    digests: BTreeMap<u64, String>,
    allowed: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_20_to_24_what_was_judged_is_what_runs() {
    let (seed, count) = (
        number("HPOL_PIPELINES_SEED", SEED),
        number("HPOL_PIPELINES", SEQUENCES),
    );
    println!("HPOL_PIPELINES_SEED={seed} HPOL_PIPELINES={count}");
    let gate = Gate::open().await;
    let mut expected = Expected::default();
    let (mut compared, mut closed) = (0_u64, 0_u64);
    for index in 0..count {
        let seed = seed.wrapping_add(index);
        let sequence = Sequence::random(seed, index * 1000);
        for (number, text) in &sequence.numbers {
            expected.seeds.insert(*number, seed);
            // What is run by a name in SQL is judged under the text that names it.
            if let Some(text) = text.as_ref().filter(|_| !sequence.says(&NAMED)) {
                expected.digests.insert(*number, digest(text));
            }
        }
        let client = gate.login().await;
        let address = client.stream.local_addr().unwrap();
        let replies = in_time(seed, &sequence, converse(client, &sequence)).await;
        let events = in_time(seed, &sequence, gate.log.session(address)).await;
        check_replies(seed, &sequence, &replies);
        closed += u64::from(!sequence.leaves && !is_whole(&replies));
        check_records(seed, &sequence, &events);
        expected.allowed.extend(allowed(&events));
        if sequence.comparable {
            compared += 1;
            let direct = in_time(seed, &sequence, converse(gate.direct().await, &sequence)).await;
            assert_eq!(
                shown(&replies),
                shown(&direct),
                "HPOL_PIPELINES_SEED={seed}: the server itself answers otherwise to {sequence:#?}"
            );
        }
        if index % 100 == 99 || index + 1 == count {
            check_effects(&gate, &expected);
        }
    }
    println!("{compared} compared with the server, {closed} sessions ended by the gateway");
}

/// Sends the sequence in its pieces, and reads what comes meanwhile.
async fn converse(client: Client, sequence: &Sequence) -> Vec<(u8, Vec<u8>)> {
    let (mut from, mut to) = client.stream.into_split();
    let send = async {
        for piece in sequence.pieces() {
            // The gateway may have ended the session.
            if to.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        to
    };
    if sequence.leaves {
        drop(send.await);
        return Vec::new();
    }
    let receive = async {
        let mut replies: Vec<(u8, Vec<u8>)> = Vec::new();
        while let Ok(tag) = from.read_u8().await {
            let length = from.read_u32().await.unwrap();
            let mut body = vec![0; length as usize - 4];
            from.read_exact(&mut body).await.unwrap();
            replies.push((tag, body));
            if is_whole(&replies) {
                break;
            }
        }
        replies
    };
    tokio::join!(send, receive).1
}

/// The last answer is there.
fn is_whole(replies: &[(u8, Vec<u8>)]) -> bool {
    let [.., (b'D', row), (b'C', _), (b'Z', _)] = replies else {
        return false;
    };
    row.ends_with(END.as_bytes())
}

async fn in_time<T>(seed: u64, sequence: &Sequence, done: impl Future<Output = T>) -> T {
    match tokio::time::timeout(SEQUENCE_TIME, done).await {
        Ok(done) => done,
        Err(_) => panic!("HPOL_PIPELINES_SEED={seed}: no end of {sequence:#?}"),
    }
}

fn check_replies(seed: u64, sequence: &Sequence, replies: &[(u8, Vec<u8>)]) {
    for (tag, body) in replies {
        let shows = body
            .windows(CLASSIFIED.len())
            .any(|part| part == CLASSIFIED);
        assert!(
            !shows,
            "HPOL_PIPELINES_SEED={seed}: {} in {sequence:#?}",
            line(*tag, body)
        );
    }
    if sequence.leaves {
        return;
    }
    if !is_whole(replies) {
        let last = replies.last().map(|(tag, body)| line(*tag, body));
        assert!(
            last.as_deref()
                .is_some_and(|last| last.starts_with("E FATAL")),
            "HPOL_PIPELINES_SEED={seed}: ends with {last:?} after {sequence:#?}"
        );
        return;
    }
    let ready = replies.iter().filter(|(tag, _)| *tag == b'Z').count();
    if let Some(expected) = sequence.ready {
        assert_eq!(
            ready,
            expected,
            "HPOL_PIPELINES_SEED={seed}: {sequence:#?} {:#?}",
            shown(replies)
        );
    }
}

/// What must be alike with and without a gateway.
fn shown(replies: &[(u8, Vec<u8>)]) -> Vec<String> {
    let lines = replies.iter().map(|(tag, body)| match tag {
        b'E' => line(*tag, body).split(" / ").take(2).collect(),
        b'D' | b'd' => char::from(*tag).to_string(),
        _ => line(*tag, body),
    });
    lines.filter(|line| !line.starts_with(['N', 'S'])).collect()
}

/// Each permitted operation has one outcome, and nothing else has.
fn check_records(seed: u64, sequence: &Sequence, events: &[Event]) {
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    for event in events {
        if let Event::Outcome(record) = event {
            *outcomes.entry(&record.operation).or_default() += 1;
        }
    }
    for event in events {
        let Event::Decision(record) = event else {
            continue;
        };
        let wanted = (record.verdict == "allow").then_some(1);
        assert_eq!(
            outcomes.remove(record.operation.as_str()),
            wanted,
            "HPOL_PIPELINES_SEED={seed}: outcomes of {record:?} in {sequence:#?}"
        );
    }
    assert!(
        outcomes.is_empty(),
        "HPOL_PIPELINES_SEED={seed}: {outcomes:?} in {sequence:#?}"
    );
}

fn allowed(events: &[Event]) -> impl Iterator<Item = String> {
    events.iter().filter_map(|event| match event {
        Event::Decision(record) if record.verdict == "allow" => Some(record.digest.clone()),
        _ => None,
    })
}

/// Nothing forbidden took effect, nothing took effect without leave, and all of it as on the server itself.
fn check_effects(gate: &Gate, expected: &Expected) {
    let numbers = |database: &str, table: &str| -> Vec<u64> {
        let sql = format!("SELECT n FROM {table} ORDER BY n");
        let rows = gate.server.execute(database, &sql).unwrap();
        rows.lines().map(|row| row.parse().unwrap()).collect()
    };
    let seeds = |numbers: Vec<u64>| -> Vec<u64> {
        numbers
            .iter()
            .filter_map(|number| expected.seeds.get(number).copied())
            .collect()
    };
    let forbidden = numbers("demo", "forbidden");
    assert!(
        forbidden.is_empty(),
        "forbidden in HPOL_PIPELINES_SEED of {:?}",
        seeds(forbidden)
    );
    let done = numbers("demo", "allowed");
    for number in &done {
        if let Some(digest) = expected.digests.get(number) {
            assert!(
                expected.allowed.contains(digest),
                "HPOL_PIPELINES_SEED={}: {number} without a decision",
                expected.seeds[number]
            );
        }
    }
    let done: BTreeSet<u64> = done.into_iter().collect();
    let direct: BTreeSet<u64> = numbers("mirror", "allowed").into_iter().collect();
    let missing: Vec<u64> = direct.difference(&done).copied().collect();
    assert!(
        missing.is_empty(),
        "without effect in HPOL_PIPELINES_SEED of {:?}",
        seeds(missing)
    );
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .map_or(default, |value| value.parse().unwrap())
}
