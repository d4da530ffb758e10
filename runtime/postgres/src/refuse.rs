//! Refusals in PostgreSQL's own form: which SQLSTATE each kind has and whether it ends the session.
//! Source: PostgreSQL manual, appendix "Error Codes".

use hpol_session::refusal::{Refusal, RefusalKind};

use crate::codec::encode::{Report, Severity};

pub(crate) const PROTOCOL_VIOLATION: &str = "08P01";
pub(crate) const QUERY_CANCELED: &str = "57014";
pub(crate) const ADMIN_SHUTDOWN: &str = "57P01";
pub(crate) const CANNOT_CONNECT_NOW: &str = "57P03";
pub(crate) const CONNECTION_FAILURE: &str = "08006";
pub(crate) const UNKNOWN_STATEMENT: &str = "26000";
pub(crate) const UNKNOWN_PORTAL: &str = "34000";
pub(crate) const UNSUPPORTED: &str = "0A000";
pub(crate) const INTERNAL: &str = "XX000";

/// What the client is told.
pub(crate) fn report(refusal: &Refusal) -> Report {
    let (sqlstate, severity) = match refusal.kind {
        RefusalKind::Policy
        | RefusalKind::ApprovalRejected
        | RefusalKind::ApprovalExpired
        | RefusalKind::ApprovalVoid
        | RefusalKind::CannotMask
        | RefusalKind::CannotLimit
        | RefusalKind::NoPolicy => ("42501", Severity::Error),
        RefusalKind::NotUnderstood => ("42601", Severity::Error),
        RefusalKind::Unsupported => (UNSUPPORTED, Severity::Error),
        RefusalKind::EvidenceUnavailable | RefusalKind::ApprovalsUnavailable => {
            ("58000", Severity::Error)
        }
        RefusalKind::TokenExpired => ("28000", Severity::Fatal),
    };
    let severity = match refusal.ends_session {
        true => Severity::Fatal,
        false => severity,
    };
    let detail = if refusal.operation.is_empty() {
        String::new()
    } else {
        format!("operation {} in the audit log", refusal.operation)
    };
    Report {
        severity,
        sqlstate,
        message: refusal.message(),
        detail,
        hint: refusal.help.clone(),
    }
}

/// The same as the end of the session.
pub(crate) fn fatal(refusal: &Refusal) -> Report {
    Report {
        severity: Severity::Fatal,
        ..report(refusal)
    }
}
