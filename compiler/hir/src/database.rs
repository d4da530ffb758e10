//! The salsa database: inputs, and the queries over one item or one file. Queries over all of them stand in `symbols`
//! and `assemble`.
//!
//! Items are keyed by their text and by the scope they stand in, and every place in them counts from their first byte.
//! So an edit computes again only what reads the edited item.

use std::sync::Arc;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_nist_mappings::{Catalogue, Mechanisms};
use hpol_syntax::parse::Parsed;
use hpol_syntax::problem::Problem;

/// One source file.
#[salsa::input(debug)]
pub(crate) struct SourceFile {
    /// Its path, as given.
    #[returns(deref)]
    pub(crate) path: String,
    /// Its text.
    #[returns(deref)]
    pub(crate) text: String,
}

/// Everything that a policy is made from.
#[salsa::input]
pub(crate) struct Inputs {
    /// The files, by path.
    pub(crate) files: Vec<SourceFile>,
    /// The facts that conditions can read.
    pub(crate) vocabulary: Arc<Vocabulary>,
    /// The controls that there are.
    #[returns(copy)]
    pub(crate) catalogue: &'static Catalogue,
    /// What the gateway does for which control.
    #[returns(copy)]
    pub(crate) mechanisms: &'static Mechanisms,
    /// The time, in seconds since 1970, for what ends; nothing has ended where it is not told.
    #[returns(copy)]
    pub(crate) now: Option<i64>,
}

/// The text of an item; equal texts are one value.
#[salsa::interned(debug)]
pub(crate) struct ItemText<'db> {
    #[returns(deref)]
    pub(crate) text: String,
}

/// What an item can name: its package, and the packages that its file imports.
#[salsa::interned(debug)]
pub(crate) struct Scope<'db> {
    #[returns(deref)]
    pub(crate) package: String,
    #[returns(deref)]
    pub(crate) imports: Vec<String>,
}

/// The items of one file.
#[derive(Debug, Clone, PartialEq, Eq, salsa::SalsaValue)]
pub(crate) struct Items<'db> {
    /// Each item, and where it begins.
    pub(crate) items: Vec<(ItemText<'db>, u32)>,
    /// What stands outside of items.
    pub(crate) problems: Vec<Problem>,
}

/// Splits a file.
#[salsa::tracked]
pub(crate) fn items(db: &dyn salsa::Database, file: SourceFile) -> Items<'_> {
    let (stretches, problems) = hpol_syntax::split::split(file.text(db));
    let items = stretches
        .into_iter()
        .map(|item| (ItemText::new(db, item.text), item.offset));
    Items {
        items: items.collect(),
        problems,
    }
}

/// Parses an item.
#[salsa::tracked]
pub(crate) fn parsed<'db>(db: &'db dyn salsa::Database, item: ItemText<'db>) -> Parsed {
    hpol_syntax::parse::parse(item.text(db))
}

/// The database of one workspace.
#[salsa::db]
#[derive(Clone, Default)]
pub(crate) struct Database {
    storage: salsa::Storage<Self>,
}

impl Database {
    /// A database that reports what it does to `log`.
    #[cfg(test)]
    pub(crate) fn logging(log: impl Fn(salsa::Event) + Send + Sync + 'static) -> Database {
        Database {
            storage: salsa::Storage::new(Some(Box::new(log))),
        }
    }
}

#[salsa::db]
impl salsa::Database for Database {}
