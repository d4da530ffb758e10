//! HP0707. A test of a count that tells nothing.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    for condition in item.conditions() {
        for test in tree::comparisons(condition) {
            let Some((low, high)) = tree::range(test) else {
                continue;
            };
            let message = if low <= 0 && high == i64::MAX {
                "a count is never below 0, so this always holds"
            } else if high < 0 {
                "a count is never below 0, so this never holds"
            } else {
                continue;
            };
            found.push(
                Problem::new(Code::TrivialCount, message, test.span, "tells nothing")
                    .help("compare with the number that was meant"),
            );
        }
    }
}
