//! Joins tokens to what is read as one: dotted names, controls, numbers, operators.

use hpol_syntax::lex::{Kind, Token, tokens};
use hpol_syntax::span::Span;

/// What is read as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A word or a dotted name, or a control.
    Name,
    Number,
    Text,
    Doc,
    Open(char),
    Close(char),
    Comma,
    Operator,
}

/// One of them, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) shape: Shape,
    pub(super) span: Span,
    /// Whether it is the first of its line.
    pub(super) first: bool,
}

/// The units of a text.
pub(super) fn units(text: &str) -> Vec<Unit> {
    let tokens = tokens(text);
    let mut rest = tokens.as_slice();
    let mut units = Vec::with_capacity(tokens.len());
    while let [first, ..] = rest {
        let length = length(text, rest).max(1);
        let (taken, behind) = rest.split_at(length.min(rest.len()));
        let span = taken
            .iter()
            .fold(first.span, |span, token| span.to(token.span));
        units.push(Unit {
            shape: shape(text, *first, span),
            span,
            first: first.first,
        });
        rest = behind;
    }
    units
}

/// How many tokens belong together.
fn length(text: &str, tokens: &[Token]) -> usize {
    let Some(first) = tokens.first() else {
        return 0;
    };
    match first.kind {
        Kind::Word if is_date(text, tokens) => unbroken(tokens),
        Kind::Word | Kind::Other if network(text, tokens).is_some() => {
            network(text, tokens).unwrap_or(1)
        }
        Kind::Word => control(text, tokens).unwrap_or_else(|| {
            let name = dotted(text, tokens);
            name + key(text, tokens, name)
        }),
        Kind::String => dotted(text, tokens),
        Kind::Other if first.span.of(text) == "$" => unbroken(tokens),
        Kind::Other if is_operator(first.span.of(text)) => {
            let touching = |pair: &&[Token]| match pair {
                [left, right] => {
                    left.span.end == right.span.start && is_operator(right.span.of(text))
                }
                _ => false,
            };
            1 + tokens.windows(2).take_while(touching).count().min(1)
        }
        _ => 1,
    }
}

/// A name with dots, parts of it perhaps in quotes.
fn dotted(text: &str, tokens: &[Token]) -> usize {
    let mut length = 1;
    while let Some([before, dot, part, ..]) = tokens.get(length - 1..) {
        let joined = before.span.end == dot.span.start
            && dot.span.end == part.span.start
            && dot.span.of(text) == "."
            && matches!(part.kind, Kind::Word | Kind::String);
        if !joined {
            break;
        }
        length += 2;
    }
    length
}

/// The key of a claim behind the first `name` tokens: `["department"]`.
fn key(text: &str, tokens: &[Token], name: usize) -> usize {
    let written = |tokens: &[Token]| {
        let whole = tokens.iter().map(|token| token.span).reduce(Span::to);
        whole.is_some_and(|whole| whole.of(text) == "subject.claims")
    };
    match tokens.split_at_checked(name) {
        Some((fact, [open, key, close, ..]))
            if written(fact)
                && open.kind == Kind::Open('[')
                && key.kind == Kind::String
                && close.kind == Kind::Close(']') =>
        {
            3
        }
        _ => 0,
    }
}

/// An address or a network such as `10.0.0.0/8` or `fd00::/8`.
fn network(text: &str, tokens: &[Token]) -> Option<usize> {
    let part = |token: &Token| match token.kind {
        Kind::Word => true,
        Kind::Other => matches!(token.span.of(text), ":" | "." | "/"),
        _ => false,
    };
    let first = tokens.first().filter(|first| part(first))?;
    let touching = |pair: &&[Token]| matches!(pair, [left, right] if left.span.end == right.span.start && part(right));
    let length = 1 + tokens.windows(2).take_while(touching).count();
    let whole = first.span.to(tokens.get(length - 1)?.span).of(text);
    let is_network = whole.contains(':') || starts_with_digit(whole) && whole.contains('.');
    is_network.then_some(length)
}

/// A control such as `AC-6(10)`.
fn control(text: &str, tokens: &[Token]) -> Option<usize> {
    let [family, dash, number, rest @ ..] = tokens else {
        return None;
    };
    let touch = family.span.end == dash.span.start && dash.span.end == number.span.start;
    let words = number.kind == Kind::Word && starts_with_digit(number.span.of(text));
    if !touch || !words || dash.span.of(text) != "-" {
        return None;
    }
    match rest {
        [open, enhancement, close, ..]
            if open.kind == Kind::Open('(')
                && starts_with_digit(enhancement.span.of(text))
                && close.kind == Kind::Close(')') =>
        {
            Some(6)
        }
        _ => Some(3),
    }
}

/// A day such as `2027-03-31`.
fn is_date(text: &str, tokens: &[Token]) -> bool {
    matches!(tokens, [year, dash, ..]
        if starts_with_digit(year.span.of(text)) && dash.span.of(text) == "-" && year.span.end == dash.span.start)
}

/// What stands without a gap: a JSON path, a day.
fn unbroken(tokens: &[Token]) -> usize {
    let touching =
        |pair: &&[Token]| matches!(pair, [left, right] if left.span.end == right.span.start);
    1 + tokens.windows(2).take_while(touching).count()
}

fn shape(text: &str, first: Token, span: Span) -> Shape {
    let written = span.of(text);
    match first.kind {
        Kind::Word | Kind::Other if written.len() > 1 && written.contains(':') => Shape::Number,
        Kind::Word if starts_with_digit(written) => Shape::Number,
        Kind::Word => Shape::Name,
        Kind::String if span != first.span => Shape::Name,
        Kind::String | Kind::OpenString => Shape::Text,
        Kind::Doc => Shape::Doc,
        Kind::Open(bracket) => Shape::Open(bracket),
        Kind::Close(bracket) => Shape::Close(bracket),
        Kind::Other if written == "," => Shape::Comma,
        Kind::Other if written.starts_with('$') => Shape::Name,
        Kind::Other => Shape::Operator,
    }
}

fn is_operator(text: &str) -> bool {
    matches!(text, "=" | "!" | "<" | ">" | "&" | "|")
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_digit())
}
