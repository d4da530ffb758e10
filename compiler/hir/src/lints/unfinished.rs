//! HP0656. Work that was put off.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// What people write where they mean to come back.
    const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "TBD", "HACK"];
    let tokens = lex::tokens(item.text);
    let texts = tokens
        .iter()
        .filter(|token| matches!(token.kind, lex::Kind::String | lex::Kind::Doc));
    let spans = texts
        .map(|token| token.span)
        .chain(lex::comments(item.text));
    for span in spans {
        let text = span.of(item.text);
        let words = text.split(|char: char| !char.is_alphanumeric());
        if let Some(mark) = words.clone().find(|word| MARKS.contains(word)) {
            let message = format!("`{mark}`: something is unfinished");
            found.push(
                Problem::new(Code::Unfinished, message, span, "left for later")
                    .help("finish it, or write down in the issue tracker what is missing"),
            );
        }
    }
}
