//! HP0644. A data class that says nothing about itself.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some(Item::Data(data)) = &item.parsed.item else {
        return;
    };
    if item.parsed.doc.trim().is_empty() {
        let message = format!("data class `{}` has no documentation", data.name.node);
        found.push(
            Problem::new(Code::Undocumented, message, data.name.span, "declared here")
                .help("say in `///` above it what belongs to it"),
        );
    }
}
