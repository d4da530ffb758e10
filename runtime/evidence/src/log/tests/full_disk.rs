//! A disk that fills up: what is taken in advance leaves room for what is needed now.

use std::io::ErrorKind;

use super::failure::join;
use super::*;
use crate::files::memory::Call;

#[test]
fn u_01_a_disk_that_fills_stops_what_is_new_first_and_then_all() {
    let fixture = Fixture::new();
    let options = LogOptions {
        checkpoint_records: 1,
        space_every: Duration::from_millis(1),
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    let append = |count: usize| {
        (0..count)
            .try_for_each(|number| log.append_and_wait(None, &event(number, 9000)).map(|_| ()))
    };
    append(1).unwrap();
    assert_eq!(log.health(), Health::Serving);
    fixture.files.fill_disk(90);
    append(1).unwrap();
    seen(&log, &Health::NearlyFull);
    fixture
        .files
        .fail(Call::Write, "segment.new", ErrorKind::StorageFull);
    append(8).unwrap();
    seen(&log, &Health::Full);
    // Somebody makes room.
    fixture.files.mend();
    fixture.files.fill_disk(50);
    seen(&log, &Health::Serving);
    append(1).unwrap();
    // Nobody makes room, in the next segment.
    append(3).unwrap();
    fixture
        .files
        .fail(Call::Write, "segment.new", ErrorKind::StorageFull);
    append(8).unwrap();
    seen(&log, &Health::Full);
    let why = append(20).unwrap_err();
    assert!(why.to_string().contains("no storage space"), "{why}");
    join(&log);
    assert!(matches!(log.health(), Health::Failed { .. }));
    let last = fixture.records().pop().unwrap();
    assert!(matches!(last.event, Event::LogFailed { .. }), "{last:?}");
    fixture.files.mend();
    fixture.open().0.close().unwrap();
    fixture.verify().unwrap();
}

/// The writer looks at the disk after it has answered.
fn seen(log: &LogHandle, health: &Health) {
    for _ in 0..1_000_000 {
        if log.health() == *health {
            return;
        }
        thread::yield_now();
    }
    panic!("{:?} and not {health:?}", log.health());
}

#[test]
fn u_01_a_segment_that_has_no_space_leaves_what_there_is_to_checkpoints() {
    // Also where the disk does not say what is free, so that it is written until it is full.
    for told in [true, false] {
        let fixture = Fixture::new();
        let options = LogOptions {
            checkpoint_records: 1,
            space_every: Duration::from_secs(3600),
            ..fixture.options()
        };
        let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
        fixture.files.leave_space(40_000, told);
        for number in 0..11 {
            log.append_and_wait(None, &event(number, 10_000)).unwrap();
        }
        seen(&log, &Health::Full);
        let why = log.append_and_wait(None, &event(0, 10_000)).unwrap_err();
        assert!(why.to_string().contains("no storage space"), "{why}");
        join(&log);
        // The first, the one that had no space, and the last attempt when there was nothing else.
        let asked = fixture.files.calls();
        let asked = asked
            .iter()
            .filter(|(call, name, _)| *call == Call::Create && name == "segment.new");
        assert_eq!(asked.count(), 3, "{told}");
        assert!(fixture.files.content("segment.new").is_empty());
        let last = fixture.records().pop().unwrap();
        assert!(matches!(last.event, Event::LogFailed { .. }), "{last:?}");
        assert_eq!(fixture.verify().unwrap().sealed, 11);
        fixture.files.mend();
        fixture.open().0.close().unwrap();
        fixture.verify().unwrap();
    }
}

#[test]
fn u_01_a_salt_that_has_no_space_is_made_later() {
    let fixture = Fixture::new();
    let options = LogOptions {
        salt_every: Duration::ZERO,
        space_every: Duration::from_millis(1),
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    for call in [Call::Create, Call::Write, Call::Rename] {
        fixture.files.fail(call, "salt", ErrorKind::StorageFull);
        log.append_and_wait(None, &event(0, 10)).unwrap();
        seen(&log, &Health::Full);
        fixture.files.mend();
        seen(&log, &Health::Serving);
    }
    fixture.files.fail(Call::Sync, "salt", ErrorKind::Other);
    let why = log.append_and_wait(None, &event(0, 10)).unwrap_err();
    assert!(why.to_string().contains("durable"), "{why}");
    join(&log);
}
