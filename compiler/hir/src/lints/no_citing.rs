//! HP0853. A test that names a rule and no control.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(expect) = item.test().and_then(|test| test.expect.as_ref()) else {
        return;
    };
    if let (Some(by), true) = (expect.by.first(), expect.citing.is_empty()) {
        found.push(
            Problem::new(
                Code::NoCiting,
                "the test does not say which control the rule claims",
                by.span,
                "no `citing`",
            )
            .help("add `citing` and the control, so that the claim is tested too"),
        );
    }
}
