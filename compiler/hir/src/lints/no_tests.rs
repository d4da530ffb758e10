//! HP0858. Rules without any test.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    if !context.tests.is_empty() {
        return;
    }
    if let Some((index, rule)) = context.rules().next() {
        found.push((
            index,
            Problem::new(
                Code::NoTests,
                "nothing shows what this policy does",
                rule.name.span,
                "its first rule",
            )
            .help("add a `test` for what has to work, and one for what must not"),
        ));
    }
}
