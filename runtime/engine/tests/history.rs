//! Monitors against the reference interpreter, which counts anew each time: random policies on random traces, in which
//! operations begin, end in any order, and are given up.
//!
//! `HPOL_DIFFERENTIAL_SEED` and `HPOL_DIFFERENTIAL_CASES` choose other and more steps.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

#[path = "history/known.rs"]
mod known;
#[path = "history/policies.rs"]
mod policies;

use hpol_bundle::decision::Decision;
use hpol_bundle::facts::{Fact, Facts};
use hpol_bundle::policy::Policy;
use hpol_bundle::program::Program;
use hpol_bundle::program::dag::{Budget, Dag};
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::{Phase, Protocol, Vocabulary};
use hpol_engine::history::{InFlight, Ledger, Moment, Monitors, Whose};
use hpol_engine::{
    Looked, Residuals, Scratch, SessionGraph, decide_given, decide_once_given, outcome_given,
};
use hpol_oracle::generate::{self, Case, Random};
use hpol_oracle::{Moment as OracleMoment, Past};
use policies::with_history;

const STEPS: usize = 10_000;
const SEED: u64 = 0x6869_7374;
/// Steps on each policy.
const TRACE: usize = 50;
const SUBJECTS: usize = 2;
const SESSIONS: usize = 4;

#[test]
fn monitors_agree_with_the_reference_interpreter() {
    let (steps, seed) = (
        number("HPOL_DIFFERENTIAL_CASES", STEPS as u64),
        number("HPOL_DIFFERENTIAL_SEED", SEED),
    );
    println!("HPOL_DIFFERENTIAL_SEED={seed} HPOL_DIFFERENTIAL_CASES={steps}");
    let mut random = Random::new(seed);
    let mut told = Told::default();
    while told.decided < steps {
        let policy = generate::policy(&mut random);
        let policy = with_history(&mut random, policy);
        let Ok(program) = lower(&policy, Vocabulary::builtin()) else {
            continue;
        };
        if !program.histories().is_empty() {
            trace(&mut random, &policy, &program, &mut told);
        }
    }
    // The comparison says little where what came before makes no difference, or all of it is certain.
    let Told {
        decided,
        history,
        ended,
        in_flight,
    } = told;
    assert!(
        history * 5 > decided,
        "{history} of {decided} depend on history"
    );
    assert!(
        ended * 4 > decided && in_flight > decided,
        "{ended} ended, {in_flight} in flight"
    );
}

/// What the traces were like.
#[derive(Debug, Default)]
struct Told {
    decided: u64,
    /// Decisions that would have been others without what came before.
    history: u64,
    ended: u64,
    /// Operations in flight, over all decisions.
    in_flight: u64,
}

struct Session {
    subject: usize,
    facts: Facts,
    kind: Protocol,
    packed: SessionGraph,
    wide: SessionGraph,
}

/// One that is in flight: where it stands in the past, and what it adds.
struct Flying {
    past: usize,
    session: usize,
    operation: Facts,
    part: InFlight,
}

struct World<'a> {
    policy: &'a Policy,
    program: &'a Program,
    dags: Vec<Dag>,
    monitors: Monitors,
    sessions: Vec<Session>,
    of_subjects: Vec<Ledger>,
    of_sessions: Vec<Ledger>,
    past: Vec<Past>,
    looked: Looked,
    now: i64,
}

