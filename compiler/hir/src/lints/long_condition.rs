//! HP0646. A condition of too many tests.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Tests that people keep in mind at once.
    const MOST: usize = 8;
    for condition in item.conditions() {
        let mut tests = 0_usize;
        tree::walk(condition, &mut |part| {
            tests += usize::from(tree::is_leaf(part))
        });
        if tests > MOST {
            let message = format!("the condition has {tests} tests");
            found.push(
                Problem::new(
                    Code::LongCondition,
                    message,
                    tree::span(condition),
                    "too long to read",
                )
                .help("give a part of it a name: `predicate name = ...`"),
            );
        }
    }
}
