//! The tokens of a file as they are written again: names, numbers, operators and brackets, each with the comments that
//! stand before it.

use crate::lex::{Kind, Token, tokens};

/// All of a file.
pub(super) struct Pieces<'t> {
    pub(super) pieces: Vec<Piece<'t>>,
    /// The comments behind the last token.
    pub(super) last: Vec<Comment<'t>>,
}

/// Something that is never broken.
#[derive(Debug, Clone)]
pub(super) struct Piece<'t> {
    pub(super) text: &'t str,
    /// Its first byte in the file.
    pub(super) start: u32,
    /// Whether nothing stands between it and the piece before.
    pub(super) glued: bool,
    /// Whether it begins another line than the one on which the piece before ends.
    pub(super) newline: bool,
    /// Whether an empty line stands directly before it.
    pub(super) blank: bool,
    /// The comments between the piece before and this one.
    pub(super) comments: Vec<Comment<'t>>,
}

/// `//` or `///` to the end of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment<'t> {
    pub(super) text: &'t str,
    /// Whether it stands behind something on its line.
    pub(super) trailing: bool,
    /// Whether an empty line stands directly before it.
    pub(super) blank: bool,
}

/// What stands between two tokens.
#[derive(Default)]
struct Gap<'t> {
    comments: Vec<Comment<'t>>,
    newlines: usize,
    empty: bool,
    newline: bool,
}

pub(super) fn pieces(text: &str) -> Pieces<'_> {
    let tokens = tokens(text);
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut end = 0;
    let mut kind = None;
    let mut in_path = false;
    let mut gap = Gap::start();
    for token in &tokens {
        gap.read(slice(text, end, token.span.start));
        let word = token.span.of(text);
        end = token.span.end;
        if token.kind == Kind::Doc {
            gap.comment(word);
            continue;
        }
        in_path = in_path && gap.empty;
        let joined = gap.empty
            && pieces
                .last()
                .is_some_and(|last| in_path || joins(kind, last.text, token.kind, word));
        if joined && let Some(last) = pieces.last_mut() {
            last.text = slice(text, last.start, end);
        } else {
            in_path = word == "$";
            pieces.push(gap.before(token, word));
        }
        kind = Some(token.kind);
        gap = Gap {
            empty: true,
            ..Gap::default()
        };
    }
    gap.read(slice(
        text,
        end,
        u32::try_from(text.len()).unwrap_or(u32::MAX),
    ));
    Pieces {
        pieces,
        last: gap.comments,
    }
}

fn slice(text: &str, start: u32, end: u32) -> &str {
    text.get(start as usize..end as usize).unwrap_or("")
}

/// Whether two tokens without a gap are one piece, such as those of `sql.verbs`, `AC-6` and `!=`.
fn joins(before: Option<Kind>, piece: &str, kind: Kind, word: &str) -> bool {
    if is_operator(piece) || is_operator(word) {
        return is_operator(piece) && is_operator(word);
    }
    let texts = before == Some(Kind::String) || kind == Kind::String;
    let words = before == Some(Kind::Word) || kind == Kind::Word;
    let both = before == Some(Kind::String) && kind == Kind::String;
    !(is_separator(piece) || is_separator(word) || both || texts && words)
}

fn is_operator(text: &str) -> bool {
    text.chars()
        .all(|char| matches!(char, '=' | '!' | '<' | '>' | '&' | '|'))
}

fn is_separator(text: &str) -> bool {
    matches!(text, "," | "(" | ")" | "[" | "]" | "{" | "}")
}

impl<'t> Gap<'t> {
    fn start() -> Gap<'t> {
        Gap {
            newline: true,
            ..Gap::default()
        }
    }

    /// Reads what the lexer leaves out: blanks, line ends and `//` comments.
    fn read(&mut self, text: &'t str) {
        self.empty = self.empty && text.is_empty();
        let mut rest = text;
        while let Some(place) = rest.find(['\n', '/']) {
            if rest.get(place..).is_some_and(|rest| rest.starts_with('\n')) {
                self.newlines += 1;
                self.newline = true;
                rest = rest.get(place + 1..).unwrap_or("");
            } else {
                let comment = rest.get(place..).unwrap_or("");
                let length = comment.find('\n').unwrap_or(comment.len());
                self.comment(comment.get(..length).unwrap_or(""));
                rest = comment.get(length..).unwrap_or("");
            }
        }
    }

    fn comment(&mut self, text: &'t str) {
        self.empty = false;
        let text = text.trim_end();
        self.comments.push(Comment {
            text,
            trailing: !self.newline,
            blank: self.newlines > 1,
        });
        self.newlines = 0;
    }

    /// The piece of a token that stands behind this gap.
    fn before(self, token: &Token, text: &'t str) -> Piece<'t> {
        Piece {
            text,
            start: token.span.start,
            glued: self.empty,
            newline: self.newline,
            blank: self.newlines > 1,
            comments: self.comments,
        }
    }
}
