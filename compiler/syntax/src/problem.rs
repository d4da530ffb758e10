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
    /// The edit that follows the help, where there is exactly one.
    pub fix: Option<Fix>,
}

/// An edit that mends a problem.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fix {
    /// Puts a text in the place of each range; an empty range inserts.
    Replace(Vec<(Span, String)>),
    /// Imports a package into the file.
    Import(String),
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
            fix: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// The same with a word that was probably meant at the place of the problem.
    #[must_use]
    pub fn did_you_mean(self, near: &str) -> Problem {
        self.help(format!("did you mean `{near}`?")).replace(near)
    }

    /// The same with what has to be written at the place of the problem.
    #[must_use]
    pub fn write(self, right: &str) -> Problem {
        self.help(format!("write `{right}`")).replace(right)
    }

    /// The same with an edit that puts `text` at the place of the problem.
    #[must_use]
    pub fn replace(mut self, text: &str) -> Problem {
        let place = self.labels.first().map(|(span, _)| *span);
        self.fix = place.map(|span| Fix::Replace(vec![(span, text.to_owned())]));
        self
    }

    /// The same with an edit.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Problem {
        self.fix = Some(fix);
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
        if let Some(Fix::Replace(edits)) = &mut self.fix {
            for (span, _) in edits {
                *span = span.shifted(offset);
            }
        }
        self
    }
}
