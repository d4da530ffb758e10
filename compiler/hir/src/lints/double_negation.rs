//! HP0648. `not` before something that is negative already.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        tree::walk(condition, &mut |part| {
            let Condition::Not(inner) = part else { return };
            let (what, help) = match inner.as_ref() {
                Condition::Not(_) => ("`not not` is nothing", "leave both out"),
                Condition::Comparison(test) if test.operator.node == Operator::NotEqual => {
                    ("`not` before `!=`", "write `==`")
                }
                Condition::Comparison(test) if test.operator.node == Operator::Equal => {
                    ("`not` before `==`", "write `!=`")
                }
                _ => return,
            };
            found.push(
                Problem::new(Code::DoubleNegation, what, tree::span(inner), "negated").help(help),
            );
        });
    }
}
