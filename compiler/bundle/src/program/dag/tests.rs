//! Size, bytes, text and validation of diagrams. That they mean what the policy means is tested by the engine.

use super::*;
use crate::policy::{
    ClassId, Condition, DataClass, Effect, Mask, Policy, Predicate, Rule, Source, Test,
};
use crate::program::lower::lower;
use crate::vocabulary::Vocabulary;

fn test(fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}

fn any(texts: &[&str]) -> Predicate {
    Predicate::HasAny(texts.iter().map(|text| Box::from(*text)).collect())
}

fn rule(name: &str, condition: Condition, effect: Effect) -> Rule {
    Rule {
        name: name.into(),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition,
        effect,
        observe: false,
        source: Source::default(),
    }
}

fn policy() -> Policy {
    let agent = test("subject.id", Predicate::In(vec!["agent-7".into()]));
    Policy {
        classes: vec![DataClass {
            name: "p.secret".into(),
            columns: vec![],
            json: vec![],
            detectors: vec![],
        }],
        rules: vec![
            rule(
                "p.drop",
                test("sql.verbs", any(&["drop"])),
                Effect::Block {
                    message: String::new(),
                    terminates: false,
                },
            ),
            rule(
                "p.hide",
                agent.clone(),
                Effect::Mask {
                    class: ClassId(0),
                    mask: Mask::Redact,
                },
            ),
            rule(
                "p.read",
                Condition::All(vec![agent, test("sql.filtered", Predicate::IsTrue)]),
                Effect::ALLOW,
            ),
        ],
        ..Policy::default()
    }
}

fn program(policy: &Policy) -> Program {
    lower(policy, Vocabulary::builtin()).unwrap()
}

fn dag(cells: usize) -> (Program, Dag) {
    let program = program(&policy());
    let dag = Dag::of(&program, Protocol::Postgres, Budget { cells }).unwrap();
    (program, dag)
}

#[test]
fn a_diagram_reads_as_the_policy_does() {
    let (program, dag) = dag(1_000);
    let text = dag
        .describe(&program, &policy(), Vocabulary::builtin())
        .to_string();
    assert_eq!(
        text,
        r#"postgres: 9 nodes, 0 of them left to bits

verdict = n5
  n5 asks subject.id
    "agent-7": n4
    otherwise: block
  n4 asks sql.filtered
    true: n3
    otherwise: block
  n3 asks sql.verbs
    unknown: block
    missing: block
    known: n2
  n2 asks sql.verbs has "drop"
    yes: block
    no: allow

obligation of p.hide = n8
  n8 asks subject.id
    unknown, missing, "agent-7": obliges
    otherwise: does not oblige
"#
    );
}

#[test]
fn dot_holds_every_node_and_edge_once() {
    let (program, dag) = dag(1_000);
    let policy = policy();
    let dot = dag.describe(&program, &policy, Vocabulary::builtin()).dot();
    let lines = |part: &str| dot.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines("[shape=box, ") + lines("[shape=ellipse, "), dag.len());
    assert_eq!(lines(r#"label="\"agent-7\"""#), 1);
    assert!(dot.starts_with("digraph decisions {") && dot.ends_with("}\n"));
}

/// Each of 40 rules asks for its own verb: 2^40 ways, were they all followed.
#[test]
fn a_diagram_keeps_within_its_budget_and_leaves_the_rest_to_bits() {
    let effects = [
        Effect::ALLOW,
        Effect::Block {
            message: String::new(),
            terminates: false,
        },
    ];
    let rules = (0..40).map(|index| {
        let reads = test("sql.reads", any(&[&format!("public.t{index}")]));
        rule(&format!("p.r{index:02}"), reads, effects[index % 2].clone())
    });
    let policy = Policy {
        rules: rules.collect(),
        ..Policy::default()
    };
    let program = program(&policy);
    for cells in [0, 100, 1_000, 10_000] {
        let dag = Dag::of(&program, Protocol::Postgres, Budget { cells }).unwrap();
        let cost = |node: &Node| match node {
            Node::Residual(rest) => rest.clauses.len(),
            _ => node.children().count(),
        };
        let spent: usize = dag.nodes.iter().map(cost).sum();
        // What cannot be left out is the verdict itself.
        assert!(spent <= cells.max(40), "{spent} of {cells}");
        assert!(dag.residuals() > 0 && dag.validate(&program) == Ok(()));
    }
}

#[test]
fn the_same_program_gives_the_same_bytes_and_they_can_be_read() {
    for cells in [0, 5, 1_000] {
        let (program, dag) = dag(cells);
        let bytes = dag.encode().unwrap();
        assert_eq!(self::dag(cells).1.encode().unwrap(), bytes);
        assert_eq!(Dag::load(&bytes, &program), Ok(dag));
        assert_eq!(
            Dag::load(&[&bytes[..], &[0]].concat(), &program),
            Err(LoadDag::Surplus)
        );
    }
}

/// Every alteration of a byte is refused or gives a diagram that can be evaluated: whose nodes lead on to nodes that
/// were checked before them.
#[test]
fn b_05_altered_bytes_do_no_harm() {
    let mut refused = 0;
    for cells in [5, 1_000] {
        let (program, dag) = dag(cells);
        let bytes = dag.encode().unwrap();
        for index in 0..bytes.len() {
            for byte in [0x00, 0x01, 0x02, 0x03, 0x7f, 0xff] {
                let mut altered = bytes.clone();
                altered[index] = byte;
                match Dag::load(&altered, &program) {
                    Ok(dag) => {
                        let back = |(index, node): (usize, &Node)| {
                            node.children().any(|child| child.0 as usize >= index)
                        };
                        assert!(!dag.nodes.iter().enumerate().any(back));
                    }
                    Err(_) => refused += 1,
                }
            }
            assert!(Dag::load(&bytes[..index], &program).is_err());
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn b_05_a_diagram_that_does_not_fit_is_refused() {
    let (program, dag) = dag(1_000);
    let refused = |change: &dyn Fn(&mut Dag)| {
        let mut altered = dag.clone();
        change(&mut altered);
        altered.validate(&program).unwrap_err().what
    };
    let last = |dag: &Dag| NodeId(dag.nodes.len() as u32 - 1);
    assert_eq!(
        [
            refused(&|dag| dag.fingerprint ^= 1),
            refused(&|dag| dag.order[0] = dag.order[1]),
            refused(&|dag| dag.roots.truncate(1)),
            refused(&|dag| dag.roots[0].node = last(dag)),
            refused(&|dag| dag.nodes.swap(0, 5)),
            refused(&|dag| dag.nodes[0] = Node::Leaf(Leaf::Obliges(true))),
        ],
        [
            "the diagram is of another program",
            "the diagram does not ask each fact once",
            "the diagram is of other outputs than the program",
            "a root of the diagram leads to another output",
            "a node of the diagram leads back",
            "a node of the diagram leads to different outputs",
        ]
    );
}
