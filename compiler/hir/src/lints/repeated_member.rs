//! HP0701. A member that a list has twice.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        for test in tree::comparisons(condition) {
            for (index, value) in test.values.iter().enumerate() {
                let before = test.values.get(..index).unwrap_or(&[]);
                if let Some(first) = before.iter().find(|first| first.node == value.node) {
                    let message =
                        format!("`{}` stands twice in the list", value.span.of(item.text));
                    found.push(
                        Problem::new(Code::RepeatedMember, message, value.span, "again")
                            .label(first.span, "first here")
                            .help("leave one of them out, or write what was meant instead"),
                    );
                }
            }
        }
    }
}
