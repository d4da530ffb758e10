//! Requests for approval in the JSON of the gateway's admin API. Fields that this version does not know are ignored.

use serde::{Deserialize, Serialize};

/// The requests that a person may see.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) approvals: Vec<Approval>,
}

/// A request for approval, as the gateway tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Approval {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) requester: Requester,
    pub(super) connection: Connection,
    pub(super) exact: String,
    pub(super) digest: String,
    pub(super) rules: Vec<Rule>,
    pub(super) requested: String,
    pub(super) expires: String,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Requester {
    pub(super) id: String,
    pub(super) issuer: String,
    pub(super) groups: Vec<String>,
}

/// Where it would run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) name: String,
    pub(super) kind: String,
}

/// A rule that requires approval, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) because: String,
    #[serde(default)]
    pub(super) message: String,
    pub(super) quorum: u32,
    pub(super) approvers: String,
    /// How long it covers more than the one operation, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stands_seconds: Option<u64>,
    #[serde(default)]
    pub(super) votes: Vec<Vote>,
}

/// A vote that counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) approver: String,
    pub(super) vote: String,
    pub(super) reason: String,
    pub(super) time: String,
}
