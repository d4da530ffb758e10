//! What the door needs from outside: a clock, the audit log, the approval store, and who can read a token.
//! The gateway implements these; the door judges and the ports only keep and tell.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hpol_bundle::decision::Verdict;
use hpol_bundle::vocabulary::Protocol;
use hpol_evidence::record::Event;
use jiff::Timestamp;

use crate::approvals::Approval;
use crate::principal::Principal;

/// A future that a port returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells the time. Fixed once per operation; order in the log never depends on it.
pub trait Clock: Send + Sync + Debug {
    /// The wall clock.
    fn now(&self) -> Timestamp;
}

/// How durable a record must be before the door goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk: nothing that follows may be lost without it.
    Durable,
    /// The record that ends a read. On disk, unless the operator has set reads to buffered.
    ReadEnd,
    /// Accepted by the writer, in order before whatever is appended next.
    Buffered,
}

/// The audit log cannot take records, so no operation may go ahead.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the audit log cannot be written: {why}")]
pub struct EvidenceUnavailable {
    /// The cause, for the operator.
    pub why: String,
}

/// The audit log.
pub trait Evidence: Send + Sync + Debug {
    /// Appends a record; resolves once it is as durable as asked. Not cancel-safe in one way only: a
    /// dropped future may still have appended.
    fn append(
        &self,
        session: Option<&str>,
        event: Event,
        durability: Durability,
    ) -> Pending<'_, Result<(), EvidenceUnavailable>>;

    /// Appends without waiting: for destructors, where nothing can be awaited.
    fn append_detached(&self, session: Option<&str>, event: Event);

    /// Hears what became of an operation, and how long after it was asked for: judged, and its record as durable as it has
    /// to be. For whoever counts; it is on record already.
    fn decided(&self, protocol: Protocol, verdict: Verdict, took: Duration) {
        let _ = (protocol, verdict, took);
    }
}

/// The approval store cannot be reached, so nothing can be approved.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the approval store cannot be reached: {why}")]
pub struct ApprovalsUnavailable {
    /// The cause, for the operator.
    pub why: String,
}

/// Keeps approvals. Judges nothing: who may vote, and what a vote means, is decided in [`crate::approvals`].
pub trait ApprovalStore: Send + Sync + Debug {
    /// Keeps a new approval, at version 0. Refused when too many are pending.
    fn insert(&self, approval: Approval) -> Pending<'_, Result<(), ApprovalsUnavailable>>;

    /// The approval called `id`.
    fn fetch(&self, id: &str) -> Pending<'_, Result<Option<Approval>, ApprovalsUnavailable>>;

    /// All that are kept, newest first.
    fn list(&self) -> Pending<'_, Result<Vec<Approval>, ApprovalsUnavailable>>;

    /// Replaces the approval if the kept one still has `approval.version`, and raises the version by one; `false` when
    /// somebody was faster.
    fn update(&self, approval: Approval) -> Pending<'_, Result<bool, ApprovalsUnavailable>>;

    /// Resolves when the approval's version is above `seen`. Cancel-safe.
    fn changed(&self, id: &str, seen: u64) -> Pending<'_, Result<Approval, ApprovalsUnavailable>>;

    /// Marks an approval that is pending, or approved and not used yet, as withdrawn without waiting: for destructors.
    /// Leaves one that has ended as it is.
    fn withdraw_detached(&self, id: &str);
}

/// A token was not accepted. The reason is for the log; the client is told that authentication failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}")]
pub struct AuthenticationRefused {
    /// Why, without any part of the token.
    pub why: String,
    /// Whether the fault is ours or the issuer's, so that the client may try again.
    pub temporary: bool,
}

/// Turns a token into a principal.
pub trait Authenticate: Send + Sync + Debug {
    /// Verifies `token` and tells who it speaks for.
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pending<'a, Result<Principal, AuthenticationRefused>>;
}
