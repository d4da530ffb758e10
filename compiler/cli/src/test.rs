//! `hpol test`: checks a policy and runs its tests.

use clap::Args;

use crate::exit::{Failure, Outcome};
use crate::project::{Paths, Tested, Tried, counted};
use crate::terminal::{Style, Terminal};

/// Check a policy and run its tests
#[derive(Debug, Args)]
#[command(after_help = "\
The tests run the gateway's own evaluator on facts that the gateway's own extractors make. Names without a schema are
looked up in `public`; a request without a host goes to `localhost`.

Examples:
  hpol test
  hpol test policies/orders")]
pub(crate) struct Test {
    #[command(flatten)]
    paths: Paths,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let tried = Tried::load(&self.paths, self.json, terminal)?;
        if self.json {
            terminal.json(&tried.as_json())?;
        } else if tried.sound.is_some() {
            print(terminal, &tried.tests)?;
        }
        Ok(match tried.passed() {
            true => Outcome::Clean,
            false => Outcome::Findings,
        })
    }
}

fn print(terminal: &mut Terminal, tests: &[Tested]) -> Result<(), Failure> {
    for test in tests {
        test.print(terminal)?;
    }
    let failed = tests.iter().filter(|test| !test.passed()).count();
    let verdict = match (failed, tests.len()) {
        (_, 0) => terminal.paint(Style::Warn, "no tests: nothing shows what this policy does"),
        (0, all) => terminal.paint(Style::Good, &format!("{} passed", counted(all, "test"))),
        (failed, all) => terminal.paint(
            Style::Bad,
            &format!("{failed} of {} failed", counted(all, "test")),
        ),
    };
    terminal.line(format_args!("{verdict}"))?;
    Ok(())
}
