//! HP0726. A block that something harmless beside gets around.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    let blocks = rule
        .effects
        .iter()
        .any(|effect| matches!(effect.node, Effect::Block { .. }));
    let Some(when) = rule.when.as_ref().filter(|_| blocks) else {
        return;
    };
    for test in tree::comparisons(when) {
        let within = test.operator.node == Operator::Within && test.fact.node.starts_with("sql.");
        if within && !tree::is_negated(when, test) {
            let message = format!("one more member of `{}` gets around this", test.fact.node);
            found.push(
                Problem::new(
                    Code::BlockWithin,
                    message,
                    test.span,
                    "holds only if there is nothing else",
                )
                .help("to block each of these, write `has any [...]`"),
            );
        }
    }
}
