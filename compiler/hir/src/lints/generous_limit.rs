//! HP0723. A limit that limits nothing.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Rows beyond which a result is an export.
    const MANY: i64 = 100_000;
    let Some(rule) = item.rule() else { return };
    for effect in &rule.effects {
        if let Effect::Limit { rows } | Effect::Allow { rows: Some(rows) } = &effect.node
            && rows.node > MANY
        {
            found.push(
                Problem::new(
                    Code::GenerousLimit,
                    "a result of so many rows is an export",
                    rows.span,
                    "hardly a limit",
                )
                .help("say how many rows one question needs"),
            );
        }
    }
}
