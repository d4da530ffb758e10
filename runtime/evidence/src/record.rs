//! The records of the audit log. Their canonical JSON (RFC 8785) is what is hashed and sealed, so the shapes here are a
//! format: fields are added, never renamed. Documented for auditors in `docs/audit-format.md`.

use serde::{Deserialize, Serialize};

/// One entry of the log, without what the writer adds (sequence and time of sealing).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Position in the log, from 0 without gaps. Set by the writer; order is by this, never by time.
    pub sequence: u64,
    /// RFC 3339 UTC, milliseconds. Set by the writer.
    pub time: String,
    /// Id of the session it belongs to; absent for events of the gateway itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The gateway began to serve.
    GatewayStarted { version: String, config: String },
    /// The gateway stopped in good order.
    GatewayStopped { reason: String },
    /// A bundle came into force.
    BundleLoaded { bundle: String, policy_sequence: u64, signer: String },
    /// A bundle was refused; the one in force stays.
    BundleRefused { reason: String },
    /// A client was authenticated and its session opened.
    SessionOpened { subject: Subject, connection: Connection, client: String, bundle: String },
    /// A client was turned away before it had a session.
    SessionRefused { connection: Option<Connection>, client: String, reason: String },
    /// A session ended.
    SessionClosed { reason: String, operations: u64 },
    /// An operation was judged. For one that goes ahead this is the intent, before any effect.
    Decision(Box<DecisionRecord>),
    /// An approval was asked for; `operation` is the id in its decision.
    ApprovalRequested { operation: String, approval: String, rules: Vec<String>, expires: String },
    /// An approver voted, or a vote was refused.
    ApprovalVote { approval: String, approver: Subject, vote: Vote, reason: String, accepted: bool, why: String },
    /// An approval ended.
    ApprovalClosed { approval: String, operation: String, state: ApprovalEnd },
    /// What became of an operation that went ahead.
    Outcome(Box<OutcomeRecord>),
}

/// An authenticated identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `sub` claim.
    pub id: String,
    /// `iss` claim.
    pub issuer: String,
    /// Groups, sorted.
    pub groups: Vec<String>,
}

/// The upstream a session stands before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Name in the gateway's configuration.
    pub name: String,
    /// `postgres` or `http`.
    pub kind: String,
}

/// A decision with what an auditor needs to judge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Id of the operation, unique in the log.
    pub operation: String,
    /// Who asked.
    pub subject: Subject,
    /// Of what.
    pub connection: Connection,
    /// The operation with values left out, at most 16 KiB; `digest` covers the whole.
    pub masked: String,
    /// SHA-256 of exactly what was asked, in hex.
    pub digest: String,
    /// `allow`, `require_approval` or `block`.
    pub verdict: String,
    /// The determining rules by qualified name; `default_deny` where none decided, `gateway` where the gateway itself refused.
    pub rules: Vec<String>,
    /// Why, in the words of the rule, or what the gateway could not accept.
    pub reason: String,
    /// Mask rules that will apply to the result.
    pub obligations: Vec<String>,
    /// Facts that could not be determined.
    pub unknown: Vec<String>,
    /// The controls that the determining rules and the gateway's mechanisms satisfy here.
    pub controls: Vec<ControlRecord>,
    /// Id of the approval that granted it, once granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Digest of the bundle that decided; empty when there was none.
    pub bundle: String,
}

/// A control, what earned it and how strong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ControlRecord {
    /// OSCAL form: `ac-6.9`.
    pub id: String,
    /// `implements`, `supports` or `evidences`.
    pub strength: String,
    /// Mechanism id (`M10`); empty where the author's reason alone claims it.
    pub mechanism: String,
    /// The rule that claims it; `gateway` for mechanisms that are always on.
    pub rule: String,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Id of the operation.
    pub operation: String,
    /// How it ended.
    pub result: OperationResult,
    /// The upstream's own error code or status, where it has one.
    pub code: String,
    /// Rows or response messages returned.
    pub rows: u64,
    /// Bytes of result released to the client.
    pub bytes: u64,
    /// What was masked, by class.
    pub masked: Vec<MaskedRecord>,
    /// Controls earned by what was masked.
    pub controls: Vec<ControlRecord>,
}

/// Values of one class that were masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedRecord {
    /// The data class.
    pub class: String,
    /// The rule that hides it.
    pub rule: String,
    /// How many values.
    pub values: u64,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationResult {
    /// The upstream reported success.
    Completed,
    /// The upstream reported an error.
    Failed,
    /// The client or the gateway ended it; what the upstream did is not known.
    Interrupted,
    /// It was prepared and never run.
    NotRun,
}

/// A vote of an approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// Yes.
    Approve,
    /// No: one is enough.
    Reject,
}

/// How an approval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalEnd {
    /// Every requiring rule has its quorum.
    Approved,
    /// An approver said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The requester went away, or cancelled.
    Withdrawn,
}
