//! Which columns of a result are hidden, by where the server says they come from.

use std::collections::HashMap;
use std::sync::Arc;

use hpol_operation::sql::{Catalogue, CopiedColumn, Exposure, RelationKind};
use hpol_session::masking::{MaskRun, MaskingPlan, Slot};

use super::values::Shape;
use crate::codec::backend::ColumnDescription;
use crate::facts::Reading;

/// What must be hidden in the results of one operation.
#[derive(Debug)]
pub(crate) struct Masks {
    origins: HashMap<(u32, i16), Slot>,
    /// The operation gives out classified columns.
    exposed: bool,
    /// There are classified columns, so every column must be accounted for: another session may have made one since the
    /// catalogue was read.
    classifies: bool,
    catalogue: Arc<Catalogue>,
    searches: bool,
    plan: MaskingPlan,
}

/// How the values of one column of a result are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Searched for what the detectors find.
    Search(Shape),
    /// Hidden whole, as a value of this data class.
    Classified(Slot, Shape),
    /// Becomes NULL: it comes from a table or column that the catalogue does not know, and it could be a classified one
    /// made anew.
    Unaccounted,
}

impl Masks {
    /// What `plan` means for the operation of `reading`.
    pub(crate) fn new(plan: &MaskingPlan, reading: &Reading) -> Masks {
        let mut origins = HashMap::new();
        // The laxest mask comes first, so of two classes on one column the stricter wins.
        for (slot, column) in plan.columns() {
            for origin in
                reading
                    .catalogue
                    .column_origins(&column.schema, &column.table, &column.column)
            {
                origins.insert(origin, slot);
            }
        }
        Masks {
            exposed: !origins.is_empty() && reading.exposure(plan) != Exposure::None,
            classifies: plan.columns().next().is_some(),
            origins,
            catalogue: Arc::clone(&reading.catalogue),
            searches: plan.has_detectors(),
            plan: plan.clone(),
        }
    }

    /// Whether nothing is hidden, so that results pass as they are.
    pub(crate) fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// A run for what is told of the operation beside its result.
    pub(crate) fn run(&self) -> MaskRun {
        self.plan.run()
    }

    /// Whether every value is looked into.
    pub(crate) fn searches(&self) -> bool {
        self.searches
    }

    /// Whether classified columns leave in the result.
    pub(crate) fn is_exposed(&self) -> bool {
        self.exposed
    }

    /// The treatment of each column of a result.
    pub(crate) fn treatments(&self, columns: &[ColumnDescription]) -> Arc<[Treatment]> {
        columns
            .iter()
            .map(|column| self.treatment(column))
            .collect()
    }

    /// The treatment of each column of a COPY.
    pub(crate) fn of_copied(&self, columns: &[CopiedColumn], binary: bool) -> Arc<[Treatment]> {
        let treatments = columns.iter().map(|column| match *column {
            CopiedColumn::Of {
                table,
                attnum,
                type_oid,
            } => self.treatment(&ColumnDescription {
                table,
                attnum,
                type_oid,
                binary,
            }),
            CopiedColumn::Elsewhere if self.exposed => Treatment::Unaccounted,
            CopiedColumn::Computed | CopiedColumn::Elsewhere => Treatment::Search(Shape::Text),
            CopiedColumn::Unknown if self.classifies => Treatment::Unaccounted,
            CopiedColumn::Unknown => Treatment::Search(Shape::Text),
        });
        treatments.collect()
    }

    /// What the types of values are known by.
    pub(crate) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    fn treatment(&self, column: &ColumnDescription) -> Treatment {
        let shape = Shape::of(column, &self.catalogue);
        match self.origins.get(&(column.table, column.attnum)) {
            Some(slot) => Treatment::Classified(*slot, shape),
            None if self.classifies && !self.knows(column) => Treatment::Unaccounted,
            None => Treatment::Search(shape),
        }
    }

    /// An expression has no table; system columns have negative numbers and hold nothing of a row's own.
    fn knows(&self, column: &ColumnDescription) -> bool {
        column.table == 0
            || column.attnum < 0
            || self.catalogue.by_oid(column.table).is_some_and(|relation| {
                // A sequence has its own three columns, which are not in the catalogue.
                relation.kind == RelationKind::Sequence
                    || relation
                        .columns
                        .iter()
                        .any(|known| known.attnum == column.attnum)
            })
    }
}
