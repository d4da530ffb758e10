//! The records of the audit log. Their canonical JSON (RFC 8785) is what is hashed and sealed, so the shapes here are a
//! format: fields are added, never renamed. Documented for auditors in `docs/audit-format.md`.

mod facts;
mod outcome;
mod rules;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use facts::{FactValue, FactsRecord, KnownFact};
pub use outcome::{MaskedRecord, OperationResult, OutcomeRecord};
pub use rules::{ControlRecord, ExceptionRecord, ObservedRecord, WouldRecord};

/// One entry of the log, without what the writer adds (sequence and time of sealing).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the log, from 0 without gaps. Set by the writer; order is by this, never by time.
    pub sequence: u64,
    /// RFC 3339 UTC, milliseconds. Set by the writer.
    pub time: String,
    /// Id of the session it belongs to; absent for events of the gateway itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether what it tells of went on before it was on disk; absent where it waited.
    #[serde(default, skip_serializing_if = "is_false")]
    pub buffered: bool,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The gateway began to serve.
    GatewayStarted {
        /// Version of the gateway.
        version: String,
        /// SHA-256 of its configuration, in hex.
        config: String,
    },
    /// The gateway stopped in good order.
    GatewayStopped {
        /// Why: a signal, a drain.
        reason: String,
    },
    /// A bundle came into force.
    BundleLoaded {
        /// Its digest.
        bundle: String,
        /// Its own sequence number, which only grows.
        policy_sequence: u64,
        /// Id of the key that signed it.
        signer: String,
    },
    /// A bundle was refused; the one in force stays.
    BundleRefused {
        /// Why.
        reason: String,
    },
    /// A changed configuration came into force while the gateway served.
    ConfigurationLoaded {
        /// SHA-256 of the file, in hex.
        config: String,
    },
    /// A changed configuration was refused; the one in force stays.
    ConfigurationRefused {
        /// Why.
        reason: String,
    },
    /// A client was authenticated and its session opened.
    SessionOpened {
        /// Who.
        subject: Subject,
        /// To what.
        connection: Connection,
        /// Address and port of the client.
        client: String,
        /// Digest of the bundle in force; empty when there was none.
        bundle: String,
    },
    /// A client was turned away before it had a session.
    SessionRefused {
        /// To what, where it got far enough to say.
        connection: Option<Connection>,
        /// Address and port of the client.
        client: String,
        /// Why.
        reason: String,
    },
    /// A session ended.
    SessionClosed {
        /// Why.
        reason: String,
        /// How many operations were judged in it.
        operations: u64,
    },
    /// An operation was judged. For one that goes ahead this is the intent, before any effect.
    Decision(Box<DecisionRecord>),
    /// An approval was asked for.
    ApprovalRequested {
        /// Id of the operation, as in its decision.
        operation: String,
        /// Id of the approval.
        approval: String,
        /// The rules that require it.
        rules: Vec<String>,
        /// Those among them for which it stands once it is given, and how long; absent where it is for the operation alone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stands: Vec<StandsRecord>,
        /// RFC 3339 UTC, when it lapses.
        expires: String,
    },
    /// An approver voted, or a vote was refused.
    ApprovalVote {
        /// Id of the approval.
        approval: String,
        /// Who voted.
        approver: Subject,
        /// What they said.
        vote: Vote,
        /// What they wrote.
        reason: String,
        /// Whether the vote counts.
        accepted: bool,
        /// Why it does not; empty when it does.
        why: String,
    },
    /// An approval ended.
    ApprovalClosed {
        /// Id of the approval.
        approval: String,
        /// Id of the operation it was for.
        operation: String,
        /// How.
        state: ApprovalEnd,
        /// RFC 3339 UTC, until when it covers other operations; absent where it covers none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stands_until: Option<String>,
    },
    /// Somebody reviewed an operation that went ahead since a justification was given.
    JustificationReviewed {
        /// Position of the decision's record in the log.
        reviewed: u64,
        /// Id of the operation.
        operation: String,
        /// Who reviewed it; not the one who asked.
        reviewer: Subject,
        /// What they found.
        finding: Finding,
        /// Why.
        reason: String,
    },
    /// What became of an operation that went ahead.
    Outcome(Box<OutcomeRecord>),
    /// Clients were turned away of which no records of their own were written, since there were too many.
    SessionsRefused {
        /// How many.
        count: u64,
        /// Of these, those from addresses that had too many of their own.
        by_address: u64,
        /// The addresses among them, at most 16; of IPv6 the /64.
        addresses: Vec<String>,
        /// How many addresses there were, of those told apart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        distinct: Option<u64>,
        /// RFC 3339 UTC, of the first of them.
        since: String,
    },
    /// Records of things that had happened already were lost: more waited than the queue holds, or they were larger than
    /// the log takes.
    RecordsLost {
        /// How many.
        count: u64,
    },
    /// Checkpoints from now on are signed by another key.
    KeyChanged {
        /// Id of the key that signed until here.
        from: String,
        /// Id of the key that signs from here on.
        to: String,
        /// The new public key, base64 of its 32 bytes.
        key: String,
    },
    /// The log itself cannot go on; the last record before it was stopped.
    LogFailed {
        /// Which file and what the system said.
        reason: String,
    },
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
    pub subject: Arc<Subject>,
    /// Of what.
    pub connection: Arc<Connection>,
    /// The operation with values left out, at most 16 KiB; `commitment` covers the whole.
    pub masked: String,
    /// SHA-256 of exactly what was asked, in hex. Given to the log, which writes `commitment` in its place: whoever reads
    /// a digest of a short text can guess the text. Only logs from before commitments have it in their records.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// What the log writes for `digest`. Made by the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Commitment>,
    /// `allow`, `require_approval` or `block`.
    pub verdict: String,
    /// The determining rules by qualified name; `default_deny` where none decided, `gateway` where the gateway itself refused.
    pub rules: Vec<String>,
    /// Why, in the words of the rule, or what the gateway could not accept.
    pub reason: String,
    /// Rules whose masks and limits will apply to the result.
    pub obligations: Vec<String>,
    /// Rows of the result that are released at most; absent where nothing limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What rules in observe would have done, had they not been; absent where none would have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<ObservedRecord>,
    /// What would have come of it if its connection were not in observe; absent where it is not, or where it went ahead
    /// anyway. `rules` is `observe` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<WouldRecord>,
    /// The exceptions that lifted a rule; absent where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionRecord>,
    /// Facts that could not be determined.
    pub unknown: Vec<String>,
    /// The controls that the determining rules and the gateway's mechanisms satisfy here.
    pub controls: Arc<[ControlRecord]>,
    /// Id of the approval that granted it, once granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// RFC 3339 UTC, until when `approval` covers operations, where it was asked for another one; absent where it was asked
    /// for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_until: Option<String>,
    /// Whether a rule ends the session with this block; absent where none does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ends_session: bool,
    /// The justification that rules required and that was given; absent where none did. What went ahead by it is to be
    /// reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<JustificationRecord>,
    /// Digest of the bundle that decided; empty when there was none.
    pub bundle: String,
    /// The facts of the operation that conditions over history read, of one that goes ahead; absent where the policy has
    /// no such conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<FactsRecord>,
    /// How much did not fit into the lists of this record; absent where all did.
    #[serde(default, skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
}

