//! U-04: a log that was changed on purpose, in every way that somebody with the disk but without the key has.

use super::*;
use crate::files::memory::MemoryFiles;
use crate::frame::{self, Kind};
use crate::log::OpenLog;
use crate::log::tests::{Fixture, event};
use crate::segment::Batch;

/// A closed log of two segments with 100 records and checkpoints at 0, 40, 80 and 100 (and where a segment ended).
fn sealed() -> Fixture {
    let fixture = Fixture::new();
    let options = crate::log::LogOptions {
        checkpoint_records: 40,
        ..fixture.options()
    };
    let (log, _) = crate::log::LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    for number in 0..100 {
        log.append_and_wait(None, &event(number, 1500)).unwrap();
    }
    log.close().unwrap();
    fixture.verify().unwrap();
    fixture
}

fn found(fixture: &Fixture) -> String {
    fixture.verify().unwrap_err().to_string()
}

fn segment_of(files: &MemoryFiles, index: usize) -> (String, Vec<u8>) {
    let name = files.segments().swap_remove(index);
    let bytes = files.content(&name);
    (name, bytes)
}

/// The batches of a segment: offset and payload (each append waited, so there is one record in each).
fn batches(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut at = segment::read_header(bytes).unwrap().1;
    let mut found = Vec::new();
    while let Batch::Whole(records) = segment::read_batch(&bytes[at..]) {
        found.push((at, records.payloads[0].1.to_vec()));
        at += records.end;
    }
    found
}

fn batch_of(payload: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    frame::write(Kind::Record, payload, &mut frames);
    segment::batch(&frames)
}

#[test]
fn a_whole_log_is_green_and_says_what_is_sealed() {
    let fixture = sealed();
    let verification = fixture.verify().unwrap();
    assert_eq!(
        (
            verification.records,
            verification.sealed,
            verification.unsealed()
        ),
        (100, 100, 0)
    );
    assert_eq!((verification.segments, verification.unfinished), (2, false));
    let (log, _) = fixture.open();
    log.append_and_wait(None, &event(0, 0)).unwrap();
    let live = fixture.verify().unwrap();
    assert_eq!((live.records, live.sealed, live.unsealed()), (101, 100, 1));
    log.close().unwrap();
}

#[test]
fn u_04_a_flipped_byte_is_named_with_its_record() {
    let fixture = sealed();
    let (name, bytes) = segment_of(&fixture.files, 0);
    let (offset, payload) = batches(&bytes)[7].clone();
    let mut changed = bytes.clone();
    changed[offset + segment::BATCH_HEADER + frame::HEADER + payload.len() / 2] ^= 1;
    fixture.files.put(&name, &changed);
    insta::assert_snapshot!(found(&fixture), @"record 7 is damaged: the frame's checksum is wrong (`segment-00000000000000000000.log`, byte 11336)");
    // In the last batch there is nothing after it, but a checkpoint covers it.
    fixture.files.put(&name, &bytes);
    let (last, original) = segment_of(&fixture.files, 1);
    let mut changed = original.clone();
    changed[batches(&original).pop().unwrap().0 + 40] ^= 1;
    fixture.files.put(&last, &changed);
    let place = "record 99 is damaged: the frame's checksum is wrong (`segment-00000000000000000066.log`, byte ";
    assert!(found(&fixture).starts_with(place), "{}", found(&fixture));
    assert!(fixture.refused().to_string().contains(place));
    fixture.files.put(&last, &original);
    // Everywhere in a batch.
    for (index, batch) in [(0, 0), (1, 3)] {
        let (name, original) = segment_of(&fixture.files, index);
        let start = batches(&original)[batch].0;
        for place in start..start + 60 {
            let mut changed = original.clone();
            changed[place] ^= 0x40;
            fixture.files.put(&name, &changed);
            assert!(fixture.verify().is_err(), "segment {index}, byte {place}");
        }
        fixture.files.put(&name, &original);
    }
}

