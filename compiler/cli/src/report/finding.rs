//! Findings for machines: what `check`, `lint` and `test` have found, in the forms of `--format`. One place for all of them.

use clap::ValueEnum;
use hpol_syntax::code::Code;
use serde::Serialize;

use super::{Place, github, sarif};
use crate::exit::Failure;
use crate::terminal::Terminal;

/// In which form findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions, which become annotations
    Github,
}

/// The option, and `--json` beside it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Output {
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
    /// Print JSON, as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl Output {
    pub(crate) fn format(self) -> Format {
        match self.json {
            true => Format::Json,
            false => self.format,
        }
    }
}

/// Something that is wrong, at a place.
#[derive(Debug, Clone)]
pub(crate) struct Finding<'a> {
    pub(crate) rule: Rule,
    pub(crate) is_error: bool,
    pub(crate) message: &'a str,
    pub(crate) help: Option<&'a str>,
    /// The file as a path from the current folder.
    pub(crate) path: String,
    pub(crate) place: &'a Place,
    pub(crate) fix: &'a [PlacedEdit],
}

/// What is violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A diagnostic.
    Code(Code),
    /// A test whose expectation does not hold.
    FailingTest,
}

/// A change of a file, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlacedEdit {
    #[serde(flatten)]
    pub(crate) place: Place,
    /// The file as a path from the current folder.
    #[serde(skip)]
    pub(crate) path: String,
    /// What comes in place of the text there.
    pub(crate) text: String,
}

impl Rule {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Rule::Code(code) => code.as_str(),
            Rule::FailingTest => "failing-test",
        }
    }

    /// Its page, as Markdown; the first line is its title.
    pub(crate) fn page(self) -> &'static str {
        match self {
            Rule::Code(code) => code.page(),
            Rule::FailingTest => {
                "# A test that fails\n\nWhat the policy decides is not what the test expects. Either is wrong.\n"
            }
        }
    }

    pub(crate) fn title(self) -> &'static str {
        crate::explain::title(self.page())
    }
}

/// Prints findings as one SARIF log.
pub(crate) fn print_sarif(
    findings: &[Finding<'_>],
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    Ok(terminal.json(&sarif::log(findings))?)
}

/// Prints findings as workflow commands, one on each line.
pub(crate) fn print_github(
    findings: &[Finding<'_>],
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    for finding in findings {
        terminal.line(format_args!("{}", github::command(finding)))?;
    }
    Ok(())
}
