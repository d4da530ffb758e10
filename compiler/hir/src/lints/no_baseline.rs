//! HP0804. A catalogue without a baseline.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(Item::Use(import)) = &item.parsed.item else {
        return;
    };
    if import.path.node.split('.').next() == Some("nist") && import.baseline.is_none() {
        let message = "the catalogue stands without a baseline";
        found.push(
            Problem::new(
                Code::NoBaseline,
                message,
                import.path.span,
                "which controls are to be met?",
            )
            .help("add `baseline low`, `moderate`, `high` or `privacy`"),
        );
    }
}
