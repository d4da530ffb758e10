//! Where a problem of the configuration stands: from key paths and byte ranges to file, line, column and key.
//! Judges nothing.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something wrong in the file, before it is known where it stands.
#[derive(Debug)]
pub(crate) struct Problem {
    place: Place,
    message: String,
    help: String,
}

#[derive(Debug)]
enum Place {
    Span(Option<Range<usize>>),
    Key(Vec<String>),
}

impl Problem {
    pub(crate) fn at_key(
        key: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let key = key.iter().map(|&part| part.to_owned()).collect();
        Problem {
            place: Place::Key(key),
            message: message.into(),
            help: help.into(),
        }
    }

    pub(crate) fn at_span(
        span: Option<Range<usize>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem {
            place: Place::Span(span),
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Everything wrong with a configuration. Displays one line a problem: `file:line:column: key: message; help`.
#[derive(Debug)]
pub(crate) struct Problems {
    file: PathBuf,
    problems: Vec<Placed>,
}

#[derive(Debug)]
struct Placed {
    position: Option<(usize, usize)>,
    key: String,
    message: String,
    help: String,
}

impl Problems {
    pub(crate) fn new(file: &Path, text: &str, problems: Vec<Problem>) -> Problems {
        let mut problems: Vec<Placed> = problems
            .into_iter()
            .map(|problem| place(problem, text))
            .collect();
        problems.sort_by_key(|problem| problem.position);
        Problems {
            file: file.to_owned(),
            problems,
        }
    }

    pub(crate) fn whole_file(file: &Path, message: String) -> Problems {
        let help = "give the path of the configuration with `--config`".to_owned();
        let problem = Placed {
            position: None,
            key: String::new(),
            message,
            help,
        };
        Problems {
            file: file.to_owned(),
            problems: vec![problem],
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some((line, column)) = problem.position {
                write!(f, ":{line}:{column}")?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}; {}", problem.message, problem.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

fn place(problem: Problem, text: &str) -> Placed {
    let tree = DeTable::parse(text).ok();
    let (key, offset) = match problem.place {
        Place::Span(span) => {
            let offset = span.map(|span| span.start);
            let key = tree
                .as_ref()
                .zip(offset)
                .map(|(tree, offset)| key_at(tree.get_ref(), offset))
                .unwrap_or_default();
            (key, offset)
        }
        Place::Key(key) => {
            let offset = tree
                .as_ref()
                .and_then(|tree| offset_of(tree.get_ref(), &key));
            (key, offset)
        }
    };
    Placed {
        position: offset.map(|offset| line_and_column(text, offset)),
        key: key.join("."),
        message: problem.message,
        help: problem.help,
    }
}

/// The path of the innermost key whose name or value holds `offset`.
fn key_at(table: &DeTable<'_>, offset: usize) -> Vec<String> {
    let entry = table
        .iter()
        .find(|(key, value)| key.span().contains(&offset) || holds(value, offset));
    let Some((key, value)) = entry else {
        return Vec::new();
    };
    let mut path = vec![key.get_ref().to_string()];
    if !key.span().contains(&offset) {
        path.extend(below(value, offset));
    }
    path
}

fn below(value: &Spanned<DeValue<'_>>, offset: usize) -> Vec<String> {
    match value.get_ref() {
        DeValue::Table(table) => key_at(table, offset),
        DeValue::Array(array) => {
            let found = array
                .iter()
                .enumerate()
                .find(|(_, item)| holds(item, offset));
            let Some((index, item)) = found else {
                return Vec::new();
            };
            let mut path = vec![index.to_string()];
            path.extend(below(item, offset));
            path
        }
        _ => Vec::new(),
    }
}

/// A table written in several places spans only its header, so its entries are asked too.
fn holds(value: &Spanned<DeValue<'_>>, offset: usize) -> bool {
    value.span().contains(&offset)
        || match value.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .any(|(key, value)| key.span().contains(&offset) || holds(value, offset)),
            DeValue::Array(array) => array.iter().any(|item| holds(item, offset)),
            _ => false,
        }
}

/// Where the longest part of `key` that is in the file stands.
fn offset_of(table: &DeTable<'_>, key: &[String]) -> Option<usize> {
    let (first, rest) = key.split_first()?;
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == first)?;
    offset_in(value, rest).or(Some(name.span().start))
}

fn offset_in(value: &Spanned<DeValue<'_>>, rest: &[String]) -> Option<usize> {
    match value.get_ref() {
        DeValue::Table(table) => offset_of(table, rest),
        DeValue::Array(array) => {
            let (index, rest) = rest.split_first()?;
            let item = array.get(index.parse::<usize>().ok()?)?;
            offset_in(item, rest).or(Some(item.span().start))
        }
        _ => None,
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |tail| tail.chars().count())
        + 1;
    (line, column)
}
