//! HP0851. A rule that no test names.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    if context.tests.is_empty() {
        return;
    }
    for (index, rule) in context.rules() {
        let Some(item) = context.items.get(index) else {
            continue;
        };
        let full = item.qualified(&rule.name.node);
        let named = context
            .tests
            .iter()
            .any(|test| test.expect.by.contains(&full) || test.expect.observing.contains(&full));
        let obliges = rule
            .effects
            .iter()
            .any(|effect| matches!(effect.node, Effect::Mask { .. } | Effect::Limit { .. }));
        if !named && !obliges {
            let message = format!("no test names rule `{}`", rule.name.node);
            found.push((
                index,
                Problem::new(
                    Code::UntestedRule,
                    message,
                    rule.name.span,
                    "not shown by any test",
                )
                .help(format!(
                    "add a test with `expect ... by {}`",
                    rule.name.node
                )),
            ));
        }
    }
}
