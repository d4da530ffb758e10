//! HP0647. A condition of too many levels.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// `or` in `and` in `or` is where most readers stop.
    const DEEPEST: usize = 3;
    for condition in item.conditions() {
        if levels(condition) > DEEPEST {
            found.push(
                Problem::new(
                    Code::DeepCondition,
                    format!("the condition has {} levels", levels(condition)),
                    tree::span(condition),
                    "too deep to read",
                )
                .help("give a part of it a name: `predicate name = ...`"),
            );
        }
    }
}

fn levels(condition: &Condition) -> usize {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            1 + parts.iter().map(levels).max().unwrap_or(0)
        }
        Condition::Not(inner) => levels(inner),
        _ => 0,
    }
}
