//! A change of key that is cut short anywhere, gone on with or taken back: the log verifies with its first key.

use std::io::ErrorKind;

use super::*;
use crate::files::Files;
use crate::files::memory::Call;
use crate::key::AuditPublicKey;

/// A full segment that no checkpoint seals, and two keys.
struct Changing {
    fixture: Fixture,
    second: Fixture,
}

/// How a gateway is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// With the new key, and the former one beside it.
    Change,
    /// With the old key alone.
    Old,
    /// With the old key, and the new one as the former.
    Back,
    /// With the new key alone.
    New,
}

impl Changing {
    /// `full`: whether the segment has no room for one more record.
    fn new(full: bool) -> Self {
        let fixture = Fixture::new();
        let (log, _) = fixture.open();
        let count = if full { 11 } else { 3 };
        append_all(&log, count, 10_000)
            .iter()
            .for_each(|answer| assert!(answer.is_ok()));
        // As if killed.
        let files = fixture.files.copy();
        log.close().unwrap();
        Self {
            fixture: Fixture { files, ..fixture },
            second: Fixture::new(),
        }
    }

    fn options(&self, keys: Keys) -> LogOptions {
        let (old, new) = (self.fixture.key(), self.second.key());
        let (key, former_key) = match keys {
            Keys::Change => (new, Some(old)),
            Keys::Old => (old, None),
            Keys::Back => (old, Some(new)),
            Keys::New => (new, None),
        };
        LogOptions {
            key,
            former_key,
            ..self.fixture.options()
        }
    }

    /// Starts, appends, stops; whether all of it went well.
    fn run(&self, files: &MemoryFiles, keys: Keys) -> Result<(), String> {
        let (log, _) = LogHandle::open(Arc::new(files.clone()), self.options(keys))
            .map_err(|why| why.to_string())?;
        let appended = log.append_and_wait(None, &event(0, 5));
        let closed = log.close();
        if let Some(thread) = log.thread.lock().unwrap().take() {
            thread.join().unwrap();
        }
        appended.map_err(|why| why.to_string())?;
        closed.map(|_| ()).map_err(|why| why.to_string())
    }

    fn verify(&self, files: &MemoryFiles, what: &str) -> verify::Verification {
        let key = self.fixture.key().public();
        let found = verify::verify_files(Arc::new(files.clone()), &key);
        found.unwrap_or_else(|why| panic!("{what}: {why}"))
    }

    fn second(&self) -> AuditPublicKey {
        self.second.key().public()
    }

    /// The new key, taken back or not, and given again: whichever way it goes, all is verified.
    fn go_on(&self, files: &MemoryFiles, keys: Keys, what: &str) {
        let went = self.run(files, keys);
        let found = self.verify(files, what);
        match (keys, went) {
            (Keys::Change, went) => {
                went.expect(what);
                assert_eq!(found.key, self.second(), "{what}");
                assert_eq!(found.changes.len(), 1, "{what}");
            }
            (Keys::Back, went) => {
                went.expect(what);
                assert_eq!(found.key, self.fixture.key().public(), "{what}");
            }
            (Keys::Old, Ok(())) => assert_eq!(found.changes, [], "{what}"),
            (Keys::New, Ok(())) => assert_eq!(found.changes.len(), 1, "{what}"),
            // What is done is not undone by a key alone, nor done by one.
            (Keys::Old, Err(why)) => {
                let made = why.contains("signed by key") || why.contains("not signed by the given");
                assert!(made, "{what}: {why}");
            }
            (Keys::New, Err(why)) => assert!(why.contains("not signed"), "{what}: {why}"),
        }
        self.run(files, Keys::Change).expect(what);
        let found = self.verify(files, what);
        assert_eq!(found.key, self.second(), "{what}");
        assert_eq!(found.unsealed(), 0, "{what}");
        self.run(files, Keys::New).expect(what);
        self.verify(files, what);
    }
}

#[test]
fn u_04_a_change_of_key_that_any_call_cuts_short_is_made_or_taken_back() {
    for full in [true, false] {
        let changing = Changing::new(full);
        let sound = changing.fixture.files.copy();
        changing.run(&sound, Keys::Change).unwrap();
        let calls = sound.calls();
        let segment = |(call, name, _): &(Call, String, bool)| {
            *call == Call::Rename && name.starts_with("segment-")
        };
        assert_eq!(calls.iter().any(segment), full);
        for (number, (call, name, _)) in calls.iter().enumerate() {
            let run = changing.fixture.files.copy();
            run.fail_once(number, ErrorKind::Other, 0);
            let went = changing.run(&run, Keys::Change);
            run.mend();
            for survives in [true, false] {
                for keys in [Keys::Change, Keys::Old, Keys::Back, Keys::New] {
                    let what = format!(
                        "full {full}, call {number} ({call:?} {name}): {went:?}, {survives}, {keys:?}"
                    );
                    let files = run.after_power_cut(|| survives);
                    changing.go_on(&files, keys, &what);
                }
            }
        }
    }
}

#[test]
fn u_04_only_the_checkpoint_over_the_record_is_by_both_keys() {
    let changing = Changing::new(true);
    let files = changing.fixture.files.copy();
    changing.run(&files, Keys::Change).unwrap();
    let signatures: Vec<usize> = String::from_utf8(files.content("checkpoints"))
        .unwrap()
        .split("\n\n")
        .filter(|part| part.starts_with('\u{2014}'))
        .map(|part| part.lines().count())
        .collect();
    // None, what was unsealed, the record, and what follows.
    assert_eq!(signatures, [1, 1, 2, 1]);
    let found = changing.verify(&files, "sound");
    let change = found.changes.first().unwrap();
    assert_eq!(change.sequence, 11);
    assert_eq!(change.from, changing.fixture.key().public());
    assert_eq!(
        (change.to, found.key),
        (changing.second(), changing.second())
    );
}

#[test]
fn u_04_a_key_that_is_out_of_use_opens_no_log() {
    let changing = Changing::new(false);
    let files = &changing.fixture.files;
    let (log, _) =
        LogHandle::open(Arc::new(files.clone()), changing.options(Keys::Change)).unwrap();
    log.close().unwrap();
    // The last checkpoint is by both keys; the record tells which one counts.
    let refused = changing.run(files, Keys::Old).unwrap_err();
    assert!(
        refused.starts_with("audit log is signed by key "),
        "{refused}"
    );
    assert!(files.names().unwrap().len() > 3);
    changing.run(files, Keys::Back).unwrap();
    let found = changing.verify(files, "back");
    assert_eq!(found.changes.len(), 2);
    assert_eq!(found.key, changing.fixture.key().public());
}
