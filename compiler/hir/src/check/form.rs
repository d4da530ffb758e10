//! Texts that a fact never has, since extractors bring its values into one form. A condition with such a text would
//! never hold, and a block with it would never block.

use hpol_bundle::facts::Value;
use hpol_bundle::vocabulary::Fact;
use hpol_syntax::ast::{Comparison, Literal, LiteralKind, Operator};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;

use super::Checker;

impl Checker<'_> {
    /// Reports texts that `fact` never has. What the condition reads where the fact is missing may have any form.
    pub(super) fn fits_form(
        &mut self,
        fact: &Fact,
        comparison: &Comparison,
        default: Option<&Value>,
    ) -> Option<()> {
        // The values of a definition are samples; those of each use are looked at there.
        if !self.parameters.is_empty() {
            return Some(());
        }
        let whole = comparison.operator.node != Operator::StartsWith;
        let mut fits = true;
        for literal in &comparison.values {
            let Literal {
                node: LiteralKind::Text(text),
                span,
            } = literal
            else {
                continue;
            };
            let is_default = matches!(default, Some(Value::Text(value)) if value.as_ref() == text);
            let Some(why) = misfit(&fact.name, text, whole).filter(|_| !is_default) else {
                continue;
            };
            let message = format!("`{}` is never `{text}`: {why}", fact.name);
            self.report(
                Problem::new(Code::NeverThisText, message, *span, "never matches").help(format!(
                    "write it in the form of the fact, such as `{}`",
                    fact.example
                )),
            );
            fits = false;
        }
        fits.then_some(())
    }
}

/// Why the fact called `fact` never is `text` (`whole`), or never begins with it. The forms are those of
/// `lang-spec/vocabulary.toml`.
fn misfit(fact: &str, text: &str, whole: bool) -> Option<&'static str> {
    let upper = || text.contains(|char: char| char.is_ascii_uppercase());
    match fact {
        "http.host" if upper() => Some("it is in lower case"),
        "http.host" if text.contains('/') => Some("it is the host alone"),
        "http.host" if text.contains(':') && !text.starts_with('[') => Some("it has no port"),
        "http.content_type" if upper() => Some("it is in lower case"),
        "http.content_type" if text.contains([';', ' ']) => Some("it has no parameters"),
        "http.content_type" if whole && !text.contains('/') => Some("it has a type and a subtype"),
        "http.path" if text.contains(['?', '#']) => Some("it is without the query"),
        "http.path" if !text.starts_with('/') && (whole || !text.is_empty()) => {
            Some("it begins with `/`")
        }
        "http.path" if is_refused(text, whole) => Some("requests with such a path are refused"),
        _ => None,
    }
}

/// Whether the gateway refuses paths that are `text` (`whole`), or that begin with it.
fn is_refused(text: &str, whole: bool) -> bool {
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    // More may follow behind the last segment of a beginning.
    let rest = if whole { 0 } else { 1 };
    let is_escape = |behind: &str| {
        let digits = behind.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.contains("//")
        || text.contains(|char: char| matches!(char, ';' | '\\') || char.is_control())
        || text.split('/').rev().skip(rest).any(is_dots)
        || text.split('%').skip(1).any(is_escape)
}
