//! The third step: what was decided is put on record, and only then there is a permit, a hold or a refusal.

use std::sync::Arc;

use hpol_bundle::vocabulary::Phase;
use hpol_evidence::record::{DecisionRecord, Event};
use hpol_operation::{Class, Operation};

use super::{Pipeline, unavailable_refusal};
use crate::approvals;
use crate::judgement::Judgement;
use crate::justified::{self, Justified};
use crate::permit::{Asked, Obliged, Permit};
use crate::ports::Durability;
use crate::records;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Outcome;

impl Pipeline {
    /// Records the intent and mints the permit.
    pub(crate) async fn permit<P>(
        self: &Arc<Pipeline>,
        operation: Operation,
        payload: P,
        mut judgement: Judgement,
        approval: Option<(String, String)>,
    ) -> Outcome<P> {
        let mut stands_until = None;
        let (id, approval) = match (approval, judgement.covered.take()) {
            (Some((operation, approval)), _) => (operation, Some(approval)),
            (None, Some(covered)) => {
                stands_until = Some(covered.until.to_string());
                (self.next_operation(), Some(covered.approval))
            }
            (None, None) => (self.next_operation(), None),
        };
        // That an approval or a justification was used is never lost.
        let used = approval.is_some() || judgement.justified.is_some();
        let durability = match (operation.class, used) {
            (Class::Read, false) => Durability::Buffered,
            (Class::Read, true) | (Class::Write, _) => Durability::Durable,
        };
        let mut record = self.record(
            &id,
            &operation.masked,
            operation.digest,
            &judgement,
            "allow",
            approval,
        );
        record.stands_until = stands_until;
        record.history = match (&judgement.in_force, &judgement.counted) {
            (Some(in_force), Some(counted)) => {
                self.record_facts(in_force, &counted.facts, Phase::Operation)
            }
            _ => None,
        };
        // Before the record, so that whoever goes away while it is written leaves the outcome: not run.
        let permit = Permit::new(
            payload,
            Arc::clone(self),
            Asked {
                operation: id,
                class: operation.class,
                counted: judgement.counted.take(),
            },
            Obliged {
                plan: judgement.plan.clone(),
                limit: judgement.limited(),
            },
        );
        match self
            .append(Event::Decision(Box::new(record)), durability)
            .await
        {
            Ok(_) => Outcome::Permit(permit),
            Err(unavailable) => {
                permit.unrecorded();
                Outcome::Refuse(unavailable_refusal(&unavailable))
            }
        }
    }

    /// Records a block and words the refusal.
    pub(crate) async fn block(&self, operation: &Operation, judgement: Judgement) -> Refusal {
        let id = self.next_operation();
        self.block_as(id, &operation.masked, operation.digest, judgement)
            .await
    }

    /// As [`Pipeline::block`], for the operation called `id`.
    pub(crate) async fn block_as(
        &self,
        id: String,
        masked: &str,
        digest: [u8; 32],
        judgement: Judgement,
    ) -> Refusal {
        let record = self.record(&id, masked, digest, &judgement, "block", None);
        let refusal = Refusal {
            kind: judgement
                .refusal
                .as_ref()
                .map_or(RefusalKind::Policy, |(kind, ..)| *kind),
            rules: record.rules.clone(),
            reason: record.reason.clone(),
            help: match justified::lacks_one(&judgement) {
                true => justified::how(self.connection.protocol).to_owned(),
                false => judgement.help(),
            },
            operation: id,
            ends_session: record.ends_session,
        };
        match self
            .append(Event::Decision(Box::new(record)), Durability::Durable)
            .await
        {
            Ok(_) => refusal,
            // What could not be recorded was still judged.
            Err(unavailable) => Refusal {
                ends_session: refusal.ends_session,
                ..unavailable_refusal(&unavailable)
            },
        }
    }

    pub(crate) async fn hold<P>(
        self: &Arc<Pipeline>,
        operation: Operation,
        payload: P,
        judgement: Judgement,
    ) -> Outcome<P> {
        let id = self.next_operation();
        let record = self.record(
            &id,
            &operation.masked,
            operation.digest,
            &judgement,
            "require_approval",
            None,
        );
        if let Err(unavailable) = self
            .append(Event::Decision(Box::new(record)), Durability::Durable)
            .await
        {
            return Outcome::Refuse(unavailable_refusal(&unavailable));
        }
        approvals::submit(self, id, operation, payload, &judgement).await
    }

    fn record(
        &self,
        id: &str,
        masked: &str,
        digest: [u8; 32],
        judgement: &Judgement,
        verdict: &str,
        approval: Option<String>,
    ) -> DecisionRecord {
        let said = self.said(judgement);
        let mut record = DecisionRecord {
            operation: id.to_owned(),
            subject: Arc::clone(&self.recorded.0),
            connection: Arc::clone(&self.recorded.1),
            masked: records::cut(masked, records::MAX_MASKED_BYTES),
            digest: data_encoding::HEXLOWER.encode(&digest),
            commitment: None,
            verdict: verdict.to_owned(),
            rules: said.rules.clone(),
            reason: said.reason.clone(),
            obligations: judgement.obligations(),
            limit: judgement
                .limit
                .as_ref()
                .map(|limit| records::count(limit.rows)),
            observed: judgement.observed(),
            would: judgement.would(),
            exceptions: judgement.exceptions(),
            unknown: judgement.unknown.clone(),
            controls: Arc::clone(&said.controls),
            approval,
            stands_until: None,
            ends_session: verdict == "block" && judgement.ends_session(),
            justification: match verdict {
                "block" => None,
                _ => judgement.justified.as_ref().map(Justified::record),
            },
            bundle: judgement
                .in_force
                .as_ref()
                .map(|policy| policy.digest().to_owned())
                .unwrap_or_default(),
            history: None,
            left_out: said.left_out,
        };
        records::fit_decision(&mut record);
        record
    }
}
