//! HP0716. Two connections of one package with one target.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (index, item) in context.items.iter().enumerate() {
        let Some(Item::Connection(connection)) = &item.parsed.item else {
            continue;
        };
        let name = connection.name.node.as_str();
        let key = (item.package, connection.target.node.as_str());
        if let Some(other) = first.insert(key, name) {
            let message = format!("`{name}` and `{other}` are the same connection");
            found.push((
                index,
                Problem::new(
                    Code::SameTarget,
                    message,
                    connection.target.span,
                    "named already",
                )
                .help("keep one of them: a rule for one is a rule for both"),
            ));
        }
    }
}
