//! An operation that waits for its approvers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hpol_bundle::decision::Verdict;
use hpol_evidence::record::ApprovalEnd;
use hpol_operation::Operation;
use tokio::time::Instant;

use crate::approvals::standing::Stands;
use crate::approvals::{Approval, State, closed};
use crate::judgement::Judgement;
use crate::pipeline::{Pipeline, unavailable_refusal};
use crate::ports::{ApprovalsUnavailable, Durability};
use crate::records::GATEWAY;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::{Carrier, Outcome};

/// An operation that waits. Dropping it withdraws the request; the withdrawal is recorded.
#[must_use = "dropping a hold withdraws the request"]
pub struct Hold<P> {
    operation: Operation,
    payload: P,
    waiting: Waiting,
}

/// The request for approval, withdrawn on drop unless it has ended.
#[derive(Debug)]
pub(crate) struct Waiting {
    pipeline: Arc<Pipeline>,
    approval: Approval,
    deadline: Instant,
    ended: bool,
}

/// What became of a request while it waited.
enum Answer {
    Approved,
    Rejected,
    /// It ended in some other way.
    Over,
    Unreachable(ApprovalsUnavailable),
}

impl<P> Hold<P> {
    pub(crate) fn new(waiting: Waiting, operation: Operation, payload: P) -> Hold<P> {
        Hold {
            operation,
            payload,
            waiting,
        }
    }

    /// Id of the approval.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.waiting.approval.id
    }

    /// One line for the one who waits.
    #[must_use]
    pub fn notice(&self) -> String {
        let approval = &self.waiting.approval;
        let rules = approval.rules.iter();
        let needs: Vec<String> = rules
            .map(|rule| format!("{} of {} (rule {})", rule.quorum, rule.approvers, rule.name))
            .collect();
        format!(
            "waiting for approval {} by {}, until {}",
            approval.id,
            needs.join(" and "),
            approval.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    }

    /// Waits for the approvers and judges again, by the policy and the session as they are then. Cancel-safe: dropping the
    /// future withdraws the request.
    pub async fn wait(self, carrier: &dyn Carrier) -> Outcome<P> {
        let Hold {
            operation,
            payload,
            mut waiting,
        } = self;
        // Under the deadline stands only the waiting: what follows an answer is not cut short by it.
        let refusal = match tokio::time::timeout_at(waiting.deadline, waiting.answer()).await {
            Ok(Answer::Approved) => return waiting.resume(operation, payload, carrier).await,
            Ok(Answer::Rejected) => waiting.rejected().await,
            Ok(Answer::Over) => waiting.void("it is no longer open").await,
            Ok(Answer::Unreachable(why)) => {
                let kind = RefusalKind::ApprovalsUnavailable;
                waiting.refusal(kind, why.to_string(), "ask again")
            }
            Err(_) => waiting.expire().await,
        };
        Outcome::Refuse(refusal)
    }
}

