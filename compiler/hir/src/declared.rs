//! What each file declares, and which names are declared more than once. Holds no places in a text, so that an edit
//! inside an item leaves it as it is.

use std::collections::BTreeMap;

use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::Item;

use crate::database::{Inputs, SourceFile, items, parsed};
use crate::file::scope;
use crate::symbols::{labels, protocol, qualify};

/// One item that declares a name: the place of the item among those of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, salsa::SalsaValue)]
pub(crate) struct Declaration {
    pub(crate) file: SourceFile,
    pub(crate) index: u32,
}

/// The space of names that an item's name belongs to, and its qualified name.
type Named = (&'static str, String);

/// The names that `file` declares, each with the index of its item.
#[salsa::tracked]
fn names(db: &dyn salsa::Database, file: SourceFile) -> Vec<(Named, u32)> {
    let package = scope(db, file).package(db);
    let named = items(db, file).items.iter().zip(0..);
    named
        .filter_map(|((item, _), index)| {
            let parsed = parsed(db, *item);
            let space = space(&parsed.keyword)?;
            let name = match &parsed.item {
                Some(Item::Test(test)) => Some(&test.name.node),
                _ => parsed.name.as_ref(),
            };
            Some(((space, qualify(package, name?)), index))
        })
        .collect()
}

/// The name that an item declares.
pub(crate) fn name(db: &dyn salsa::Database, at: Declaration) -> Option<&str> {
    let names = names(db, at.file);
    let found = names.iter().find(|(_, index)| *index == at.index)?;
    Some(&found.0.1)
}

/// The index of the item of `file` that declares a qualified name.
pub(crate) fn find(
    db: &dyn salsa::Database,
    file: SourceFile,
    space: &str,
    name: &str,
) -> Option<u32> {
    let names = names(db, file).iter();
    let mut found = names.filter(|((known, full), _)| *known == space && full == name);
    found.next().map(|(_, index)| *index)
}

/// Pairs of declarations of one name: the first, and each further one.
#[salsa::tracked]
pub(crate) fn duplicates(
    db: &dyn salsa::Database,
    inputs: Inputs,
) -> Vec<(Declaration, Declaration)> {
    let mut first: BTreeMap<&Named, Declaration> = BTreeMap::new();
    let mut found = Vec::new();
    for file in inputs.files(db) {
        for (named, index) in names(db, *file) {
            let here = Declaration {
                file: *file,
                index: *index,
            };
            match first.get(named) {
                None => {
                    first.insert(named, here);
                }
                Some(before) => found.push((*before, here)),
            }
        }
    }
    found
}

/// A connection, as far as others that name the same target have to agree with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The index of the item.
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    pub(crate) labels: BTreeMap<String, String>,
}

/// The targets that connections of `file` name.
#[salsa::tracked]
pub(crate) fn targets(db: &dyn salsa::Database, file: SourceFile) -> Vec<Target> {
    let items = items(db, file).items.iter().zip(0..);
    items
        .filter_map(|((item, _), index)| match &parsed(db, *item).item {
            Some(Item::Connection(connection)) => Some(Target {
                index,
                name: connection.target.node.clone(),
                protocol: protocol(&connection.protocol.node)?,
                labels: labels(connection),
            }),
            _ => None,
        })
        .collect()
}

/// Items whose names must differ from each other. Conditions name groups and predicates in the same way.
pub(crate) fn space(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "connection" => "connection",
        "group" | "predicate" => "group",
        "data" => "data",
        "rule" => "rule",
        "test" => "test",
        "exception" => "exception",
        "schedule" => "schedule",
        _ => return None,
    })
}
