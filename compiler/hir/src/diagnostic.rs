//! What is wrong with a policy, with places in files. How it is shown is the caller's matter.

use std::fmt;
use std::ops::Range;

use hpol_syntax::code::{Code, Severity};
use hpol_syntax::problem::{Fix, Problem};
use hpol_syntax::span::Span;

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
    /// Edits that mend it all at once, where it is plain which; none where a person has to choose.
    pub fix: Vec<Edit>,
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edit {
    /// The file, as it was given to the workspace.
    pub file: String,
    /// Bytes of its text that go; an empty range inserts.
    pub span: Range<usize>,
    /// What comes in their place.
    pub text: String,
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
    /// `problem`, found in the part of `file` that begins at `offset`; an import would stand at `import`.
    pub(crate) fn of(problem: &Problem, file: &str, offset: u32, import: u32) -> Diagnostic {
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
            fix: edits(problem.fix.as_ref(), file, offset, import),
        }
    }

    /// For sorting: by file and place.
    pub(crate) fn place(&self) -> (&str, usize, Code) {
        self.labels.first().map_or(("", 0, self.code), |label| {
            (&label.file, label.span.start, self.code)
        })
    }
}

fn edits(fix: Option<&Fix>, file: &str, offset: u32, import: u32) -> Vec<Edit> {
    let edit = |span: Span, text: String| Edit {
        file: file.to_owned(),
        span: span.start as usize..span.end as usize,
        text,
    };
    match fix {
        None => Vec::new(),
        Some(Fix::Replace(edits)) => edits
            .iter()
            .map(|(span, text)| edit(span.shifted(offset), text.clone()))
            .collect(),
        Some(Fix::Import(package)) => {
            let place = Span {
                start: import,
                end: import,
            };
            vec![edit(place, format!("\nuse {package}"))]
        }
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
