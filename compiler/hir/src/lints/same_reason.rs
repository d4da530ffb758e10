//! HP0809. A reason that several rules share.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (index, rule) in context.rules() {
        let Some(item) = context.items.get(index) else {
            continue;
        };
        let Some(because) = &rule.because else {
            continue;
        };
        let key = (item.package, because.node.trim());
        if let Some(other) = first.get(&key) {
            let message = format!("rule `{other}` gives the same reason");
            found.push((
                index,
                Problem::new(Code::SameReason, message, because.span, "copied")
                    .help("say why this rule is there beside the other"),
            ));
        } else {
            first.insert(key, &rule.name.node);
        }
    }
}
