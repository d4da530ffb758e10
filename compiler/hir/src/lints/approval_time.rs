//! HP0721. An approval that waits too short or too long.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Seconds below which nobody has read the request, and beyond which nobody remembers it.
    const SENSIBLE: std::ops::RangeInclusive<u64> = 60..=8 * 3600;
    let Some(rule) = item.rule() else { return };
    for effect in &rule.effects {
        if let Effect::RequireApproval { within, .. } = &effect.node
            && !SENSIBLE.contains(&within.node)
        {
            let short = within.node < *SENSIBLE.start();
            let message = match short {
                true => "nobody reads and answers a request in this time",
                false => "the request waits longer than a working day, and the session with it",
            };
            found.push(
                Problem::new(Code::ApprovalTime, message, within.span, "hardly meant so")
                    .help("between `1m` and `8h`"),
            );
        }
    }
}
