//! HP0660. A time in a unit that is too small for it.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// A unit, how many make the next one, and that one.
    const UNITS: &[(char, u64, char)] = &[('s', 60, 'm'), ('m', 60, 'h'), ('h', 24, 'd')];
    for token in lex::tokens(item.text) {
        let text = token.span.of(item.text);
        let Some(unit) = text
            .chars()
            .last()
            .filter(|_| token.kind == lex::Kind::Word)
        else {
            continue;
        };
        let digits = text.trim_end_matches(unit).replace('_', "");
        let Some((_, size, next)) = UNITS.iter().find(|(known, ..)| *known == unit) else {
            continue;
        };
        if let Ok(count) = digits.parse::<u64>()
            && count >= *size
            && count.is_multiple_of(*size)
        {
            let message = format!("`{text}` is {}{next}", count / size);
            let right = format!("{}{next}", count / size);
            found.push(
                Problem::new(Code::DurationUnit, message, token.span, "in a small unit")
                    .write(&right),
            );
        }
    }
}
