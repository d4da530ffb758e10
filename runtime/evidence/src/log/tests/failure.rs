//! Full disks and failed syncs: the log ends, says why, and what it had acknowledged is there.

use std::io::ErrorKind;

use super::*;
use crate::files::memory::{Call, Fault};

/// Appends until the log refuses; how many were acknowledged, and the refusal.
fn fill(log: &LogHandle, bytes: usize) -> (u64, LogUnavailable) {
    for acknowledged in 0..1000 {
        if let Err(why) = log.append_and_wait(None, &event(0, bytes)) {
            return (acknowledged, why);
        }
    }
    panic!("the log did not fail");
}

#[test]
fn u_01_a_full_disk_ends_the_log_and_is_on_record() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    fixture
        .files
        .fail(Call::Write, "segment.new", ErrorKind::StorageFull);
    let (acknowledged, why) = fill(&log, 10_000);
    insta::assert_snapshot!(why, @"audit log has failed: cannot write `segment-00000000000000000011.log`: no storage space");
    assert!(matches!(
        log.append_and_wait(None, &event(0, 0)),
        Err(LogUnavailable::Failed(_))
    ));
    assert!(matches!(log.health(), Health::Failed { .. }));
    assert!(log.close().is_err());
    join(&log);

    let records = fixture.records();
    assert_eq!(records.len() as u64, acknowledged + 1);
    assert!(
        matches!(&records.last().unwrap().event, Event::LogFailed { reason } if reason.contains("no storage space"))
    );

    // There is space again: it goes on.
    fixture.files.mend();
    let (log, recovery) = fixture.open();
    assert_eq!(
        recovery,
        Recovery {
            records: acknowledged + 1,
            unsealed: 1,
            cut: false
        }
    );
    log.append_and_wait(None, &event(0, 10_000)).unwrap();
    log.close().unwrap();
    assert_eq!(fixture.verify().unwrap().sealed, acknowledged + 2);
}

#[test]
fn u_01_a_checkpoint_that_cannot_be_written_ends_the_log() {
    let fixture = Fixture::new();
    let options = LogOptions {
        checkpoint_records: 5,
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    fixture
        .files
        .fail(Call::Write, "checkpoints", ErrorKind::StorageFull);
    let (acknowledged, why) = fill(&log, 10);
    assert_eq!(acknowledged, 5);
    assert!(
        why.to_string().contains("cannot write `checkpoints`"),
        "{why}"
    );
    join(&log);
    fixture.files.mend();
    let (log, recovery) = fixture.open();
    assert_eq!(
        recovery,
        Recovery {
            records: 6,
            unsealed: 6,
            cut: false
        }
    );
    log.close().unwrap();
    fixture.verify().unwrap();
}

#[test]
fn u_01_a_short_write_and_an_error_leave_no_half_record() {
    for takes in [1, 12, 13, 14, 60, 150] {
        let fixture = Fixture::new();
        let (log, _) = fixture.open();
        log.append_and_wait(None, &event(0, 10)).unwrap();
        fixture.files.fault(Fault {
            call: Call::Write,
            file: "segment-",
            error: ErrorKind::Other,
            takes,
        });
        let (acknowledged, _) = fill(&log, 100);
        assert_eq!(acknowledged, 0);
        join(&log);
        fixture.files.mend();
        let (log, recovery) = fixture.open();
        assert_eq!(
            recovery,
            Recovery {
                records: 1,
                unsealed: 1,
                cut: true
            },
            "{takes}"
        );
        log.append_and_wait(None, &event(1, 10)).unwrap();
        log.close().unwrap();
        assert_eq!(fixture.verify().unwrap().sealed, 2);
    }
}

#[test]
fn u_03_a_failed_sync_is_fatal_and_not_tried_again() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_and_wait(None, &event(0, 0)).unwrap();
    fixture.files.fail(Call::Sync, "segment-", ErrorKind::Other);
    let syncs = fixture.files.segment_syncs();
    let why = log.append_and_wait(None, &event(1, 0)).unwrap_err();
    insta::assert_snapshot!(why, @"audit log has failed: cannot make `segment-00000000000000000000.log` durable: other error");
    // The disk works again: the log must not.
    fixture.files.mend();
    for _ in 0..3 {
        assert!(matches!(
            log.append_and_wait(None, &event(2, 0)),
            Err(LogUnavailable::Failed(LogFailure::Sync { .. }))
        ));
    }
    join(&log);
    assert_eq!(fixture.files.segment_syncs() - syncs, 1);
    assert_eq!(
        fixture.records().len(),
        2,
        "written, not acknowledged, and nothing after it"
    );
}

#[test]
fn u_03_everybody_who_waits_is_told() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    let (entered, in_sync) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    fixture.files.on_sync(move |_| {
        let _ = entered.send(());
        let _ = gate.recv();
    });
    fixture.files.fail(Call::Sync, "segment-", ErrorKind::Other);
    let first = append_all(&log, 1, 0);
    in_sync.recv().unwrap();
    let queued = append_all(&log, 100, 0);
    drop(release);
    for answers in [first, queued] {
        let refused = answers.iter().filter(|answer| {
            matches!(answer, Err(LogUnavailable::Failed(LogFailure::Sync { .. })))
        });
        assert!(matches!(refused.count(), 1 | 100));
    }
    join(&log);
}

#[test]
fn an_opening_that_cannot_write_is_refused() {
    for (call, file) in [
        (Call::Create, "checkpoints"),
        (Call::Write, "checkpoint.new"),
        (Call::Rename, "checkpoint"),
        (Call::Sync, "checkpoints"),
        (Call::Create, "segment.new"),
        (Call::Sync, "segment.new"),
        (Call::Rename, "segment-"),
    ] {
        let fixture = Fixture::new();
        fixture.files.fail(call, file, ErrorKind::StorageFull);
        let refused = fixture.refused().to_string();
        assert!(
            refused.contains("no storage space"),
            "{call:?} {file}: {refused}"
        );
        fixture.files.mend();
        fixture.open().0.close().unwrap();
        fixture.verify().unwrap();
    }
}

/// Waits for the writer's end, which a failed log reaches by itself.
pub(super) fn join(log: &LogHandle) {
    if let Some(thread) = log.thread.lock().unwrap().take() {
        thread.join().unwrap();
    }
}