impl<P> fmt::Debug for Hold<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the payload, which has the literals of what will run.
        f.debug_struct("Hold")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Waiting {
    pub(crate) fn new(pipeline: Arc<Pipeline>, approval: Approval, wait: Duration) -> Waiting {
        let now = Instant::now();
        Waiting {
            pipeline,
            approval,
            // Monotonic, so that a step of the wall clock neither shortens nor extends the wait. One that is too long to be
            // told is none.
            deadline: now.checked_add(wait).unwrap_or(now),
            ended: false,
        }
    }

    /// Lets go of a request that nobody has been told of: its end is not recorded either.
    pub(crate) fn unrecorded(mut self) {
        self.ended = true;
    }

    /// Resolves once the request is decided. Cancel-safe.
    async fn answer(&mut self) -> Answer {
        loop {
            match self.approval.state {
                State::Pending => {}
                State::Approved => return Answer::Approved,
                State::Rejected => return Answer::Rejected,
                State::Used | State::Expired | State::Withdrawn => return Answer::Over,
            }
            let store = self.pipeline.door.store();
            match store
                .changed(&self.approval.id, self.approval.version)
                .await
            {
                Ok(approval) => self.approval = approval,
                Err(unavailable) => return Answer::Unreachable(unavailable),
            }
        }
    }

    /// Uses the approval for its one operation, if the policy still asks for just that.
    async fn resume<P>(
        mut self,
        operation: Operation,
        payload: P,
        carrier: &dyn Carrier,
    ) -> Outcome<P> {
        // From here on it counts.
        let counting = [Verdict::Allow, Verdict::RequireApproval];
        let judgement = self.pipeline.judge(&operation, carrier, &counting);
        let same_policy = judgement
            .in_force
            .as_ref()
            .is_some_and(|in_force| in_force.digest() == self.approval.bundle);
        if judgement.verdict == Verdict::Block {
            self.withdraw().await;
            let id = self.approval.operation.clone();
            let (masked, digest) = (&operation.masked, operation.digest);
            let refusal = self.pipeline.block_as(id, masked, digest, judgement).await;
            return Outcome::Refuse(refusal);
        }
        let late =
            Instant::now() >= self.deadline || self.pipeline.door.now() >= self.approval.expires;
        let why = if late || !same_policy {
            "the policy changed, or the time ran out, before the approved operation could run"
        } else if !self.has_approved(&judgement) {
            "more has to be approved now"
        } else {
            return self.use_once(operation, payload, judgement).await;
        };
        // It has never begun.
        drop(judgement);
        Outcome::Refuse(self.void(why).await)
    }

    /// Whether every rule that requires approval now is among those that were approved: an exception may have ended, or a
    /// schedule or history brought another rule in. Asked under the bundle that was approved under.
    fn has_approved(&self, judgement: &Judgement) -> bool {
        judgement.verdict != Verdict::RequireApproval
            || judgement
                .determining()
                .all(|rule| self.approval.rules.iter().any(|had| had.name == rule.name))
    }

    async fn use_once<P>(
        mut self,
        operation: Operation,
        payload: P,
        judgement: Judgement,
    ) -> Outcome<P> {
        let used = Approval {
            state: State::Used,
            ..self.approval.clone()
        };
        match self.pipeline.door.store().update(used).await {
            Ok(true) => {}
            Ok(false) => {
                let why = "the approval changed while it was about to be used";
                return Outcome::Refuse(self.void(why).await);
            }
            Err(unavailable) => {
                return Outcome::Refuse(self.refusal(
                    RefusalKind::ApprovalsUnavailable,
                    unavailable.to_string(),
                    "ask again",
                ));
            }
        }
        self.ended = true;
        let stands = self.stands(&judgement);
        let until = stands.as_ref().and_then(Stands::until);
        let event = closed(&self.approval, ApprovalEnd::Approved, until);
        if let Err(unavailable) = self.pipeline.append(event, Durability::Durable).await {
            return Outcome::Refuse(unavailable_refusal(&unavailable));
        }
        if let Some(stands) = stands {
            self.pipeline.stand(stands);
        }
        let ids = (self.approval.operation.clone(), self.approval.id.clone());
        self.pipeline
            .permit(operation, payload, judgement, Some(ids))
            .await
    }

    /// What of the approval stands for other operations from now on.
    fn stands(&self, judgement: &Judgement) -> Option<Stands> {
        let in_force = judgement.in_force.as_ref()?;
        let door = &self.pipeline.door;
        let now = door.now();
        let stands = Stands::of(&self.approval, &judgement.rules, in_force, now)?;
        let has_room = door.standing().has_room(now);
        if !has_room {
            tracing::warn!(
                approval = self.approval.id,
                "too many approvals stand; this one is for its operation alone"
            );
        }
        has_room.then_some(stands)
    }

    async fn expire(&mut self) -> Refusal {
        let expired = Approval {
            state: State::Expired,
            ..self.approval.clone()
        };
        // A vote may arrive in this very moment; whoever updates first decides, and an approval that lost to it is void.
        let lost = !matches!(self.pipeline.door.store().update(expired).await, Ok(true));
        self.end(ApprovalEnd::Expired).await;
        if lost {
            self.pipeline
                .door
                .store()
                .withdraw_detached(&self.approval.id);
        }
        let reason = format!("approval {} was not decided in time", self.approval.id);
        self.refusal(
            RefusalKind::ApprovalExpired,
            reason,
            "ask again when an approver is available",
        )
    }

    async fn rejected(&mut self) -> Refusal {
        self.end(ApprovalEnd::Rejected).await;
        let last = self.approval.votes.last();
        let by = last.map_or("an approver", |cast| cast.approver.id.as_str());
        let words = last
            .map(|cast| cast.reason.as_str())
            .filter(|reason| !reason.is_empty());
        let because = words
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let reason = format!(
            "approval {} was rejected by {by}{because}",
            self.approval.id
        );
        self.refusal(RefusalKind::ApprovalRejected, reason, "")
    }

    async fn void(&mut self, why: &str) -> Refusal {
        self.withdraw().await;
        let reason = format!("approval {} is void: {why}", self.approval.id);
        self.refusal(RefusalKind::ApprovalVoid, reason, "ask again")
    }

    async fn withdraw(&mut self) {
        self.pipeline
            .door
            .store()
            .withdraw_detached(&self.approval.id);
        self.end(ApprovalEnd::Withdrawn).await;
    }

    async fn end(&mut self, state: ApprovalEnd) {
        self.ended = true;
        // The operation is refused whether or not this can be recorded.
        if let Err(unavailable) = self
            .pipeline
            .append(closed(&self.approval, state, None), Durability::Durable)
            .await
        {
            tracing::error!(approval = self.approval.id, %unavailable, "the end of an approval could not be recorded");
        }
    }

    fn refusal(&self, kind: RefusalKind, reason: String, help: &str) -> Refusal {
        let rules: Vec<String> = self
            .approval
            .rules
            .iter()
            .map(|rule| rule.name.clone())
            .collect();
        Refusal {
            kind,
            rules: if rules.is_empty() {
                vec![GATEWAY.to_owned()]
            } else {
                rules
            },
            reason,
            help: help.to_owned(),
            operation: self.approval.operation.clone(),
            ends_session: false,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.ended {
            self.pipeline
                .door
                .store()
                .withdraw_detached(&self.approval.id);
            self.pipeline
                .append_detached(closed(&self.approval, ApprovalEnd::Withdrawn, None));
        }
    }
}
