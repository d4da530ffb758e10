//! Approvals: what is asked, who may answer, and what the answers amount to. One judgement for every channel (console,
//! terminal, webhook); the store only keeps. Semantics: lang-spec, "Approvals".

pub(crate) mod standing;
mod view;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hpol_bundle::policy::{Effect, GroupId, Rule, Unread};
use hpol_evidence::record::{ApprovalEnd, Event, Vote};
use hpol_operation::Operation;
use jiff::Timestamp;
use serde::Serialize;

use crate::hold::{Hold, Waiting};
use crate::judgement::Judgement;
use crate::pipeline::{Pipeline, unavailable_refusal};
use crate::policy::InForce;
use crate::ports::Durability;
use crate::principal::{Connection, Principal};
use crate::records::{self, GATEWAY};
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Outcome;

pub use view::{ApprovalView, CastView, ConnectionView, RequirementView, SubjectView};

/// A request for approval and the votes on it. Kept by an [`crate::ports::ApprovalStore`]; changed only here.
#[derive(Clone, PartialEq, Eq)]
pub struct Approval {
    /// Short random id, for people to type.
    pub id: String,
    /// Raised by the store with each update.
    pub version: u64,
    /// Where it stands.
    pub state: State,
    /// Who wants to run it.
    pub requester: Principal,
    /// On what.
    pub connection: Connection,
    /// Id of the operation in the audit log.
    pub operation: String,
    /// Exactly what will run.
    pub exact: String,
    /// Its digest, in hex.
    pub digest: String,
    /// Digest of the bundle that requires the approval: another bundle voids it.
    pub bundle: String,
    /// Every rule that requires one; all have to be satisfied.
    pub rules: Vec<Requirement>,
    /// The votes so far, oldest first.
    pub votes: Vec<Cast>,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When it lapses.
    pub expires: Timestamp,
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `exact`, which is for approvers only.
        f.debug_struct("Approval")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("state", &self.state)
            .field("operation", &self.operation)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for votes.
    Pending,
    /// Every rule has its quorum; the operation has not run yet.
    Approved,
    /// It granted its one operation.
    Used,
    /// An approver said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The requester went away or cancelled.
    Withdrawn,
}

/// What one rule requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Qualified name of the rule.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its reason.
    pub because: String,
    /// How many different approvers.
    pub quorum: u32,
    /// Who may approve.
    pub group: GroupId,
    /// The group's qualified name.
    pub approvers: String,
    /// How long the approval stands for what this rule requires of the requester on the connection, in seconds; for its one
    /// operation alone where there is none.
    pub stands_seconds: Option<u64>,
}

/// One vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Who voted, without the claims of their token.
    pub approver: Principal,
    /// How.
    pub vote: Vote,
    /// Why.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// For which of the requirements the approver counts.
    pub counts_for: Vec<GroupId>,
}

/// Why a vote, or a look at an approval, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoteRefused {
    /// No such approval, or none that this person may see.
    #[error("no approval `{id}` that you requested or may decide")]
    NotFound {
        /// What was asked for.
        id: String,
    },
    /// The requester is never an approver.
    #[error("you asked for this operation yourself; somebody else has to approve it")]
    OwnRequest,
    /// Not in any of the groups that may approve.
    #[error("only members of {approvers} may decide on this")]
    NotEligible {
        /// The groups.
        approvers: String,
    },
    /// It is over.
    #[error("this approval is already {state}")]
    AlreadyDecided {
        /// How it ended.
        state: String,
    },
    /// One person, one vote.
    #[error("you have voted on this already")]
    AlreadyVoted,
    /// The bundle that asked for it is no longer in force.
    #[error("the policy has changed since this was asked for; the requester has to ask again")]
    PolicyChanged,
    /// Store or log out of reach: nothing was decided.
    #[error("{why}")]
    Unavailable {
        /// The cause.
        why: String,
    },
}

