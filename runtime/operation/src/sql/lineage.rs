//! Where a text mentions relations and columns, kept flat for the question of exposure.

use super::copied::Copied;
use super::names::Name;

/// The mentions of every statement of a text.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    pub(super) statements: Vec<Statement>,
}

/// The mentions of one statement.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) form: Form,
    pub(super) relations: Vec<RelationMention>,
    pub(super) columns: Vec<ColumnMention>,
    /// Columns that JOIN ... USING names.
    pub(super) using: Vec<String>,
    /// There is a NATURAL join.
    pub(super) natural: bool,
    /// A join has an alias, which stands for the columns of its tables.
    pub(super) named_join: bool,
    /// RETURNING WITH gives the rows of the target names of their own.
    pub(super) renamed_target: bool,
    /// The result is made distinct.
    pub(super) distinct: bool,
    /// ORDER BY or GROUP BY name a column of the result by its position.
    pub(super) position: bool,
    /// It is a COPY TO STDOUT.
    pub(super) copy: Option<Box<Copied>>,
    /// Why not everything it reads is known.
    pub(super) opaque: Option<String>,
}

/// What kind of statement it is, as far as values that leave are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Form {
    /// A SELECT whose columns are the result.
    Select {
        /// UNION, INTERSECT or EXCEPT.
        set_operation: bool,
    },
    /// A COPY TO STDOUT of a table or of a SELECT, whose columns are what it gives out.
    Copy {
        /// UNION, INTERSECT or EXCEPT.
        set_operation: bool,
    },
    /// INSERT, UPDATE, DELETE, MERGE, COPY FROM: no values leave but through RETURNING.
    Change,
    /// A statement that handles relations without handing out or keeping values: TRUNCATE, DROP, ...
    #[default]
    Passive,
    /// Anything else, by name.
    Other(&'static str),
}

/// A relation that a statement names.
#[derive(Debug)]
pub(super) struct RelationMention {
    pub(super) name: Name,
    /// What it is called in the statement.
    pub(super) alias: String,
    pub(super) role: Role,
    /// Its columns are renamed by an alias list.
    pub(super) renamed: bool,
    pub(super) place: Place,
}

/// What the statement does with a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Read in the FROM of a SELECT that is the statement.
    From,
    /// Read anywhere else.
    Nested,
    /// Written or altered.
    Target,
}

/// A column that a statement names.
#[derive(Debug)]
pub(super) struct ColumnMention {
    /// The last part before the column.
    pub(super) qualifier: Option<String>,
    /// The column, `None` for `*`.
    pub(super) name: Option<String>,
    /// If it stands bare in the result, what it is called there.
    pub(super) output: Option<String>,
    pub(super) place: Place,
}

/// A place in a statement, for messages and for the question whether it is nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The clause.
    pub(super) clause: &'static str,
    /// The outermost construct within it.
    pub(super) within: Option<&'static str>,
    /// The outermost query that is not the statement itself.
    pub(super) nested: Option<&'static str>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(within) = self.within {
            write!(f, "{within} in ")?;
        }
        f.write_str(self.clause)?;
        self.nested
            .map_or(Ok(()), |nested| write!(f, " of {nested}"))
    }
}
