//! HP0724. An allow that says only what it does not grant.

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
    if only_excludes(when) {
        let message = format!(
            "rule `{}` grants everything but what it names",
            rule.name.node
        );
        found.push(
            Problem::new(Code::GrantByExclusion, message, tree::span(when), "only what is not granted")
                .help("say what is granted, such as `sql.verbs within [select]`; a `block` refuses the rest"),
        );
    }
}

fn only_excludes(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().all(only_excludes),
        Condition::Not(_) => true,
        Condition::Comparison(test) => test.operator.node == Operator::NotEqual,
        _ => false,
    }
}
