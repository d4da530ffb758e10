//! HP0719. An allow by a path prefix that ends in the middle of a name.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    if !rule
        .effects
        .iter()
        .any(|effect| matches!(effect.node, Effect::Allow { .. }))
    {
        return;
    }
    for test in rule.when.iter().flat_map(tree::comparisons) {
        let Some(Literal {
            node: LiteralKind::Text(prefix),
            span,
        }) = test.values.first()
        else {
            continue;
        };
        let path = test.fact.node == "http.path" && test.operator.node == Operator::StartsWith;
        if path && !prefix.ends_with('/') {
            let message = format!("`{prefix}` also begins `{prefix}-internal`");
            found.push(
                Problem::new(
                    Code::OpenPrefix,
                    message,
                    *span,
                    "ends in the middle of a name",
                )
                .help(format!(
                    "write `\"{prefix}/\"`, and `==` for the path itself"
                )),
            );
        }
    }
}
