//! What a session, its holds and its receipts share, and the pipeline that runs on it: judge, and what becomes
//! of history; what is decided is recorded and permitted in `commit`.

mod commit;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::justification::{self, Justification};
use hpol_bundle::policy::RuleId;
use hpol_bundle::schedule;
use hpol_bundle::vocabulary::{Phase, Vocabulary};
use hpol_engine::{Looked, Scratch, SessionGraph};
use hpol_evidence::record::{self, Event, FactsRecord};
use hpol_operation::Operation;

use crate::approvals::standing::{Covered, Stands};
use crate::door::Door;
use crate::history::{self, Both, Counted, End, Read, Released, Underway};
use crate::judgement::Judgement;
use crate::justified::Justified;
use crate::masking::MaskingPlan;
use crate::obligations;
use crate::policy::InForce;
use crate::ports::{Durability, EvidenceUnavailable};
use crate::principal::{ClientAddress, Connection, Principal};
use crate::records::{GATEWAY, Said};
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Carrier;

/// What a session, its holds and its receipts share.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) door: Arc<Door>,
    pub(crate) id: String,
    pub(crate) principal: Principal,
    pub(crate) connection: Connection,
    /// Subject and connection as records of operations have them.
    recorded: (Arc<record::Subject>, Arc<record::Connection>),
    client: ClientAddress,
    operations: AtomicU64,
    history: Both,
    /// What the client gives as the reason for what it asks.
    justification: ArcSwapOption<Justification>,
    specialised: ArcSwapOption<Specialised>,
}

/// The decision graph of one bundle with the session's own facts worked in.
#[derive(Debug)]
struct Specialised {
    in_force: Arc<InForce>,
    facts: Facts,
    graph: SessionGraph,
    /// The last rules that decided, with what records say of them.
    said: Mutex<Option<(Vec<RuleId>, Arc<Said>)>>,
}

impl Pipeline {
    pub(crate) fn new(
        door: Arc<Door>,
        id: String,
        principal: Principal,
        connection: Connection,
        client: ClientAddress,
        history: Both,
    ) -> Pipeline {
        let recorded = (Arc::new(principal.record()), Arc::new(connection.record()));
        Pipeline {
            history,
            door,
            id,
            recorded,
            principal,
            connection,
            client,
            operations: AtomicU64::new(0),
            justification: ArcSwapOption::empty(),
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
    ) -> Result<(), EvidenceUnavailable> {
        self.door
            .evidence()
            .append(Some(&self.id), event, durability)
            .await
    }

    pub(crate) fn append_detached(&self, event: Event) {
        self.door.evidence().append_detached(Some(&self.id), event);
    }

    pub(crate) fn closed(&self, reason: &str) -> Event {
        Event::SessionClosed {
            reason: reason.to_owned(),
            operations: self.operations.load(Ordering::Relaxed),
        }
    }

    /// Judges by the policy in force now. Reads the snapshot, the clock and history; an operation that gets one of the
    /// verdicts in `counting` is in flight from here on, until its receipt is settled or the judgement is dropped.
    pub(crate) fn judge(
        &self,
        operation: &Operation,
        carrier: &dyn Carrier,
        counting: &[Verdict],
    ) -> Judgement {
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
        self.tell_time(&mut facts, &bundle.vocabulary);
        let given = self.justification.load_full();
        let justification = bundle.vocabulary.lookup(justification::FACT);
        if let (Some((id, _)), Some(given)) = (justification, &given) {
            facts.set(id, Fact::Known(Value::Text(given.as_str().into())));
        }
        let observes = specialised.in_force.observes(&self.connection.name);
        // Whatever rules say goes ahead on a connection in observe, so it counts as what is allowed does.
        let mut covered = None;
        let counts = |decision: &Decision| {
            if !observes {
                covered = self.covered(decision, &specialised.in_force);
            }
            let goes_ahead = observes || covered.is_some();
            let verdict = if goes_ahead {
                Verdict::Allow
            } else {
                decision.verdict
            };
            counting.contains(&verdict)
        };
        let mut decision = Decision::with_capacity(0);
        let underway = self.decide(&specialised, &facts, counts, &mut decision);
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
            limit: None,
            observed: decision.observed.clone(),
            would: None,
            excepted: decision.excepted.clone(),
            unknown: unknown.collect(),
            covered,
            justified: Justified::of(&decision, given.as_deref(), &specialised.in_force),
            refusal: None,
            counted: None,
        };
        if observes {
            judgement.observe();
        }
        // Masks and limits hold on a connection in observe too: what is tried out is what rules would block.
        if judgement.verdict != Verdict::Block {
            let in_force = &specialised.in_force;
            let target = &self.connection.name;
            obligations::oblige(&mut judgement, in_force, target, &decision, carrier);
        }
        // Dropped where an obligation that cannot be met has made it a block: then it has never begun.
        if let (Some(underway), true) = (underway, judgement.verdict != Verdict::Block) {
            let watch = specialised.in_force.watch(&self.connection.name);
            let released = Released::expected(watch.as_ref(), &judgement.plan, carrier);
            let judged_by = Arc::clone(&specialised.in_force);
            judgement.counted = Some(Counted {
                underway,
                judged_by,
                facts,
                released,
            });
        }
        judgement
    }

