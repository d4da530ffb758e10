//! HP0705. Parts of a condition of which one always holds.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        tree::walk(condition, &mut |part| {
            let Condition::Or(parts) = part else { return };
            for (index, second) in parts.iter().enumerate() {
                let before = parts.get(..index).unwrap_or(&[]);
                let first = before.iter().find(|first| covers(first, second, item.text));
                if let Some(first) = first {
                    found.push(
                        Problem::new(
                            Code::AlwaysHolds,
                            "the condition always holds",
                            tree::span(second),
                            "or this",
                        )
                        .label(tree::span(first), "always one of both: this")
                        .help("leave the condition out if it is meant so; else join them by `and`"),
                    );
                }
            }
        });
    }
}

fn covers(first: &Condition, second: &Condition, text: &str) -> bool {
    if tree::opposite(first, second, text) {
        return true;
    }
    match (first, second) {
        (Condition::Comparison(first), Condition::Comparison(second)) => {
            let unequal = [first, second]
                .iter()
                .all(|test| test.operator.node == Operator::NotEqual && test.default.is_none());
            unequal && tree::names_another(first, second)
        }
        _ => false,
    }
}
