//! How many records a second the log takes, by how many wait at a time: `writer FOLDER [SECONDS]`. Each record is a
//! decision of about 1.5 KiB: `alone` waits for it, as for a block, `paired` for the outcome behind it, as a read does.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here ends the measurement"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hpol_evidence::checkpoint::Origin;
use hpol_evidence::key::AuditKey;
use hpol_evidence::log::{LogHandle, LogOptions};
use hpol_evidence::record::{
    Connection, ControlRecord, DecisionRecord, Event, LeftOut, OperationResult, OutcomeRecord,
    Subject,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: writer FOLDER [SECONDS]");
    let seconds = arguments.next().map_or(3, |text| text.parse().unwrap());
    println!(
        "{:>8} {:>8} {:>12} {:>12}",
        "waiters", "", "answers/s", "records/s"
    );
    for waiters in [1, 8, 32, 128] {
        for (name, paired) in [("alone", false), ("paired", true)] {
            let path = Path::new(&folder).join(format!("{name}-{waiters}"));
            let answers = measure(&path, waiters, paired, Duration::from_secs(seconds));
            let records = answers * if paired { 2.0 } else { 1.0 };
            println!("{waiters:>8} {name:>8} {answers:>12.0} {records:>12.0}");
        }
    }
}

/// Answers a second.
fn measure(path: &Path, waiters: u32, paired: bool, time: Duration) -> f64 {
    let options = LogOptions::new(Origin::new("bench").unwrap(), AuditKey::generate().unwrap());
    let (log, _) = LogHandle::open_directory(path, options).unwrap();
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let started = Instant::now();
    thread::scope(|scope| {
        for waiter in 0..waiters {
            let (log, stop, answers) = (&log, &stop, &answers);
            scope.spawn(move || {
                let session = format!("{waiter:032x}");
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let awaited = match paired {
                        false => decision(&session, number, "block"),
                        true => {
                            let begins = decision(&session, number, "allow");
                            log.append_in_order(Some(&session), &begins).unwrap();
                            outcome(&session, number)
                        }
                    };
                    log.append_and_wait(Some(&session), &awaited).unwrap();
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    let answered = u32::try_from(answers.load(Ordering::Relaxed)).unwrap();
    let rate = f64::from(answered) / started.elapsed().as_secs_f64();
    log.close().unwrap();
    rate
}

fn outcome(session: &str, number: u64) -> Event {
    Event::Outcome(Box::new(OutcomeRecord {
        operation: format!("{session}-{number}"),
        result: OperationResult::Completed,
        code: String::new(),
        rows: 1,
        bytes: 18,
        masked: Vec::new(),
        cut: false,
        controls: Vec::new(),
        history: None,
        left_out: LeftOut::default(),
    }))
}

fn decision(session: &str, number: u64, verdict: &str) -> Event {
    let control = |id: &str, mechanism: &str, rule: &str| ControlRecord {
        id: id.into(),
        strength: "implements".into(),
        mechanism: mechanism.into(),
        rule: rule.into(),
    };
    Event::Decision(Box::new(DecisionRecord {
        operation: format!("{session}-{number}"),
        subject: Arc::new(Subject {
            id: "agent-7".into(),
            issuer: "https://id.example.com".into(),
            groups: vec!["autonomous-agents".into()],
        }),
        connection: Arc::new(Connection {
            name: "orders-prod".into(),
            kind: "postgres".into(),
        }),
        masked: "SELECT abalance FROM pgbench_accounts WHERE aid = $1".into(),
        digest: "0707070707070707070707070707070707070707070707070707070707070707".into(),
        commitment: None,
        verdict: verdict.into(),
        rules: vec!["orders.read_accounts".into()],
        reason: "agents may read accounts".into(),
        limit: None,
        observed: Vec::new(),
        would: None,
        exceptions: Vec::new(),
        obligations: vec!["orders.mask_cards".into()],
        unknown: Vec::new(),
        controls: vec![
            control("ac-3", "M04", "orders.read_accounts"),
            control("ac-6", "M04", "orders.read_accounts"),
            control("au-3", "M15", "gateway"),
            control("au-10.1", "M01", "gateway"),
            control("au-12", "M15", "gateway"),
        ]
        .into(),
        approval: None,
        stands_until: None,
        justification: None,
        ends_session: false,
        bundle: "22".repeat(32),
        history: None,
        left_out: LeftOut::default(),
    }))
}
