//! Approvals in memory: for one gateway, gone with it. An operation that waits is gone with it too, so nothing that was
//! asked for outlives its request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hpol_session::approvals::{Approval, State};
use hpol_session::ports::{ApprovalStore, ApprovalsUnavailable, Pending};
use tokio::sync::watch;

/// Ended approvals that are kept to look at, and the bytes of their operations together: one may hold a megabyte, and
/// whoever may ask can ask and leave.
const MAX_ENDED: usize = 1000;
const MAX_ENDED_BYTES: usize = 64 << 20;

/// Approvals of this process.
#[derive(Debug)]
pub(crate) struct MemoryApprovals {
    max_pending: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    arrivals: u64,
    by_id: HashMap<String, Entry>,
    /// Ids in the order they came.
    order: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct Entry {
    approval: watch::Sender<Approval>,
}

impl MemoryApprovals {
    pub(crate) fn new(max_pending: usize) -> MemoryApprovals {
        MemoryApprovals {
            max_pending,
            kept: Mutex::default(),
        }
    }

    /// How many wait for a vote.
    pub(crate) fn pending(&self) -> usize {
        self.kept().pending()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert_now(&self, approval: Approval) -> Result<(), ApprovalsUnavailable> {
        let mut kept = self.kept();
        if kept.pending() >= self.max_pending {
            return Err(ApprovalsUnavailable {
                why: format!("{} approvals are waiting already", self.max_pending),
            });
        }
        if kept.by_id.contains_key(&approval.id) {
            return Err(ApprovalsUnavailable {
                why: "the id of the approval is taken; ask again".to_owned(),
            });
        }
        kept.forget_ended();
        let arrival = kept.arrivals;
        kept.arrivals = arrival.saturating_add(1);
        kept.order.insert(arrival, approval.id.clone());
        kept.by_id.insert(
            approval.id.clone(),
            Entry {
                approval: watch::Sender::new(approval),
            },
        );
        Ok(())
    }
}

impl Kept {
    fn pending(&self) -> usize {
        self.by_id
            .values()
            .filter(|entry| !has_ended(entry))
            .count()
    }

    /// Makes room for one more that has ended: the oldest go first.
    fn forget_ended(&mut self) {
        let (mut count, mut bytes) = (0_usize, 0_usize);
        let mut forgotten = Vec::new();
        for (arrival, id) in self.order.iter().rev() {
            let Some(entry) = self.by_id.get(id).filter(|entry| has_ended(entry)) else {
                continue;
            };
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(entry.approval.borrow().exact.len());
            if count >= MAX_ENDED || bytes > MAX_ENDED_BYTES {
                forgotten.push((*arrival, id.clone()));
            }
        }
        for (arrival, id) in forgotten {
            self.order.remove(&arrival);
            self.by_id.remove(&id);
        }
    }
}

fn has_ended(entry: &Entry) -> bool {
    match entry.approval.borrow().state {
        State::Pending | State::Approved => false,
        State::Used | State::Rejected | State::Expired | State::Withdrawn => true,
    }
}

impl ApprovalStore for MemoryApprovals {
    fn insert(&self, approval: Approval) -> Pending<'_, Result<(), ApprovalsUnavailable>> {
        let inserted = self.insert_now(approval);
        Box::pin(async move { inserted })
    }

    fn fetch(&self, id: &str) -> Pending<'_, Result<Option<Approval>, ApprovalsUnavailable>> {
        let found = self
            .kept()
            .by_id
            .get(id)
            .map(|entry| entry.approval.borrow().clone());
        Box::pin(async move { Ok(found) })
    }

    fn list(&self) -> Pending<'_, Result<Vec<Approval>, ApprovalsUnavailable>> {
        let kept = self.kept();
        let newest_first = kept
            .order
            .values()
            .rev()
            .filter_map(|id| kept.by_id.get(id));
        let all: Vec<Approval> = newest_first
            .map(|entry| entry.approval.borrow().clone())
            .collect();
        Box::pin(async move { Ok(all) })
    }

    fn update(&self, mut approval: Approval) -> Pending<'_, Result<bool, ApprovalsUnavailable>> {
        let updated = self.kept().by_id.get(&approval.id).is_some_and(|entry| {
            entry.approval.send_if_modified(|current| {
                let unchanged = current.version == approval.version;
                if unchanged {
                    approval.version = approval.version.saturating_add(1);
                    *current = approval;
                }
                unchanged
            })
        });
        Box::pin(async move { Ok(updated) })
    }

    fn changed(&self, id: &str, seen: u64) -> Pending<'_, Result<Approval, ApprovalsUnavailable>> {
        let subscription = self
            .kept()
            .by_id
            .get(id)
            .map(|entry| entry.approval.subscribe());
        Box::pin(async move {
            let gone = || ApprovalsUnavailable {
                why: "the approval is not kept any more".to_owned(),
            };
            let mut subscription = subscription.ok_or_else(gone)?;
            let approval = subscription
                .wait_for(|approval| approval.version > seen)
                .await
                .map_err(|_| gone())?;
            Ok(approval.clone())
        })
    }

    fn withdraw_detached(&self, id: &str) {
        if let Some(entry) = self.kept().by_id.get(id) {
            entry.approval.send_if_modified(|approval| {
                // Also where the quorum was reached just before whoever asked was gone.
                let open = matches!(approval.state, State::Pending | State::Approved);
                if open {
                    approval.state = State::Withdrawn;
                    approval.version = approval.version.saturating_add(1);
                }
                open
            });
        }
    }
}

#[cfg(test)]
mod tests;
