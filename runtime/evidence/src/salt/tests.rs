//! Commitments are opened with their salt, by nobody without it, and every proof outlives it.

use std::sync::Arc;

use super::*;
use crate::log::tests::Fixture;
use crate::reader::LogReader;
use crate::record::Event;
use crate::record::tests::events;

const DIGEST: &str = "0707070707070707070707070707070707070707070707070707070707070707";

fn decision(operation: &str) -> Event {
    events()
        .into_iter()
        .find_map(|event| match event {
            Event::Decision(mut decision) => {
                decision.operation = operation.to_owned();
                decision.digest = DIGEST.to_owned();
                decision.commitment = None;
                Some(Event::Decision(decision))
            }
            _ => None,
        })
        .unwrap()
}

/// The decisions in the log, and the bytes of their records.
fn decisions(fixture: &Fixture) -> Vec<(DecisionRecord, Vec<u8>)> {
    let reader = LogReader::over(Arc::new(fixture.files.clone()));
    let read = reader.records(0).unwrap().map(Result::unwrap);
    read.filter_map(|read| match read.record.event {
        Event::Decision(decision) => Some((*decision, read.stored.bytes)),
        _ => None,
    })
    .collect()
}

fn salts(fixture: &Fixture) -> Vec<String> {
    let mut names = fixture.files.names().unwrap();
    names.retain(|name| name.starts_with(PREFIX));
    names
}

#[test]
fn u_08_a_digest_is_not_in_the_log_and_equal_ones_do_not_look_alike() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    for operation in ["s-1", "s-2"] {
        log.append_and_wait(None, &decision(operation)).unwrap();
    }
    log.close().unwrap();
    let decisions = decisions(&fixture);
    for (decision, bytes) in &decisions {
        assert!(decision.digest.is_empty());
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            !text.contains(DIGEST) && !text.contains("\"digest\""),
            "{text}"
        );
    }
    assert_ne!(decisions[0].0.commitment, decisions[1].0.commitment);
}

#[test]
fn a_record_is_held_against_what_was_asked() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_and_wait(None, &decision("s-1")).unwrap();
    log.close().unwrap();
    let (decision, _) = &decisions(&fixture)[0];
    let held = |digest: &str| open(&fixture.files, decision, digest).unwrap();
    assert_eq!(held(DIGEST), Opened::Same);
    assert_eq!(held(&DIGEST.replace('7', "8")), Opened::Other);
    // The salt of one operation opens that one only.
    let commitment = decision.commitment.as_ref().unwrap();
    let salt = |operation: &str| {
        OperationSalt::read(&fixture.files, &commitment.salt, operation)
            .unwrap()
            .unwrap()
    };
    assert!(salt("s-1").opens(commitment, DIGEST));
    assert!(!salt("s-2").opens(commitment, DIGEST));
    assert_eq!(format!("{:?}", salt("s-1")), "OperationSalt");
}

#[test]
fn the_commitment_is_what_the_page_for_auditors_says() {
    let fixture = Fixture::new();
    fixture.files.put(
        "salt-0011223344556677",
        format!("{}\n", "ab".repeat(32)).as_bytes(),
    );
    let salt = OperationSalt::read(&fixture.files, "0011223344556677", "s-1")
        .unwrap()
        .unwrap();
    // openssl: HMAC-SHA-256 of `s-1`, then SHA-256 of it and the digest's text.
    insta::assert_snapshot!(salt.hex(), @"386694e84c4cabb030306392588a65e7e1cb37d06adc0d31243dd259d51c8f13");
    insta::assert_snapshot!(HEXLOWER.encode(&salt.hash(DIGEST)), @"13ea7ef056e351810245d882d987861cf2cf74eebedcb3753f1e0f6782730d02");
}

#[test]
fn u_14_deleted_salts_erase_what_was_asked_and_nothing_else() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_and_wait(None, &decision("s-1")).unwrap();
    log.close().unwrap();
    let before = fixture.verify().unwrap();
    for salt in salts(&fixture) {
        fixture.files.remove(&salt);
    }
    assert_eq!(fixture.verify().unwrap(), before);
    let (decision, _) = &decisions(&fixture)[0];
    let held = open(&fixture.files, decision, DIGEST).unwrap();
    assert_eq!(held, Opened::Erased);
    // The log goes on, with a new salt.
    let (log, _) = fixture.open();
    log.append_and_wait(None, &self::decision("s-2")).unwrap();
    log.close().unwrap();
    let (decision, _) = &decisions(&fixture)[1];
    let held = open(&fixture.files, decision, DIGEST).unwrap();
    assert_eq!(held, Opened::Same);
}

#[test]
fn every_segment_has_a_salt_of_its_own() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    for number in 0..300 {
        let operation = format!("s-{number}-{}", "x".repeat(2000));
        log.append_and_wait(None, &decision(&operation)).unwrap();
    }
    log.close().unwrap();
    let segments = fixture.files.segments().len();
    assert!(segments > 2);
    assert_eq!(salts(&fixture).len(), segments);
    for (decision, _) in decisions(&fixture) {
        let held = open(&fixture.files, &decision, DIGEST).unwrap();
        assert_eq!(held, Opened::Same);
    }
}

#[test]
fn a_salt_in_use_for_too_long_is_changed() {
    let fixture = Fixture::new();
    let options = crate::log::LogOptions {
        salt_every: std::time::Duration::ZERO,
        ..fixture.options()
    };
    let (log, _) = crate::log::LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    for operation in ["s-1", "s-2", "s-3"] {
        log.append_and_wait(None, &decision(operation)).unwrap();
    }
    log.close().unwrap();
    assert_eq!(salts(&fixture).len(), 4);
}

#[test]
fn an_older_log_has_digests_and_is_read() {
    let Event::Decision(decision) = decision("s-1") else {
        panic!("no decision")
    };
    let text = serde_json::to_string(&decision).unwrap();
    let read: DecisionRecord = serde_json::from_str(&text).unwrap();
    let files = Fixture::new().files;
    assert_eq!(open(&files, &read, DIGEST).unwrap(), Opened::Same);
    assert_eq!(open(&files, &read, "00").unwrap(), Opened::Other);
}

#[test]
fn a_record_does_not_say_which_file_is_read() {
    let fixture = Fixture::new();
    for id in [
        "../../etc/shadow",
        "",
        "00112233445566778",
        "001122334455667g",
    ] {
        assert!(
            OperationSalt::read(&fixture.files, id, "s-1").is_err(),
            "{id}"
        );
    }
    fixture.files.put("salt-0011223344556677", b"no salt");
    assert!(OperationSalt::read(&fixture.files, "0011223344556677", "s-1").is_err());
}
