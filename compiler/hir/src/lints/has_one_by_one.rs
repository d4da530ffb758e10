//! HP0657. `has` joined by `or` over one fact.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        tree::walk(condition, &mut |part| {
            let Condition::Or(parts) = part else { return };
            for fact in tree::repeated(parts, Operator::Has) {
                let message = format!("`{fact}` is tested member by member");
                found.push(
                    Problem::new(
                        Code::HasOneByOne,
                        message,
                        tree::span(part),
                        "one test after the other",
                    )
                    .help(format!("write `{fact} has any [...]`")),
                );
            }
        });
    }
}
