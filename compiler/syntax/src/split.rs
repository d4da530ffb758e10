//! Splits a file into items. An item begins at an item keyword in column 0, with the `///` lines directly above it, and
//! ends before the next; so one broken item never hides another.

use crate::code::Code;
use crate::lex::{BYTE_ORDER_MARK, Kind, Token, tokens};
use crate::limits::{MAX_FILE_BYTES, MAX_ITEM_BYTES, MAX_PROBLEMS_PER_ITEM};
use crate::problem::Problem;
use crate::span::Span;
use crate::words;

/// A stretch of a file that is parsed on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins in the file.
    pub offset: u32,
    /// Its text, with the documentation above it and without what follows its last token.
    pub text: String,
}

/// The items of a file, in order, and what stands outside of them.
#[must_use]
pub fn split(text: &str) -> (Vec<Stretch>, Vec<Problem>) {
    if text.len() > MAX_FILE_BYTES {
        let message = format!(
            "the file is larger than {} MiB",
            MAX_FILE_BYTES / (1024 * 1024)
        );
        let problem = Problem::new(Code::TooLong, message, Span::new(0, 0), "this file");
        return (
            Vec::new(),
            vec![problem.help("split it into several files of one package")],
        );
    }
    let tokens = tokens(text);
    let mut problems: Vec<Problem> = invisible(text).take(MAX_PROBLEMS_PER_ITEM).collect();
    let starts = starts(text, &tokens);
    if let Some(stray) = tokens.first().filter(|_| starts.first() != Some(&0)) {
        problems.push(not_an_item(text, *stray));
    }
    let mut items = Vec::with_capacity(starts.len());
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(tokens.len());
        let Some(range) = tokens.get(start..end) else {
            continue;
        };
        let (Some(first), Some(last)) = (range.first(), range.last()) else {
            continue;
        };
        let span = first.span.to(last.span);
        if span.end - span.start > u32::try_from(MAX_ITEM_BYTES).unwrap_or(u32::MAX) {
            let message = format!("an item is longer than {MAX_ITEM_BYTES} bytes");
            problems.push(Problem::new(
                Code::TooLong,
                message,
                first.span,
                "this item",
            ));
            continue;
        }
        items.push(Stretch {
            offset: span.start,
            text: span.of(text).to_owned(),
        });
    }
    (items, problems)
}

/// Characters with which a policy would read otherwise than it runs: controls, a carriage return that many editors
/// show as a new line and that ends none here, marks without a width, and those that turn the direction of writing
/// (Unicode Technical Report 36; Default_Ignorable_Code_Point in UAX 44).
fn invisible(text: &str) -> impl Iterator<Item = Problem> {
    let found = text.char_indices().filter(|(place, char)| match *char {
        '\n' | '\t' => false,
        '\r' => !text.get(place + 1..).unwrap_or("").starts_with('\n'),
        BYTE_ORDER_MARK => *place > 0,
        char => char.is_control() || has_no_width(char),
    });
    found.map(|(place, char)| {
        let message = format!("character U+{:04X} cannot be seen", u32::from(char));
        let span = Span::new(place, place + char.len_utf8());
        Problem::new(Code::Invisible, message, span, "here")
            .help("take it out: a policy is what its readers see")
    })
}

fn has_no_width(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The problem of a line that does not begin an item.
pub(crate) fn not_an_item(text: &str, token: Token) -> Problem {
    let found = token.span.of(text);
    let problem = Problem::new(
        Code::NotAnItem,
        format!("`{}` does not begin an item", words::shorten(found)),
        token.span,
        "expected an item here",
    );
    match words::nearest(found, words::ITEMS.iter().copied()) {
        Some(near) => problem.did_you_mean(near),
        None if words::ITEMS.contains(&found) => {
            problem.help("an item begins in the first column of a line")
        }
        None => problem.help(format!(
            "items begin with one of {}",
            words::list(words::ITEMS)
        )),
    }
}

/// Indices of the tokens at which items begin.
fn starts(text: &str, tokens: &[Token]) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::new();
    let mut docs = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Doc if token.column_0 => docs = docs.or(Some(index)),
            Kind::Word if token.column_0 && is_item(token.span.of(text)) => {
                starts.push(docs.take().unwrap_or(index));
            }
            _ => docs = None,
        }
    }
    starts
}

fn is_item(word: &str) -> bool {
    words::ITEMS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        split(source).0.into_iter().map(|item| item.text).collect()
    }

    #[test]
    fn items_begin_in_column_0_with_their_documentation() {
        let source = "package a // of orders\n\n/// One.\n/// Two.\ngroup g = x\n  // inside\n  or y\n\n// between\nrule r {\n  test\n}\n";
        assert_eq!(
            texts(source),
            [
                "package a",
                "/// One.\n/// Two.\ngroup g = x\n  // inside\n  or y",
                "rule r {\n  test\n}"
            ]
        );
    }

    #[test]
    fn keywords_in_texts_and_comments_begin_nothing() {
        assert_eq!(texts("package a\n// rule\n\"rule\"\n").len(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_and_other_unseen_characters_are_not() {
        let (items, problems) = split("\u{feff}package a\nrule r {}\n");
        assert_eq!((items.len(), problems.len()), (2, 0));
        let (_, problems) = split("package a\n// \u{202e} and \u{7}\n\u{feff}rule r {}\n");
        let codes: Vec<Code> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [Code::Invisible, Code::Invisible, Code::Invisible]);
    }

    #[test]
    fn a_line_that_only_an_editor_ends_hides_nothing() {
        for hidden in [
            "// x\rrule r {}",
            "// x\u{85}rule r {}",
            "group g = \"a\u{fe0f}\"",
        ] {
            let (_, problems) = split(&format!("package a\r\n{hidden}\r\n"));
            assert_eq!(problems.len(), 1, "{hidden:?}");
            assert_eq!(problems[0].code, Code::Invisible);
        }
    }

    #[test]
    fn what_stands_before_the_first_item_is_reported_once() {
        let (items, problems) = split("rul r {}\nmore\nrule r {}\n");
        assert_eq!(items.len(), 1);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].help.as_deref(), Some("did you mean `rule`?"));
    }
}
