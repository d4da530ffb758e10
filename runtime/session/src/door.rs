//! The door itself: the policy in force, the ports, and the sessions it opens. One per gateway.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use aws_lc_rs::rand;
use hpol_evidence::canonical::printable;
use hpol_evidence::record::{DecisionRecord, Event, Finding, Vote};
use jiff::Timestamp;

use crate::approvals::standing::Standing;
use crate::approvals::{self, Approval, ApprovalView, VoteRefused};
use crate::history::{Both, Histories, Remembered};
use crate::justified::{self, ReviewRefused};
use crate::pipeline::{Pipeline, unavailable_refusal};
use crate::policy::{InForce, Snapshot};
use crate::ports::{ApprovalStore, Clock, Durability, Evidence};
use crate::principal::{ClientAddress, Connection, Principal};
use crate::records;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Session;

/// Votes that lose a race are judged again; more losses than this on one approval means something is wrong.
const MAX_VOTE_ATTEMPTS: usize = 16;

/// Longest reason that a voter may give, in bytes.
const MAX_REASON_BYTES: usize = 2048;

/// Opens sessions and answers approvers.
#[derive(Debug)]
pub struct Door {
    policy: ArcSwapOption<InForce>,
    clock: Arc<dyn Clock>,
    evidence: Arc<dyn Evidence>,
    approvals: Arc<dyn ApprovalStore>,
    histories: Histories,
    standing: Standing,
}

