//! An operation that waits for its approvers.

use std::sync::Arc;
use std::time::Duration;

use hpol_bundle::decision::Verdict;
use hpol_evidence::record::ApprovalEnd;
use hpol_operation::Operation;
use tokio::time::Instant;

use crate::approvals::{Approval, State, closed};
use crate::judgement::Judgement;
use crate::pipeline::{Pipeline, unavailable_refusal};
use crate::ports::Durability;
use crate::records::GATEWAY;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::{Carrier, Outcome};

/// An operation that waits. Dropping it withdraws the request; the withdrawal is recorded.
#[derive(Debug)]
#[must_use = "dropping a hold withdraws the request"]
pub struct Hold<P> {
    operation: Operation,
    payload: P,
    waiting: Waiting,
}

/// The request for approval, withdrawn on drop unless it has ended.
#[derive(Debug)]
struct Waiting {
    pipeline: Arc<Pipeline>,
    approval: Approval,
    deadline: Instant,
    ended: bool,
}

impl<P> Hold<P> {
    pub(crate) fn new(
        pipeline: Arc<Pipeline>,
        approval: Approval,
        wait: Duration,
        operation: Operation,
        payload: P,
    ) -> Hold<P> {
        // Monotonic, so that a step of the wall clock neither shortens nor extends the wait.
        let deadline = Instant::now() + wait;
        Hold {
            operation,
            payload,
            waiting: Waiting {
                pipeline,
                approval,
                deadline,
                ended: false,
            },
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
            approval.expires
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
        let answer = tokio::time::timeout_at(waiting.deadline, waiting.decided()).await;
        match answer {
            Err(_) => Outcome::Refuse(waiting.expire().await),
            Ok(Err(refusal)) => Outcome::Refuse(refusal),
            Ok(Ok(())) => waiting.resume(operation, payload, carrier).await,
        }
    }
}

impl Waiting {
    /// Resolves once every requirement has its quorum.
    async fn decided(&mut self) -> Result<(), Refusal> {
        loop {
            match self.approval.state {
                State::Pending => {}
                State::Approved => return Ok(()),
                State::Rejected => return Err(self.rejected().await),
                State::Used | State::Expired | State::Withdrawn => {
                    return Err(self
                        .void("the approval is no longer open", ApprovalEnd::Withdrawn)
                        .await);
                }
            }
            let store = self.pipeline.door.store();
            match store
                .changed(&self.approval.id, self.approval.version)
                .await
            {
                Ok(approval) => self.approval = approval,
                Err(unavailable) => {
                    return Err(self.refusal(
                        RefusalKind::ApprovalsUnavailable,
                        unavailable.to_string(),
                        "",
                    ));
                }
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
        let judgement = self.pipeline.judge(&operation, carrier);
        let same_policy = judgement
            .in_force
            .as_ref()
            .is_some_and(|in_force| in_force.digest() == self.approval.bundle);
        if judgement.verdict == Verdict::Block {
            self.end(ApprovalEnd::Withdrawn).await;
            return Outcome::Refuse(self.pipeline.block(&operation, judgement).await);
        }
        if !same_policy || self.pipeline.door.now() >= self.approval.expires {
            let why =
                "the policy changed, or the time ran out, before the approved operation could run";
            return Outcome::Refuse(self.void(why, ApprovalEnd::Withdrawn).await);
        }
        self.use_once(operation, payload, judgement).await
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
                return Outcome::Refuse(self.void(why, ApprovalEnd::Withdrawn).await);
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
        let event = closed(&self.approval, ApprovalEnd::Approved);
        if let Err(unavailable) = self.pipeline.append(event, Durability::Durable).await {
            return Outcome::Refuse(unavailable_refusal(&unavailable));
        }
        let ids = (self.approval.operation.clone(), self.approval.id.clone());
        self.pipeline
            .permit(operation, payload, judgement, Some(ids))
            .await
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

    async fn void(&mut self, why: &str, state: ApprovalEnd) -> Refusal {
        self.pipeline
            .door
            .store()
            .withdraw_detached(&self.approval.id);
        self.end(state).await;
        let reason = format!("approval {} is void: {why}", self.approval.id);
        self.refusal(RefusalKind::ApprovalVoid, reason, "ask again")
    }

    async fn end(&mut self, state: ApprovalEnd) {
        self.ended = true;
        // The operation is refused whether or not this can be recorded.
        if let Err(unavailable) = self
            .pipeline
            .append(closed(&self.approval, state), Durability::Durable)
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
                .append_detached(closed(&self.approval, ApprovalEnd::Withdrawn));
        }
    }
}
