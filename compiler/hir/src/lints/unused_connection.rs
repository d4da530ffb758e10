//! HP0713. A connection that nothing names.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let by_label = |rule: &Rule| matches!(rule.on, Some(On::Labelled(_)));
    if context.rules().any(|(_, rule)| by_label(rule)) {
        // Labels choose connections that no rule names.
        return;
    }
    for (index, item) in context.items.iter().enumerate() {
        let Some(Item::Connection(declared)) = &item.parsed.item else {
            continue;
        };
        if !context.names(index, &declared.name.node) {
            let message = format!("connection `{}` is used nowhere", declared.name.node);
            found.push((
                index,
                Problem::new(
                    Code::UnusedConnection,
                    message,
                    declared.name.span,
                    "never named",
                )
                .help("leave it out, or use it where it was meant"),
            ));
        }
    }
}
