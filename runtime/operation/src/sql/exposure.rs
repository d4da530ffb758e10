//! Whether the values of classified columns can leave through the result of a statement, and if so, as plain columns.

mod column;

use std::collections::BTreeSet;

use super::lineage::{ColumnMention, Form, RelationMention, Role, Statement};
use super::{Catalogue, Relation, RelationKind, SqlAnalysis, builtin, names};

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
    /// It touches one and gives out none of them; what is told of the statement beside its result may show their values.
    Touched,
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
    ///
    /// A column generated from a classified one counts as classified. Triggers, foreign keys, column defaults and row
    /// security are not looked into: what they make of a classified column has to be classified itself.
    #[must_use]
    pub fn exposure(&self, catalogue: &Catalogue, classified: &[ClassifiedColumn]) -> Exposure {
        if classified.is_empty() {
            return Exposure::None;
        }
        let classes = Classes::new(catalogue, classified);
        let mut exposure = Exposure::None;
        for statement in &self.lineage.statements {
            match classes.statement(statement) {
                Ok(Touch::Nothing) => {}
                Ok(Touch::Silent) if exposure == Exposure::None => exposure = Exposure::Touched,
                Ok(Touch::Silent) => {}
                Ok(Touch::Plain) => exposure = Exposure::Plain,
                Err(refused) => return refused.into(),
            }
        }
        exposure
    }
}

/// What a statement that may run does with classified columns.
enum Touch {
    Nothing,
    /// None is in its result.
    Silent,
    Plain,
}

/// Why a statement may not run.
struct Refused {
    column: String,
    why: String,
    place: String,
}

impl From<Refused> for Exposure {
    fn from(Refused { column, why, place }: Refused) -> Exposure {
        Exposure::Refused { column, why, place }
    }
}

fn refused(
    column: impl Into<String>,
    why: impl Into<String>,
    place: impl std::fmt::Display,
) -> Refused {
    Refused {
        column: column.into(),
        why: why.into(),
        place: place.to_string(),
    }
}

/// A relation of the statement that holds classified columns.
struct Holder<'a> {
    mention: &'a RelationMention,
    relation: &'a Relation,
    /// Its classified columns.
    columns: BTreeSet<&'a str>,
}

/// The classified columns of a database.
struct Classes<'a> {
    catalogue: &'a Catalogue,
    spread: Vec<Spread<'a>>,
}

/// Where the values of one classified column are.
struct Spread<'a> {
    /// Its table and every table that shares rows with it.
    tables: BTreeSet<u32>,
    /// Its name and those of the columns generated from it.
    columns: BTreeSet<&'a str>,
}

impl<'a> Classes<'a> {
    fn new(catalogue: &'a Catalogue, classified: &'a [ClassifiedColumn]) -> Classes<'a> {
        let spread = classified.iter().map(|column| {
            let table = catalogue.relation(&column.schema, &column.table);
            let tables = table.map_or_else(BTreeSet::new, |table| catalogue.relatives(table.oid));
            let columns = catalogue.names_of_values(&tables, &column.column);
            Spread { tables, columns }
        });
        Classes {
            catalogue,
            spread: spread.collect(),
        }
    }

    fn statement(&self, statement: &'a Statement) -> Result<Touch, Refused> {
        if let Some(what) = &statement.opaque {
            return Err(refused(
                what,
                "can read columns that are masked",
                "the statement",
            ));
        }
        let mut holders = Vec::new();
        for mention in &statement.relations {
            holders.extend(self.holder(mention, statement)?);
        }
        if holders.is_empty() {
            return Ok(Touch::Nothing);
        }
        form(statement, &holders)?;
        holders
            .iter()
            .try_for_each(|holder| position(holder, statement))?;
        let mut outputs = BTreeSet::new();
        for column in &statement.columns {
            outputs.extend(column::check(column, &holders, statement)?);
        }
        joins(statement, &holders)?;
        result(statement, &outputs)?;
        Ok(if outputs.is_empty() {
            Touch::Silent
        } else {
            Touch::Plain
        })
    }

    /// The relation that is mentioned, if it holds classified columns.
    fn holder(
        &self,
        mention: &'a RelationMention,
        statement: &Statement,
    ) -> Result<Option<Holder<'a>>, Refused> {
        let form = statement.form;
        let shown = mention.name.shown();
        let schema = mention.name.schema.as_deref().unwrap_or_default();
        if builtin::holds_data(schema, &mention.name.name) {
            if only_describes(mention, statement) {
                return Ok(None);
            }
            return Err(refused(
                shown,
                "can hold values of columns that are masked",
                mention.place,
            ));
        }
        if schema == "pg_catalog" || schema == "information_schema" {
            return Ok(None);
        }
        let Some(relation) = self.catalogue.relation(schema, &mention.name.name) else {
            // What is made is not there yet; what the statement puts into it is looked at by itself.
            let made = mention.role == Role::Target
                && matches!(form, Form::Other(_) | Form::Select { .. });
            return if made {
                Ok(None)
            } else {
                Err(refused(shown, "is not known to the gateway", mention.place))
            };
        };
        let columns: BTreeSet<&str> = self.columns_of(relation.oid).collect();
        let gives_rows = mention.role != Role::Target || form == Form::Change;
        if gives_rows && self.is_elsewhere(relation) {
            let why = "is a foreign table, which can hold values of columns that are masked";
            return Err(refused(shown, why, mention.place));
        }
        // Other columns of a view can show the same values under other names.
        let view = matches!(
            relation.kind,
            RelationKind::View | RelationKind::MaterializedView
        );
        if columns.is_empty() || view {
            let below = self.reaches(relation);
            below.map_or(Ok(()), |below| {
                let why = format!("is a view over {below}");
                Err(refused(shown, why, mention.place))
            })?;
        }
        Ok((!columns.is_empty()).then_some(Holder {
            mention,
            relation,
            columns,
        }))
    }

    fn columns_of(&self, oid: u32) -> impl Iterator<Item = &'a str> {
        let spread = self.spread.iter();
        let touching = spread.filter(move |spread| spread.tables.contains(&oid));
        touching.flat_map(|spread| spread.columns.iter().copied())
    }

    /// Whether its rows are of another place, such as another database or this one under another name, and nobody has said
    /// which of its columns are classified.
    fn is_elsewhere(&self, relation: &Relation) -> bool {
        relation.kind == RelationKind::Foreign && self.columns_of(relation.oid).next().is_none()
    }

    /// A relation with classified or unjudged values that reading `relation` reads.
    fn reaches(&self, relation: &Relation) -> Option<String> {
        let below = self
            .catalogue
            .read_closure(relation.oid)
            .into_iter()
            .filter(|oid| *oid != relation.oid);
        for oid in below {
            let known = self.catalogue.by_oid(oid);
            let data = known.is_none_or(|below| {
                builtin::holds_data(&below.schema, &below.name) || self.is_elsewhere(below)
            });
            if data || self.columns_of(oid).next().is_some() {
                let name = known.map(|below| names::dotted(&[&below.schema, &below.name]));
                return Some(
                    name.map_or("a relation that is not known".to_owned(), |name| {
                        format!("`{name}`")
                    }),
                );
            }
        }
        // A view without a known source may be over anything, such as functions.
        let view = matches!(
            relation.kind,
            RelationKind::View | RelationKind::MaterializedView
        );
        (view && relation.view_reads.is_empty()).then(|| "what is not known".to_owned())
    }
}

