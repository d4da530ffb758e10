//! HP0807. A rule in observe that claims controls.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    if let (Some(observe), Some(Satisfies::Controls { .. })) = (rule.observe, &rule.satisfies) {
        let message = format!(
            "rule `{}` claims controls and does nothing yet",
            rule.name.node
        );
        found.push(
            Problem::new(Code::ObservedClaim, message, observe, "only observed")
                .help("take `observe` out once you have seen what it would do"),
        );
    }
}
