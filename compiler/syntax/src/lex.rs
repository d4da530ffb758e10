//! Splits a text into tokens, coarsely: enough to find items, clauses, brackets and comments. What the tokens mean
//! together is the grammar's matter.

use crate::span::Span;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, digits and `_`.
    Word,
    /// Text in quotes, closed on its line.
    String,
    /// Text in quotes that the line ends too early.
    OpenString,
    /// `///` to the end of the line.
    Doc,
    /// `(`, `[` or `{`.
    Open(char),
    /// `)`, `]` or `}`.
    Close(char),
    /// Any other character.
    Other,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
    /// Whether it is the first of its line.
    pub first: bool,
    /// Whether it begins in column 0.
    pub column_0: bool,
}

/// Some editors put it at the beginning of a file; it means nothing.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The tokens of `text`, without blanks and `//` comments.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    let (mut line_start, mut first) = (0, true);
    if rest.next_if(|(_, char)| *char == BYTE_ORDER_MARK).is_some() {
        line_start = BYTE_ORDER_MARK.len_utf8();
    }
    while let Some((start, char)) = rest.next() {
        if char == '\n' {
            (line_start, first) = (start + 1, true);
            continue;
        }
        if char.is_whitespace() {
            continue;
        }
        let tail = text.get(start..).unwrap_or("");
        let (kind, end) = measure(tail, char, start);
        while rest.next_if(|(place, _)| *place < end).is_some() {}
        if let Some(kind) = kind {
            tokens.push(Token {
                kind,
                span: Span::new(start, end),
                first,
                column_0: start == line_start,
            });
        }
        first = false;
    }
    tokens
}

/// The `//` comments of `text`, those that are documentation left out.
#[must_use]
pub fn comments(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut end = 0;
    let last = Span::new(text.len(), text.len());
    let tokens = tokens(text);
    for next in tokens.iter().map(|token| token.span).chain([last]) {
        let gap = text.get(end..next.start as usize).unwrap_or("");
        let mut line = end;
        for part in gap.split_inclusive('\n') {
            if let Some(place) = part.find("//") {
                let length = part.trim_end().len();
                found.push(Span::new(line + place, line + length));
            }
            line += part.len();
        }
        end = next.end as usize;
    }
    found
}

/// What begins at `start`, and where it ends; no kind for a comment.
fn measure(tail: &str, char: char, start: usize) -> (Option<Kind>, usize) {
    let line = || start + tail.find('\n').unwrap_or(tail.len());
    match char {
        '/' if tail.starts_with("///") => (Some(Kind::Doc), line()),
        '/' if tail.starts_with("//") => (None, line()),
        '"' => {
            let (kind, length) = string(tail);
            (Some(kind), start + length)
        }
        '(' | '[' | '{' => (Some(Kind::Open(char)), start + 1),
        ')' | ']' | '}' => (Some(Kind::Close(char)), start + 1),
        _ if is_word(char) => {
            let length = tail.find(|other| !is_word(other)).unwrap_or(tail.len());
            (Some(Kind::Word), start + length)
        }
        _ => (Some(Kind::Other), start + char.len_utf8()),
    }
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

fn string(tail: &str) -> (Kind, usize) {
    let mut escaped = false;
    for (place, char) in tail.char_indices().skip(1) {
        match char {
            '\n' => return (Kind::OpenString, place),
            '"' if !escaped => return (Kind::String, place + 1),
            _ => escaped = char == '\\' && !escaped,
        }
    }
    (Kind::OpenString, tail.len())
}
