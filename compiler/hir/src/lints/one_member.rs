//! HP0702. A list of one member.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        for test in tree::comparisons(condition) {
            let plain = match test.operator.node {
                Operator::In => "==",
                Operator::HasAny | Operator::HasAll => "has",
                _ => continue,
            };
            if let [only] = test.values.as_slice() {
                let span = Span {
                    start: test.operator.span.start,
                    end: test.span.end,
                };
                let right = format!("{plain} {}", only.span.of(item.text));
                let message = format!("`{}` with one member", test.operator.node.as_str());
                let problem = Problem::new(Code::OneMember, message, span, "one member");
                // What stands there in a comment would be lost.
                let commented = !lex::comments(span.of(item.text)).is_empty();
                found.push(match commented {
                    true => problem,
                    false => problem.write(&right),
                });
            }
        }
    }
}
