//! What waits for the writer: which records share a sync, when it comes, and what becomes of those for which there is no
//! room.

use std::sync::Barrier;

use super::*;

#[test]
fn records_that_arrive_during_a_sync_share_the_next_one() {
    const THREADS: usize = 32;
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    // It waits until all the others stand in the queue.
    let (in_sync, release) = fixture.hold_next_sync();
    let syncs = fixture.files.segment_syncs();
    let first = append_all(&log, 1, 0);
    in_sync.recv().unwrap();
    let queued = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let answers = append_all(&log, 1, 0);
                queued.wait();
                answers.recv().unwrap().unwrap();
            });
        }
        queued.wait();
        release.send(()).unwrap();
    });
    first.recv().unwrap().unwrap();
    assert_eq!(fixture.files.segment_syncs() - syncs, 2);
    assert_eq!(log.close().unwrap().size, THREADS as u64 + 1);
}

#[test]
fn records_that_nobody_waits_for_are_written_with_the_next_that_somebody_does() {
    let fixture = Fixture::new();
    let options = LogOptions {
        gather: Duration::from_secs(3600),
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    let syncs = fixture.files.segment_syncs();
    log.append_in_order(None, &event(0, 0)).unwrap();
    log.append_buffered(None, &event(1, 0)).unwrap();
    log.append_detached(None, &event(2, 0)).unwrap();
    let appended = log.append_and_wait(None, &event(3, 0)).unwrap();
    assert_eq!(appended, Appended { sequence: 3 });
    assert_eq!(fixture.files.segment_syncs() - syncs, 1);
    let buffered: Vec<bool> = fixture.records().iter().map(|read| read.buffered).collect();
    assert_eq!(buffered, [false, true, false, false]);
    log.close().unwrap();
}

#[test]
fn records_that_nobody_waits_for_are_written_in_time() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    let (synced, in_sync) = mpsc::channel();
    fixture.files.on_sync(move |file| {
        if file.starts_with("segment-") {
            let _ = synced.send(());
        }
    });
    log.append_in_order(None, &event(0, 0)).unwrap();
    in_sync.recv().unwrap();
    // The sync begins when the record is written.
    assert_eq!(fixture.records().len(), 1);
    log.close().unwrap();
}

#[test]
fn u_06_a_full_queue_refuses_at_once() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    let (in_sync, release) = fixture.hold_next_sync();
    let waiting = append_all(&log, 1, 0);
    in_sync.recv().unwrap();
    let queued = append_all(&log, QUEUE_RECORDS, 0);
    let never = Box::new(|_| panic!("answered twice"));
    assert!(matches!(
        log.append(None, &event(0, 0), never),
        Err(LogUnavailable::Busy)
    ));
    assert!(matches!(
        log.append_in_order(None, &event(0, 0)),
        Err(LogUnavailable::Busy)
    ));
    release.send(()).unwrap();
    assert_eq!(
        waiting
            .iter()
            .chain(queued.iter())
            .filter(Result::is_ok)
            .count(),
        QUEUE_RECORDS + 1
    );
    assert_eq!(log.close().unwrap().size, QUEUE_RECORDS as u64 + 1);
}

#[test]
fn u_06_what_has_happened_already_has_room_and_what_has_none_is_counted() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    let (in_sync, release) = fixture.hold_next_sync();
    let waiting = append_all(&log, 1, 0);
    in_sync.recv().unwrap();
    let queued = append_all(&log, QUEUE_RECORDS, 0);
    for number in 0..KEPT_RECORDS {
        log.append_detached(None, &event(number, 0)).unwrap();
    }
    for number in 0..3 {
        let lost = log.append_detached(None, &event(number, 0));
        assert!(matches!(lost, Err(LogUnavailable::Busy)));
    }
    release.send(()).unwrap();
    assert!(
        waiting
            .iter()
            .chain(queued.iter())
            .all(|answer| answer.is_ok())
    );
    let written = QUEUE_RECORDS + KEPT_RECORDS + 2;
    assert_eq!(log.close().unwrap().size, written as u64);
    let records = fixture.records();
    assert_eq!(
        records.last().unwrap().event,
        Event::RecordsLost { count: 3 }
    );
}

#[test]
fn u_12_a_record_too_large_is_refused_and_the_largest_fits() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    let refused = log
        .append_and_wait(None, &event(0, RECORD_BYTES))
        .unwrap_err();
    insta::assert_snapshot!(refused, @"record of 49277 bytes is larger than the 49152 that the audit log takes");
    for number in 0..8 {
        log.append_and_wait(None, &event(number, RECORD_BYTES - 125))
            .unwrap();
    }
    log.close().unwrap();
    assert_eq!(fixture.verify().unwrap().records, 8);
}

#[test]
fn u_12_a_record_too_large_of_what_has_happened_already_is_counted() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    for number in 0..2 {
        let lost = log.append_detached(None, &event(number, RECORD_BYTES));
        assert!(matches!(lost, Err(LogUnavailable::TooLarge { .. })));
    }
    log.close().unwrap();
    let lost: u64 = fixture
        .records()
        .iter()
        .map(|record| match record.event {
            Event::RecordsLost { count } => count,
            _ => 0,
        })
        .sum();
    assert_eq!(lost, 2);
    fixture.verify().unwrap();
}
