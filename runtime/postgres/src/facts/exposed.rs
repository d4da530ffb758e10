//! What was last found out in a session about masks: how a text exposes classified columns, and what that means for its
//! results. A client that runs much the same text again and again need not be answered anew each time. Decides nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hpol_operation::sql::{Catalogue, Exposure, SqlAnalysis};
use hpol_session::masking::MaskingPlan;

use super::Reading;
use crate::reply::columns::Masks;

/// The last answers of a session.
#[derive(Debug, Default)]
pub(crate) struct Exposed {
    last: Mutex<Option<Last>>,
}

/// Answers, and all that they depend on.
#[derive(Debug)]
struct Last {
    analysis: Arc<SqlAnalysis>,
    catalogue: Arc<Catalogue>,
    plan: MaskingPlan,
    exposure: Exposure,
    masks: Option<Arc<Masks>>,
}

impl Last {
    fn is_of(&self, reading: &Reading, plan: &MaskingPlan) -> bool {
        self.analysis.mentions_the_same(&reading.analysis)
            && Arc::ptr_eq(&self.catalogue, &reading.catalogue)
            && self.plan.is_same(plan)
    }
}

impl Reading {
    /// How the text exposes the classified columns of `plan`.
    pub(crate) fn exposure(&self, plan: &MaskingPlan) -> Exposure {
        let last = self.exposed.lock();
        if let Some(last) = last.as_ref().filter(|last| last.is_of(self, plan)) {
            return last.exposure.clone();
        }
        drop(last);
        let exposure = self.look_for_exposure(plan);
        *self.exposed.lock() = Some(Last {
            analysis: Arc::clone(&self.analysis),
            catalogue: Arc::clone(&self.catalogue),
            plan: plan.clone(),
            exposure: exposure.clone(),
            masks: None,
        });
        exposure
    }

    /// What `plan` means for the results of the text.
    pub(crate) fn masks(&self, plan: &MaskingPlan) -> Arc<Masks> {
        let last = self.exposed.lock();
        let known = last.as_ref().filter(|last| last.is_of(self, plan));
        if let Some(masks) = known.and_then(|last| last.masks.clone()) {
            return masks;
        }
        drop(last);
        let masks = Arc::new(Masks::new(plan, self));
        let mut last = self.exposed.lock();
        if let Some(last) = last.as_mut().filter(|last| last.is_of(self, plan)) {
            last.masks = Some(Arc::clone(&masks));
        }
        masks
    }
}

impl Exposed {
    /// A panic leaves what was known before.
    fn lock(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
