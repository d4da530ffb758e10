//! HP0725. An allow that asks whether something is there, not whether anything else is.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    let allows = rule
        .effects
        .iter()
        .any(|effect| matches!(effect.node, Effect::Allow { .. }));
    let Some(when) = rule.when.as_ref().filter(|_| allows) else {
        return;
    };
    let tests = tree::comparisons(when);
    let bounded = |fact: &str| {
        tests
            .iter()
            .any(|test| test.fact.node == fact && test.operator.node == Operator::Within)
    };
    for test in &tests {
        let has = matches!(
            test.operator.node,
            Operator::Has | Operator::HasAny | Operator::HasAll
        );
        let operation = test.fact.node.starts_with("sql.");
        if has && operation && !bounded(&test.fact.node) && !tree::is_negated(when, test) {
            let message = format!("`{}` may have other members beside", test.fact.node);
            found.push(
                Problem::new(Code::AllowHas, message, test.span, "grants the others too")
                    .help("to allow these and nothing else, write `within [...]`"),
            );
        }
    }
}
