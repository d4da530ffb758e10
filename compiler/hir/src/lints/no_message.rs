//! HP0651. A block that does not say what to do instead.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(rule) = item.rule() else { return };
    for effect in &rule.effects {
        if let Effect::Block { message: None, .. } = &effect.node {
            let message = format!("rule `{}` blocks without a word", rule.name.node);
            found.push(
                Problem::new(Code::NoMessage, message, effect.span, "no message")
                    .help("tell the agent or the person what to do instead: `block \"...\"`"),
            );
        }
    }
}
