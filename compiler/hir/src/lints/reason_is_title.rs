//! HP0654. A reason that says what the title says.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    if let (Some(title), Some(because)) = (&rule.title, &rule.because)
        && title
            .node
            .trim()
            .trim_end_matches('.')
            .eq_ignore_ascii_case(because.node.trim().trim_end_matches('.'))
    {
        let message = "the reason repeats the title";
        found.push(
            Problem::new(
                Code::ReasonIsTitle,
                message,
                because.span,
                "says no more than the title",
            )
            .help("the title says what, the reason says why"),
        );
    }
}
