//! What is wrong with a policy, with places in files. How it is shown is the caller's matter.

use std::fmt;
use std::ops::Range;

use hpol_syntax::code::{Code, Severity};
use hpol_syntax::problem::Problem;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Its stable code; its page is [`Code::page`].
    pub code: Code,
    /// Whether there is no policy because of it.
    pub severity: Severity,
    /// One line: lower case, no final period, what the user wrote in backticks.
    pub message: String,
    /// Where; the first label is the place of the problem. There is at least one.
    pub labels: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
}

/// A place, and what is to be said there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// The file, as it was given to the workspace.
    pub file: String,
    /// Bytes of its text.
    pub span: Range<usize>,
    /// What is there.
    pub text: String,
}

impl Diagnostic {
    /// `problem`, found in the part of `file` that begins at `offset`.
    pub(crate) fn of(problem: &Problem, file: &str, offset: u32) -> Diagnostic {
        let labels = problem.labels.iter().map(|(span, text)| {
            let span = span.shifted(offset);
            Label {
                file: file.to_owned(),
                span: span.start as usize..span.end as usize,
                text: text.clone(),
            }
        });
        Diagnostic {
            code: problem.code,
            severity: problem.code.severity(),
            message: problem.message.clone(),
            labels: labels.collect(),
            help: problem.help.clone(),
        }
    }

    /// For sorting: by file and place.
    pub(crate) fn place(&self) -> (&str, usize, Code) {
        self.labels.first().map_or(("", 0, self.code), |label| {
            (&label.file, label.span.start, self.code)
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} [{}]: {}",
            self.severity.as_str(),
            self.code,
            self.message
        )
    }
}