#[test]
fn u_04_a_changed_record_with_a_true_checksum_is_found_by_the_tree() {
    let fixture = sealed();
    let (name, mut bytes) = segment_of(&fixture.files, 0);
    let (offset, payload) = batches(&bytes)[50].clone();
    let changed = String::from_utf8(payload)
        .unwrap()
        .replace("000050xxx", "000050yyy");
    let batch = batch_of(changed.as_bytes());
    bytes[offset..offset + batch.len()].copy_from_slice(&batch);
    fixture.files.put(&name, &bytes);
    insta::assert_snapshot!(found(&fixture), @"records 40 to 65 are not those that the checkpoint of size 66 seals: one of them was changed");
}

#[test]
fn u_04_records_in_another_order_are_named() {
    let fixture = sealed();
    let (name, mut bytes) = segment_of(&fixture.files, 0);
    let all = batches(&bytes);
    let ((first, one), (_, other)) = (all[20].clone(), all[21].clone());
    let swapped = [batch_of(&other), batch_of(&one)].concat();
    bytes[first..first + swapped.len()].copy_from_slice(&swapped);
    fixture.files.put(&name, &bytes);
    assert!(
        found(&fixture).contains("record 20 is not canonical or has another position"),
        "{}",
        found(&fixture)
    );
}

#[test]
fn u_04_a_record_taken_out_is_named() {
    let fixture = sealed();
    let (name, mut bytes) = segment_of(&fixture.files, 0);
    let all = batches(&bytes);
    bytes.drain(all[20].0..all[21].0);
    fixture.files.put(&name, &bytes);
    assert!(
        found(&fixture).contains("record 20 is not canonical or has another position"),
        "{}",
        found(&fixture)
    );
}

#[test]
fn u_04_a_tail_cut_off_is_missing_against_the_checkpoint() {
    let fixture = sealed();
    let (name, mut bytes) = segment_of(&fixture.files, 1);
    let at = batches(&bytes)[3].0;
    bytes[at..].fill(0);
    fixture.files.put(&name, &bytes);
    insta::assert_snapshot!(found(&fixture), @"records 69 to 99 are missing: a checkpoint seals 100 records, the log has 69");
    insta::assert_snapshot!(fixture.refused(), @"audit log has 69 records, but its last checkpoint seals 100");
    fixture.files.remove(&name);
    insta::assert_snapshot!(found(&fixture), @"records 66 to 99 are missing: a checkpoint seals 100 records, the log has 66");
    insta::assert_snapshot!(fixture.refused(), @"audit log has 66 records, but its last checkpoint seals 100");
}

/// Where the last note of all begins.
fn before_last_note(fixture: &Fixture) -> usize {
    let notes = notes::last(&fixture.files).unwrap();
    usize::try_from(notes[notes.len() - 2].1).unwrap()
}

#[test]
fn u_02_a_checkpoint_torn_while_it_was_written_is_let_go() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_and_wait(None, &event(0, 0)).unwrap();
    log.close().unwrap();
    let newest = fixture.files.content(CHECKPOINT);
    let (log, _) = fixture.open();
    log.append_and_wait(None, &event(1, 0)).unwrap();
    log.close().unwrap();
    let all = fixture.files.content(CHECKPOINTS);
    let start = before_last_note(&fixture);
    let records = fixture.files.copy();
    for place in start..=all.len() {
        let (mut beginning_lost, mut end_lost) = (all.clone(), all.clone());
        beginning_lost[start..place].fill(0);
        end_lost[place..].fill(0);
        for torn in [beginning_lost, end_lost, all[..place].to_vec()] {
            let files = records.copy();
            files.put(CHECKPOINT, &newest);
            files.put(CHECKPOINTS, &torn);
            let verified = |files: &MemoryFiles| {
                verify_files(Arc::new(files.clone()), &fixture.key().public())
            };
            assert_eq!(verified(&files).unwrap().records, 2);
            let (log, recovery) = fixture.open_over(&files);
            assert_eq!(recovery.records, 2);
            log.append_and_wait(None, &event(2, 0)).unwrap();
            log.close().unwrap();
            assert_eq!(verified(&files).unwrap().sealed, 3);
        }
    }
}

