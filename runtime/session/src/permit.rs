//! Leave to forward exactly one operation, and what is owed once it has been forwarded.

use std::fmt;
use std::sync::Arc;

use hpol_evidence::record::{
    ControlRecord, Event, FactsRecord, LeftOut, OperationResult, OutcomeRecord,
};
use hpol_operation::Class;

use crate::history::{Counted, End, Told};
use crate::masking::{MaskRun, MaskingPlan};
use crate::pipeline::Pipeline;
use crate::ports::{Durability, EvidenceUnavailable};
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
        asked: Asked,
        obliged: Obliged,
    ) -> Permit<P> {
        let owed = Some(Owed {
            pipeline,
            asked,
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
    pub(crate) limit: Option<Limited>,
}

/// Rows at most.
#[derive(Debug)]
pub(crate) struct Limited {
    pub(crate) rows: u64,
    /// The names of the rules that say so.
    pub(crate) rules: Vec<String>,
    /// The controls that cutting earns.
    pub(crate) controls: Vec<ControlRecord>,
}

/// The operation that is permitted.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its id in the audit log.
    pub(crate) operation: String,
    pub(crate) class: Class,
    /// As history sees it.
    pub(crate) counted: Option<Counted>,
}

#[derive(Debug)]
struct Owed {
    pipeline: Arc<Pipeline>,
    asked: Asked,
    result: OperationResult,
}

impl Owed {
    /// Notes in history how the operation has ended, or that it never began; without `end` nobody knows how.
    fn ended(&mut self, end: Option<End>) -> Option<FactsRecord> {
        self.pipeline.ended(self.asked.counted.take(), end)
    }
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
    /// Rows as history counts them: those that each statement returned or changed, together. `None` where nobody can tell.
    pub counted: Option<u64>,
    /// Bytes of result released or ready to be.
    pub bytes: u64,
    /// What beside these bytes may have shown values.
    pub told: Told,
    /// The masking that was done.
    pub masked: Option<MaskRun>,
}

impl Settlement {
    /// Of an operation of which nothing came back.
    #[must_use]
    pub fn empty(result: OperationResult, code: String) -> Settlement {
        Settlement {
            result,
            code,
            rows: 0,
            counted: Some(0),
            bytes: 0,
            told: Told::Nothing,
            masked: None,
        }
    }
}

impl Receipt {
    /// Id of the operation in the audit log.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.owed
            .as_ref()
            .map_or("", |owed| owed.asked.operation.as_str())
    }

    /// What must be hidden in the result.
    #[must_use]
    pub fn masking(&self) -> &MaskingPlan {
        &self.obliged.plan
    }

    /// How many rows of the result may be released; all of them where there is none.
    #[must_use]
    pub fn row_limit(&self) -> Option<u64> {
        self.obliged.limit.as_ref().map(|limit| limit.rows)
    }

    /// The names of the rules behind [`Receipt::row_limit`].
    #[must_use]
    pub fn limiting_rules(&self) -> &[String] {
        let limit = self.obliged.limit.as_ref();
        limit.map_or(&[], |limit| limit.rules.as_slice())
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
    pub async fn settle(self, settlement: Settlement) -> Result<(), Refusal> {
        Conclusion::record([self.conclude(settlement)]).await
    }

    /// States the outcome, to be recorded together with others.
    pub fn conclude(mut self, settlement: Settlement) -> Conclusion {
        let Some(mut owed) = self.owed.take() else {
            return Conclusion { stated: None };
        };
        let (masked, mut controls) = settlement
            .masked
            .as_ref()
            .map(MaskRun::records)
            .unwrap_or_default();
        let history = owed.ended(Some(End {
            result: settlement.result,
            class: owed.asked.class,
            rows: settlement.rows,
            counted: settlement.counted,
            bytes: settlement.bytes,
            told: settlement.told,
            masked: masked
                .iter()
                .map(|masked| masked.class.as_str().into())
                .collect(),
        }));
        if let (true, Some(limit)) = (self.cut, &self.obliged.limit) {
            controls.extend(limit.controls.iter().cloned());
            controls.sort();
            controls.dedup();
        }
        let mut record = OutcomeRecord {
            operation: owed.asked.operation.clone(),
            result: settlement.result,
            code: records::cut(&settlement.code, records::MAX_CODE_BYTES),
            rows: records::count(settlement.rows),
            bytes: records::count(settlement.bytes),
            masked,
            cut: self.cut,
            controls,
            history,
            left_out: LeftOut::default(),
        };
        records::fit_outcome(&mut record);
        Conclusion {
            stated: Some((owed, Event::Outcome(Box::new(record)))),
        }
    }
}

/// An outcome that is stated and not recorded yet. Dropped, it is recorded without waiting.
#[derive(Debug)]
#[must_use = "the end of a reply is released once its outcome is recorded"]
pub struct Conclusion {
    stated: Option<(Owed, Event)>,
}

impl Conclusion {
    /// Records the outcomes in their order and waits once for all of them. Await it before the end of any of the replies is
    /// released.
    ///
    /// # Errors
    /// When they cannot all be made durable: then no end may be released.
    pub async fn record(conclusions: impl IntoIterator<Item = Conclusion>) -> Result<(), Refusal> {
        let stated: Vec<Conclusion> = conclusions
            .into_iter()
            .filter(|conclusion| conclusion.stated.is_some())
            .collect();
        let end = if stated.iter().any(Conclusion::is_of_write) {
            Durability::Durable
        } else {
            Durability::ReadEnd
        };
        let mut left = stated.len();
        for mut conclusion in stated {
            let Some((owed, event)) = conclusion.stated.take() else {
                continue;
            };
            left = left.saturating_sub(1);
            // In order before the last, which cannot be durable without it.
            let durability = if left > 0 { Durability::Buffered } else { end };
            let appended = owed.pipeline.append(event, durability).await;
            appended.map_err(|unavailable| withheld(&unavailable, owed.asked.operation))?;
        }
        Ok(())
    }

    fn is_of_write(&self) -> bool {
        matches!(&self.stated, Some((owed, _)) if owed.asked.class == Class::Write)
    }
}

impl Drop for Conclusion {
    fn drop(&mut self) {
        if let Some((owed, event)) = self.stated.take() {
            owed.pipeline.append_detached(event);
        }
    }
}

fn withheld(unavailable: &EvidenceUnavailable, operation: String) -> Refusal {
    Refusal {
        kind: RefusalKind::EvidenceUnavailable,
        rules: vec![records::GATEWAY.to_owned()],
        reason: unavailable.to_string(),
        help: "the operation may have run; its end is withheld until the audit log works again"
            .to_owned(),
        operation,
        ends_session: false,
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(mut owed) = self.owed.take() {
            // What was never forwarded has never begun; of what was, nobody has said how far it got.
            let history = match owed.result {
                OperationResult::NotRun => None,
                _ => owed.ended(None),
            };
            owed.pipeline
                .append_detached(Event::Outcome(Box::new(OutcomeRecord {
                    operation: owed.asked.operation.clone(),
                    result: owed.result,
                    code: String::new(),
                    rows: 0,
                    bytes: 0,
                    masked: Vec::new(),
                    cut: self.cut,
                    controls: Vec::new(),
                    history,
                    left_out: LeftOut::default(),
                })));
        }
    }
}
