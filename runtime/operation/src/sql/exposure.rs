//! Whether the values of classified columns can leave through the result of a statement, and if so, as plain columns.

use super::{Catalogue, SqlAnalysis};

/// A column whose values a policy masks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassifiedColumn {
    /// The schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

/// How a text exposes classified columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// It touches no relation that holds classified columns.
    None,
    /// Their values leave only as plain columns of the result, where table oid and attribute number in the
    /// RowDescription tell them: see [`Catalogue::column_origins`].
    Plain,
    /// Their values are used in another way, or it cannot be told; not to be run while the columns are masked.
    Refused {
        /// The column, or the relation where no one column can be named.
        column: String,
        /// What is wrong, to be read after the column: `is used in an expression`.
        why: String,
        /// The part of the statement: `WHERE`, `the target list`, `a subselect`.
        place: String,
    },
}

impl SqlAnalysis {
    /// How the text exposes `classified`. With no classified columns it is [`Exposure::None`].
    #[must_use]
    pub fn exposure(&self, catalogue: &Catalogue, classified: &[ClassifiedColumn]) -> Exposure {
        if classified.is_empty() {
            return Exposure::None;
        }
        self.lineage.exposure(catalogue, classified)
    }
}
