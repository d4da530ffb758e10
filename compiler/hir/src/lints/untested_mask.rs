//! HP0859. A mask that no test expects.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    use hpol_bundle::policy::Effect::Mask;

    if context.tests.is_empty() {
        return;
    }
    for rule in &context.policy.rules {
        let Mask { class, .. } = &rule.effect else {
            continue;
        };
        let class = context.policy.classes.get(class.0 as usize);
        let expected = class.is_some_and(|class| {
            let mut tests = context.tests.iter();
            tests.any(|test| test.expect.masking.contains(&class.name))
        });
        let Some((index, rule)) = context.rule_named(&rule.name) else {
            continue;
        };
        let mut classes = rule.effects.iter().filter_map(|effect| match &effect.node {
            Effect::Mask { class, .. } => Some(class),
            _ => None,
        });
        if let (Some(class), false) = (classes.next(), expected) {
            let message = format!("no test expects that `{}` is masked", class.node);
            let help = format!("add a test with `expect ... masking {}`", class.node);
            found.push((
                index,
                Problem::new(
                    Code::UntestedMask,
                    message,
                    class.span,
                    "not shown by any test",
                )
                .help(help),
            ));
        }
    }
}
