//! HP0641. A rule without a reason.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    if rule.because.is_none() {
        let message = format!("rule `{}` does not say why it exists", rule.name.node);
        found.push(
            Problem::new(Code::NoReason, message, rule.name.span, "no `because`")
                .help("write `because \"...\"` on a line of its own"),
        );
    }
}
