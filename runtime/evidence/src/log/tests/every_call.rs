//! Every call to the files fails once, one in each run: whatever it was, the log tells the truth from then on.

use std::io::ErrorKind;

use super::*;
use crate::files::memory::Call;

/// Segments, checkpoints and salts change in it.
const RECORDS: usize = 20;

fn options(fixture: &Fixture) -> LogOptions {
    LogOptions {
        checkpoint_records: 8,
        ..fixture.options()
    }
}

/// Opens, appends, closes; how many records were acknowledged, and whether all went well.
fn run(fixture: &Fixture) -> (u64, bool) {
    let files = Arc::new(fixture.files.clone());
    let Ok((log, _)) = LogHandle::open(files, options(fixture)) else {
        return (0, false);
    };
    let mut acknowledged = 0;
    for number in 0..RECORDS {
        match log.append_and_wait(None, &event(number, 9000)) {
            Ok(_) => acknowledged += 1,
            Err(why) => {
                // The disk is well again, and that changes nothing.
                assert!(matches!(why, LogUnavailable::Failed(_)), "{why}");
                let again = log.append_and_wait(None, &event(number, 0));
                assert!(matches!(again, Err(LogUnavailable::Failed(_))));
                assert!(matches!(log.health(), Health::Failed { .. }));
                assert!(log.close().is_err());
                if let Some(thread) = log.thread.lock().unwrap().take() {
                    thread.join().unwrap();
                }
                return (acknowledged, false);
            }
        }
    }
    (acknowledged, log.close().is_ok())
}

/// What is left is opened again, holds what was acknowledged, goes on and verifies.
fn go_on(fixture: &Fixture, acknowledged: u64, what: &str) {
    let files = fixture.files.after_power_cut(|| false);
    for files in [fixture.files.clone(), files] {
        let (log, recovery) = fixture.open_over(&files);
        assert!(recovery.records >= acknowledged, "{what}: {recovery:?}");
        log.append_and_wait(None, &event(0, 5)).unwrap();
        let sealed = log.close().unwrap().size;
        assert_eq!(sealed, recovery.records + 1, "{what}");
        let key = fixture.key().public();
        let verification = verify::verify_files(Arc::new(files), &key);
        let verification = verification.unwrap_or_else(|why| panic!("{what}: {why}"));
        assert_eq!(verification.sealed, sealed, "{what}");
    }
}

#[test]
fn u_01_u_03_whichever_call_fails_nothing_acknowledged_is_lost_and_no_sync_is_tried_again() {
    let sound = Fixture::new();
    assert_eq!(run(&sound), (RECORDS as u64, true));
    let calls = sound.files.calls();
    let kinds = [
        Call::Create,
        Call::Write,
        Call::Sync,
        Call::Rename,
        Call::SyncNames,
        Call::SetLength,
        Call::Protect,
    ];
    for kind in kinds {
        assert!(calls.iter().any(|(call, ..)| *call == kind), "{kind:?}");
    }
    for (number, (call, file, _)) in calls.iter().enumerate() {
        let (error, takes) = match (call, number % 4) {
            (Call::Write, 0) => (ErrorKind::StorageFull, 0),
            (Call::Write, 1) => (ErrorKind::Other, 7),
            (Call::Write, 2) => (ErrorKind::ReadOnlyFilesystem, 0),
            (Call::Write, _) => (ErrorKind::QuotaExceeded, 300),
            _ => (ErrorKind::Other, 0),
        };
        let what = format!("call {number}: {call:?} of {file}: {error}, {takes} bytes");
        let fixture = Fixture::new();
        fixture.files.fail_once(number, error, takes);
        let (acknowledged, well) = run(&fixture);
        let after = fixture.files.calls();
        let failed = after.iter().position(|(_, _, well)| !well).expect(&what);
        // Only what can wait may be asked for again: the space of a segment that is not needed yet, and a salt, since there
        // is one.
        let (failure, name, _) = &after[failed];
        let spare = name == "segment.new";
        let salt = name.starts_with("salt") && !matches!(failure, Call::Sync | Call::SyncNames);
        assert!(!well || spare || salt, "{what}");
        if *call == Call::Sync && !spare {
            let again = after[failed + 1..]
                .iter()
                .filter(|(call, name, _)| *call == Call::Sync && name == file);
            assert_eq!(again.count(), 0, "{what}");
        }
        fixture.files.mend();
        go_on(&fixture, acknowledged, &what);
    }
}
