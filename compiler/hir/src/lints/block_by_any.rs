//! HP0854. A test that does not say who blocks.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(expect) = item.test().and_then(|test| test.expect.as_ref()) else {
        return;
    };
    if expect.by.is_empty() && expect.verdict.node == Verdict::Block {
        found.push(
            Problem::new(
                Code::BlockByAny,
                "any rule may block here, also by default",
                expect.verdict.span,
                "by whom?",
            )
            .help("say `by` and the rule, or `by default_deny`"),
        );
    }
}
