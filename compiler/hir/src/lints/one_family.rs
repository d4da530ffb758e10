//! HP0728. Networks of one family, where addresses of the other get through.

use hpol_syntax::ast::Comparison;

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    let does = |wanted: fn(&Effect) -> bool| rule.effects.iter().any(|one| wanted(&one.node));
    let allows = does(|effect| matches!(effect, Effect::Allow { .. }));
    let blocks = does(|effect| matches!(effect, Effect::Block { .. }));
    for (clause, turned) in [(&rule.when, false), (&rule.unless, true)] {
        let Some(condition) = clause else { continue };
        for test in tree::comparisons(condition) {
            let Some(other) = other_family(test) else {
                continue;
            };
            let negative = test.operator.node == Operator::NotEqual;
            let excludes = negative ^ tree::is_negated(condition, test) ^ turned;
            let message = match excludes {
                true if allows => format!("every {other} address is allowed"),
                false if blocks => format!("no {other} address is blocked"),
                _ => continue,
            };
            found.push(
                Problem::new(
                    Code::OneFamily,
                    message,
                    test.span,
                    "networks of one family",
                )
                .help("name networks of both families; `0.0.0.0/0` and `::/0` are all of each"),
            );
        }
    }
}

/// The family that none of the networks of a test is of, if they are all of one.
fn other_family(test: &Comparison) -> Option<&'static str> {
    let networks: Vec<Network> = test.values.iter().filter_map(tree::network).collect();
    let is_four = |network: &Network| network.prefix().starts_with('4');
    match networks.as_slice() {
        [] => None,
        all if all.iter().all(is_four) => Some("IPv6"),
        all if !all.iter().any(is_four) => Some("IPv4"),
        _ => None,
    }
}
