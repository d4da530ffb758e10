//! HP0722. A mask that keeps much.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Characters that may stay without telling most values.
    const FEW: i64 = 6;
    let Some(rule) = item.rule() else { return };
    for effect in &rule.effects {
        if let Effect::Mask {
            masker: Masker::KeepLast(kept) | Masker::KeepFirst(kept),
            ..
        } = &effect.node
            && kept.node > FEW
        {
            let message = format!("{} characters stay, which may be all there is", kept.node);
            found.push(
                Problem::new(Code::MuchKept, message, kept.span, "keeps much")
                    .help("keep 4, or write `redact` or `hash`"),
            );
        }
    }
}
