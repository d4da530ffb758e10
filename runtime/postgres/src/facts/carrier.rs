//! The answers to the door's questions: whether masks and limits can be carried out on a text, and what it shows without.
//! How SQL exposes columns is `hpol_operation`'s.

use std::collections::BTreeSet;

use hpol_operation::sql::{ClassifiedColumn, Exposure, Extent};
use hpol_session::masking::{Column, MaskingPlan, Slot};
use hpol_session::session::{CannotLimit, CannotMask, Carrier, Returns};

use super::Reading;

/// The extent of what a text that touches no relation reads and writes.
const NOTHING: Extent<String> = Extent {
    known: BTreeSet::new(),
    complete: true,
};

impl Reading {
    /// What [`Reading::exposure`] tells, looked for anew.
    pub(super) fn look_for_exposure(&self, plan: &MaskingPlan) -> Exposure {
        let classified: Vec<ClassifiedColumn> = plan
            .columns()
            .map(|(_, column)| classified(column))
            .collect();
        self.analysis.exposure(&self.catalogue, &classified)
    }

    /// Why the catalogue does not tell what the names mean when the text runs.
    fn is_outrun(&self) -> Option<&'static str> {
        let touches_nothing =
            self.analysis.reads() == &NOTHING && self.analysis.writes() == &NOTHING;
        if self.stale && !touches_nothing {
            return Some(
                "tables may have changed since the last Sync, or in the transaction that failed",
            );
        }
        if self.changes_catalogue() && self.analysis.statements() > 1 {
            return Some("a statement that changes tables has to be sent alone");
        }
        None
    }
}

impl Carrier for Reading {
    fn can_limit(&self, _: u64) -> Result<(), CannotLimit> {
        match self.analysis.cannot_limit() {
            Some(why) => Err(CannotLimit {
                why: why.to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn returns(&self, plan: &MaskingPlan) -> Returns {
        if self.is_outrun().is_some() || self.listens() {
            return Returns::InResult;
        }
        match self.exposure(plan) {
            Exposure::None => Returns::Nowhere,
            Exposure::Touched => Returns::InMessages,
            Exposure::Plain | Exposure::Refused { .. } => Returns::InResult,
        }
    }

    fn can_mask(&self, plan: &MaskingPlan) -> Result<(), CannotMask> {
        let first = plan.columns().next();
        let outrun = || self.is_outrun();
        let notified = || self.analysis.cannot_mask_notified(plan.has_detectors());
        if let (Some((slot, _)), Some(why)) = (first, outrun().or_else(notified)) {
            return Err(CannotMask {
                class: plan.class(slot).to_owned(),
                why: why.to_owned(),
            });
        }
        match self.exposure(plan) {
            exposure @ (Exposure::None | Exposure::Touched | Exposure::Plain) => {
                let why = self.analysis.cannot_mask_copy(
                    &self.catalogue,
                    exposure != Exposure::None,
                    plan.has_detectors(),
                );
                why.map_or(Ok(()), |why| {
                    Err(CannotMask {
                        class: plan.class(Slot(0)).to_owned(),
                        why: why.to_owned(),
                    })
                })
            }
            Exposure::Refused { column, why, place } => {
                let alone = |column: &Column| {
                    matches!(
                        self.analysis
                            .exposure(&self.catalogue, &[classified(column)]),
                        Exposure::Refused { .. }
                    )
                };
                let culprit = plan
                    .columns()
                    .find(|(_, column)| alone(column))
                    .or_else(|| plan.columns().next());
                Err(CannotMask {
                    class: culprit
                        .map(|(slot, _)| plan.class(slot).to_owned())
                        .unwrap_or_default(),
                    why: format!("`{column}` {why} in {place}"),
                })
            }
        }
    }
}

fn classified(column: &Column) -> ClassifiedColumn {
    ClassifiedColumn {
        schema: column.schema.clone(),
        table: column.table.clone(),
        column: column.column.clone(),
    }
}
