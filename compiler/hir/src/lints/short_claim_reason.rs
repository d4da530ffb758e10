//! HP0802. A reason for a claim that gives none.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Words below which an assessor asks again.
    const FEWEST: usize = 4;
    let because = match item.rule().and_then(|rule| rule.satisfies.as_ref()) {
        Some(Satisfies::None { because }) => because,
        Some(Satisfies::Controls {
            because: Some(because),
            ..
        }) => because,
        _ => return,
    };
    if because.node.split_whitespace().count() < FEWEST {
        found.push(
            Problem::new(
                Code::ShortClaimReason,
                "an assessor would ask again",
                because.span,
                "says little",
            )
            .help("say what in your organisation shows it, or why no control is concerned"),
        );
    }
}
