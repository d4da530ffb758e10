//! Tests of the log over files in memory: order, batches, failures, power cuts. Damage on purpose is in `verify`.

mod every_call;
mod failure;
mod full_disk;
mod key_change;
mod power;
mod queue;

use std::sync::atomic::AtomicUsize;
use std::time::UNIX_EPOCH;

use super::*;
use crate::files::memory::MemoryFiles;
use crate::reader::LogReader;
use crate::record::Record;
use crate::verify;

/// A log in memory with a key and options that tests share.
pub(crate) struct Fixture {
    pub(crate) files: MemoryFiles,
    pem: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let pem = AuditKey::generate()
            .unwrap()
            .private_pem()
            .unwrap()
            .to_string();
        Self {
            files: MemoryFiles::default(),
            pem,
        }
    }

    pub(crate) fn key(&self) -> AuditKey {
        AuditKey::load(&self.pem).unwrap()
    }

    /// The smallest segments, and no checkpoints by time.
    pub(crate) fn options(&self) -> LogOptions {
        let origin = Origin::new("gateway.example/hpol").unwrap();
        LogOptions {
            clock: Arc::new(|| UNIX_EPOCH + Duration::from_millis(1_767_225_600_123)),
            checkpoint_every: Duration::from_secs(3600),
            segment_bytes: segment::LEAST_BYTES,
            ..LogOptions::new(origin, self.key())
        }
    }

    pub(crate) fn open(&self) -> (LogHandle, Recovery) {
        self.open_over(&self.files)
    }

    pub(crate) fn open_over(&self, files: &MemoryFiles) -> (LogHandle, Recovery) {
        LogHandle::open(Arc::new(files.clone()), self.options()).unwrap()
    }

    pub(crate) fn refused(&self) -> OpenLog {
        LogHandle::open(Arc::new(self.files.clone()), self.options()).unwrap_err()
    }

    pub(crate) fn verify(&self) -> Result<verify::Verification, verify::VerifyLog> {
        verify::verify_files(Arc::new(self.files.clone()), &self.key().public())
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let reader = LogReader::over(Arc::new(self.files.clone()));
        reader
            .records(0)
            .unwrap()
            .map(|read| read.unwrap().record)
            .collect()
    }

    /// Lets the next sync wait: who hears that it has begun, and who ends it.
    fn hold_next_sync(&self) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (entered, in_sync) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let mut first = true;
        self.files.on_sync(move |_| {
            if std::mem::take(&mut first) {
                entered.send(()).unwrap();
                gate.recv().unwrap();
            }
        });
        (in_sync, release)
    }
}

/// An event of about `bytes` bytes.
pub(crate) fn event(number: usize, bytes: usize) -> Event {
    Event::GatewayStopped {
        reason: format!("{number:06}{}", "x".repeat(bytes)),
    }
}

/// What a test was told about its appends.
type Answers = mpsc::Receiver<Result<Appended, LogUnavailable>>;

/// Appends `count` events without waiting.
fn append_all(log: &LogHandle, count: usize, bytes: usize) -> Answers {
    let (sender, answers) = mpsc::channel();
    for number in 0..count {
        let sender = sender.clone();
        let done = Box::new(move |result| drop(sender.send(result)));
        log.append(None, &event(number, bytes), done).unwrap();
    }
    answers
}

#[test]
fn records_keep_their_order_through_segments_and_openings() {
    let fixture = Fixture::new();
    for opening in 0..3 {
        let (log, recovery) = fixture.open();
        assert_eq!(
            recovery,
            Recovery {
                records: opening * 200,
                unsealed: 0,
                cut: false
            }
        );
        let answers = append_all(&log, 200, 2000);
        let sequences: Vec<u64> = answers
            .iter()
            .map(|answer| answer.unwrap().sequence)
            .collect();
        assert!(
            sequences
                .iter()
                .copied()
                .eq(opening * 200..(opening + 1) * 200)
        );
        assert_eq!(log.close().unwrap().size, (opening + 1) * 200);
        assert!(matches!(
            log.append_and_wait(None, &event(0, 0)),
            Err(LogUnavailable::Closed)
        ));
        assert_eq!(log.health(), Health::Closed);
    }
    let verification = fixture.verify().unwrap();
    assert_eq!(
        (
            verification.records,
            verification.sealed,
            verification.unfinished
        ),
        (600, 600, false)
    );
    assert!(verification.segments > 3, "{verification:?}");
    assert!(
        fixture
            .records()
            .iter()
            .map(|record| record.sequence)
            .eq(0..600)
    );
}

#[test]
fn a_record_carries_session_sequence_and_time() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_and_wait(
        Some("s-1"),
        &Event::SessionClosed {
            reason: "client left".into(),
            operations: 3,
        },
    )
    .unwrap();
    log.close().unwrap();
    let reader = LogReader::over(Arc::new(fixture.files.clone()));
    let read = reader.record(0).unwrap().unwrap();
    insta::assert_snapshot!(String::from_utf8(read.stored.bytes).unwrap(), @r#"{"event":"session_closed","operations":3,"reason":"client left","sequence":0,"session":"s-1","time":"2026-01-01T00:00:00.123Z"}"#);
}

