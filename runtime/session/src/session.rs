//! One client's session before one connection: judges its operations and mints permits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::Facts;
use hpol_bundle::policy::{Effect, Rule, RuleId};
use hpol_engine::{Scratch, SessionGraph};
use hpol_evidence::record::{DecisionRecord, Event};
use hpol_operation::{Class, Operation};

use crate::approvals;
use crate::door::Door;
use crate::hold::Hold;
use crate::masking::MaskingPlan;
use crate::permit::Permit;
use crate::policy::InForce;
use crate::ports::{Durability, EvidenceUnavailable};
use crate::principal::{Connection, Principal};
use crate::records::{self, DEFAULT_DENY, GATEWAY};
use crate::refusal::{NotAccepted, Refusal, RefusalKind};

/// One authenticated client connection to one connection. Closing is recorded also when it is just dropped.
#[derive(Debug)]
pub struct Session {
    core: Arc<Core>,
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

/// Can the protocol carry out the masks on this operation? The adapter answers, between decision and commit.
pub trait Carrier: Send + Sync {
    /// # Errors
    /// What cannot be hidden, and why. The decision becomes a block.
    fn can_mask(&self, plan: &MaskingPlan) -> Result<(), CannotMask>;
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
    pub(crate) fn new(core: Core) -> Session {
        Session {
            core: Arc::new(core),
            closed: false,
        }
    }

    /// Id of the session in the audit log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.core.id
    }

    /// Who opened it.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.core.principal
    }

    /// Whether the token that opened it has ended.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.core.expired()
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
        let judgement = self.core.judge(&operation, carrier);
        match judgement.verdict {
            Verdict::Allow => self.core.permit(operation, payload, judgement, None).await,
            Verdict::Block => Outcome::Refuse(self.core.block(&operation, judgement).await),
            Verdict::RequireApproval => self.core.hold(operation, payload, judgement).await,
        }
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
        let judgement = self.core.judge(operation, carrier);
        match judgement.verdict {
            Verdict::Allow | Verdict::RequireApproval => Ok(judgement.plan),
            Verdict::Block => Err(self.core.block(operation, judgement).await),
        }
    }

    /// Records that something could not be accepted at all, and returns the refusal to send.
    pub async fn refuse(&self, masked: &str, digest: [u8; 32], why: NotAccepted) -> Refusal {
        let (kind, reason, help) = match why {
            NotAccepted::NotUnderstood { why } => (RefusalKind::NotUnderstood, why, String::new()),
            NotAccepted::Unsupported { what } => (RefusalKind::Unsupported, what, String::new()),
        };
        let judgement = Judgement::gateway(self.core.door.in_force(), kind, reason, help);
        self.core.block_text(masked, digest, judgement).await
    }

    /// Ends the session in good order.
    pub async fn close(mut self, reason: &str) {
        self.closed = true;
        let event = self.core.closed(reason);
        // The session is over whether or not the log takes this; a log that fails has refused every operation before.
        if let Err(unavailable) = self.core.append(event, Durability::Buffered).await {
            tracing::warn!(session = self.core.id, %unavailable, "the end of a session could not be recorded");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.closed {
            self.core
                .append_detached(self.core.closed("connection lost"));
        }
    }
}

/// What a session, its holds and its receipts share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) door: Arc<Door>,
    pub(crate) id: String,
    pub(crate) principal: Principal,
    pub(crate) connection: Connection,
    operations: AtomicU64,
    specialised: ArcSwapOption<Specialised>,
}

/// The decision graph of one bundle with the session's own facts worked in.
#[derive(Debug)]
struct Specialised {
    in_force: Arc<InForce>,
    facts: Facts,
    graph: SessionGraph,
}

/// How an operation was judged, before anything of it is recorded or done.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) in_force: Option<Arc<InForce>>,
    /// Determining rules; empty where no rule of the policy decided.
    pub(crate) rules: Vec<RuleId>,
    pub(crate) plan: MaskingPlan,
    unknown: Vec<String>,
    /// Set where the gateway itself refused.
    refusal: Option<(RefusalKind, String, String)>,
}

impl Judgement {
    fn gateway(
        in_force: Option<Arc<InForce>>,
        kind: RefusalKind,
        reason: String,
        help: String,
    ) -> Judgement {
        Judgement {
            verdict: Verdict::Block,
            in_force,
            rules: Vec::new(),
            plan: MaskingPlan::none(),
            unknown: Vec::new(),
            refusal: Some((kind, reason, help)),
        }
    }

