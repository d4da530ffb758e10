//! `hpol test`: checks a policy and runs its tests.

use clap::Args;
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::project::{Paths, Project, Tested, counted};
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
        let project = Project::load(&self.paths)?;
        if !self.json {
            project.print_reports(terminal)?;
        }
        let sound = project.sound()?;
        let tests = sound
            .as_ref()
            .map(|sound| sound.run_tests(&project.vocabulary))
            .unwrap_or_default();
        if self.json {
            let entries: Vec<_> = project
                .reports
                .iter()
                .map(|report| report.entry())
                .collect();
            terminal.json(&json!({ "diagnostics": entries, "tests": tests }))?;
        } else if sound.is_some() {
            print(terminal, &tests)?;
        }
        Ok(if sound.is_some() && tests.iter().all(Tested::passed) {
            Outcome::Clean
        } else {
            Outcome::Findings
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