impl Door {
    /// A door with no policy in force: it denies everything until [`Door::install`].
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        evidence: Arc<dyn Evidence>,
        approvals: Arc<dyn ApprovalStore>,
    ) -> Arc<Door> {
        Arc::new(Door {
            policy: ArcSwapOption::empty(),
            clock,
            evidence,
            approvals,
            histories: Histories::default(),
            standing: Standing::default(),
        })
    }

    /// Puts a policy in force. The next operation of every session, also of open ones, is judged by it.
    ///
    /// Approvals that stand end with the policy before, also where the same is put in force again.
    ///
    /// Measurements that the policy before made go on; of others nothing is known before now, unless [`Door::remember`]
    /// has told.
    pub fn install(&self, policy: Arc<InForce>) {
        self.policy.store(Some(Arc::clone(&policy)));
        self.standing.end_all();
        // Once it is in force: of what it measures nothing is known until then.
        self.histories.measure(policy.monitors(), self.now_ms());
        self.histories.measure_only(policy.monitors());
    }

    /// Takes what happened before from the records of the audit log, for the first policy, before it is put in force: from
    /// then on history is measured as things happen.
    #[must_use]
    pub fn remember<'a>(&'a self, policy: &'a InForce) -> Remembered<'a> {
        Remembered::new(&self.histories, policy)
    }

    /// The policy in force; `None` before the first.
    #[must_use]
    pub fn in_force(&self) -> Snapshot {
        self.policy.load_full()
    }

    /// Opens a session for an authenticated client; `client` is its address, with or without the port: for the record, and for
    /// rules that ask for it.
    ///
    /// # Errors
    /// When no policy is in force, the token has ended, or the session cannot be recorded.
    pub async fn open(
        self: &Arc<Door>,
        mut principal: Principal,
        connection: Connection,
        client: &str,
    ) -> Result<Session, Refusal> {
        let Some(in_force) = self.in_force() else {
            let reason = "no policy is in force, so everything is denied";
            self.turn_away(Some(&connection), client, reason).await;
            return Err(refusal(
                RefusalKind::NoPolicy,
                reason,
                "ask the operator to load a signed bundle",
            ));
        };
        if self.now() >= principal.expires {
            let reason = "the token has ended";
            self.turn_away(Some(&connection), client, reason).await;
            return Err(refusal(
                RefusalKind::TokenExpired,
                reason,
                "connect again with a fresh token",
            ));
        }
        let event = Event::SessionOpened {
            subject: principal.record(),
            connection: connection.record(),
            client: client.to_owned(),
            bundle: in_force.digest().to_owned(),
        };
        principal.claims.keep_for(&in_force.bundle().vocabulary);
        let address = ClientAddress::read(client);
        let now = self.now_ms();
        let both = Both::new(self.histories.of(&principal, now), now);
        let door = Arc::clone(self);
        let pipeline = Pipeline::new(door, random_hex(), principal, connection, address, both);
        let pipeline = Arc::new(pipeline);
        // Before the record, so that a client that goes away while it is written leaves the session's end.
        let session = Session::new(Arc::clone(&pipeline));
        match pipeline.append(event, Durability::Durable).await {
            Ok(_) => Ok(session),
            Err(unavailable) => {
                session.unrecorded();
                Err(unavailable_refusal(&unavailable))
            }
        }
    }

    /// Records that a client was turned away before it had a session. `reason` holds nothing of what the client sent as a
    /// credential.
    pub async fn turn_away(&self, connection: Option<&Connection>, client: &str, reason: &str) {
        let event = Event::SessionRefused {
            connection: connection.map(Connection::record),
            client: client.to_owned(),
            reason: records::cut(reason, records::MAX_REASON_BYTES),
        };
        // The client is turned away whether or not this can be recorded.
        if let Err(unavailable) = self.evidence.append(None, event, Durability::Durable).await {
            tracing::error!(client, %unavailable, "a refused session could not be recorded");
        }
    }

    /// The approvals that `viewer` asked for or may decide on, newest first.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn approvals(&self, viewer: &Principal) -> Result<Vec<ApprovalView>, VoteRefused> {
        let Some(in_force) = self.in_force() else {
            return Ok(Vec::new());
        };
        let all = self.approvals.list().await.map_err(unreachable)?;
        let seen = all
            .iter()
            .filter(|approval| approvals::may_see(&in_force, approval, viewer));
        Ok(seen.map(ApprovalView::from).collect())
    }

    /// One approval, if `viewer` asked for it or may decide on it.
    ///
    /// # Errors
    /// When there is none such, or the store cannot be reached.
    pub async fn approval(
        &self,
        viewer: &Principal,
        id: &str,
    ) -> Result<ApprovalView, VoteRefused> {
        let (in_force, approval) = self.find(id).await?;
        if approvals::may_see(&in_force, &approval, viewer) {
            Ok(ApprovalView::from(&approval))
        } else {
            Err(VoteRefused::NotFound { id: id.to_owned() })
        }
    }

    /// Counts the vote of `approver`. Vote and refusal are recorded; a vote is durable before it has an effect.
    ///
    /// # Errors
    /// Why the vote does not count.
    pub async fn vote(
        &self,
        approver: &Principal,
        id: &str,
        vote: Vote,
        reason: &str,
    ) -> Result<ApprovalView, VoteRefused> {
        let reason = reason
            .get(..reason.floor_char_boundary(MAX_REASON_BYTES))
            .unwrap_or_default();
        // The requester reads it in a terminal.
        let reason = printable(reason);
        let result = self.try_vote(approver, id, vote, &reason).await;
        if let Err(refused) = &result {
            let event = vote_event(approver, id, vote, &reason, Some(refused));
            if let Err(unavailable) = self.evidence.append(None, event, Durability::Durable).await {
                tracing::error!(approval = id, %unavailable, "a refused vote could not be recorded");
            }
        }
        result
    }

    async fn try_vote(
        &self,
        approver: &Principal,
        id: &str,
        vote: Vote,
        reason: &str,
    ) -> Result<ApprovalView, VoteRefused> {
        for _ in 0..MAX_VOTE_ATTEMPTS {
            let (in_force, approval) = self.find(id).await?;
            let next = approvals::cast(&in_force, &approval, approver, vote, reason, self.now())?;
            let event = vote_event(approver, id, vote, reason, None);
            let recorded = self.evidence.append(None, event, Durability::Durable).await;
            recorded.map_err(|unavailable| VoteRefused::Unavailable {
                why: unavailable.to_string(),
            })?;
            if self
                .approvals
                .update(next.clone())
                .await
                .map_err(unreachable)?
            {
                return Ok(ApprovalView::from(&next));
            }
        }
        Err(VoteRefused::Unavailable {
            why: "too many votes at once; try again".to_owned(),
        })
    }

    /// Whether the policy in force names a group for reviews that `reviewer` is in.
    #[must_use]
    pub fn is_reviewer(&self, reviewer: &Principal) -> bool {
        let in_force = self.in_force();
        in_force.is_some_and(|in_force| justified::is_reviewer(&in_force, reviewer))
    }

    /// Records the review of the operation whose decision is `decided`, the record at `sequence`.
    ///
    /// # Errors
    /// Why the review does not count; nothing is recorded then.
    pub async fn review(
        &self,
        reviewer: &Principal,
        sequence: u64,
        decided: &DecisionRecord,
        finding: Finding,
        reason: &str,
    ) -> Result<(), ReviewRefused> {
        let reason = reason
            .get(..reason.floor_char_boundary(MAX_REASON_BYTES))
            .unwrap_or_default();
        let reason = printable(reason.trim());
        if reason.is_empty() {
            return Err(ReviewRefused::NoReason);
        }
        let not_found = ReviewRefused::NotFound { sequence };
        let in_force = self.in_force().ok_or(not_found)?;
        justified::may_review(&in_force, sequence, decided, reviewer)?;
        let event = justified::reviewed(sequence, decided, reviewer, finding, &reason);
        let recorded = self.evidence.append(None, event, Durability::Durable).await;
        recorded.map_err(|unavailable| ReviewRefused::Unavailable {
            why: unavailable.to_string(),
        })
    }

    async fn find(&self, id: &str) -> Result<(Arc<InForce>, Approval), VoteRefused> {
        let missing = || VoteRefused::NotFound { id: id.to_owned() };
        let in_force = self.in_force().ok_or_else(missing)?;
        let approval = self.approvals.fetch(id).await.map_err(unreachable)?;
        Ok((in_force, approval.ok_or_else(missing)?))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time of history, in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now().as_millisecond()
    }

    pub(crate) fn histories(&self) -> &Histories {
        &self.histories
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn evidence(&self) -> &dyn Evidence {
        self.evidence.as_ref()
    }

    pub(crate) fn store(&self) -> &dyn ApprovalStore {
        self.approvals.as_ref()
    }

    /// A new id for an approval: short enough to type, and nothing rests on its being secret. 48 bits, because votes are
    /// told apart by it over the whole log: of 100,000 approvals two are alike once in 50,000 logs.
    pub(crate) fn short_id(&self) -> String {
        random_hex().chars().take(12).collect()
    }
}

fn vote_event(
    approver: &Principal,
    id: &str,
    vote: Vote,
    reason: &str,
    refused: Option<&VoteRefused>,
) -> Event {
    Event::ApprovalVote {
        approval: id.chars().take(64).collect(),
        approver: approver.record(),
        vote,
        reason: reason.to_owned(),
        accepted: refused.is_none(),
        why: refused.map(ToString::to_string).unwrap_or_default(),
    }
}

fn unreachable(unavailable: crate::ports::ApprovalsUnavailable) -> VoteRefused {
    VoteRefused::Unavailable {
        why: unavailable.to_string(),
    }
}

fn refusal(kind: RefusalKind, reason: &str, help: &str) -> Refusal {
    Refusal {
        kind,
        rules: vec![records::GATEWAY.to_owned()],
        reason: reason.to_owned(),
        help: help.to_owned(),
        operation: String::new(),
        ends_session: false,
    }
}

/// 64 random bits in hex.
fn random_hex() -> String {
    let mut bytes = [0_u8; 8];
    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing here can be secure; the connection is refused"
    )]
    rand::fill(&mut bytes).expect("the system gives random bytes");
    data_encoding::HEXLOWER.encode(&bytes)
}
