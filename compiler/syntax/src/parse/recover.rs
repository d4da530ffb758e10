//! Reads an item that does not parse as a whole: the head first, then each clause on its own, split at the words that
//! begin clauses.

use pest::Parser;
use pest::error::Error;
use pest::iterators::Pair;

use super::expected::place;
use super::{Parsed, build, expected};
use crate::ast::Item;
use crate::code::Code;
use crate::grammar::{Grammar, Rule};
use crate::lex::{Kind, Token};
use crate::limits::MAX_PROBLEMS_PER_ITEM;
use crate::problem::Problem;
use crate::span::Span;
use crate::split::not_an_item;
use crate::words;

/// Adds to `parsed` what can be read of the item, and what is wrong with each part.
pub(super) fn item(
    text: &str,
    tokens: &[Token],
    rule: Rule,
    clauses: &[&str],
    parsed: &mut Parsed,
) {
    let bracket_errors = !parsed.problems.is_empty();
    let Some(open) = tokens
        .iter()
        .position(|token| token.kind == Kind::Open('{'))
    else {
        if !bracket_errors && let Err(error) = Grammar::parse(rule, text) {
            parsed
                .problems
                .push(expected::problem(text, tokens, 0, &error));
        }
        return;
    };
    let Some(mut item) = head(text, tokens, open, rule, parsed) else {
        return;
    };
    let close = closing(tokens, open);
    let body = tokens.get(open + 1..close).unwrap_or(&[]);
    let broken: Vec<Span> = parsed
        .problems
        .iter()
        .filter_map(|problem| problem.labels.first().map(|label| label.0))
        .collect();
    let mut clauses = Clauses {
        text,
        tokens,
        rule: part(rule),
        words: clauses,
        parsed,
        item: &mut item,
        complete: true,
    };
    for range in split(text, body, clauses.words, bracket_errors) {
        // Finding a place takes time in the length of the item, so it is done a bounded number of times.
        if clauses.parsed.problems.len() >= MAX_PROBLEMS_PER_ITEM {
            clauses.complete = false;
            break;
        }
        let touches = broken
            .iter()
            .any(|span| span.start >= range.start && span.end <= range.end);
        clauses.read(range, touches);
    }
    let complete = clauses.complete;
    if let (false, Some(after)) = (bracket_errors, tokens.get(close + 1)) {
        parsed.problems.push(match after.column_0 {
            true => not_an_item(text, *after),
            false => {
                let message = format!(
                    "`{}` stands behind the end of the item",
                    words::shorten(after.span.of(text))
                );
                Problem::new(Code::Unexpected, message, after.span, "not expected here")
                    .help("begin the next item on a line of its own")
            }
        });
    }
    build::set_complete(&mut item, complete);
    parsed.item = Some(item);
}

/// Reads the clauses of one item.
struct Clauses<'a> {
    text: &'a str,
    tokens: &'a [Token],
    rule: Rule,
    words: &'a [&'a str],
    parsed: &'a mut Parsed,
    item: &'a mut Item,
    complete: bool,
}

