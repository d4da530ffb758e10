//! HP0653. The same people described in several rules.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in context.items.iter().enumerate() {
        let Some(Who::Those(who)) = item.rule().and_then(|rule| rule.who.as_ref()) else {
            continue;
        };
        if matches!(who, Condition::Atom(_)) {
            continue;
        }
        let shape = format!("{} {}", item.package, tree::shape(who, item.text));
        if first.insert(shape, index).is_some() {
            let message = "the same people are described in several rules";
            found.push((
                index,
                Problem::new(Code::InlineGroup, message, tree::span(who), "again")
                    .help("give them a name: `group name = ...`, and write `who name`"),
            ));
        }
    }
}
