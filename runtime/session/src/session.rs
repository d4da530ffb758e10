//! One client's session before one connection: judges its operations and mints permits.

use std::sync::Arc;
use std::time::Instant;

use hpol_bundle::decision::Verdict;
use hpol_bundle::justification::Justification;
use hpol_operation::Operation;

use crate::hold::Hold;
use crate::judgement::Judgement;
use crate::masking::MaskingPlan;
use crate::permit::Permit;
use crate::pipeline::Pipeline;
use crate::ports::Durability;
use crate::principal::Principal;
use crate::records;
use crate::refusal::{NotAccepted, Refusal, RefusalKind};

/// One authenticated client connection to one connection. Closing is recorded also when it is just dropped.
#[derive(Debug)]
pub struct Session {
    pipeline: Arc<Pipeline>,
    closed: bool,
}

/// What the door answers.
#[derive(Debug)]
#[must_use]
pub enum Outcome<P> {
    /// Go ahead.
    Permit(Permit<P>),
    /// Somebody has to approve first.
    Hold(Box<Hold<P>>),
    /// No.
    Refuse(Refusal),
}

/// Where values can come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// Nowhere.
    Nowhere,
    /// In what is told of the operation beside its result, as in errors and notices.
    InMessages,
    /// In its result and in such messages.
    InResult,
}

/// Can the protocol carry out the obligations on this operation? The adapter answers, between decision and commit.
pub trait Carrier: Send + Sync {
    /// # Errors
    /// What cannot be hidden, and why. The decision becomes a block.
    fn can_mask(&self, plan: &MaskingPlan) -> Result<(), CannotMask>;

    /// Where values from the columns or paths of `plan`, which is not carried out, can come back. Asked where history reads
    /// which data classes were released; when in doubt they were.
    fn returns(&self, plan: &MaskingPlan) -> Returns {
        let _ = plan;
        Returns::InResult
    }

    /// Whether the result can be cut after so many rows. Asked only where a limit applies. An operation whose result has
    /// no rows needs no cutting.
    ///
    /// # Errors
    /// Why not. The decision becomes a block. A protocol without rows has nothing else to say.
    fn can_limit(&self, rows: u64) -> Result<(), CannotLimit> {
        let _ = rows;
        Err(CannotLimit {
            why: "this protocol has no rows to count".to_owned(),
        })
    }
}

/// A limit applies to the operation and cannot be carried out on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotLimit {
    /// What stands against it, and what to do instead.
    pub why: String,
}

/// A mask applies to the operation and cannot be carried out on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotMask {
    /// The data class.
    pub class: String,
    /// What the operation does with it, and what to do instead.
    pub why: String,
}

impl Session {
    pub(crate) fn new(pipeline: Arc<Pipeline>) -> Session {
        Session {
            pipeline,
            closed: false,
        }
    }

    /// Id of the session in the audit log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.pipeline.id
    }

    /// Who opened it.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.pipeline.principal
    }

    /// Whether the token that opened it has ended.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.pipeline.expired()
    }

    /// Takes what the client gives as the reason for what it asks from now on; `None` for no reason.
    pub fn justify(&self, given: Option<Justification>) {
        self.pipeline.justify(given);
    }

    /// Asks for leave. `payload` is what would be forwarded: only a [`Permit`] gives it back.
    ///
    /// The intent is recorded before this returns a permit. Dropping the future before that forwards nothing.
    pub async fn request<P>(
        &self,
        operation: Operation,
        payload: P,
        carrier: &dyn Carrier,
    ) -> Outcome<P> {
        let started = Instant::now();
        let judgement = self.pipeline.judge(&operation, carrier, &[Verdict::Allow]);
        let outcome = match judgement.verdict {
            Verdict::Allow => {
                self.pipeline
                    .permit(operation, payload, judgement, None)
                    .await
            }
            // Somebody has approved it already, with others.
            Verdict::RequireApproval if judgement.covered.is_some() => {
                self.pipeline
                    .permit(operation, payload, judgement, None)
                    .await
            }
            Verdict::Block => Outcome::Refuse(self.pipeline.block(&operation, judgement).await),
            Verdict::RequireApproval => self.pipeline.hold(operation, payload, judgement).await,
        };
        let verdict = match &outcome {
            Outcome::Permit(_) => Verdict::Allow,
            Outcome::Hold(_) => Verdict::RequireApproval,
            Outcome::Refuse(_) => Verdict::Block,
        };
        let Pipeline {
            door, connection, ..
        } = self.pipeline.as_ref();
        let evidence = door.evidence();
        evidence.decided(connection.protocol, verdict, started.elapsed());
        outcome
    }

    /// Judges what may be asked for later, such as a statement that is only being prepared. Nothing may run on the strength
    /// of it. A refusal is recorded; leave is not.
    ///
    /// # Errors
    /// The refusal to send.
    pub async fn preview(
        &self,
        operation: &Operation,
        carrier: &dyn Carrier,
    ) -> Result<MaskingPlan, Refusal> {
        let judgement = self.pipeline.judge(operation, carrier, &[]);
        match judgement.verdict {
            Verdict::Allow | Verdict::RequireApproval => Ok(judgement.plan),
            Verdict::Block => Err(self.pipeline.block(operation, judgement).await),
        }
    }

    /// Records that something could not be accepted at all, and returns the refusal to send. Of what was not understood
    /// the record leaves out what the reason quotes, since nobody can tell its literals from its words.
    pub async fn refuse(&self, masked: &str, digest: [u8; 32], why: NotAccepted) -> Refusal {
        let (kind, told, recorded) = match why {
            NotAccepted::NotUnderstood { why } => {
                let recorded = records::unquoted(&why);
                (RefusalKind::NotUnderstood, why, recorded)
            }
            NotAccepted::Unsupported { what } => (RefusalKind::Unsupported, what.clone(), what),
        };
        let in_force = self.pipeline.door.in_force();
        let judgement = Judgement::gateway(in_force, kind, recorded, String::new());
        let id = self.pipeline.next_operation();
        let refusal = self.pipeline.block_as(id, masked, digest, judgement).await;
        if refusal.kind == kind {
            Refusal {
                reason: told,
                ..refusal
            }
        } else {
            refusal
        }
    }

    /// Lets go of a session that could not be recorded: its end is not recorded either.
    pub(crate) fn unrecorded(mut self) {
        self.closed = true;
    }

    /// Ends the session in good order.
    pub async fn close(mut self, reason: &str) {
        self.closed = true;
        let event = self.pipeline.closed(reason);
        // The session is over whether or not the log takes this; a log that fails has refused every operation before.
        if let Err(unavailable) = self.pipeline.append(event, Durability::Buffered).await {
            tracing::warn!(session = self.pipeline.id, %unavailable, "the end of a session could not be recorded");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.closed {
            self.pipeline
                .append_detached(self.pipeline.closed("connection lost"));
        }
    }
}
