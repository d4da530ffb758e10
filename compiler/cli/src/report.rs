//! Diagnostics on the screen and as JSON. What is wrong is found elsewhere; here it is only shown.

use std::fmt;

use hpol_syntax::code::{Code, Severity};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use serde::Serialize;

use crate::exit::Failure;
use crate::project::counted;
use crate::sources::SourceFile;
use crate::terminal::{Style, Terminal};
use crate::visible;

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
    source: NamedSource<String>,
    place: Place,
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
}

impl Report {
    /// A report on `diagnostic`, which was found in `files`.
    pub(crate) fn new(diagnostic: &hpol_hir::Diagnostic, files: &[SourceFile]) -> Report {
        let text = |name: &str| {
            files
                .iter()
                .find(|file| file.name == name)
                .map_or("", |file| &file.text)
        };
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
            } = Place::of(&label.file, text(&label.file), label.span.clone());
            visible::line(&format!("{file}:{line}:{column}: {}", label.text))
        });
        Report {
            code: diagnostic.code,
            severity: diagnostic.severity,
            message: visible::line(&diagnostic.message),
            help: diagnostic.help.as_deref().map(visible::block),
            labels: here.into_iter().map(label).collect(),
            elsewhere: elsewhere.collect(),
            place: Place::of(file, text(file), range),
            source: NamedSource::new(visible::line(file), visible::same_length(text(file))),
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
        }
    }
}

impl Place {
    /// The place of a byte range in `text`.
    pub(crate) fn of(file: &str, text: &str, range: std::ops::Range<usize>) -> Place {
        let (line, column) = position(text, range.start);
        let (end_line, end_column) = position(text, range.end);
        Place {
            file: file.to_owned(),
            line,
            column,
            end_line,
            end_column,
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

/// Line and column of a byte offset, from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (
        line,
        before.get(line_start..).unwrap_or_default().chars().count() + 1,
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
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\nüb c\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 4), (2, 2));
        assert_eq!(position(text, 8), (3, 1));
        assert_eq!(position(text, 99), (3, 1));
    }
}