#[test]
fn u_05_the_clock_does_not_order_records() {
    let fixture = Fixture::new();
    let seconds = Arc::new(AtomicUsize::new(1_000_000));
    let backwards = Arc::clone(&seconds);
    let clock: Clock = Arc::new(move || {
        UNIX_EPOCH + Duration::from_secs(backwards.fetch_sub(1000, Ordering::SeqCst) as u64)
    });
    let options = LogOptions {
        clock,
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    append_all(&log, 3, 0);
    log.close().unwrap();
    let records = fixture.records();
    assert!(records.iter().map(|record| record.sequence).eq(0..3));
    assert!(records.is_sorted_by(|earlier, later| earlier.time > later.time));
    fixture.verify().unwrap();
}

#[test]
fn a_log_that_nobody_holds_any_more_is_sealed() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_in_order(None, &event(0, 0)).unwrap();
    let thread = log.thread.lock().unwrap().take().unwrap();
    drop(log);
    thread.join().unwrap();
    assert_eq!(fixture.verify().unwrap().sealed, 1);
}

#[test]
fn checkpoints_come_by_count_and_by_time() {
    let fixture = Fixture::new();
    let options = LogOptions {
        checkpoint_records: 10,
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    for number in 0..25 {
        log.append_and_wait(None, &event(number, 0)).unwrap();
    }
    log.close().unwrap();
    assert_eq!(fixture.verify().unwrap().checkpoints, 4); // sizes 0, 10, 20, 25

    let options = LogOptions {
        checkpoint_every: Duration::from_millis(1),
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    let (sealed, checkpointed) = mpsc::channel();
    fixture.files.on_sync(move |file| {
        if file == "checkpoints" {
            let _ = sealed.send(());
        }
    });
    log.append_and_wait(None, &event(0, 0)).unwrap();
    checkpointed.recv().unwrap();
    log.close().unwrap();
    assert_eq!(fixture.verify().unwrap().checkpoints, 5);
}

#[test]
fn one_writer_at_a_time() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    assert!(matches!(fixture.refused(), OpenLog::InUse));
    log.close().unwrap();
    fixture.open().0.close().unwrap();
}

#[test]
fn one_writer_at_a_time_on_disk_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    let (log, _) = LogHandle::open_directory(&path, fixture.options()).unwrap();
    assert!(matches!(
        LogHandle::open_directory(&path, fixture.options()),
        Err(OpenLog::InUse)
    ));
    append_all(&log, 300, 2000)
        .iter()
        .for_each(|answer| assert!(answer.is_ok()));
    log.close().unwrap();
    let (log, recovery) = LogHandle::open_directory(&path, fixture.options()).unwrap();
    assert_eq!(
        recovery,
        Recovery {
            records: 300,
            unsealed: 0,
            cut: false
        }
    );
    log.close().unwrap();
    for entry in std::fs::read_dir(&path).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
    let verification = verify::verify(&path, &fixture.key().public()).unwrap();
    assert_eq!((verification.records, verification.segments), (300, 6));
}

#[test]
fn a_caller_that_panics_does_not_stop_the_log() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append(None, &event(0, 0), Box::new(|_| panic!("caller")))
        .unwrap();
    assert_eq!(
        log.append_and_wait(None, &event(1, 0)).unwrap(),
        Appended { sequence: 1 }
    );
    log.close().unwrap();
}

#[test]
fn a_writer_that_panics_leaves_a_log_that_says_so() {
    let fixture = Fixture::new();
    let options = LogOptions {
        clock: Arc::new(|| panic!("clock")),
        ..fixture.options()
    };
    let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
    let stopped = |result| matches!(result, Err(LogUnavailable::Failed(LogFailure::Stopped)));
    assert!(stopped(log.append_and_wait(None, &event(0, 0))));
    let thread = log.thread.lock().unwrap().take().unwrap();
    assert!(thread.join().is_err());
    assert!(matches!(log.health(), Health::Failed { .. }));
    assert!(stopped(log.append_and_wait(None, &event(0, 0))));
}

#[test]
fn a_log_is_opened_only_with_its_own_key_and_origin() {
    let fixture = Fixture::new();
    fixture.open().0.close().unwrap();
    let open = |options| LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap_err();
    let other_key = LogOptions {
        key: AuditKey::generate().unwrap(),
        ..fixture.options()
    };
    insta::assert_snapshot!(open(other_key), @"last checkpoint is not to be trusted: checkpoint of size 0 is not signed by the given key");
    let other_name = LogOptions {
        origin: Origin::new("elsewhere").unwrap(),
        ..fixture.options()
    };
    insta::assert_snapshot!(open(other_name), @"audit log is of `gateway.example/hpol`, this gateway's is `elsewhere`");
}
