//! HP0704. Parts of a condition that exclude each other.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        tree::walk(condition, &mut |part| {
            let Condition::And(parts) = part else { return };
            for (index, second) in parts.iter().enumerate() {
                let before = parts.get(..index).unwrap_or(&[]);
                if let Some(first) = before
                    .iter()
                    .find(|first| excludes(first, second, item.text))
                {
                    found.push(
                        Problem::new(
                            Code::NeverHolds,
                            "the condition never holds",
                            tree::span(second),
                            "and this",
                        )
                        .label(tree::span(first), "never both: this")
                        .help("join them by `or`, or make two rules of it"),
                    );
                }
            }
        });
    }
}

fn excludes(first: &Condition, second: &Condition, text: &str) -> bool {
    if tree::opposite(first, second, text) {
        return true;
    }
    match (first, second) {
        (Condition::Comparison(first), Condition::Comparison(second)) => {
            let equal = [first, second]
                .iter()
                .all(|test| test.operator.node == Operator::Equal && test.default.is_none());
            equal && tree::names_another(first, second)
        }
        _ => false,
    }
}
