//! `hpol test --watch`: runs again whenever a file changes that the policy is read from.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::exit::{Failure, Outcome};
use crate::project::Paths;
use crate::terminal::{Style, Terminal};

/// How often it is looked whether something has changed: at once for whoever saves a file, and no load for thousands of them.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Does `once`, and again after each change below `paths`. Ends only by a failure that no change of a file mends.
pub(super) fn run(
    paths: &Paths,
    terminal: &mut Terminal,
    mut once: impl FnMut(&mut Terminal) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    loop {
        // Before the files are read: what changes while the tests run is run too.
        let state = State::of(paths);
        match once(terminal) {
            Ok(_) => {}
            Err(failure) if failure.is_of_files() => {
                let error = terminal.paint_note(Style::Bad, "error");
                terminal.note(format_args!("{error}: {failure}"))?;
            }
            Err(failure) => return Err(failure),
        }
        terminal.note(format_args!("waiting for a change; Ctrl-C ends"))?;
        terminal.flush()?;
        while State::of(paths) == state {
            thread::sleep(LOOK_EVERY);
        }
        terminal.note(format_args!("---- changed"))?;
    }
}

/// When each file was written last, and its length; `None` where it cannot be told.
#[derive(PartialEq, Eq)]
struct State(BTreeMap<PathBuf, Option<(SystemTime, u64)>>);

impl State {
    fn of(paths: &Paths) -> State {
        let files = paths.files().into_iter().map(|path| {
            let about = fs::metadata(&path).ok();
            let about = about.and_then(|about| Some((about.modified().ok()?, about.len())));
            (path, about)
        });
        State(files.collect())
    }
}
