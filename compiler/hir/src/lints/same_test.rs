//! HP0856. A test that asks what another one asks.

use hpol_syntax::ast::{Before, Name};
use hpol_syntax::span::Spanned;

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
        let asked: Vec<String> = operations.into_iter().map(asked).collect();
        let at = test.at.as_ref().map(|at| at.node.as_str());
        let before: Vec<String> = test.before.iter().map(|one| happened(&one.node)).collect();
        let key = format!(
            "{} {:?} {on:?} {at:?} {before:?} {asked:?}",
            item.package, test.subject
        );
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

/// An operation without its places in the file, which do not count.
fn asked(operation: &Operation) -> String {
    match operation {
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
    }
}

/// What happened before, without its places in the file.
fn happened(before: &Before) -> String {
    let names = |names: &[Name]| {
        let names = names.iter().map(|name| name.node.as_str());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let numbers = |numbers: &[Spanned<i64>]| numbers.iter().map(|n| n.node).collect::<Vec<_>>();
    let operations = before.operations.iter().map(|found| asked(&found.node));
    format!(
        "{:?} {:?} {:?} {:?} {} {:?} {:?} {:?} {:?}",
        before.ago.as_ref().map(|ago| ago.node),
        before.times.as_ref().map(|times| times.node),
        operations.collect::<Vec<_>>(),
        names(&before.on),
        !before.in_session.is_empty(),
        numbers(&before.rows),
        numbers(&before.bytes),
        names(&before.releasing),
        names(&before.masking),
    )
}