/// Asks for the approvals that `judgement` requires.
pub(crate) async fn submit<P>(
    pipeline: &Arc<Pipeline>,
    operation_id: String,
    operation: Operation,
    payload: P,
    judgement: &Judgement,
) -> Outcome<P> {
    let Some(in_force) = judgement.in_force.clone() else {
        return Outcome::Refuse(no_approvers(&operation_id));
    };
    let rules: Vec<&Rule<Unread>> = judgement
        .rules
        .iter()
        .filter_map(|id| in_force.rule(*id))
        .collect();
    let requirements = requirements(&in_force, &rules);
    if requirements.len() != rules.len() || requirements.is_empty() {
        return Outcome::Refuse(no_approvers(&operation_id));
    }
    let requested = pipeline.door.now();
    let wait = rules
        .iter()
        .filter_map(|rule| within(rule))
        .min()
        .unwrap_or_default();
    let expires = requested.checked_add(wait).unwrap_or(requested);
    let approval = Approval {
        id: pipeline.door.short_id(),
        version: 0,
        state: State::Pending,
        requester: pipeline.principal.clone(),
        connection: pipeline.connection.clone(),
        operation: operation_id.clone(),
        exact: operation.exact.clone(),
        digest: data_encoding::HEXLOWER.encode(&operation.digest),
        bundle: in_force.digest().to_owned(),
        rules: requirements,
        votes: Vec::new(),
        requested,
        expires,
    };
    let event = Event::ApprovalRequested {
        operation: operation_id,
        approval: approval.id.clone(),
        rules: records::fit_rules(
            approval
                .rules
                .iter()
                .map(|rule| rule.name.clone())
                .collect(),
        ),
        stands: records::fit_stands(&approval.rules),
        expires: expires.to_string(),
    };
    // Before the record, so that a requester who goes away while it is written leaves a withdrawal.
    let waiting = Waiting::new(Arc::clone(pipeline), approval.clone(), wait);
    if let Err(unavailable) = pipeline.append(event, Durability::Durable).await {
        waiting.unrecorded();
        return Outcome::Refuse(unavailable_refusal(&unavailable));
    }
    match pipeline.door.store().insert(approval.clone()).await {
        Ok(()) => Outcome::Hold(Box::new(Hold::new(waiting, operation, payload))),
        Err(unavailable) => {
            // Not withdrawn in the store: where the id is taken, that would be somebody else's.
            waiting.unrecorded();
            pipeline.append_detached(closed(&approval, ApprovalEnd::Withdrawn, None));
            Outcome::Refuse(Refusal {
                kind: RefusalKind::ApprovalsUnavailable,
                rules: vec![GATEWAY.to_owned()],
                reason: unavailable.to_string(),
                help: "try again later".to_owned(),
                operation: approval.operation,
                ends_session: false,
            })
        }
    }
}

/// Whether `viewer` may look at `approval`: it is theirs, or they may decide on it.
pub(crate) fn may_see(in_force: &InForce, approval: &Approval, viewer: &Principal) -> bool {
    viewer.is_same_subject(&approval.requester)
        || !eligible_for(in_force, approval, viewer).is_empty()
}

