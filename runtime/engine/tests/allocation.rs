//! A decision allocates nothing.

use hpol_bundle::decision::Decision;
use hpol_bundle::facts::Facts;
use hpol_bundle::program::Program;
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::{Phase, Protocol, Vocabulary};
use hpol_engine::{Scratch, SessionGraph, decide, decide_once, specialise};
use hpol_oracle::generate::{self, Case, Random};

/// A session and the facts of operations in it.
struct Session {
    program: Program,
    graph: SessionGraph,
    operations: Vec<Facts>,
}

fn sessions() -> Vec<Session> {
    let mut random = Random::new(7);
    let policies = std::iter::repeat_with(|| generate::policy(&mut random));
    let lowered =
        policies.filter_map(|policy| Some((lower(&policy, Vocabulary::builtin()).ok()?, policy)));
    let lowered: Vec<_> = lowered.take(200).collect();
    let session = |(program, policy)| {
        let mut case = Case {
            policy,
            facts: generate::facts(&mut random),
        };
        let graph = specialise(&program, case.kind(), &case.facts_of(Phase::Session));
        let mut operation = || {
            case.facts = generate::facts(&mut random);
            case.facts_of(Phase::Operation)
        };
        let operations = (0..50).map(|_| operation()).collect();
        Session {
            program,
            graph,
            operations,
        }
    };
    lowered.into_iter().map(session).collect()
}

#[test]
fn a_decision_allocates_nothing() {
    let mut decided = 0;
    let mut matched = 0;
    for Session {
        program,
        graph,
        operations,
    } in sessions()
    {
        let mut decision = Decision::with_capacity(program.rules());
        let mut scratch = Scratch::new(&graph);
        let counted = allocation_counter::measure(|| {
            for facts in &operations {
                decide(&program, &graph, facts, &mut scratch, &mut decision);
                decided += 1;
                matched += decision.allow.len()
                    + decision.block.len()
                    + decision.approve.len()
                    + decision.mask.len();
            }
        });
        assert_eq!(counted.count_total, 0);
    }
    assert_eq!(decided, 10_000);
    assert!(matched > decided, "{matched} rules matched");
}

/// That the counter counts: deciding without memory from before does allocate.
#[test]
fn a_decision_in_new_memory_is_counted() {
    let counted = |session: &Session| {
        let kind = Protocol::Postgres;
        allocation_counter::measure(|| drop(decide_once(&session.program, kind, &Facts::new())))
            .count_total
    };
    assert!(sessions().iter().map(counted).sum::<u64>() > 200);
}
