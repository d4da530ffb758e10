//! The tests of a policy run, several at a time, and how each went. What decides stands in [`crate::trial`].

mod path;

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::TestCase;
use serde::Serialize;

use crate::exit::Failure;
use crate::project::Sound;
use crate::report::Place;
use crate::report::finding::{Finding, Rule};
use crate::terminal::{Style, Terminal};
use crate::trial::Trial;
use crate::visible;

/// Tests at a time; fewer than texts can wait for the parser, so that none is refused as busy.
const AT_A_TIME: usize = 16;

/// How a test went; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    name: String,
    file: String,
    line: u32,
    result: &'static str,
    why: Option<String>,
    /// How the decision came about, where it is not the one expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<String>,
    /// The line on which it begins.
    #[serde(skip)]
    place: Place,
}

/// Runs the tests of `sound` whose names contain `filter`; they are told in the order of the files.
pub(crate) fn run(sound: &Sound, vocabulary: &Vocabulary, filter: &str) -> Vec<Tested> {
    let trial = Trial::new(&sound.policy, &sound.program, vocabulary);
    let wanted = sound.tests.iter();
    let wanted: Vec<&TestCase> = wanted.filter(|case| case.name.contains(filter)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, case)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            wanted.get(index).map(|case| (index, *case))
        } {
            done.push((index, tested(&trial, sound, vocabulary, case)));
        }
        done
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let others = cores.min(AT_A_TIME).min(wanted.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        // Where the system gives no more threads, those that are there do all the work.
        let started =
            (0..others).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok());
        let started: Vec<_> = started.collect();
        let mut done = work();
        for thread in started {
            match thread.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, tested)| tested).collect()
}

fn tested(trial: &Trial<'_>, sound: &Sound, vocabulary: &Vocabulary, case: &TestCase) -> Tested {
    let why = trial.run(case).err();
    let path = match why {
        None => Vec::new(),
        Some(_) => path::of(&sound.policy, vocabulary, trial, case),
    };
    Tested {
        name: case.name.clone(),
        file: case.source.file.clone(),
        line: case.source.line,
        result: if why.is_none() { "passed" } else { "failed" },
        why,
        path,
        place: Place {
            file: case.source.file.clone(),
            line: case.source.line as usize,
            column: 1,
            end_line: case.source.end_line as usize,
            end_column: 2,
        },
    }
}

impl Tested {
    pub(crate) fn passed(&self) -> bool {
        self.why.is_none()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// What went wrong, if anything did.
    pub(crate) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// `why`, and the path below it.
    pub(crate) fn explained(&self, why: &str) -> String {
        let mut text = why.to_owned();
        for step in &self.path {
            text.push('\n');
            text.push_str(step);
        }
        text
    }

    /// It as a finding in the file at `path`, if it failed.
    pub(crate) fn finding(&self, path: String) -> Option<Finding<'_>> {
        Some(Finding {
            rule: Rule::FailingTest,
            is_error: true,
            message: self.why()?,
            help: None,
            path,
            place: &self.place,
            fix: &[],
        })
    }

    /// Prints the test with what went wrong.
    pub(crate) fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let name = visible::line(&self.name);
        let Some(why) = &self.why else {
            let passed = terminal.paint(Style::Good, "passed");
            terminal.line(format_args!("{passed}  {name}"))?;
            return Ok(());
        };
        let failed = terminal.paint(Style::Bad, "FAILED");
        terminal.line(format_args!("{failed}  {name}"))?;
        terminal.line(format_args!(
            "        {}:{}: {}",
            visible::line(&self.file),
            self.line,
            visible::line(why)
        ))?;
        for step in &self.path {
            terminal.line(format_args!("          {}", visible::line(step)))?;
        }
        Ok(())
    }
}
