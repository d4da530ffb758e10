//! HP0652. A number whose zeros have to be counted.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Digits that are read at a glance.
    const PLAIN: usize = 4;
    for token in lex::tokens(item.text) {
        let digits = token.span.of(item.text);
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if token.kind == lex::Kind::Word && number && digits.len() > PLAIN {
            let grouped = grouped(digits);
            let message = format!("`{digits}` has to be counted");
            found.push(
                Problem::new(Code::LongNumber, message, token.span, "hard to read").write(&grouped),
            );
        }
    }
}

/// `10000` as `10_000`.
fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}
