//! History after a restart: measured again from the records of the audit log.
//!
//! What is not in the records counts as possible and never as not having happened: a fact that was not written is unknown,
//! an operation without an outcome may have done anything until the gateway started again, and where the log cannot be read,
//! or a gateway that was killed may have done what is not in what was read, nothing is known. But for the reads of its last
//! milliseconds: see `Remembered::start`.

use std::collections::HashMap;
use std::sync::Arc;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::vocabulary::{Phase, Protocol, Vocabulary};
use hpol_engine::Looked;
use hpol_engine::history::{Ledger, Whose};
use hpol_evidence::record::{
    DecisionRecord, Event, OperationResult, OutcomeRecord, Record, Subject,
};
use jiff::Timestamp;

use super::released::classes_not_known;
use super::{Histories, facts, lock};
use crate::policy::InForce;

/// Fills the histories of subjects from records, in their order. Those of sessions end with the gateway that served them.
#[derive(Debug)]
pub struct Remembered<'a> {
    histories: &'a Histories,
    in_force: &'a InForce,
    /// By the ids of operations: those that were let through and have no outcome so far.
    under_way: HashMap<String, Begun>,
    run: Run,
    /// The time of the last record, in milliseconds; where the clock went back, the latest of any.
    at: i64,
    /// Since when, in milliseconds, nothing is missing from what was read.
    since: i64,
    recalled: Recalled,
    looked: Looked,
}

/// An operation that was let through.
#[derive(Debug)]
struct Begun {
    subject: Arc<Subject>,
    facts: Facts,
    kind: Protocol,
    /// By a bundle whose data classes can be others than those of the one that comes into force.
    by_another_bundle: bool,
}

/// What was read of the run of a gateway that the records are of.
#[derive(Debug, Default)]
struct Run {
    /// Its first record, so that all that was under way in it was begun in what was read.
    begun: bool,
    /// A record that nobody waited for: others like it can be lost where the gateway is killed.
    buffered: bool,
    /// Its last record.
    stopped: bool,
}

/// What was found in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recalled {
    /// Operations that have ended.
    pub ended: u64,
    /// Operations that have no outcome: the gateway was stopped in the middle of them.
    pub cut_off: u64,
    /// Outcomes of operations that were let through before what was read.
    pub unmatched: u64,
}

