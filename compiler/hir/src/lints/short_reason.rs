//! HP0655. A reason of a word or two.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Words below which a reason is none.
    const FEWEST: usize = 3;
    let Some(because) = item.rule().and_then(|rule| rule.because.as_ref()) else {
        return;
    };
    let words = because.node.split_whitespace().count();
    if words < FEWEST {
        let message = format!(
            "the reason has {words} word{}",
            if words == 1 { "" } else { "s" }
        );
        found.push(
            Problem::new(Code::ShortReason, message, because.span, "says little")
                .help("say why the rule exists, for somebody who could delete it"),
        );
    }
}
