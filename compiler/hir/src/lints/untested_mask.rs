//! HP0859. A mask that no test expects.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    if context.tests.is_empty() {
        return;
    }
    for (index, rule) in context.rules() {
        let Some(item) = context.items.get(index) else {
            continue;
        };
        for effect in &rule.effects {
            let Effect::Mask { class, .. } = &effect.node else {
                continue;
            };
            let full = item.qualified(&class.node);
            let expected = context.tests.iter().any(|test| {
                test.expect
                    .masking
                    .iter()
                    .any(|name| *name == full || *name == class.node)
            });
            if !expected {
                let message = format!("no test expects that `{}` is masked", class.node);
                found.push((
                    index,
                    Problem::new(
                        Code::UntestedMask,
                        message,
                        class.span,
                        "not shown by any test",
                    )
                    .help(format!(
                        "add a test with `expect ... masking {}`",
                        class.node
                    )),
                ));
            }
        }
    }
}