/// What `approval` becomes by the vote of `approver`.
pub(crate) fn cast(
    in_force: &InForce,
    approval: &Approval,
    approver: &Principal,
    vote: Vote,
    reason: &str,
    now: Timestamp,
) -> Result<Approval, VoteRefused> {
    if approver.is_same_subject(&approval.requester) {
        return Err(VoteRefused::OwnRequest);
    }
    // Before the question of who may decide: the groups of another bundle cannot be asked.
    if approval.bundle != in_force.digest() {
        return Err(VoteRefused::PolicyChanged);
    }
    let counts_for = eligible_for(in_force, approval, approver);
    if counts_for.is_empty() {
        let groups: BTreeSet<String> = approval
            .rules
            .iter()
            .map(|rule| format!("`{}`", rule.approvers))
            .collect();
        return Err(VoteRefused::NotEligible {
            approvers: groups.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    if approval.state != State::Pending {
        return Err(VoteRefused::AlreadyDecided {
            state: word(approval.state).to_owned(),
        });
    }
    if now >= approval.expires {
        return Err(VoteRefused::AlreadyDecided {
            state: word(State::Expired).to_owned(),
        });
    }
    if approval
        .votes
        .iter()
        .any(|cast| cast.approver.is_same_subject(approver))
    {
        return Err(VoteRefused::AlreadyVoted);
    }
    let mut next = approval.clone();
    next.votes.push(Cast {
        approver: approver.without_claims(),
        vote,
        reason: reason.to_owned(),
        time: now,
        counts_for,
    });
    next.state = match vote {
        Vote::Reject => State::Rejected,
        Vote::Approve if has_quorum(&next) => State::Approved,
        Vote::Approve => State::Pending,
    };
    Ok(next)
}

/// Whether every requirement has its quorum of different people.
fn has_quorum(approval: &Approval) -> bool {
    approval.rules.iter().all(|rule| {
        let votes = approval.votes.iter();
        let counted = votes
            .filter(|cast| cast.vote == Vote::Approve && cast.counts_for.contains(&rule.group))
            .count();
        u32::try_from(counted).is_ok_and(|counted| counted >= rule.quorum)
    })
}

fn eligible_for(in_force: &InForce, approval: &Approval, approver: &Principal) -> Vec<GroupId> {
    // Group ids mean something only in the bundle that asked.
    if approval.bundle != in_force.digest() {
        return Vec::new();
    }
    let facts = approver.facts(&in_force.bundle().vocabulary);
    let groups: BTreeSet<GroupId> = approval.rules.iter().map(|rule| rule.group).collect();
    groups
        .into_iter()
        .filter(|group| hpol_engine::is_member(&in_force.bundle().program, *group, &facts))
        .collect()
}

fn requirements(in_force: &InForce, rules: &[&Rule<Unread>]) -> Vec<Requirement> {
    let groups = &in_force.bundle().policy.groups;
    rules
        .iter()
        .filter_map(|rule| {
            let Effect::RequireApproval {
                quorum,
                group,
                stands_seconds,
                ..
            } = rule.effect
            else {
                return None;
            };
            let approvers = groups.get(usize::try_from(group.0).ok()?)?.name.clone();
            Some(Requirement {
                name: rule.name.clone(),
                title: rule.title.clone(),
                because: rule.because.clone(),
                quorum: quorum.max(1),
                group,
                approvers,
                stands_seconds,
            })
        })
        .collect()
}

fn within(rule: &Rule<Unread>) -> Option<Duration> {
    match rule.effect {
        Effect::RequireApproval { within_seconds, .. } => Some(Duration::from_secs(within_seconds)),
        Effect::Allow { .. }
        | Effect::Block { .. }
        | Effect::RequireJustification { .. }
        | Effect::Mask { .. }
        | Effect::Limit { .. } => None,
    }
}

fn no_approvers(operation: &str) -> Refusal {
    Refusal {
        kind: RefusalKind::ApprovalsUnavailable,
        rules: vec![GATEWAY.to_owned()],
        reason: "the rule that requires approval names no group of the bundle".to_owned(),
        help: String::new(),
        operation: operation.to_owned(),
        ends_session: false,
    }
}

/// The end of `approval`; it stands on until `stands_until`.
pub(crate) fn closed(
    approval: &Approval,
    state: ApprovalEnd,
    stands_until: Option<Timestamp>,
) -> Event {
    Event::ApprovalClosed {
        approval: approval.id.clone(),
        operation: approval.operation.clone(),
        state,
        stands_until: stands_until.map(|until| until.to_string()),
    }
}

pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Approved => "approved",
        State::Used => "used",
        State::Rejected => "rejected",
        State::Expired => "expired",
        State::Withdrawn => "withdrawn",
    }
}
