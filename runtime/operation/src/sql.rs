//! SQL: the text of a PostgreSQL query to facts, by PostgreSQL's own grammar.
//!
//! [`Analyser`] parses and walks a text into a [`SqlAnalysis`]; [`SqlAnalysis::operation`] adds the parameters of one run
//! and gives the [`Operation`](crate::Operation). What cannot be determined is an unknown fact or a [`SqlRefusal`], never
//! left out. Wire messages, sessions and decisions are not known here.

mod analyser;
mod analysis;
mod builtin;
mod cache;
mod catalogue;
mod effect;
mod exposure;
mod lineage;
mod names;
mod refusal;
mod scan;
mod tree;
mod verb;
mod walk;

pub use analyser::{Analyser, Limits};
pub use analysis::{Extent, Format, Parameter, SqlAnalysis, SqlSession};
pub use catalogue::{
    Catalogue, CatalogueBuilder, CatalogueQuery, Column, Relation, RelationKind, catalogue_queries,
};
pub use effect::SessionEffect;
pub use exposure::{ClassifiedColumn, Exposure};
pub use refusal::SqlRefusal;
pub use verb::Verb;
