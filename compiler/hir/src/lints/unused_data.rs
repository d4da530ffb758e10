//! HP0712. A data class that nothing names.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    for (index, item) in context.items.iter().enumerate() {
        let Some(Item::Data(declared)) = &item.parsed.item else {
            continue;
        };
        if !context.names(index, &declared.name.node) {
            let message = format!("data class `{}` is used nowhere", declared.name.node);
            found.push((
                index,
                Problem::new(Code::UnusedData, message, declared.name.span, "never named")
                    .help("leave it out, or use it where it was meant"),
            ));
        }
    }
}
