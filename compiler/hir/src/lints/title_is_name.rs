//! HP0649. A title that says no more than the name.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    let Some(title) = &rule.title else { return };
    if letters(&title.node) == letters(&rule.name.node) {
        let message = "the title repeats the name";
        found.push(
            Problem::new(
                Code::TitleIsName,
                message,
                title.span,
                "says no more than the name",
            )
            .help("say what the rule is for, in a sentence"),
        );
    }
}

/// The letters and digits alone, in lower case.
fn letters(text: &str) -> String {
    let letters = text.chars().filter(|char| char.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