/// How many entries of a record's lists were left out, so that it could be written at all. The first entries are those that
/// are there; the bundle says which others match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Of the determining rules.
    #[serde(skip_serializing_if = "is_zero")]
    pub rules: u64,
    /// Of the rules whose masks and limits apply.
    #[serde(skip_serializing_if = "is_zero")]
    pub obligations: u64,
    /// Of what rules in observe would have done.
    #[serde(skip_serializing_if = "is_zero")]
    pub observed: u64,
    /// Of the exceptions.
    #[serde(skip_serializing_if = "is_zero")]
    pub exceptions: u64,
    /// Of the classes that were masked.
    #[serde(skip_serializing_if = "is_zero")]
    pub masked: u64,
    /// Of the controls; each control is there once before one is there twice.
    #[serde(skip_serializing_if = "is_zero")]
    pub controls: u64,
}

impl LeftOut {
    /// Whether all entries are there.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == LeftOut::default()
    }
}

/// Why somebody did what needs a reason. Nobody has checked whether it is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JustificationRecord {
    /// In the words of the client; at most 256 bytes.
    pub text: String,
    /// The rules that require it, by qualified name.
    pub rules: Vec<String>,
    /// The groups whose members review it, by qualified name.
    pub reviewers: Vec<String>,
}

/// For how long an approval stands for what a rule requires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandsRecord {
    /// The rule by qualified name.
    pub rule: String,
    /// Seconds, from the vote that completed it.
    pub seconds: u64,
}

/// Binds a record to exactly what was asked, without telling it: see [`crate::salt`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// SHA-256 over the salt of the operation and the digest of what was asked, in hex.
    pub hash: String,
    /// Id of the salt file that the salt of the operation is made from.
    pub salt: String,
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

/// What a review found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// There was good reason for it.
    Justified,
    /// There was not.
    Unjustified,
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

impl Event {
    /// Id of the operation that the event is about, where it names one.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        match self {
            Self::Decision(decision) => Some(&decision.operation),
            Self::Outcome(outcome) => Some(&outcome.operation),
            Self::ApprovalRequested { operation, .. }
            | Self::ApprovalClosed { operation, .. }
            | Self::JustificationReviewed { operation, .. } => Some(operation),
            Self::GatewayStarted { .. }
            | Self::GatewayStopped { .. }
            | Self::BundleLoaded { .. }
            | Self::BundleRefused { .. }
            | Self::ConfigurationLoaded { .. }
            | Self::ConfigurationRefused { .. }
            | Self::SessionOpened { .. }
            | Self::SessionRefused { .. }
            | Self::SessionClosed { .. }
            | Self::ApprovalVote { .. }
            | Self::SessionsRefused { .. }
            | Self::RecordsLost { .. }
            | Self::KeyChanged { .. }
            | Self::LogFailed { .. } => None,
        }
    }

    /// The controls that the event is evidence for: those of decisions and outcomes.
    #[must_use]
    pub fn controls(&self) -> &[ControlRecord] {
        match self {
            Self::Decision(decision) => &decision.controls,
            Self::Outcome(outcome) => &outcome.controls,
            _ => &[],
        }
    }

    /// Id of the approval that the event asks for.
    #[must_use]
    pub fn requested_approval(&self) -> Option<&str> {
        if let Self::ApprovalRequested { approval, .. } = self {
            Some(approval)
        } else {
            None
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
pub(crate) mod tests;