impl<'a> Remembered<'a> {
    pub(crate) fn new(histories: &'a Histories, in_force: &'a InForce) -> Remembered<'a> {
        histories.reads(in_force.monitors());
        Remembered {
            histories,
            in_force,
            under_way: HashMap::new(),
            run: Run::default(),
            at: i64::MIN,
            since: i64::MIN,
            recalled: Recalled::default(),
            looked: Looked::default(),
        }
    }

    /// Takes in the next record.
    pub fn note(&mut self, record: &Record) {
        // INVARIANT: the log writes times that can be read. What is not one is the time of the record before.
        if let Ok(time) = record.time.parse::<Timestamp>() {
            self.at = self.at.max(time.as_millisecond());
        }
        self.run.begun |= record.sequence == 0;
        self.run.buffered |= record.buffered;
        match &record.event {
            Event::GatewayStarted { .. } => self.start(),
            Event::GatewayStopped { .. } => self.run.stopped = true,
            Event::Decision(decision) if decision.verdict == "allow" => self.begin(decision),
            Event::Outcome(outcome) => self.end(outcome),
            _ => {}
        }
    }

    /// Ends the run before: what was under way in it ended by now. Of one that was killed it is known only if it was read
    /// from its beginning, and no record of it was buffered. What came back of a read in the milliseconds before its records
    /// were on disk is not known even then: SECURITY.md.
    fn start(&mut self) {
        self.cut_off(self.at);
        let run = std::mem::replace(
            &mut self.run,
            Run {
                begun: true,
                ..Run::default()
            },
        );
        if !run.stopped && (!run.begun || run.buffered) {
            self.doubt();
        }
    }

    /// Something that was not read happened by the time of this record.
    fn doubt(&mut self) {
        self.since = self.since.max(self.at.saturating_add(1));
    }

    fn begin(&mut self, decision: &DecisionRecord) {
        let kinds = Protocol::ALL.into_iter();
        let mut kinds = kinds.filter(|kind| kind.as_str() == decision.connection.kind);
        let Some(kind) = kinds.next() else {
            // INVARIANT: no gateway has another protocol.
            return;
        };
        let mut facts = session_facts(decision);
        let history = decision.history.as_ref();
        facts::restore(history, Phase::Operation, kind, &mut facts);
        facts::restore_derived(&self.in_force.bundle().vocabulary, &mut facts);
        let begun = Begun {
            subject: Arc::clone(&decision.subject),
            facts,
            kind,
            by_another_bundle: decision.bundle != self.in_force.digest(),
        };
        self.under_way.insert(decision.operation.clone(), begun);
    }

    fn end(&mut self, outcome: &OutcomeRecord) {
        let Some(begun) = self.under_way.remove(&outcome.operation) else {
            if outcome.result != OperationResult::NotRun {
                // Nobody knows whose it was.
                self.recalled.unmatched += 1;
                self.doubt();
            }
            return;
        };
        if outcome.result == OperationResult::NotRun {
            return;
        }
        let (subject, mut facts) = (begun.subject, begun.facts);
        let history = outcome.history.as_ref();
        facts::restore(history, Phase::Result, begun.kind, &mut facts);
        if begun.by_another_bundle {
            classes_not_known(&mut facts);
        }
        if outcome.history.is_none() && outcome.result != OperationResult::Interrupted {
            // The rows of an outcome are those of its last result only.
            if let Some((id, _)) = Vocabulary::builtin().lookup("result.bytes") {
                let count = i64::try_from(outcome.bytes).unwrap_or(i64::MAX);
                facts.set(id, Fact::Known(Value::Int(count)));
            }
        }
        self.recalled.ended += 1;
        self.add(&subject, &facts, self.at);
    }

    /// Ends at `at` what has no outcome, with whatever it may have done.
    fn cut_off(&mut self, at: i64) {
        for mut begun in std::mem::take(&mut self.under_way).into_values() {
            facts::restore(None, Phase::Result, begun.kind, &mut begun.facts);
            self.recalled.cut_off += 1;
            self.add(&begun.subject, &begun.facts, at);
        }
    }

    fn add(&mut self, subject: &Subject, facts: &Facts, at: i64) {
        let ledger = self.histories.of_identity(&subject.issuer, &subject.id, at);
        let program = &self.in_force.bundle().program;
        self.looked.look_once(program, facts);
        let mut whose = Whose {
            subject: &mut lock(&ledger),
            session: &mut Ledger::default(),
        };
        whose.tick(at);
        let monitors = self.in_force.monitors();
        monitors.ended(&mut whose, &self.looked, facts);
    }

    /// Ends the reading at `now`. What has no outcome yet counts as ended now.
    #[must_use]
    pub fn finish(mut self, now: i64) -> Recalled {
        self.cut_off(now);
        self.histories.knows(self.in_force.monitors(), self.since);
        self.recalled
    }
}

/// The facts of the session of a decision: what its record tells. Of an address or a claim of the token it does not tell.
fn session_facts(decision: &DecisionRecord) -> Facts {
    let mut facts = Facts::new();
    let vocabulary = Vocabulary::builtin();
    for (id, _) in vocabulary
        .iter()
        .filter(|(_, fact)| fact.phase == Phase::Session)
    {
        facts.set(id, Fact::Unknown);
    }
    let DecisionRecord {
        subject,
        connection,
        ..
    } = decision;
    let groups = subject.groups.iter().map(|group| group.as_str().into());
    for (name, value) in [
        ("subject.id", Value::Text(subject.id.as_str().into())),
        (
            "subject.issuer",
            Value::Text(subject.issuer.as_str().into()),
        ),
        ("subject.groups", Value::Set(groups.collect())),
        (
            "connection.name",
            Value::Text(connection.name.as_str().into()),
        ),
        (
            "connection.kind",
            Value::Text(connection.kind.as_str().into()),
        ),
    ] {
        if let Some((id, _)) = vocabulary.lookup(name) {
            facts.set(id, Fact::Known(value));
        }
    }
    facts
}