#[test]
fn u_04_checkpoints_cut_with_the_tail_are_seen_by_the_newest() {
    let fixture = sealed();
    let kept = before_last_note(&fixture);
    let notes = fixture.files.content(CHECKPOINTS);
    fixture.files.put(CHECKPOINTS, &notes[..kept]);
    insta::assert_snapshot!(found(&fixture), @"`checkpoints` ends at size 66 and does not hold `checkpoint`, which seals 100 records");
    insta::assert_snapshot!(fixture.refused(), @"`checkpoints` ends at size 66, but `checkpoint` says 100");
    fixture.files.remove(CHECKPOINTS);
    fixture.files.remove(CHECKPOINT);
    insta::assert_snapshot!(found(&fixture), @"no checkpoint: neither `checkpoints` nor `checkpoint` holds one");
    assert!(matches!(fixture.refused(), OpenLog::CheckpointMissing));
}

#[test]
fn u_04_a_segment_taken_out_or_played_again_is_named() {
    let fixture = sealed();
    let (first, old) = segment_of(&fixture.files, 0);
    let (second, _) = segment_of(&fixture.files, 1);
    fixture.files.remove(&first);
    insta::assert_snapshot!(found(&fixture), @"record 0 is missing: the next segment begins with record 66");
    fixture.files.put(&first, &old);
    fixture.files.put(&second, &old);
    insta::assert_snapshot!(found(&fixture), @"`segment-00000000000000000066.log` does not begin as a segment with that name does");
    insta::assert_snapshot!(fixture.refused(), @"audit log is not whole: `segment-00000000000000000066.log` does not begin as a segment with that name does");
}

#[test]
fn a_damaged_log_is_not_opened() {
    let fixture = sealed();
    let (name, bytes) = segment_of(&fixture.files, 1);
    let all = batches(&bytes);
    // A header of zeros, a flipped byte in a batch, a flipped byte in its header; batches follow each.
    let zeroed = |bytes: &mut [u8]| bytes[all[2].0..all[2].0 + segment::BATCH_HEADER].fill(0);
    let flipped = |bytes: &mut [u8]| bytes[all[2].0 + 40] ^= 1;
    let header = |bytes: &mut [u8]| bytes[all[2].0 + 9] ^= 1;
    for change in [&zeroed as &dyn Fn(&mut [u8]), &flipped, &header] {
        let mut changed = bytes.clone();
        change(&mut changed);
        fixture.files.put(&name, &changed);
        let refused = fixture.refused().to_string();
        assert!(
            refused.contains("is damaged") && refused.contains(&name),
            "{refused}"
        );
        assert!(found(&fixture).contains("is damaged"));
    }
    fixture.files.put(&name, &bytes);
    fixture.open().0.close().unwrap();
}

#[test]
fn a_false_signature_and_another_key_are_named() {
    let fixture = sealed();
    let other = crate::key::AuditKey::generate().unwrap().public();
    let found_with = verify_files(Arc::new(fixture.files.clone()), &other).unwrap_err();
    insta::assert_snapshot!(found_with, @"checkpoint 1 in `checkpoints`: checkpoint of size 0 is not signed by the given key");
    let mut notes = String::from_utf8(fixture.files.content(CHECKPOINTS)).unwrap();
    notes = notes.replacen("\n40\n", "\n41\n", 1);
    fixture.files.put(CHECKPOINTS, notes.as_bytes());
    insta::assert_snapshot!(found(&fixture), @"checkpoint 2 in `checkpoints`: signature of the checkpoint of size 41 is false");
}

/// A log whose key was changed after 10 records, with 10 more; the first key and the second.
fn rekeyed() -> (Fixture, crate::key::AuditPublicKey, crate::key::AuditKey) {
    let fixture = Fixture::new();
    let second = crate::key::AuditKey::generate().unwrap();
    let pem = second.private_pem().unwrap();
    let second = || crate::key::AuditKey::load(&pem).unwrap();
    append(&fixture, fixture.options());
    for _ in 0..2 {
        // The second time the former key is still configured and nothing changes.
        let options = crate::log::LogOptions {
            key: second(),
            former_key: Some(fixture.key()),
            ..fixture.options()
        };
        append(&fixture, options);
    }
    let first = fixture.key().public();
    (fixture, first, second())
}

