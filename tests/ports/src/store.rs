//! An approval store in memory, without a bound on what it keeps.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use hpol_session::approvals::{Approval, State};
use hpol_session::ports::{ApprovalStore, ApprovalsUnavailable, Pending};
use tokio::sync::Notify;

/// Keeps approvals by their id.
#[derive(Debug, Default)]
pub struct MemoryStore {
    approvals: Mutex<BTreeMap<String, Approval>>,
    changed: Notify,
}

impl MemoryStore {
    /// The one approval that was ever asked for.
    ///
    /// # Panics
    ///
    /// When there are none, or several.
    pub fn only(&self) -> Approval {
        let approvals = self.approvals();
        assert_eq!(approvals.len(), 1);
        approvals.values().next().unwrap().clone()
    }

    fn approvals(&self) -> MutexGuard<'_, BTreeMap<String, Approval>> {
        self.approvals.lock().unwrap()
    }
}

impl ApprovalStore for MemoryStore {
    fn insert(&self, approval: Approval) -> Pending<'_, Result<(), ApprovalsUnavailable>> {
        self.approvals().insert(approval.id.clone(), approval);
        Box::pin(async { Ok(()) })
    }

    fn fetch(&self, id: &str) -> Pending<'_, Result<Option<Approval>, ApprovalsUnavailable>> {
        let found = self.approvals().get(id).cloned();
        Box::pin(async { Ok(found) })
    }

    fn list(&self) -> Pending<'_, Result<Vec<Approval>, ApprovalsUnavailable>> {
        let mut all: Vec<Approval> = self.approvals().values().cloned().collect();
        all.sort_by_key(|approval| Reverse(approval.requested));
        Box::pin(async { Ok(all) })
    }

    fn update(&self, mut approval: Approval) -> Pending<'_, Result<bool, ApprovalsUnavailable>> {
        let mut approvals = self.approvals();
        let current = approvals
            .get(&approval.id)
            .is_some_and(|kept| kept.version == approval.version);
        if current {
            approval.version += 1;
            approvals.insert(approval.id.clone(), approval);
            self.changed.notify_waiters();
        }
        Box::pin(async move { Ok(current) })
    }

    fn changed(&self, id: &str, seen: u64) -> Pending<'_, Result<Approval, ApprovalsUnavailable>> {
        let id = id.to_owned();
        Box::pin(async move {
            loop {
                let changed = self.changed.notified();
                let kept = self.approvals().get(&id).cloned();
                if let Some(approval) = kept.filter(|kept| kept.version > seen) {
                    return Ok(approval);
                }
                changed.await;
            }
        })
    }

    fn withdraw_detached(&self, id: &str) {
        let mut approvals = self.approvals();
        let open = approvals
            .get_mut(id)
            .filter(|kept| matches!(kept.state, State::Pending | State::Approved));
        if let Some(approval) = open {
            approval.state = State::Withdrawn;
            approval.version += 1;
            self.changed.notify_waiters();
        }
    }
}