    fn determining(&self) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter_map(|id| self.in_force.as_ref()?.rule(*id))
    }

    fn rule_names(&self) -> Vec<String> {
        let names: Vec<String> = self.determining().map(|rule| rule.name.clone()).collect();
        match (&self.refusal, names.is_empty()) {
            (Some((RefusalKind::CannotMask, ..)), _) => self.plan.rules(),
            (Some(_), _) => vec![GATEWAY.to_owned()],
            (None, true) => vec![DEFAULT_DENY.to_owned()],
            (None, false) => names,
        }
    }

    fn reason(&self) -> String {
        if let Some((_, reason, _)) = &self.refusal {
            return reason.clone();
        }
        if self.rules.is_empty() {
            let unknown = if self.unknown.is_empty() {
                String::new()
            } else {
                format!("; not determined: {}", self.unknown.join(", "))
            };
            return format!("no rule allows this{unknown}");
        }
        let words = self.determining().map(|rule| {
            if rule.because.is_empty() {
                &rule.title
            } else {
                &rule.because
            }
        });
        words
            .filter(|text| !text.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn help(&self) -> String {
        if let Some((_, _, help)) = &self.refusal {
            return help.clone();
        }
        let messages = self.determining().filter_map(|rule| match &rule.effect {
            Effect::Block { message } if !message.is_empty() => Some(message.clone()),
            Effect::Block { .. }
            | Effect::Allow
            | Effect::RequireApproval { .. }
            | Effect::Mask { .. } => None,
        });
        messages.collect::<Vec<_>>().join("; ")
    }
}

impl Core {
    pub(crate) fn new(
        door: Arc<Door>,
        id: String,
        principal: Principal,
        connection: Connection,
    ) -> Core {
        Core {
            door,
            id,
            principal,
            connection,
            operations: AtomicU64::new(0),
            specialised: ArcSwapOption::empty(),
        }
    }

    pub(crate) fn expired(&self) -> bool {
        self.door.now() >= self.principal.expires
    }

    pub(crate) async fn append(
        &self,
        event: Event,
        durability: Durability,
    ) -> Result<u64, EvidenceUnavailable> {
        self.door
            .evidence()
            .append(Some(&self.id), event, durability)
            .await
    }

    pub(crate) fn append_detached(&self, event: Event) {
        self.door.evidence().append_detached(Some(&self.id), event);
    }

    fn closed(&self, reason: &str) -> Event {
        Event::SessionClosed {
            reason: reason.to_owned(),
            operations: self.operations.load(Ordering::Relaxed),
        }
    }

    /// Judges by the policy in force now. Pure but for reading the snapshot and the clock.
    pub(crate) fn judge(&self, operation: &Operation, carrier: &dyn Carrier) -> Judgement {
        let Some(in_force) = self.door.in_force() else {
            let help = "ask the operator of the gateway to load a signed bundle".to_owned();
            return Judgement::gateway(
                None,
                RefusalKind::NoPolicy,
                "no policy is in force".to_owned(),
                help,
            );
        };
        if self.expired() {
            let reason = "the token of this session has ended".to_owned();
            return Judgement::gateway(
                Some(in_force),
                RefusalKind::TokenExpired,
                reason,
                "connect again with a fresh token".to_owned(),
            );
        }
        let specialised = self.specialise(in_force);
        let bundle = specialised.in_force.bundle();
        let mut facts = specialised.facts.clone();
        facts.extend(&operation.facts);
        let mut decision = Decision::with_capacity(0);
        let mut scratch = Scratch::new(&specialised.graph);
        hpol_engine::decide(
            &bundle.program,
            &specialised.graph,
            &facts,
            &mut scratch,
            &mut decision,
        );
        let unknown = decision
            .unknown
            .iter()
            .filter_map(|id| bundle.vocabulary.fact(id))
            .map(|fact| fact.name.clone());
        let mut judgement = Judgement {
            verdict: decision.verdict,
            in_force: Some(Arc::clone(&specialised.in_force)),
            rules: decision.determining().to_vec(),
            plan: MaskingPlan::none(),
            unknown: unknown.collect(),
            refusal: None,
        };
        if decision.verdict != Verdict::Block {
            self.oblige(&mut judgement, &decision, carrier);
        }
        judgement
    }

    /// Adds the masks; an obligation that cannot be carried out turns the decision into a block.
    fn oblige(&self, judgement: &mut Judgement, decision: &Decision, carrier: &dyn Carrier) {
        let Some(in_force) = judgement.in_force.clone() else {
            return;
        };
        let refusal = match in_force.plan(&self.connection.name, &decision.mask) {
            Ok(plan) => {
                let answer = if plan.is_empty() {
                    Ok(())
                } else {
                    carrier.can_mask(&plan)
                };
                judgement.plan = plan;
                match answer {
                    Ok(()) => return,
                    Err(cannot) => {
                        if let Some(rule) = judgement.plan.rule_of_class(&cannot.class) {
                            let ids = decision.mask.iter().copied();
                            judgement.rules = ids
                                .filter(|id| {
                                    in_force.rule(*id).is_some_and(|known| known.name == rule)
                                })
                                .collect();
                        }
                        format!("`{}` would leave unmasked: {}", cannot.class, cannot.why)
                    }
                }
            }
            Err(unbuildable) => unbuildable.to_string(),
        };
        let help =
            "ask for the column itself in the select list of one plain SELECT, or leave it out"
                .to_owned();
        judgement.verdict = Verdict::Block;
        judgement.refusal = Some((RefusalKind::CannotMask, refusal, help));
    }

    fn specialise(&self, in_force: Arc<InForce>) -> Arc<Specialised> {
        if let Some(known) = self.specialised.load_full()
            && Arc::ptr_eq(&known.in_force, &in_force)
        {
            return known;
        }
        let bundle = in_force.bundle();
        let mut facts = self.principal.facts(&bundle.vocabulary);
        facts.extend(&self.connection.facts(&bundle.vocabulary));
        let graph = hpol_engine::specialise(&bundle.program, self.connection.protocol, &facts);
        let fresh = Arc::new(Specialised {
            in_force,
            facts,
            graph,
        });
        self.specialised.store(Some(Arc::clone(&fresh)));
        fresh
    }

    /// Records the intent and mints the permit.
    pub(crate) async fn permit<P>(
        self: &Arc<Core>,
        operation: Operation,
        payload: P,
        judgement: Judgement,
        approval: Option<(String, String)>,
    ) -> Outcome<P> {
        let (id, approval) = match approval {
            Some((operation, approval)) => (operation, Some(approval)),
            None => (self.next_operation(), None),
        };
        let record = self.record(
            &id,
            &operation.masked,
            operation.digest,
            &judgement,
            "allow",
            approval,
        );
        let durability = match operation.class {
            Class::Read => Durability::Buffered,
            Class::Write => Durability::Durable,
        };
        match self
            .append(Event::Decision(Box::new(record)), durability)
            .await
        {
            Ok(_) => Outcome::Permit(Permit::new(
                payload,
                Arc::clone(self),
                id,
                operation.class,
                judgement.plan.clone(),
            )),
            Err(unavailable) => Outcome::Refuse(unavailable_refusal(&unavailable)),
        }
    }

    /// Records a block and words the refusal.
    pub(crate) async fn block(&self, operation: &Operation, judgement: Judgement) -> Refusal {
        self.block_text(&operation.masked, operation.digest, judgement)
            .await
    }

    async fn block_text(&self, masked: &str, digest: [u8; 32], judgement: Judgement) -> Refusal {
        let id = self.next_operation();
        let record = self.record(&id, masked, digest, &judgement, "block", None);
        let refusal = Refusal {
            kind: judgement
                .refusal
                .as_ref()
                .map_or(RefusalKind::Policy, |(kind, ..)| *kind),
            rules: record.rules.clone(),
            reason: record.reason.clone(),
            help: judgement.help(),
            operation: id,
        };
        match self
            .append(Event::Decision(Box::new(record)), Durability::Durable)
            .await
        {
            Ok(_) => refusal,
            Err(unavailable) => unavailable_refusal(&unavailable),
        }
    }

    async fn hold<P>(
        self: &Arc<Core>,
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
        let gateway = judgement.refusal.is_some() && judgement.rules.is_empty();
        DecisionRecord {
            operation: id.to_owned(),
            subject: self.principal.record(),
            connection: self.connection.record(),
            masked: records::cut(masked),
            digest: data_encoding::HEXLOWER.encode(&digest),
            verdict: verdict.to_owned(),
            rules: judgement.rule_names(),
            reason: judgement.reason(),
            obligations: judgement.plan.rules(),
            unknown: judgement.unknown.clone(),
            controls: if gateway {
                records::always()
            } else {
                records::controls(judgement.determining())
            },
            approval,
            bundle: judgement
                .in_force
                .as_ref()
                .map(|policy| policy.digest().to_owned())
                .unwrap_or_default(),
        }
    }

    fn next_operation(&self) -> String {
        let number = self
            .operations
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1);
        format!("{}-{number}", self.id)
    }
}

pub(crate) fn unavailable_refusal(unavailable: &EvidenceUnavailable) -> Refusal {
    Refusal {
        kind: RefusalKind::EvidenceUnavailable,
        rules: vec![GATEWAY.to_owned()],
        reason: unavailable.to_string(),
        help: "nothing was forwarded; the operator of the gateway sees the cause".to_owned(),
        operation: String::new(),
    }
}
