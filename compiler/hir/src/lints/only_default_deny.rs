//! HP0855. Blocking rules, and tests that only show the default.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    use hpol_bundle::decision::Verdict;
    for package in context.packages() {
        let blocking = context.rules().find(|(index, rule)| {
            let own = context
                .items
                .get(*index)
                .is_some_and(|item| item.package == package);
            own && rule
                .effects
                .iter()
                .any(|effect| matches!(effect.node, Effect::Block { .. }))
        });
        let tests = context.tests.iter().filter(|test| test.package == package);
        let blocks: Vec<_> = tests
            .filter(|test| test.expect.verdict == Verdict::Block)
            .collect();
        let by_default = |test: &&crate::TestCase| test.expect.by == ["default_deny"];
        if let Some((index, rule)) = blocking
            && !blocks.is_empty()
            && blocks.iter().all(by_default)
        {
            let message = format!("every blocked test of `{package}` is blocked by default");
            found.push((
                index,
                Problem::new(
                    Code::OnlyDefaultDeny,
                    message,
                    rule.name.span,
                    "never seen to block",
                )
                .help("add a test with `expect block by` and this rule"),
            ));
        }
    }
}
