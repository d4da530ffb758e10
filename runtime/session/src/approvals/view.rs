//! An approval as people see it, in the terminal and in the console: the JSON of the admin API.

use std::fmt;

use hpol_bundle::policy::GroupId;
use hpol_evidence::record::Vote;
use serde::Serialize;

use super::{Approval, State};

/// An approval as people see it: the admin API's JSON.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalView {
    /// Short id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// Who asks.
    pub requester: SubjectView,
    /// On what.
    pub connection: ConnectionView,
    /// Exactly what will run.
    pub exact: String,
    /// SHA-256 of what will run, in hex.
    pub digest: String,
    /// What requires the approval.
    pub rules: Vec<RequirementView>,
    /// RFC 3339.
    pub requested: String,
    /// RFC 3339.
    pub expires: String,
}

impl fmt::Debug for ApprovalView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `exact`, which is for approvers only.
        f.debug_struct("ApprovalView")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A subject as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubjectView {
    /// `sub`.
    pub id: String,
    /// `iss`.
    pub issuer: String,
    /// Groups.
    pub groups: Vec<String>,
}

/// A connection as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionView {
    /// Name.
    pub name: String,
    /// Protocol.
    pub kind: String,
}

/// A requirement as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementView {
    /// Rule.
    pub name: String,
    /// Title.
    pub title: String,
    /// Reason.
    pub because: String,
    /// How many.
    pub quorum: u32,
    /// Of whom.
    pub approvers: String,
    /// For how many seconds, once approved, it covers what this rule requires of the requester on the connection; absent where
    /// it is for this operation alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_seconds: Option<u64>,
    /// Votes that count for it.
    pub votes: Vec<CastView>,
}

/// A vote as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CastView {
    /// Who.
    pub approver: String,
    /// How.
    pub vote: Vote,
    /// Why.
    pub reason: String,
    /// RFC 3339.
    pub time: String,
}

impl From<&Approval> for ApprovalView {
    fn from(approval: &Approval) -> ApprovalView {
        let votes = |group: GroupId| {
            let votes = approval
                .votes
                .iter()
                .filter(move |cast| cast.counts_for.contains(&group));
            votes
                .map(|cast| CastView {
                    approver: cast.approver.id.clone(),
                    vote: cast.vote,
                    reason: cast.reason.clone(),
                    time: cast.time.to_string(),
                })
                .collect()
        };
        ApprovalView {
            id: approval.id.clone(),
            state: approval.state,
            requester: SubjectView {
                id: approval.requester.id.clone(),
                issuer: approval.requester.issuer.clone(),
                groups: approval.requester.groups.clone(),
            },
            connection: ConnectionView {
                name: approval.connection.name.clone(),
                kind: approval.connection.protocol.as_str().to_owned(),
            },
            exact: approval.exact.clone(),
            digest: approval.digest.clone(),
            rules: approval
                .rules
                .iter()
                .map(|rule| RequirementView {
                    name: rule.name.clone(),
                    title: rule.title.clone(),
                    because: rule.because.clone(),
                    quorum: rule.quorum,
                    approvers: rule.approvers.clone(),
                    stands_seconds: rule.stands_seconds,
                    votes: votes(rule.group),
                })
                .collect(),
            requested: approval.requested.to_string(),
            expires: approval.expires.to_string(),
        }
    }
}
