//! Ports in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hpol_evidence::record::Event;
use hpol_session::approvals::{Approval, State};
use hpol_session::ports::{
    ApprovalStore, ApprovalsUnavailable, Authenticate, AuthenticationRefused, Clock, Durability,
    Evidence, EvidenceUnavailable, Pending,
};
use hpol_session::principal::Principal;
use jiff::Timestamp;
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct ManualClock(pub Mutex<Timestamp>);

impl Default for ManualClock {
    fn default() -> ManualClock {
        ManualClock(Mutex::new(Timestamp::UNIX_EPOCH))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Accepts `agent-N` and `dba-N`.
#[derive(Debug)]
pub(crate) struct Tokens;

impl Authenticate for Tokens {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pending<'a, Result<Principal, AuthenticationRefused>> {
        Box::pin(async move {
            match token.split_once('-') {
                Some(("agent", _)) => Ok(principal(token, &["agents"])),
                Some(("dba", _)) => Ok(principal(token, &["dba"])),
                Some(("later", _)) => Err(AuthenticationRefused {
                    why: "the issuer is away".to_owned(),
                    temporary: true,
                }),
                _ => Err(AuthenticationRefused {
                    why: "the signature is wrong".to_owned(),
                    temporary: false,
                }),
            }
        })
    }
}

pub(crate) fn principal(id: &str, groups: &[&str]) -> Principal {
    Principal {
        id: id.to_owned(),
        issuer: "https://id.example.com".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        expires: Timestamp::from_second(3600).unwrap(),
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryLog {
    pub(crate) events: Mutex<Vec<Event>>,
    /// Fails every append.
    pub(crate) failed: AtomicBool,
    /// Fails appends of outcomes.
    pub(crate) outcomes_failed: AtomicBool,
    appended: Notify,
}

impl Evidence for MemoryLog {
    fn append(
        &self,
        _: Option<&str>,
        event: Event,
        _: Durability,
    ) -> Pending<'_, Result<u64, EvidenceUnavailable>> {
        Box::pin(async move {
            let outcome =
                matches!(event, Event::Outcome(_)) && self.outcomes_failed.load(Ordering::SeqCst);
            if outcome || self.failed.load(Ordering::SeqCst) {
                return Err(EvidenceUnavailable {
                    why: "disk full".to_owned(),
                });
            }
            self.append_detached(None, event);
            Ok(0)
        })
    }

    fn append_detached(&self, _: Option<&str>, event: Event) {
        self.events.lock().unwrap().push(event);
        self.appended.notify_waiters();
    }
}

impl MemoryLog {
    /// One line for each record, in order.
    pub(crate) fn words(&self) -> Vec<String> {
        let word = |event: &Event| match event {
            Event::Decision(record) => format!(
                "{} by {}: {}",
                record.verdict,
                record.rules.join("+"),
                record.masked
            ),
            Event::Outcome(record) => {
                let masked: Vec<_> = record
                    .masked
                    .iter()
                    .map(|masked| format!(" {} {}", masked.values, masked.class))
                    .collect();
                format!(
                    "outcome {:?} {}{}",
                    record.result,
                    record.code,
                    masked.concat()
                )
            }
            Event::ApprovalClosed { state, .. } => format!("closed {state:?}"),
            Event::SessionOpened { subject, .. } => format!("opened by {}", subject.id),
            Event::SessionRefused { reason, .. } => format!("turned away: {reason}"),
            Event::SessionClosed { reason, operations } => {
                format!("ended after {operations}: {reason}")
            }
            other => serde_json::to_value(other).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned(),
        };
        self.events.lock().unwrap().iter().map(word).collect()
    }

    pub(crate) async fn wait_for(&self, word: &str) -> Vec<String> {
        loop {
            let appended = self.appended.notified();
            let words = self.words();
            if words.iter().any(|known| known.starts_with(word)) {
                return words;
            }
            appended.await;
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    approvals: Mutex<BTreeMap<String, Approval>>,
    changed: Notify,
}

impl MemoryStore {
    pub(crate) fn only(&self) -> Approval {
        let approvals = self.approvals.lock().unwrap();
        assert_eq!(approvals.len(), 1);
        approvals.values().next().unwrap().clone()
    }
}

impl ApprovalStore for MemoryStore {
    fn insert(&self, approval: Approval) -> Pending<'_, Result<(), ApprovalsUnavailable>> {
        self.approvals
            .lock()
            .unwrap()
            .insert(approval.id.clone(), approval);
        Box::pin(async { Ok(()) })
    }

    fn fetch(&self, id: &str) -> Pending<'_, Result<Option<Approval>, ApprovalsUnavailable>> {
        let found = self.approvals.lock().unwrap().get(id).cloned();
        Box::pin(async { Ok(found) })
    }

    fn list(&self) -> Pending<'_, Result<Vec<Approval>, ApprovalsUnavailable>> {
        let all = self.approvals.lock().unwrap().values().cloned().collect();
        Box::pin(async { Ok(all) })
    }

    fn update(&self, mut approval: Approval) -> Pending<'_, Result<bool, ApprovalsUnavailable>> {
        let mut approvals = self.approvals.lock().unwrap();
        let current = approvals
            .get(&approval.id)
            .is_some_and(|kept| kept.version == approval.version);
        if current {
            approval.version += 1;
            approvals.insert(approval.id.clone(), approval);
        }
        drop(approvals);
        self.changed.notify_waiters();
        Box::pin(async move { Ok(current) })
    }

    fn changed(&self, id: &str, seen: u64) -> Pending<'_, Result<Approval, ApprovalsUnavailable>> {
        let id = id.to_owned();
        Box::pin(async move {
            loop {
                let changed = self.changed.notified();
                if let Some(approval) = self
                    .approvals
                    .lock()
                    .unwrap()
                    .get(&id)
                    .filter(|kept| kept.version > seen)
                {
                    return Ok(approval.clone());
                }
                changed.await;
            }
        })
    }

    fn withdraw_detached(&self, id: &str) {
        if let Some(approval) = self.approvals.lock().unwrap().get_mut(id) {
            approval.state = State::Withdrawn;
            approval.version += 1;
        }
    }
}