fn append(fixture: &Fixture, options: crate::log::LogOptions) {
    let files = Arc::new(fixture.files.clone());
    let (log, _) = crate::log::LogHandle::open(files, options).unwrap();
    for number in 0..10 {
        log.append_and_wait(None, &event(number, 0)).unwrap();
    }
    log.close().unwrap();
}

#[test]
fn a_changed_key_is_on_record_and_the_first_key_verifies_all() {
    let (fixture, first, second) = rekeyed();
    let verification = verify_files(Arc::new(fixture.files.clone()), &first).unwrap();
    assert_eq!((verification.records, verification.sealed), (31, 31));
    let changed: Vec<_> = fixture
        .records()
        .into_iter()
        .filter(|record| matches!(record.event, Event::KeyChanged { .. }))
        .collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].sequence, 10);
    // The former key is needed once.
    let options = crate::log::LogOptions {
        key: second,
        ..fixture.options()
    };
    append(&fixture, options);
    let files: Arc<dyn Files> = Arc::new(fixture.files.clone());
    assert_eq!(verify_files(Arc::clone(&files), &first).unwrap().sealed, 41);
    let (stored, proof) = prove_files(files, &first, 40).unwrap();
    assert!(check_inclusion(&stored.bytes, &proof));
}

#[test]
fn u_04_a_key_that_no_record_announces_is_not_believed() {
    let (fixture, first, _) = rekeyed();
    // Somebody with the disk and a key of their own signs the newest state.
    let forger = crate::key::AuditKey::generate().unwrap();
    let forged = Checkpoint {
        origin: crate::checkpoint::Origin::new("gateway.example/hpol").unwrap(),
        size: 31,
        root: verify_files(Arc::new(fixture.files.clone()), &first)
            .unwrap()
            .root,
        reads: crate::checkpoint::Reads::Durable,
    }
    .sign(&forger);
    let all = fixture.files.content(CHECKPOINTS);
    let kept = before_last_note(&fixture);
    let changed = [&all[..kept], format!("{forged}\n").as_bytes()].concat();
    fixture.files.put(CHECKPOINTS, &changed);
    fixture.files.put(CHECKPOINT, forged.as_bytes());
    let found = verify_files(Arc::new(fixture.files.clone()), &first).unwrap_err();
    insta::assert_snapshot!(found, @"checkpoint 5 in `checkpoints`: checkpoint of size 31 is not signed by the given key");
    // Nor the key before: it signs nothing any more.
    let old = Checkpoint::sign(
        &Checkpoint {
            origin: crate::checkpoint::Origin::new("gateway.example/hpol").unwrap(),
            size: 31,
            root: [0; 32],
            reads: crate::checkpoint::Reads::Durable,
        },
        &fixture.key(),
    );
    let changed = [&all[..kept], format!("{old}\n").as_bytes()].concat();
    fixture.files.put(CHECKPOINTS, &changed);
    fixture.files.put(CHECKPOINT, old.as_bytes());
    assert!(verify_files(Arc::new(fixture.files.clone()), &first).is_err());
}

#[test]
fn each_record_is_proved_and_no_other() {
    let fixture = sealed();
    let key = fixture.key().public();
    let prove = |sequence| prove_files(Arc::new(fixture.files.clone()), &key, sequence);
    for sequence in [0, 1, 63, 64, 99] {
        let (stored, proof) = prove(sequence).unwrap();
        assert!(check_inclusion(&stored.bytes, &proof));
        assert!(!check_inclusion(b"{}", &proof));
        assert!(!check_inclusion(
            &stored.bytes,
            &InclusionProof {
                sequence: sequence ^ 2,
                ..proof
            }
        ));
    }
    insta::assert_snapshot!(prove(100).unwrap_err(), @"record 100 is not sealed: the last checkpoint covers 100 records");
}
