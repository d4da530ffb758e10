//! HP0856. A test that asks what another one asks.

use super::*;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<(usize, Problem)>) {
    let mut first: BTreeMap<String, &str> = BTreeMap::new();
    for (index, item) in context.items.iter().enumerate() {
        let Some(test) = item.test() else { continue };
        let operations: Vec<&Operation> = test.operations.iter().map(|found| &found.node).collect();
        let on = match &test.on {
            Some(On::Connections(names)) => names.iter().map(|name| name.node.as_str()).collect(),
            _ => Vec::new(),
        };
        // The target of a request has a place of its own, which does not count.
        let asked = operations.iter().map(|operation| match operation {
            Operation::Http {
                method,
                target,
                content_type,
                body,
            } => {
                format!(
                    "{} {:?} {content_type:?} {body:?}",
                    method.node, target.node
                )
            }
            other => format!("{other:?}"),
        });
        let asked: Vec<String> = asked.collect();
        let key = format!("{} {:?} {on:?} {asked:?}", item.package, test.subject);
        let name = test.name.node.as_str();
        if let Some(other) = first.insert(key, name) {
            let message = format!("test \"{}\" asks the same", words::shorten(other));
            found.push((
                index,
                Problem::new(Code::SameTest, message, test.name.span, "asks it again")
                    .help("put the expectations into one test, or ask what was meant"),
            ));
        }
    }
}