    /// Sets when this is decided. Whatever asks for the time reads this, so that it is the same throughout a decision.
    fn tell_time(&self, facts: &mut Facts, vocabulary: &Vocabulary) {
        let now = self.door.now().as_second();
        if let Some((id, _)) = vocabulary.lookup("time.now") {
            facts.set(id, Fact::Known(Value::Int(now)));
        }
        facts.extend(&schedule::facts(vocabulary, now));
    }

    fn decide(
        &self,
        specialised: &Specialised,
        facts: &Facts,
        counts: impl FnOnce(&Decision) -> bool,
        decision: &mut Decision,
    ) -> Option<Underway> {
        let Specialised {
            in_force, graph, ..
        } = specialised;
        let program = &in_force.bundle().program;
        let mut scratch = Scratch::new(graph);
        let measured = !in_force.monitors().is_empty();
        let seen = measured.then(|| history::not_known_yet(facts.clone()));
        let read = Read {
            in_force,
            graph,
            facts: seen.as_ref().unwrap_or(facts),
            now: self.door.now_ms(),
        };
        self.history
            .decide(&read, self.door.histories().since(), |moment| {
                hpol_engine::decide_given(program, graph, facts, moment, &mut scratch, decision);
                counts(decision)
            })
    }

    /// The approval that stands for what `decision` requires. None does where a fact is unknown: who approved has not agreed
    /// to what nobody knows.
    fn covered(&self, decision: &Decision, in_force: &Arc<InForce>) -> Option<Covered> {
        let requires = decision.verdict == Verdict::RequireApproval;
        if !requires || decision.unknown.iter().next().is_some() {
            return None;
        }
        let (door, rules) = (&self.door, decision.determining());
        let Pipeline {
            principal,
            connection,
            ..
        } = self;
        door.standing()
            .covering(principal, connection, rules, in_force, door.now())
    }

    /// Takes what the client gives as the reason for what it asks from now on.
    pub(crate) fn justify(&self, given: Option<Justification>) {
        self.justification.store(given.map(Arc::new));
    }

    /// Lets an approval stand for this session's subject on its connection.
    pub(crate) fn stand(&self, stands: Stands) {
        let (door, now) = (&self.door, self.door.now());
        if !door.in_force().is_some_and(|now| stands.is_under(&now)) {
            return;
        }
        door.standing()
            .begin(&self.principal, &self.connection, stands, now);
    }

    /// Notes in history that an operation has ended, by the policy in force now; without `end` nobody knows how. What is to
    /// be recorded of its result.
    pub(crate) fn ended(&self, counted: Option<Counted>, end: Option<End>) -> Option<FactsRecord> {
        let Counted {
            underway,
            judged_by,
            mut facts,
            mut released,
        } = counted?;
        // Before the policy is looked at: what one that comes into force meanwhile measures is known from later on.
        let now = self.door.now_ms();
        let specialised = self.specialise(self.door.in_force()?);
        let in_force = &specialised.in_force;
        if !Arc::ptr_eq(&judged_by, in_force) {
            let vocabulary = &in_force.bundle().vocabulary;
            history::facts::carry_over(&mut facts, vocabulary, &specialised.facts);
            released = released.under(&judged_by, in_force);
        }
        let result = history::facts_of(end, &released)?;
        facts.extend(&result);
        let mut looked = Looked::default();
        looked.look(&in_force.bundle().program, &specialised.graph, &facts);
        underway.ended(in_force.monitors(), &looked, &facts, now);
        self.record_facts(in_force, &result, Phase::Result)
    }

    /// The facts of `phase` that have to be recorded, so that history survives a restart.
    fn record_facts(&self, in_force: &InForce, facts: &Facts, phase: Phase) -> Option<FactsRecord> {
        let measured = !in_force.monitors().is_empty();
        measured.then(|| {
            let kind = self.connection.protocol;
            history::facts::record(facts, phase, kind, in_force.remembered())
        })
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
        facts.extend(&self.client.facts(&bundle.vocabulary));
        let graph = in_force.specialise(self.connection.protocol, &facts);
        let fresh = Arc::new(Specialised {
            in_force,
            facts,
            graph,
            said: Mutex::default(),
        });
        self.specialised.store(Some(Arc::clone(&fresh)));
        fresh
    }

    /// What records say of why `judgement` is as it is. Sessions ask for much the same again and again, so the last is kept.
    fn said(&self, judgement: &Judgement) -> Arc<Said> {
        let specialised = self.specialised.load();
        let kept = specialised
            .as_ref()
            .filter(|kept| judgement.is_by_rules_of(&kept.in_force))
            .map(|kept| kept.said.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(mut kept) = kept else {
            return Arc::new(Said::of(judgement));
        };
        if let Some((rules, said)) = &*kept
            && *rules == judgement.rules
        {
            return Arc::clone(said);
        }
        let said = Arc::new(Said::of(judgement));
        *kept = Some((judgement.rules.clone(), Arc::clone(&said)));
        said
    }

    pub(crate) fn next_operation(&self) -> String {
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
        ends_session: false,
    }
}
