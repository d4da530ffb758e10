//! HP0703. A part of a condition that stands twice.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        tree::walk(condition, &mut |part| {
            let (Condition::And(parts) | Condition::Or(parts)) = part else {
                return;
            };
            for (index, second) in parts.iter().enumerate() {
                let shape = tree::shape(second, item.text);
                let before = parts.get(..index).unwrap_or(&[]);
                let first = before
                    .iter()
                    .find(|first| tree::shape(first, item.text) == shape);
                if let Some(first) = first {
                    found.push(
                        Problem::new(
                            Code::RepeatedTest,
                            "a part of the condition stands twice",
                            tree::span(second),
                            "again",
                        )
                        .label(tree::span(first), "first here")
                        .help("leave one of them out, or write what was meant instead"),
                    );
                }
            }
        });
    }
}
