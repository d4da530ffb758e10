//! HP0720. People told by the beginning of an identity.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        for test in tree::comparisons(condition) {
            if test.fact.node == "subject.id" && test.operator.node == Operator::StartsWith {
                let message = "whoever may choose an identity that begins so belongs to them";
                found.push(
                    Problem::new(
                        Code::GuessableSubject,
                        message,
                        test.span,
                        "only the beginning",
                    )
                    .help("ask for a group: the identity provider says who is in it"),
                );
            }
        }
    }
}
