//! HP0852. Rules that grant, and no test that is let through.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    use hpol_bundle::decision::Verdict;
    for package in context.packages() {
        let granting = context.rules().find(|(index, rule)| {
            let own = context
                .items
                .get(*index)
                .is_some_and(|item| item.package == package);
            let allows = |effect: &Effect| matches!(effect, Effect::Allow { .. });
            own && rule.observe.is_none() && rule.effects.iter().any(|effect| allows(&effect.node))
        });
        let mut tests = context
            .tests
            .iter()
            .filter(|test| test.package == package)
            .peekable();
        let any = tests.peek().is_some();
        let passes = tests.any(|test| test.expect.verdict != Verdict::Block);
        if let (Some((index, rule)), true, false) = (granting, any, passes) {
            let message = format!("no test of `{package}` is let through");
            found.push((
                index,
                Problem::new(Code::NoAllowTest, message, rule.name.span, "grants something")
                    .help("add a test with `expect allow`: a policy that blocks everything passes the others"),
            ));
        }
    }
}
