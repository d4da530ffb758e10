//! Leave to forward exactly one operation, and what is owed once it has been forwarded.

use std::fmt;
use std::sync::Arc;

use hpol_evidence::record::{ControlRecord, Event, LeftOut, OperationResult, OutcomeRecord};
use hpol_operation::Class;

use crate::masking::{MaskRun, MaskingPlan};
use crate::pipeline::Pipeline;
use crate::ports::Durability;
use crate::records;
use crate::refusal::{Refusal, RefusalKind};

/// Leave to forward exactly one operation. Only [`crate::session::Session::request`] and [`crate::hold::Hold::wait`] make
/// one, and [`Permit::forward`] consumes it: the bytes to forward are inside, and there is no other way to them.
#[must_use = "an operation that was permitted is either forwarded or recorded as not run"]
pub struct Permit<P> {
    payload: P,
    receipt: Receipt,
}

impl<P> Permit<P> {
    pub(crate) fn new(
        payload: P,
        pipeline: Arc<Pipeline>,
        operation: String,
        class: Class,
        obliged: Obliged,
    ) -> Permit<P> {
        let owed = Some(Owed {
            pipeline,
            operation,
            class,
            result: OperationResult::NotRun,
        });
        Permit {
            payload,
            receipt: Receipt {
                owed,
                obliged,
                cut: false,
            },
        }
    }

    /// What must be hidden in the result.
    #[must_use]
    pub fn masking(&self) -> &MaskingPlan {
        &self.receipt.obliged.plan
    }

    /// How many rows of the result may be released; all of them where there is none.
    #[must_use]
    pub fn row_limit(&self) -> Option<u64> {
        self.receipt.row_limit()
    }

    /// Id of the operation in the audit log.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.receipt.operation()
    }

    /// Lets go of a permit whose intent could not be recorded: its outcome is not recorded either.
    pub(crate) fn unrecorded(mut self) {
        self.receipt.owed = None;
    }

    /// Takes what to forward, and the receipt for it.
    #[must_use]
    pub fn forward(mut self) -> (P, Receipt) {
        if let Some(owed) = &mut self.receipt.owed {
            owed.result = OperationResult::Interrupted;
        }
        (self.payload, self.receipt)
    }
}

impl<P> fmt::Debug for Permit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the payload, which has the literals of what will run.
        f.debug_struct("Permit")
            .field("operation", &self.operation())
            .finish_non_exhaustive()
    }
}

/// What is owed after forwarding: the outcome's record. Dropped without it, the operation is recorded as interrupted, with
/// no rows and no masks: an adapter that has released some of the result settles instead.
#[derive(Debug)]
pub struct Receipt {
    owed: Option<Owed>,
    obliged: Obliged,
    cut: bool,
}

/// What must be done to the result.
#[derive(Debug)]
pub(crate) struct Obliged {
    pub(crate) plan: MaskingPlan,
    /// Rows at most, and the controls that cutting earns.
    pub(crate) limit: Option<(u64, Vec<ControlRecord>)>,
}

#[derive(Debug)]
struct Owed {
    pipeline: Arc<Pipeline>,
    operation: String,
    class: Class,
    result: OperationResult,
}

/// What became of the operation, as the adapter saw it.
#[derive(Debug)]
pub struct Settlement {
    /// How it ended.
    pub result: OperationResult,
    /// The upstream's error code or status; empty for success without one. At most 64 bytes of it are recorded.
    pub code: String,
    /// Rows returned; of an operation that returns none, rows affected. Response messages where there are no rows.
    pub rows: u64,
    /// Bytes of result released or ready to be.
    pub bytes: u64,
    /// The masking that was done.
    pub masked: Option<MaskRun>,
}

impl Receipt {
    /// Id of the operation in the audit log.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.owed
            .as_ref()
            .map_or("", |owed| owed.operation.as_str())
    }

    /// What must be hidden in the result.
    #[must_use]
    pub fn masking(&self) -> &MaskingPlan {
        &self.obliged.plan
    }

    /// How many rows of the result may be released; all of them where there is none.
    #[must_use]
    pub fn row_limit(&self) -> Option<u64> {
        self.obliged.limit.as_ref().map(|(rows, _)| *rows)
    }

    /// Notes that rows were left out because of [`Receipt::row_limit`], for the outcome's record.
    pub fn rows_were_cut(&mut self) {
        self.cut = true;
    }

    /// The state that hides values in this operation's result.
    #[must_use]
    pub fn masker(&self) -> MaskRun {
        self.obliged.plan.run()
    }

    /// Records the outcome. Await it before the end of the reply is released.
    ///
    /// # Errors
    /// When the record cannot be made durable: then the end of the reply must not be released.
    pub async fn settle(mut self, settlement: Settlement) -> Result<(), Refusal> {
        let Some(owed) = self.owed.take() else {
            return Ok(());
        };
        let (masked, mut controls) = settlement
            .masked
            .as_ref()
            .map(MaskRun::records)
            .unwrap_or_default();
        if let (true, Some((_, earned))) = (self.cut, &self.obliged.limit) {
            controls.extend(earned.iter().cloned());
            controls.sort();
            controls.dedup();
        }
        let mut record = OutcomeRecord {
            operation: owed.operation.clone(),
            result: settlement.result,
            code: records::cut(&settlement.code, records::MAX_CODE_BYTES),
            rows: records::count(settlement.rows),
            bytes: records::count(settlement.bytes),
            masked,
            cut: self.cut,
            controls,
            left_out: LeftOut::default(),
        };
        records::fit_outcome(&mut record);
        let event = Event::Outcome(Box::new(record));
        let durability = match owed.class {
            Class::Read => Durability::ReadEnd,
            Class::Write => Durability::Durable,
        };
        match owed.pipeline.append(event, durability).await {
            Ok(_) => Ok(()),
            Err(unavailable) => Err(Refusal {
                kind: RefusalKind::EvidenceUnavailable,
                rules: vec![records::GATEWAY.to_owned()],
                reason: unavailable.to_string(),
                help: "the operation may have run; its end is withheld until the audit log works again".to_owned(),
                operation: owed.operation,
            }),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(owed) = self.owed.take() {
            owed.pipeline
                .append_detached(Event::Outcome(Box::new(OutcomeRecord {
                    operation: owed.operation.clone(),
                    result: owed.result,
                    code: String::new(),
                    rows: 0,
                    bytes: 0,
                    masked: Vec::new(),
                    cut: self.cut,
                    controls: Vec::new(),
                    left_out: LeftOut::default(),
                })));
        }
    }
}
