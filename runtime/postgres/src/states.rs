//! Where a client connection stands: before login, logging in, and in a session with its statements and portals.
//! Each submodule owns one phase; bytes are `codec`'s and decisions are the door's.

pub(crate) mod login;
pub(crate) mod naming;
pub(crate) mod parameters;
pub(crate) mod prepared;
pub(crate) mod startup;

use crate::codec::encode::Report;

/// A client that gets no session: what it is told, if it can be told anything, and what the record says.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    pub(crate) report: Option<Report>,
    pub(crate) reason: String,
}

impl TurnedAway {
    /// Closes without a word, as a peer deserves that does not speak the protocol.
    pub(crate) fn silently(reason: impl Into<String>) -> TurnedAway {
        TurnedAway {
            report: None,
            reason: reason.into(),
        }
    }

    /// Says why. The record says the same.
    pub(crate) fn with(report: Report) -> TurnedAway {
        TurnedAway {
            reason: report.message.clone(),
            report: Some(report),
        }
    }
}
