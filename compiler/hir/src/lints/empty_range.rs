//! HP0706. Bounds between which no number lies.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        tree::walk(condition, &mut |part| {
            let Condition::And(parts) = part else { return };
            for (index, second) in parts.iter().enumerate() {
                let before = parts.get(..index).unwrap_or(&[]);
                if let Some(first) = before.iter().find(|first| is_empty(first, second)) {
                    found.push(
                        Problem::new(
                            Code::EmptyRange,
                            "no number lies between these bounds",
                            tree::span(second),
                            "and this",
                        )
                        .label(tree::span(first), "never both: this")
                        .help("turn one of the signs around, or join them by `or`"),
                    );
                }
            }
        });
    }
}

fn is_empty(first: &Condition, second: &Condition) -> bool {
    let (Condition::Comparison(first), Condition::Comparison(second)) = (first, second) else {
        return false;
    };
    let (Some((from, to)), Some((low, high))) = (tree::range(first), tree::range(second)) else {
        return false;
    };
    // Where the fact is missing, each reads its own default.
    let plain = first.default.is_none() && second.default.is_none();
    plain && first.fact.node == second.fact.node && from.max(low) > to.min(high)
}
