//! HP0708. A text whose letters are of several scripts.

use super::*;
use unicode_security::MixedScript;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let strings = lex::tokens(item.text).into_iter();
    for token in strings.filter(|token| token.kind == lex::Kind::String) {
        let text = token.span.of(item.text);
        let mixed = text
            .split(|char: char| !char.is_alphanumeric())
            .find(|word| !word.is_ascii() && !word.is_single_script());
        if let Some(word) = mixed {
            let message = format!("`{word}` has letters of several scripts");
            let help = "letters of different scripts look alike, and two names that look the same are not; write it again";
            found.push(
                Problem::new(
                    Code::MixedScripts,
                    message,
                    token.span,
                    "not what it looks like",
                )
                .help(help),
            );
        }
    }
}
