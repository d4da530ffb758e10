//! HP0717. Two groups with one condition.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut first: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for (index, item) in context.items.iter().enumerate() {
        let Some(Item::Group(group)) = &item.parsed.item else {
            continue;
        };
        let name = group.name.node.as_str();
        let shape = tree::shape(&group.condition, item.text);
        if let Some(other) = first.insert((item.package, shape), name) {
            let message = format!("groups `{name}` and `{other}` are the same people");
            found.push((
                index,
                Problem::new(
                    Code::SameGroup,
                    message,
                    tree::span(&group.condition),
                    "described already",
                )
                .help("keep one of them, or write the group that was meant"),
            ));
        }
    }
}
