//! COPY TO STDOUT: how its rows are written, and which columns they consist of. What is hidden in them is not known here.

mod format;

use super::lineage::Statement;
use super::names::Name;
use super::tree::{Node, Tree};
use super::{Catalogue, Column, Relation, RelationKind, SqlAnalysis};

pub use format::CopyFormat;

/// Where the values of one column of a COPY come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopiedColumn {
    /// A column of a relation, as a RowDescription would tell it.
    Of {
        /// Oid of the relation.
        table: u32,
        /// Its attribute number in it.
        attnum: i16,
        /// Oid of its type; a domain is described by its base type.
        type_oid: u32,
    },
    /// An expression.
    Computed,
    /// A column by its name that no table of the FROM clause has: one of a nested query, of a function, or of something
    /// whose columns the text does not tell.
    Elsewhere,
    /// A column that the catalogue does not know.
    Unknown,
}

/// What a COPY TO STDOUT gives out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOut {
    /// How rows are written.
    pub format: CopyFormat,
    /// Their columns in order; `None` where the text does not tell them.
    pub columns: Option<Vec<CopiedColumn>>,
}

/// What a text says of a COPY TO STDOUT.
#[derive(Debug)]
pub(super) struct Copied {
    /// `None` where an option is not known.
    format: Option<CopyFormat>,
    pub(super) outputs: Option<Vec<Output>>,
    pub(super) sources: Sources,
}

/// What stands in a select list or in a list of columns.
#[derive(Debug)]
pub(super) enum Output {
    /// A column by its name.
    Column {
        qualifier: Option<String>,
        name: String,
    },
    /// All columns of a source, or of every source.
    Star { qualifier: Option<String> },
    /// The columns of a table that are not generated.
    Table,
    /// Anything else.
    Computed,
}

/// What a FROM clause holds.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Its relations in order, each with what it is called in the statement.
    pub(super) relations: Vec<(String, Name)>,
    /// There are subselects, functions or WITH queries too.
    pub(super) others: bool,
    /// A join leaves out columns, or has a name of its own.
    pub(super) merged: bool,
}

impl SqlAnalysis {
    /// What the text gives out, if it is one COPY TO STDOUT whose options are known.
    #[must_use]
    pub fn copied(&self, catalogue: &Catalogue) -> Option<CopyOut> {
        let [
            Statement {
                copy: Some(copy), ..
            },
        ] = self.lineage.statements.as_slice()
        else {
            return None;
        };
        Some(CopyOut {
            format: copy.format.clone()?,
            columns: copy.columns(catalogue),
        })
    }

    /// Whether the text holds a COPY TO STDOUT.
    #[must_use]
    pub fn copies_out(&self) -> bool {
        self.lineage
            .statements
            .iter()
            .any(|statement| statement.copy.is_some())
    }

    /// Why nothing can be hidden in what a COPY TO STDOUT of the text gives out; `None` where it can. `exposed` where
    /// classified columns leave by it, `searched` where every value has to be looked into.
    #[must_use]
    pub fn cannot_mask_copy(
        &self,
        catalogue: &Catalogue,
        exposed: bool,
        searched: bool,
    ) -> Option<&'static str> {
        if !(self.copies_out() && (exposed || searched)) {
            return None;
        }
        let Some(copied) = self.copied(catalogue) else {
            return Some("a COPY has to be sent alone, and with options that the gateway knows");
        };
        let columns = copied.columns.as_deref();
        let has = |kind| columns.is_none_or(|columns| columns.contains(&kind));
        let elsewhere = has(CopiedColumn::Elsewhere);
        let computed = has(CopiedColumn::Computed) || elsewhere;
        // Lines cannot be searched as they are: quotes and delimiters of the client's choice can stand in every value.
        if columns.is_none() {
            Some("the gateway cannot tell the columns of the COPY; name them in its select list")
        } else if elsewhere && exposed {
            Some(
                "the COPY names a column that is of no table in its FROM; copy it apart from masked columns",
            )
        } else if copied.format == CopyFormat::Binary && searched && computed {
            Some("values that a COPY in binary format computes cannot be searched; use text format")
        } else {
            None
        }
    }
}

impl Copied {
    pub(super) fn new(options: &[Tree]) -> Copied {
        Copied {
            format: format::format(options),
            outputs: None,
            sources: Sources::default(),
        }
    }

    fn columns(&self, catalogue: &Catalogue) -> Option<Vec<CopiedColumn>> {
        let mut columns = Vec::new();
        for output in self.outputs.as_ref()? {
            match output {
                Output::Computed => columns.push(CopiedColumn::Computed),
                Output::Column { qualifier, name } => {
                    columns.push(self.sources.column(catalogue, qualifier.as_deref(), name)?);
                }
                Output::Star { qualifier } => {
                    columns.extend(
                        self.sources
                            .all(catalogue, qualifier.as_deref(), |_| true)?,
                    );
                }
                Output::Table => {
                    let stored = |column: &Column| !column.generated;
                    columns.extend(self.sources.all(catalogue, None, stored)?);
                }
            }
        }
        Some(columns)
    }
}

