//! What is wrong with one item. Places count from the first byte of the item; the workspace turns them into places in
//! a file.

use crate::code::Code;
use crate::span::Span;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// Its stable code.
    pub code: Code,
    /// One line: lower case, no final period, what the user wrote in backticks.
    pub message: String,
    /// Where; the first label is the place of the problem.
    pub labels: Vec<(Span, String)>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at one place.
    #[must_use]
    pub fn new(
        code: Code,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Problem {
        Problem {
            code,
            message: message.into(),
            labels: vec![(span, label.into())],
            help: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// The same with a further place.
    #[must_use]
    pub fn label(mut self, span: Span, label: impl Into<String>) -> Problem {
        self.labels.push((span, label.into()));
        self
    }

    /// The same with every place counted from `offset` bytes earlier.
    #[must_use]
    pub fn shifted(mut self, offset: u32) -> Problem {
        for (span, _) in &mut self.labels {
            *span = span.shifted(offset);
        }
        self
    }
}
