//! HP0661. A title that ends as a sentence does.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(title) = item.rule().and_then(|rule| rule.title.as_ref()) else {
        return;
    };
    if title.node.ends_with('.') && !title.node.ends_with("..") {
        let written = title.span.of(item.text);
        let right = format!("{}\"", written.trim_end_matches('"').trim_end_matches('.'));
        found.push(
            Problem::new(
                Code::TitlePeriod,
                "the title ends with a period",
                title.span,
                "a headline",
            )
            .write(&right),
        );
    }
}
