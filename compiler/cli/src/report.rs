//! Diagnostics on the screen and as JSON; for other machines see [`finding`]. What is wrong is found elsewhere; here it is only shown.

pub(crate) mod finding;
mod github;
mod sarif;
mod text;

use std::fmt;
use std::sync::Arc;

use hpol_syntax::code::{Code, Severity};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use serde::Serialize;

use crate::exit::Failure;
use crate::project::counted;
use crate::terminal::{Style, Terminal};
use crate::visible;

use finding::{Finding, PlacedEdit, Rule};
use text::Text;
pub(crate) use text::Texts;

/// Something that is wrong with a policy, with the text around it.
#[derive(Debug)]
pub(crate) struct Report {
    code: Code,
    severity: Severity,
    message: String,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    /// Labels in other files, as text.
    elsewhere: Vec<String>,
    source: Arc<Text>,
    place: Place,
    fix: Vec<PlacedEdit>,
}

/// Where it is, for programs: lines and columns from 1, columns in characters, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

/// The JSON form of a report; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    #[serde(flatten)]
    place: &'a Place,
    /// Edits that mend it.
    #[serde(skip_serializing_if = "<[PlacedEdit]>::is_empty")]
    fix: &'a [PlacedEdit],
}

impl Report {
    /// A report on `diagnostic`, which was found in `texts`.
    pub(crate) fn new(diagnostic: &hpol_hir::Diagnostic, texts: &Texts<'_>) -> Report {
        let first = diagnostic.labels.first();
        let (file, range) = first.map_or(("", 0..0), |label| {
            (label.file.as_str(), label.span.clone())
        });
        let (here, elsewhere): (Vec<_>, Vec<_>) = diagnostic
            .labels
            .iter()
            .partition(|label| label.file == file);
        let elsewhere = elsewhere.into_iter().map(|label| {
            let Place {
                file, line, column, ..
            } = texts.place(&label.file, label.span.clone());
            visible::line(&format!("{file}:{line}:{column}: {}", label.text))
        });
        Report {
            code: diagnostic.code,
            severity: diagnostic.severity,
            message: visible::line(&diagnostic.message),
            help: diagnostic.help.as_deref().map(visible::block),
            labels: here.into_iter().map(label).collect(),
            elsewhere: elsewhere.collect(),
            place: texts.place(file, range),
            fix: diagnostic.fix.iter().map(|edit| texts.edit(edit)).collect(),
            source: texts.shown(file),
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The JSON form.
    pub(crate) fn entry(&self) -> Entry<'_> {
        Entry {
            code: self.code.as_str(),
            severity: self.severity.as_str(),
            message: &self.message,
            help: self.help.as_deref(),
            place: &self.place,
            fix: &self.fix,
        }
    }

    /// The form for other machines.
    pub(crate) fn finding(&self) -> Finding<'_> {
        Finding {
            rule: Rule::Code(self.code),
            is_error: self.is_error(),
            message: &self.message,
            help: self.help.as_deref(),
            path: self.source.path().to_owned(),
            place: &self.place,
            fix: &self.fix,
        }
    }
}

/// Prints every report, then how many there are and where to read on.
pub(crate) fn print(terminal: &mut Terminal, reports: &[Report]) -> Result<(), Failure> {
    let theme = if terminal.notes_have_color() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::none()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(terminal.width())
        .with_links(false);
    for report in reports {
        let mut text = String::new();
        let rendered = handler.render_report(&mut text, report);
        rendered.map_err(|fmt::Error| Failure::Internal {
            what: format!("{} cannot be shown", report.code.as_str()),
        })?;
        terminal.note(format_args!("{}\n", text.trim_matches('\n')))?;
    }
    if let Some(report) = reports.first() {
        let text = format!("`hpol explain {}` says more", report.code.as_str());
        let text = terminal.paint_note(Style::Dim, &text);
        terminal.note(format_args!("{} ({text})", summary(reports)))?;
    }
    Ok(())
}

fn summary(reports: &[Report]) -> String {
    let errors = reports.iter().filter(|report| report.is_error()).count();
    match (errors, reports.len() - errors) {
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    }
}

fn label(label: &hpol_hir::Label) -> LabeledSpan {
    LabeledSpan::new(
        Some(visible::line(&label.text)),
        label.span.start,
        label.span.len(),
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code.as_str()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let lines: Vec<&str> = self
            .help
            .iter()
            .chain(&self.elsewhere)
            .map(String::as_str)
            .collect();
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
