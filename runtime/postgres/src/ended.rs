//! Why a session ends: whose fault it is, what the client is told last, and what the record says.

use crate::codec::Malformed;
use crate::codec::encode::Report;
use crate::refuse;

/// Why a session ends.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What the client is told last, if it is still there.
    pub(crate) report: Option<Report>,
    /// What the record says.
    pub(crate) reason: String,
}

impl Ended {
    pub(crate) fn with(report: Report) -> Ended {
        Ended {
            reason: report.message.clone(),
            report: Some(report),
        }
    }

    pub(crate) fn quietly(reason: impl Into<String>) -> Ended {
        Ended {
            report: None,
            reason: reason.into(),
        }
    }

    /// The client broke the protocol.
    pub(crate) fn misbehaved(malformed: &Malformed) -> Ended {
        Ended::with(Report::fatal(
            refuse::PROTOCOL_VIOLATION,
            malformed.to_string(),
        ))
    }

    /// The upstream broke the protocol: nothing it says can be believed any more, so nothing more is passed on.
    pub(crate) fn upstream_misbehaved(malformed: &Malformed) -> Ended {
        let reason = format!("the upstream broke the protocol: {malformed}");
        Ended {
            report: Some(Report::fatal(refuse::CONNECTION_FAILURE, reason.clone())),
            reason,
        }
    }
}
