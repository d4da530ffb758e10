//! HP0643. A name that is too long to say.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Characters of a name that people still read at once.
    const LONGEST: usize = 40;
    let Some((name, span)) = item.declared() else {
        return;
    };
    if name.chars().count() > LONGEST {
        let message = format!(
            "`{}` is longer than {LONGEST} characters",
            words::shorten(&name)
        );
        found.push(
            Problem::new(Code::LongName, message, span, "named here").help(
                "the title has room for a sentence; the name is what records and tests call it",
            ),
        );
    }
}
