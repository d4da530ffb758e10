//! HP0650. A title that does not fit a line.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    /// Characters of a title that lists still show whole.
    const LONGEST: usize = 80;
    let Some(title) = item.rule().and_then(|rule| rule.title.as_ref()) else {
        return;
    };
    if title.node.chars().count() > LONGEST {
        let message = format!("the title is longer than {LONGEST} characters");
        found.push(
            Problem::new(Code::LongTitle, message, title.span, "too long")
                .help("the title is a headline; put the rest into `because`"),
        );
    }
}
