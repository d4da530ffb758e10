//! Times decisions with conditions over history: `cargo run --release -p hpol-engine --example history [-- RULES EVENTS]`.
//!
//! Each rule has a measurement of its own, and one in a hundred concerns each operation. A decision is all that the door
//! does for it: which measurements look at the operation, what the clauses left say, that it is in flight, that it has
//! ended. Each is compared with counting by hand, the events of history too: more may be blocked, where a ledger has no room
//! for every event and nobody can tell any more, and never less.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "an example for measuring"
)]

mod trace;

use std::time::{Duration, Instant};

use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{Condition, Effect, Policy, Predicate, Rule, Source, Test};
use hpol_bundle::program::Program;
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_engine::history::{InFlight, Ledger, Moment, Monitors, Whose};
use hpol_engine::{Looked, Scratch, SessionGraph, decide_given, specialise};

use trace::{TABLES, Trace};

/// Decisions that are timed, after the events of history.
const TIMED: usize = 20_000;

fn main() {
    println!("rules   events   p50       p99       blocked  of them in doubt");
    let sizes: Vec<usize> = std::env::args()
        .skip(1)
        .map(|size| size.parse().unwrap())
        .collect();
    if let [rules, events] = sizes[..] {
        return measure(rules, events);
    }
    for rules in [10, 100, 1_000, 10_000] {
        for events in [200, 10_000, 100_000, 1_000_000] {
            measure(rules, events);
        }
    }
}

fn measure(rules: usize, events: usize) {
    let mut trace = Trace::new(rules, events);
    let program = lower(&policy(&trace), Vocabulary::builtin()).unwrap();
    let mut gateway = Gateway::new(&program);
    let operations: Vec<Facts> = (0..TABLES).map(reads).collect();
    let mut times = Vec::with_capacity(TIMED);
    let (mut blocked, mut doubted) = (0, 0);
    for number in 0..events + TIMED {
        let read = trace.read(number);
        let operation = &operations[read.table];
        let started = Instant::now();
        let verdict = gateway.decide(operation, read.now);
        if verdict != Verdict::Block {
            gateway.end(operation);
        }
        let took = started.elapsed();
        let expected = trace.blocks(read);
        let blocks = verdict == Verdict::Block;
        assert!(blocks || !expected, "operation {number} is not blocked");
        if !blocks {
            trace.happened(read);
        }
        if number >= events {
            times.push(took);
            blocked += usize::from(blocks);
            doubted += usize::from(blocks && !expected);
        }
    }
    times.sort_unstable();
    let at = |share: f64| -> Duration { times[(times.len() as f64 * share) as usize] };
    println!(
        "{rules:<7} {events:<8} {:<9?} {:<9?} {blocked:<9}{doubted}",
        at(0.5),
        at(0.99)
    );
}

/// What the door keeps for one session of one subject.
struct Gateway<'a> {
    program: &'a Program,
    graph: SessionGraph,
    monitors: Monitors,
    subject: Ledger,
    session: Ledger,
    looked: Looked,
    scratch: Scratch,
    decision: Decision,
    in_flight: Option<InFlight>,
}

impl<'a> Gateway<'a> {
    fn new(program: &'a Program) -> Gateway<'a> {
        let graph = specialise(program, Protocol::Postgres, &Facts::new());
        Gateway {
            program,
            monitors: Monitors::new(program),
            subject: Ledger::default(),
            session: Ledger::default(),
            looked: Looked::default(),
            scratch: Scratch::new(&graph),
            decision: Decision::with_capacity(program.rules()),
            in_flight: None,
            graph,
        }
    }

    fn decide(&mut self, operation: &Facts, now: i64) -> Verdict {
        self.looked.look(self.program, &self.graph, operation);
        let mut whose = Whose {
            subject: &mut self.subject,
            session: &mut self.session,
        };
        whose.tick(now);
        let mut moment = Moment {
            monitors: &self.monitors,
            whose: &mut whose,
            looked: &self.looked,
            facts: operation,
            since: |_| i64::MIN,
        };
        let (scratch, decision) = (&mut self.scratch, &mut self.decision);
        decide_given(
            self.program,
            &self.graph,
            operation,
            &mut moment,
            scratch,
            decision,
        );
        if decision.verdict != Verdict::Block {
            self.in_flight = Some(self.monitors.begin(&mut whose, &self.looked, operation));
        }
        decision.verdict
    }

    fn end(&mut self, operation: &Facts) {
        let mut whose = Whose {
            subject: &mut self.subject,
            session: &mut self.session,
        };
        self.in_flight.take().unwrap().take_out(&mut whose);
        self.monitors.ended(&mut whose, &self.looked, operation);
    }
}

fn policy(trace: &Trace) -> Policy {
    let blocks = trace.limits.iter().enumerate().map(|(index, limit)| {
        let names = vec![name(limit.table).into()];
        let table = test("sql.reads", Predicate::HasAny(names));
        let many = Condition::History(Box::new(HistoryTest {
            history: History {
                measure: Measure::Count,
                filter: table.clone(),
                window_seconds: limit.window_seconds as u64,
                scope: Scope::Subject,
                own: Own::Counts,
            },
            at_least: limit.most + 1,
            at_most: i64::MAX,
        }));
        let message = String::new();
        rule(
            index,
            Condition::All(vec![table, many]),
            Effect::Block {
                message,
                terminates: false,
            },
        )
    });
    let mut rules: Vec<Rule> = blocks.collect();
    rules.push(rule(rules.len(), Condition::All(vec![]), Effect::ALLOW));
    Policy {
        rules,
        ..Policy::default()
    }
}

fn rule(index: usize, condition: Condition, effect: Effect) -> Rule {
    Rule {
        name: format!("p.r{index:05}"),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition,
        effect,
        observe: false,
        source: Source::default(),
    }
}

fn test(fact: &str, predicate: Predicate) -> Condition {
    Condition::Test(Test {
        fact: Vocabulary::builtin().lookup(fact).unwrap().0,
        default: None,
        predicate,
    })
}

fn name(table: usize) -> String {
    format!("public.t{table:02}")
}

fn reads(table: usize) -> Facts {
    let mut facts = Facts::new();
    let (id, _) = Vocabulary::builtin().lookup("sql.reads").unwrap();
    facts.set(id, Fact::Known(Value::Set(vec![name(table).into()])));
    facts
}
