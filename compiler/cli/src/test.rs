//! `hpol test`: checks a policy and runs its tests.

mod coverage;
mod junit;
mod watch;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::project::{Paths, Tried, counted};
use crate::report::finding;
use crate::terminal::{Style, Terminal};
use crate::tested::Tested;
use crate::visible;

use coverage::Coverage;

/// Check a policy and run its tests
#[derive(Debug, Args)]
#[command(after_help = "\
The tests run the gateway's own evaluator on facts that the gateway's own extractors make. Names without a schema are \
looked up in `public`; a request without a host goes to `localhost`.

Examples:
  hpol test
  hpol test policies/orders
  hpol test --filter refund
  hpol test --watch
  hpol test --coverage text --min-coverage 90
  hpol test --coverage html > coverage.html
  hpol test --format junit > results.xml")]
pub(crate) struct Test {
    #[command(flatten)]
    paths: Paths,
    /// Run only the tests whose names contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Run again whenever a file of the policy changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["format", "json"])]
    watch: bool,
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Form,
    /// Print JSON, as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print also which rules, parts of conditions and controls the tests reach; `json` is `--json` with `coverage`
    #[arg(long, value_name = "FORM", conflicts_with_all = ["format", "json"])]
    coverage: Option<CoverageForm>,
    /// Fail where the tests reach less than so much of the rules
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Fail where the tests see less than so much of the parts of conditions both true and false
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_parts: Option<u8>,
}

/// In which form it is printed what the tests reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CoverageForm {
    /// For people, after the results
    Text,
    /// In the JSON document of the results
    Json,
    /// With the results, as a page that stands alone
    Html,
}

/// In which form results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// JUnit XML
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions, which become annotations
    Github,
}

impl Test {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match self.watch {
            true if matches!(self.coverage, Some(CoverageForm::Json | CoverageForm::Html)) => {
                Err(Failure::CommandLine {
                    why: "`--watch` prints text, and no JSON and no pages",
                })
            }
            true => watch::run(&self.paths, terminal, |terminal| self.once(terminal)),
            false => self.once(terminal),
        }
    }

    fn once(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let json = self.json || self.coverage == Some(CoverageForm::Json);
        let form = if json { Form::Json } else { self.format };
        // What is wrong with the policy itself has no place among the results of tests.
        let silent = !matches!(form, Form::Text | Form::Junit);
        let filter = self.filter.as_deref().unwrap_or_default();
        let tried = Tried::load_only(&self.paths, filter, silent, terminal)?;
        // A name that was mistyped must not look like tests that pass.
        let found = self.filter.is_none() || !tried.tests.is_empty();
        let coverage = self.coverage(&tried, filter);
        let page = self.coverage == Some(CoverageForm::Html);
        match form {
            Form::Text if page => {
                if let Some(coverage) = &coverage {
                    terminal.text(&coverage::html::page(coverage, &tried.tests))?;
                }
            }
            Form::Text if found => {
                if let Some(sound) = &tried.sound {
                    let others = sound.tests.len().saturating_sub(tried.tests.len());
                    print(terminal, &tried.tests, others)?;
                }
            }
            Form::Text => {}
            Form::Json => {
                let mut document = tried.as_json();
                if let (Some(CoverageForm::Json), Some(members)) =
                    (self.coverage, document.as_object_mut())
                {
                    members.insert("coverage".to_owned(), json!(coverage));
                }
                terminal.json(&document)?;
            }
            Form::Junit => terminal.text(&junit::document(&tried.tests))?,
            Form::Sarif => finding::print_sarif(&tried.findings(), terminal)?,
            Form::Github => finding::print_github(&tried.findings(), terminal)?,
        }
        if tried.sound.is_some() && !found {
            terminal.note(format_args!(
                "no test has `{}` in its name",
                visible::line(filter)
            ))?;
        }
        if let (Some(CoverageForm::Text), Some(coverage)) = (self.coverage, &coverage) {
            coverage.print(terminal)?;
        }
        let reached = match &coverage {
            Some(coverage) => self.enough(coverage, terminal)?,
            None => true,
        };
        Ok(match tried.passed() && found && reached {
            true => Outcome::Clean,
            false => Outcome::Findings,
        })
    }
}

impl Test {
    /// What the tests reach, where that is asked for; `None` also where the policy has errors.
    fn coverage(&self, tried: &Tried, filter: &str) -> Option<Coverage> {
        let asked = [self.min_coverage, self.min_parts];
        if self.coverage.is_none() && asked == [None, None] {
            return None;
        }
        let sound = tried.sound.as_ref()?;
        Some(Coverage::of(sound, &tried.project.vocabulary, filter))
    }

    /// Whether as much is reached as is asked for; says what is not.
    fn enough(&self, coverage: &Coverage, terminal: &mut Terminal) -> Result<bool, Failure> {
        let rules = match self.min_coverage {
            Some(percent) => coverage.holds(percent, terminal)?,
            None => true,
        };
        let parts = match self.min_parts {
            Some(percent) => coverage.parts_hold(percent, terminal)?,
            None => true,
        };
        Ok(rules && parts)
    }
}

/// Prints how `tests` went; `others` are those that a filter left out.
fn print(terminal: &mut Terminal, tests: &[Tested], others: usize) -> Result<(), Failure> {
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
    match others {
        0 => terminal.line(format_args!("{verdict}"))?,
        others => terminal.line(format_args!("{verdict}, {others} not run"))?,
    }
    Ok(())
}
