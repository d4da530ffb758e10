//! SQL: the text of a PostgreSQL query to facts, by PostgreSQL's own grammar.
//!
//! [`Analyser`] parses and walks a text into a [`SqlAnalysis`]; [`SqlAnalysis::operation`] adds the parameters of one run
//! and gives the [`Operation`](crate::Operation). What cannot be determined is an unknown fact or a [`SqlRefusal`], never
//! left out. Wire messages, sessions and decisions are not known here.
//!
//! Facts are of the text. What the server adds by itself is not in them: triggers, rules, foreign keys, row security,
//! defaults and generated columns, functions inside views and behind casts and domains, operators that a schema of the
//! search path adds and overloads of PostgreSQL's functions that an extension adds, temporary tables that shadow others. Who may create
//! those decides what facts are worth; creating them is in the facts.

mod analyser;
mod analysis;
mod builtin;
mod cache;
mod catalogue;
mod copied;
mod effect;
mod exposure;
mod lineage;
mod named;
mod names;
mod refusal;
mod scan;
mod shape;
mod tree;
mod verb;
mod walk;

pub use analyser::{Analyser, Limits};
pub use analysis::{Extent, Format, Parameter, SqlAnalysis, SqlSession};
pub use catalogue::{
    Catalogue, CatalogueBuilder, CatalogueQuery, Column, Relation, RelationKind, catalogue_queries,
};
pub use copied::{CopiedColumn, CopyFormat, CopyOut};
pub use effect::SessionEffect;
pub use exposure::{ClassifiedColumn, Exposure};
pub use named::{NameUses, NamedText, NamedTexts, QueryText};
pub use refusal::SqlRefusal;
pub use verb::Verb;

/// The text with every literal replaced by `?` and comments left out, also of one that has no analysis. `None` where
/// PostgreSQL's scanner does not accept it.
#[must_use]
pub fn masked(sql: &str) -> Option<String> {
    let tokens = scan::tokens(sql).ok()?;
    Some(scan::masked(sql, &tokens))
}
