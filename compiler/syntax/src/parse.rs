//! Parses one item. Parsing never fails: what can be read becomes a tree, what cannot becomes a problem.
//!
//! The whole item is tried first. Where that fails, the item is split into clauses and each is parsed on its own
//! (`recover`), so that every broken clause is reported and the others still reach the checker.

mod brackets;
mod build;
mod build_exception;
mod build_labels;
mod build_obligation;
mod build_responsibility;
mod build_schedule;
mod build_test;
mod condition;
mod expected;
mod history;
mod recover;

use pest::Parser;

use crate::ast::Item;
use crate::code::Code;
use crate::grammar::{Grammar, Rule};
use crate::lex::{Kind, Token, tokens};
use crate::limits::{MAX_NAME_BYTES, MAX_PROBLEMS_PER_ITEM};
use crate::problem::Problem;
use crate::span::Span;
use crate::split::not_an_item;
use crate::words;

/// What was read of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The `///` lines above the item, joined.
    pub doc: String,
    /// The word that begins it.
    pub keyword: String,
    /// Where that word begins: behind the documentation.
    pub start: u32,
    /// The name that it declares, also where the rest is broken.
    pub name: Option<String>,
    /// The tree, where enough could be read to have one.
    pub item: Option<Item>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Parses the text of one item, as [`crate::split::split`] makes it.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let tokens = tokens(text);
    let doc = documentation(text, &tokens);
    let mut parsed = Parsed {
        doc,
        keyword: String::new(),
        start: 0,
        name: None,
        item: None,
        problems: brackets::check(text, &tokens),
    };
    let head = tokens
        .iter()
        .position(|token| token.kind != Kind::Doc)
        .unwrap_or(tokens.len());
    let Some((keyword, behind)) = tokens.get(head..).and_then(<[Token]>::split_first) else {
        return parsed;
    };
    let word = keyword.span.of(text);
    parsed.keyword = word.to_owned();
    parsed.start = keyword.span.start;
    parsed.name = declared(text, behind);
    let Some((rule, clauses)) = entry(word) else {
        return parsed;
    };
    if parsed
        .name
        .as_ref()
        .is_some_and(|name| name.len() > MAX_NAME_BYTES)
    {
        let message = format!("a name is longer than {MAX_NAME_BYTES} bytes");
        parsed.problems = vec![Problem::new(
            Code::TooLong,
            message,
            keyword.span,
            "the name of this",
        )];
        return parsed;
    }
    if parsed.problems.is_empty() {
        read(rule, clauses, text, &tokens, &mut parsed);
    } else if let Some(clauses) = clauses {
        recover::item(text, &tokens, rule, clauses, &mut parsed);
    }
    parsed.problems.truncate(MAX_PROBLEMS_PER_ITEM);
    parsed
}

/// Reads an item whose brackets match.
fn read(rule: Rule, clauses: Option<&[&str]>, text: &str, tokens: &[Token], parsed: &mut Parsed) {
    match (whole(rule, text, tokens, parsed), clauses) {
        (Attempt::Done, _) => {}
        (Attempt::Stray(length), _) => {
            let before = parse(text.get(..length).unwrap_or(""));
            parsed.item = before.item;
            parsed.problems.extend(before.problems);
        }
        (Attempt::Failed(problem), None) => parsed.problems.push(problem),
        (Attempt::Failed(problem), Some(clauses)) => {
            recover::item(text, tokens, rule, clauses, parsed);
            if parsed.problems.is_empty() {
                parsed.problems.push(problem);
            }
        }
    }
}

enum Attempt {
    Done,
    /// Something in column 0 that belongs to no item; what stands before it has this length.
    Stray(usize),
    Failed(Problem),
}

fn whole(rule: Rule, text: &str, tokens: &[Token], parsed: &mut Parsed) -> Attempt {
    let error = match Grammar::parse(rule, text) {
        Ok(pairs) => {
            let mut builder = build::Builder::new(0);
            parsed.item = pairs.into_iter().next().and_then(|pair| builder.item(pair));
            parsed.problems = builder.problems;
            if parsed.item.is_none() && parsed.problems.is_empty() {
                let span = Span::new(0, text.len());
                parsed.problems.push(Problem::new(
                    Code::Unexpected,
                    "this item cannot be read",
                    span,
                    "here",
                ));
            }
            return Attempt::Done;
        }
        Err(error) => error,
    };
    let place = expected::place(&error);
    let stray = tokens
        .iter()
        .find(|token| token.span.start as usize >= place);
    match stray {
        Some(token)
            if token.column_0
                && token.kind == Kind::Word
                && depth_at(tokens, token.span.start) == 0 =>
        {
            parsed.problems.push(not_an_item(text, *token));
            Attempt::Stray(token.span.start as usize)
        }
        _ => Attempt::Failed(expected::problem(text, tokens, 0, &error)),
    }
}

/// The grammar's rule for an item keyword, and the words that begin its clauses if it has any.
pub(crate) fn entry(word: &str) -> Option<(Rule, Option<&'static [&'static str]>)> {
    Some(match word {
        "package" => (Rule::package_item, None),
        "use" => (Rule::use_item, None),
        "connection" => (Rule::connection_item, None),
        "group" => (Rule::group_item, None),
        "schedule" => (Rule::schedule_item, None),
        "predicate" => (Rule::predicate_item, None),
        "data" => (Rule::data_item, Some(words::DATA_CLAUSES)),
        "rule" => (Rule::rule_item, Some(words::RULE_CLAUSES)),
        "responsibility" => (Rule::responsibility_item, None),
        "exception" => (Rule::exception_item, Some(words::EXCEPTION_CLAUSES)),
        "test" => (Rule::test_item, Some(words::TEST_CLAUSES)),
        _ => return None,
    })
}

/// The dotted name behind the keyword: the words and dots that stand without a gap.
fn declared(text: &str, behind: &[Token]) -> Option<String> {
    let first = behind.first().filter(|token| token.kind == Kind::Word)?;
    let name = behind.iter().skip(1).fold(first.span, |name, token| {
        let part = token.kind == Kind::Word || token.span.of(text) == ".";
        match part && token.span.start == name.end {
            true => name.to(token.span),
            false => name,
        }
    });
    Some(name.of(text).to_owned())
}

fn documentation(text: &str, tokens: &[Token]) -> String {
    let lines = tokens
        .iter()
        .take_while(|token| token.kind == Kind::Doc)
        .map(|token| {
            let line = token.span.of(text).trim_start_matches('/');
            line.strip_prefix(' ').unwrap_or(line).trim_end()
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn depth_at(tokens: &[Token], place: u32) -> i64 {
    tokens
        .iter()
        .take_while(|token| token.span.start < place)
        .fold(0, |depth, token| match token.kind {
            Kind::Open(_) => depth + 1,
            Kind::Close(_) => depth - 1,
            _ => depth,
        })
}

#[cfg(test)]
mod tests;
