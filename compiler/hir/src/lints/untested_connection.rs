//! HP0860. A connection on which no test runs.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    if context.tests.is_empty() {
        return;
    }
    for (index, item) in context.items.iter().enumerate() {
        let Some(Item::Connection(connection)) = &item.parsed.item else {
            continue;
        };
        let full = item.qualified(&connection.name.node);
        let target = &connection.target.node;
        let tested = context
            .tests
            .iter()
            .any(|test| test.connection.name == full || test.connection.target == *target);
        if !tested {
            let message = format!("no test runs on `{}`", connection.name.node);
            found.push((
                index,
                Problem::new(
                    Code::UntestedConnection,
                    message,
                    connection.name.span,
                    "not shown by any test",
                )
                .help("add a test for what has to work there, and one for what must not"),
            ));
        }
    }
}