fn trace(random: &mut Random, policy: &Policy, program: &Program, told: &mut Told) {
    let mut world = World::new(random, policy, program);
    let mut flying: Vec<Flying> = Vec::new();
    for _ in 0..TRACE {
        world.now += *random.pick(&[0, 0, 1, 400, 999, 1000, 1001, 2500]).unwrap();
        let session = random.below(SESSIONS);
        let operation = facts_of(random, Phase::Operation);
        world.decide(session, &operation, told);
        told.decided += 1;
        told.in_flight += flying.len() as u64;
        if random.below(3) > 0 {
            flying.push(world.begin(session, operation));
        }
        while !flying.is_empty() && random.one_in(2) {
            let one = flying.swap_remove(random.below(flying.len()));
            match random.one_in(4) {
                true => world.give_up(one, &mut flying),
                false => {
                    told.ended += 1;
                    let result = facts_of(random, Phase::Result);
                    world.end(one, &result);
                }
            }
        }
    }
    // What ended and left all windows leaves nothing behind.
    for one in flying {
        let result = facts_of(random, Phase::Result);
        world.end(one, &result);
    }
    let end = world.now + 60_001;
    for ledger in world.of_subjects.iter_mut().chain(&mut world.of_sessions) {
        assert!(ledger.sweep(end, |_| true));
    }
}

