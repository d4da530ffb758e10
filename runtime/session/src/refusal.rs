//! Why an operation does not go ahead, in words for the one who asked. Adapters render it in their protocol's own form.

/// An operation was refused and recorded. Nothing of it has reached the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is, which decides the protocol's code.
    pub kind: RefusalKind,
    /// The rules that decided; `default_deny` or `gateway` where no rule of the policy did.
    pub rules: Vec<String>,
    /// One line: why.
    pub reason: String,
    /// What to do next; empty where nothing helps.
    pub help: String,
    /// Id of the operation in the audit log; empty where it could not be recorded.
    pub operation: String,
    /// Whether the session ends with it, since a rule says so.
    pub ends_session: bool,
}

impl Refusal {
    /// One line that names what decided and why.
    #[must_use]
    pub fn message(&self) -> String {
        match self.kind {
            RefusalKind::Policy | RefusalKind::CannotMask | RefusalKind::CannotLimit => {
                format!("blocked by {}: {}", self.rules.join(", "), self.reason)
            }
            RefusalKind::ApprovalRejected
            | RefusalKind::ApprovalExpired
            | RefusalKind::ApprovalVoid
            | RefusalKind::NotUnderstood
            | RefusalKind::Unsupported
            | RefusalKind::EvidenceUnavailable
            | RefusalKind::ApprovalsUnavailable
            | RefusalKind::TokenExpired
            | RefusalKind::NoPolicy => self.reason.clone(),
        }
    }
}

/// The classes of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// A rule blocks, or none allows.
    Policy,
    /// An approver said no.
    ApprovalRejected,
    /// Nobody decided in time.
    ApprovalExpired,
    /// The policy changed while the operation waited, or the request was withdrawn.
    ApprovalVoid,
    /// The operation could not be understood, so it could not be judged.
    NotUnderstood,
    /// This version does not carry such operations.
    Unsupported,
    /// A mask applies that cannot be carried out on this operation.
    CannotMask,
    /// A limit applies that cannot be carried out on this operation.
    CannotLimit,
    /// The audit log cannot be written.
    EvidenceUnavailable,
    /// The approval store cannot be reached or is full.
    ApprovalsUnavailable,
    /// The token that opened the session has ended.
    TokenExpired,
    /// No policy is in force: everything is denied.
    NoPolicy,
}

/// What an adapter could not accept, before any policy could judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAccepted {
    /// It could not be understood: syntax, malformed message, undetermined meaning.
    NotUnderstood {
        /// What was wrong with it.
        why: String,
    },
    /// It is understood and this version does not carry it.
    Unsupported {
        /// What is not supported, and what to do instead.
        what: String,
    },
}