/// Whether a SELECT names only columns of a relation with data that hold none of it.
fn only_describes(mention: &RelationMention, statement: &Statement) -> bool {
    let schema = mention.name.schema.as_deref().unwrap_or_default();
    let Some(data) = builtin::data_columns(schema, &mention.name.name) else {
        return false;
    };
    let plain = |column: &ColumnMention| {
        let name = column.name.as_deref();
        name.is_some_and(|name| !data.contains(&name) && name != mention.alias)
    };
    matches!(statement.form, Form::Select { .. })
        && !mention.renamed
        && !statement.named_join
        && statement.columns.iter().all(plain)
}

/// Whether a statement of this form may touch `holders` at all.
fn form(statement: &Statement, holders: &[Holder<'_>]) -> Result<(), Refused> {
    let Some(holder) = holders.first() else {
        return Ok(());
    };
    let name = || holder.mention.name.shown();
    match statement.form {
        Form::Select {
            set_operation: false,
        }
        | Form::Copy {
            set_operation: false,
        }
        | Form::Change
        | Form::Passive => Ok(()),
        Form::Select {
            set_operation: true,
        }
        | Form::Copy {
            set_operation: true,
        } => Err(refused(
            name(),
            "stands in a set operation",
            "the statement",
        )),
        Form::Other(what) => Err(refused(
            name(),
            format!("is used by {what}"),
            "the statement",
        )),
    }
}

/// Whether the relation stands where its columns stay plain.
fn position(holder: &Holder<'_>, statement: &Statement) -> Result<(), Refused> {
    let mention = holder.mention;
    match mention.role {
        Role::Target if statement.renamed_target => Err(refused(
            mention.name.shown(),
            "has its rows renamed",
            "RETURNING",
        )),
        Role::Target => Ok(()),
        Role::From if mention.renamed => Err(refused(
            mention.name.shown(),
            "has its columns renamed",
            mention.place,
        )),
        Role::From => Ok(()),
        Role::Nested => Err(refused(
            mention.name.shown(),
            "is read other than by a plain SELECT",
            mention.place,
        )),
    }
}

/// Joins that name columns without a reference to them.
fn joins(statement: &Statement, holders: &[Holder<'_>]) -> Result<(), Refused> {
    let Some(holder) = holders.first() else {
        return Ok(());
    };
    if statement.natural {
        return Err(refused(
            holder.mention.name.shown(),
            "stands in a statement with a NATURAL join",
            "FROM",
        ));
    }
    if statement.named_join {
        return Err(refused(
            holder.mention.name.shown(),
            "stands in a statement with a named join",
            "FROM",
        ));
    }
    let joined = statement.using.iter().find(|using| {
        holders
            .iter()
            .any(|holder| holder.columns.contains(using.as_str()))
    });
    joined.map_or(Ok(()), |using| {
        Err(refused(using, "is compared by USING", "FROM"))
    })
}

/// Clauses that compare columns of the result without a reference to the table's.
fn result(statement: &Statement, outputs: &BTreeSet<String>) -> Result<(), Refused> {
    let Some(output) = outputs.iter().next() else {
        return Ok(());
    };
    let shown = if output.is_empty() { "*" } else { output };
    if statement.distinct {
        return Err(refused(shown, "is compared by DISTINCT", "the target list"));
    }
    if statement.position {
        return Err(refused(
            shown,
            "may be compared by its position",
            "ORDER BY or GROUP BY",
        ));
    }
    let mut compared = statement
        .columns
        .iter()
        .filter(|column| column.output.is_none() && column.qualifier.is_none());
    match compared.find(|column| {
        column
            .name
            .as_ref()
            .is_some_and(|name| outputs.contains(name))
    }) {
        Some(column) => Err(refused(
            shown,
            "is used by its name in the result",
            column.place,
        )),
        None => Ok(()),
    }
}