impl Clauses<'_> {
    /// Reads what stands in `range`: a clause, and perhaps behind it one whose keyword is misspelt. Is silent about what
    /// was reported already.
    fn read(&mut self, range: Span, reported: bool) {
        let Err(error) = self.clause(range) else {
            return;
        };
        let failed = self
            .tokens
            .iter()
            .find(|token| token.span.end as usize > range.start as usize + place(&error));
        if let Some(token) = failed.filter(|token| self.begins_clause(token, range)) {
            let before = self
                .tokens
                .iter()
                .rfind(|before| before.span.end <= token.span.start);
            let first = Span {
                start: range.start,
                end: before.map_or(range.start, |before| before.span.end),
            };
            let second = Span {
                start: token.span.start,
                end: range.end,
            };
            if self.clause(first).is_ok()
                && let Err(error) = self.clause(second)
            {
                self.fail(second, &error, reported);
                return;
            }
        }
        self.fail(range, &error, reported);
    }

    fn clause(&mut self, range: Span) -> Result<(), Box<Error<Rule>>> {
        let pairs = Grammar::parse(self.rule, range.of(self.text)).map_err(Box::new)?;
        let mut builder = build::Builder::new(range.start);
        for pair in pairs.into_iter().flat_map(Pair::into_inner) {
            builder.clause(self.item, pair);
        }
        self.parsed.problems.append(&mut builder.problems);
        Ok(())
    }

    /// Whether a word inside of `range` is most likely meant to begin a clause.
    fn begins_clause(&self, token: &Token, range: Span) -> bool {
        let inside = token.span.start > range.start && token.span.end <= range.end;
        let near =
            || words::nearest(token.span.of(self.text), self.words.iter().copied()).is_some();
        inside && token.kind == Kind::Word && (token.first || near())
    }

    fn fail(&mut self, range: Span, error: &Error<Rule>, reported: bool) {
        self.complete = false;
        if !reported {
            self.parsed.problems.push(expected::problem(
                self.text,
                self.tokens,
                range.start,
                error,
            ));
        }
    }
}

/// The item with an empty body.
fn head(
    text: &str,
    tokens: &[Token],
    open: usize,
    rule: Rule,
    parsed: &mut Parsed,
) -> Option<Item> {
    let end = tokens.get(open)?.span.end as usize;
    let alone = format!("{}}}", text.get(..end)?);
    match Grammar::parse(rule, &alone) {
        Ok(pairs) => {
            let mut builder = build::Builder::new(0);
            pairs.into_iter().next().and_then(|pair| builder.item(pair))
        }
        Err(error) => {
            parsed
                .problems
                .push(expected::problem(text, tokens, 0, &error));
            None
        }
    }
}

/// The token that closes the bracket at `open`, or the end.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_i64;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    // A bracket is missing: the last `}` of the item is most likely the one that ends it.
    match tokens.last() {
        Some(last) if last.kind == Kind::Close('}') && tokens.len() > open + 1 => tokens.len() - 1,
        _ => tokens.len(),
    }
}

/// The clauses in `body`. Where brackets do not match, every clause word that begins a line begins a clause.
fn split(text: &str, body: &[Token], clauses: &[&str], bracket_errors: bool) -> Vec<Span> {
    let mut starts = Vec::new();
    let mut depth = 0_i64;
    let mut clause = "";
    for (index, token) in body.iter().enumerate() {
        let word = token.span.of(text);
        let previous = index.checked_sub(1).and_then(|index| body.get(index));
        let reason = clause == "satisfies" && is_claim_reason(text, *token, previous);
        let outside = depth == 0 || (bracket_errors && token.first);
        // `allow limit`, `observe block`, and a member of a JSON path.
        let continues = match previous.map(|previous| previous.span.of(text)) {
            Some("allow" | "permit") => word == "limit",
            Some(before) => before == "observe" || before.ends_with('.'),
            None => false,
        };
        let known = token.kind == Kind::Word && clauses.contains(&word) && !reason && !continues;
        let refused = token.kind == Kind::Word && token.first && words::unsupported(word).is_some();
        if index == 0 || (outside && (known || refused)) {
            starts.push(index);
            (depth, clause) = (0, word);
        }
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
    }
    let ends = starts.iter().skip(1).copied().chain([body.len()]);
    let ranges = starts.iter().zip(ends);
    ranges
        .filter_map(|(&start, end)| {
            Some(
                body.get(start)?
                    .span
                    .to(body.get(end.checked_sub(1)?)?.span),
            )
        })
        .collect()
}

/// `because` goes with `satisfies none`, and with the controls on whose line it stands.
fn is_claim_reason(text: &str, token: Token, previous: Option<&Token>) -> bool {
    token.span.of(text) == "because"
        && previous.is_some_and(|previous| previous.span.of(text) == "none" || !token.first)
}

fn part(rule: Rule) -> Rule {
    match rule {
        Rule::data_item => Rule::data_part,
        Rule::exception_item => Rule::exception_part,
        Rule::test_item => Rule::test_part,
        _ => Rule::rule_part,
    }
}