impl Sources {
    /// The column that a name means; `None` where it could be one of several.
    fn column(
        &self,
        catalogue: &Catalogue,
        qualifier: Option<&str>,
        name: &str,
    ) -> Option<CopiedColumn> {
        let asked = |alias: &str| qualifier.is_none_or(|qualifier| qualifier == alias);
        let relations = self.relations.iter().filter(|(alias, _)| asked(alias));
        let mut found = relations.filter_map(|(_, relation)| {
            let relation = known(catalogue, relation)?;
            if relation.kind == RelationKind::Sequence && SEQUENCE_COLUMNS.contains(&name) {
                return Some(CopiedColumn::Computed);
            }
            let column = relation.columns.iter().find(|column| column.name == name)?;
            Some(copied(relation, column))
        });
        if let Some(column) = found.next() {
            // A join that merges columns makes one of two that are equal.
            let merged = self.merged && qualifier.is_none();
            return (merged || found.next().is_none()).then_some(column);
        }
        let row = self.relations.iter().any(|(alias, _)| alias == name);
        Some(if self.others || self.merged {
            CopiedColumn::Elsewhere
        } else if row || SYSTEM_COLUMNS.contains(&name) {
            CopiedColumn::Computed
        } else {
            CopiedColumn::Unknown
        })
    }

    /// The columns that a star stands for, where that can be told.
    fn all(
        &self,
        catalogue: &Catalogue,
        qualifier: Option<&str>,
        is_meant: impl Fn(&Column) -> bool,
    ) -> Option<Vec<CopiedColumn>> {
        let mut columns = Vec::new();
        let relations = self.relations.iter();
        let meant: Vec<_> = relations
            .filter(|(alias, _)| qualifier.is_none_or(|qualifier| qualifier == alias))
            .collect();
        let told = match qualifier {
            Some(_) => meant.len() == 1,
            None => !self.others && !self.merged,
        };
        for (_, relation) in told.then_some(meant)? {
            let relation = known(catalogue, relation)?;
            if relation.kind == RelationKind::Sequence {
                columns.extend(SEQUENCE_COLUMNS.map(|_| CopiedColumn::Computed));
            }
            let meant = relation.columns.iter().filter(|column| is_meant(column));
            columns.extend(meant.map(|column| copied(relation, column)));
        }
        Some(columns)
    }
}

/// Columns that every table has.
const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// Columns that every sequence has; they are not in the catalogue.
const SEQUENCE_COLUMNS: [&str; 3] = ["last_value", "log_cnt", "is_called"];

fn known<'c>(catalogue: &'c Catalogue, name: &Name) -> Option<&'c Relation> {
    catalogue.relation(name.schema.as_deref()?, &name.name)
}

fn copied(relation: &Relation, column: &Column) -> CopiedColumn {
    CopiedColumn::Of {
        table: relation.oid,
        attnum: column.attnum,
        type_oid: column.type_oid,
    }
}

/// The outputs of COPY of a table with this list of columns.
pub(super) fn outputs_of_table(columns: &[&str]) -> Vec<Output> {
    if columns.is_empty() {
        return vec![Output::Table];
    }
    let named = columns.iter().map(|name| Output::Column {
        qualifier: None,
        name: (*name).to_owned(),
    });
    named.collect()
}

/// The outputs of a select list; `None` where one of them can stand for several columns that are not known.
pub(super) fn outputs(select: &Node) -> Option<Vec<Output>> {
    if let Some(row) = select.list("values_lists").first() {
        return Some(row.items().iter().map(|_| Output::Computed).collect());
    }
    let targets = select.list("target_list").iter();
    targets
        .map(|target| {
            let value = target.of_kind("ResTarget")?.get("val")?;
            match value.node()?.kind {
                "ColumnRef" => value.node().and_then(column),
                "AIndirection" => {
                    let parts = value.node()?.list("indirection");
                    let star = parts.iter().any(|part| part.of_kind("AStar").is_some());
                    (!star).then_some(Output::Computed)
                }
                _ => Some(Output::Computed),
            }
        })
        .collect()
}

fn column(node: &Node) -> Option<Output> {
    let parts = node.names("fields");
    let owned = |part: Option<&&str>| part.map(|part| (*part).to_owned());
    let last = node.list("fields").last()?;
    if last.of_kind("AStar").is_some() {
        return Some(Output::Star {
            qualifier: owned(parts.last()),
        });
    }
    let (name, before) = parts.split_last()?;
    Some(Output::Column {
        qualifier: owned(before.last()),
        name: (*name).to_owned(),
    })
}