impl<'a> World<'a> {
    fn new(random: &mut Random, policy: &'a Policy, program: &'a Program) -> World<'a> {
        let session = |index| {
            let case = Case {
                policy: Policy::default(),
                facts: facts_of(random, Phase::Session),
            };
            let open =
                |mut residuals: Residuals| residuals.specialise(program, case.kind(), &case.facts);
            Session {
                subject: index % SUBJECTS,
                kind: case.kind(),
                packed: open(Residuals::new(0)),
                wide: open(Residuals::new(0).packing_at_most(0)),
                facts: case.facts,
            }
        };
        let dag = |kind| Dag::of(program, kind, Budget { cells: 60 }).unwrap();
        World {
            policy,
            program,
            dags: Protocol::ALL.map(dag).into(),
            monitors: Monitors::new(program),
            sessions: (0..SESSIONS).map(session).collect(),
            of_subjects: (0..SUBJECTS).map(|_| Ledger::default()).collect(),
            of_sessions: (0..SESSIONS).map(|_| Ledger::default()).collect(),
            past: Vec::new(),
            looked: Looked::default(),
            now: 1_000_000,
        }
    }

    /// The operation as history sees it before it has ended.
    fn past(&self, session: usize, operation: &Facts) -> Past {
        let of = &self.sessions[session];
        let mut facts = of.facts.clone();
        facts.extend(operation);
        Past {
            subject: of.subject.to_string().into(),
            session: session as u64,
            ended_ms: None,
            facts: with_unknown_result(facts),
        }
    }

    fn decide(&mut self, session: usize, operation: &Facts, told: &mut Told) {
        let own = self.past(session, operation);
        let moment = OracleMoment {
            now_ms: self.now,
            own: &own,
            past: &self.past,
        };
        let mut both = self.sessions[session].facts.clone();
        both.extend(operation);
        let expected = hpol_oracle::decide_at(self.policy, &both, moment);
        told.history += u64::from(hpol_oracle::decide(self.policy, &both) != expected);
        for (form, found) in self.forms(session, operation, &both, &own.facts) {
            assert_eq!(
                found,
                expected,
                "{form} at {} of session {session}\n{}\n{}",
                self.now,
                serde_json::to_string(self.policy).unwrap(),
                serde_json::to_string(&self.past).unwrap()
            );
        }
        self.assert_outcome(session, &both, &own.facts, &expected);
    }

    fn forms(
        &mut self,
        session: usize,
        operation: &Facts,
        both: &Facts,
        seen: &Facts,
    ) -> Vec<(&'static str, Decision)> {
        let mut found = Vec::new();
        for (form, packed) in [("packed", true), ("wide", false)] {
            let mut decision = Decision::with_capacity(self.program.rules());
            let program = self.program;
            self.given(session, seen, packed, |graph, moment| {
                let mut scratch = Scratch::default();
                decide_given(
                    program,
                    graph,
                    operation,
                    moment,
                    &mut scratch,
                    &mut decision,
                );
            });
            found.push((form, decision));
        }
        let (program, kind) = (self.program, self.sessions[session].kind);
        let once = self.given(session, seen, true, |_, moment| {
            decide_once_given(program, kind, both, moment)
        });
        found.push(("once", once));
        found
    }

    fn assert_outcome(&mut self, session: usize, both: &Facts, seen: &Facts, expected: &Decision) {
        let kind = self.sessions[session].kind;
        let dag = self
            .dags
            .iter()
            .find(|dag| dag.kind() == kind)
            .unwrap()
            .clone();
        let program = self.program;
        let outcome = self.given(session, seen, true, |_, moment| {
            outcome_given(program, &dag, both, moment)
        });
        let mut obligations = [
            expected.approve.clone(),
            expected.mask.clone(),
            expected.limit.clone(),
        ]
        .concat();
        obligations.sort_unstable();
        assert_eq!(
            (outcome.verdict, outcome.obligations, &outcome.observed),
            (expected.verdict, obligations, &expected.observed)
        );
    }

    /// Calls `decide` with the history of an operation that is seen as `seen`.
    fn given<T>(
        &mut self,
        session: usize,
        seen: &Facts,
        packed: bool,
        decide: impl FnOnce(
            &SessionGraph,
            &mut Moment<'_, '_, fn(hpol_bundle::program::history::HistoryKey) -> i64>,
        ) -> T,
    ) -> T {
        let of = &self.sessions[session];
        let graph = if packed { &of.packed } else { &of.wide };
        self.looked.look(self.program, graph, seen);
        let mut whose = Whose {
            subject: &mut self.of_subjects[of.subject],
            session: &mut self.of_sessions[session],
        };
        assert_eq!(whose.tick(self.now), self.now);
        let mut moment = Moment {
            monitors: &self.monitors,
            whose: &mut whose,
            looked: &self.looked,
            facts: seen,
            since: (|_| i64::MIN) as fn(_) -> i64,
        };
        decide(graph, &mut moment)
    }

    fn begin(&mut self, session: usize, operation: Facts) -> Flying {
        let past = self.past(session, &operation);
        self.looked
            .look(self.program, &self.sessions[session].packed, &past.facts);
        let mut whose = Whose {
            subject: &mut self.of_subjects[self.sessions[session].subject],
            session: &mut self.of_sessions[session],
        };
        whose.tick(self.now);
        let part = self.monitors.begin(&mut whose, &self.looked, &past.facts);
        self.past.push(past);
        Flying {
            past: self.past.len() - 1,
            session,
            operation,
            part,
        }
    }

    fn end(&mut self, one: Flying, result: &Facts) {
        let of = &self.sessions[one.session];
        let mut facts = of.facts.clone();
        facts.extend(&one.operation);
        facts.extend(result);
        self.past[one.past].facts = facts;
        self.past[one.past].ended_ms = Some(self.now);
        self.looked
            .look_once(self.program, &self.past[one.past].facts);
        let mut whose = Whose {
            subject: &mut self.of_subjects[of.subject],
            session: &mut self.of_sessions[one.session],
        };
        whose.tick(self.now);
        one.part.take_out(&mut whose);
        self.monitors
            .ended(&mut whose, &self.looked, &self.past[one.past].facts);
    }

    fn give_up(&mut self, one: Flying, others: &mut [Flying]) {
        let mut whose = Whose {
            subject: &mut self.of_subjects[self.sessions[one.session].subject],
            session: &mut self.of_sessions[one.session],
        };
        one.part.take_out(&mut whose);
        self.past.swap_remove(one.past);
        let moved = self.past.len();
        for other in others.iter_mut().filter(|other| other.past == moved) {
            other.past = one.past;
        }
    }
}

/// Random facts of one phase.
fn facts_of(random: &mut Random, phase: Phase) -> Facts {
    let case = Case {
        policy: Policy::default(),
        facts: generate::facts(random),
    };
    case.facts_of(phase)
}

fn with_unknown_result(mut facts: Facts) -> Facts {
    for (id, fact) in Vocabulary::builtin().iter() {
        if fact.phase == Phase::Result {
            facts.set(id, Fact::Unknown);
        }
    }
    facts
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}
