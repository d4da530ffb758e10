//! Times every step of the engine on a workload: `workload FOLDER VOCABULARY.toml`, with `rules-N.json` and
//! `requests-N.json` in the folder. Checks each decision against the one that the request states.
//!
//! A tool for whoever changes the engine; what users run is `hpol bench`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a tool for developers"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use hpol_bundle::bundle::{self, Bundle, Provenance, TrustedKeys};
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{
    ClassId, Condition, DataClass, Effect, Group, GroupId, Mask, Policy, Predicate, Rule, Source,
    Test,
};
use hpol_bundle::program::Program;
use hpol_bundle::program::dag::{Budget, Dag};
use hpol_bundle::program::lower::lower;
use hpol_bundle::signature::SigningKey;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_engine::{Residuals, Scratch, SessionGraph, decide, decide_once, specialise, verdict};
use serde_json::Value as Json;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const ROUNDS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = Path::new(&arguments[1]);
    let vocabulary = Vocabulary::parse(&std::fs::read_to_string(&arguments[2]).unwrap()).unwrap();
    for size in SIZES {
        let read = |name: &str| -> Vec<Json> {
            let path = folder.join(format!("{name}-{size}.json"));
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
        };
        measure(size, &vocabulary, &read("rules"), &read("requests"));
    }
}

fn measure(size: usize, vocabulary: &Vocabulary, rules: &[Json], requests: &[Json]) {
    let policy = policy(vocabulary, rules);
    let (lowered, program) = best(3, || lower(&policy, vocabulary).unwrap());
    let bundle = Bundle {
        policy,
        program,
        vocabulary: vocabulary.clone(),
        provenance: Provenance::default(),
    };
    let key = SigningKey::generate().unwrap();
    let (encoded, file) = best(3, || bundle::encode(&bundle, &key).unwrap());
    let trusted = TrustedKeys::new(vec![key.public()]);
    let (loaded, found) = best(10, || Bundle::load(&file, &trusted, None).unwrap());
    assert!(found.policy().unwrap() == bundle.policy);
    assert!(found.bundle == bundle.clone().unread());
    println!(
        "{size} rules: lower {lowered} us, encode {encoded} us, {} bytes, load {loaded} us",
        file.len()
    );
    let program = found.bundle.program;
    sessions(&bundle.policy, &program, vocabulary, requests);
}

fn sessions(policy: &Policy, program: &Program, vocabulary: &Vocabulary, requests: &[Json]) {
    let facts: Vec<(Facts, Facts)> = requests
        .iter()
        .map(|request| facts(vocabulary, request))
        .collect();
    let mut open = Vec::new();
    let graphs: Vec<SessionGraph> = facts
        .iter()
        .map(|(session, _)| {
            let started = Instant::now();
            let graph = specialise(program, Protocol::Http, session);
            open.push(nanoseconds(started));
            graph
        })
        .collect();
    let mut decision = Decision::with_capacity(program.rules());
    let mut scratch = Scratch::default();
    for ((graph, (_, operation)), request) in graphs.iter().zip(&facts).zip(requests) {
        decide(program, graph, operation, &mut scratch, &mut decision);
        check(policy, &decision, &request["expected"]);
    }
    let mut clock: Vec<u64> = (0..100_000).map(|_| nanoseconds(Instant::now())).collect();
    let (clock, _) = spread(&mut clock);
    let mut warm = Vec::new();
    let mut cold = Vec::new();
    // One session and all operations, as a session of an agent is.
    for (graph, (_, operation)) in graphs.iter().zip(&facts) {
        for round in 0..ROUNDS {
            let started = Instant::now();
            decide(program, graph, operation, &mut scratch, &mut decision);
            let took = nanoseconds(started).saturating_sub(clock);
            black_box(&decision);
            if round == 0 { &mut cold } else { &mut warm }.push(took);
        }
    }
    let mut round = Vec::new();
    for _ in 0..ROUNDS {
        for (graph, (_, operation)) in graphs.iter().zip(&facts) {
            let started = Instant::now();
            decide(program, graph, operation, &mut scratch, &mut decision);
            round.push(nanoseconds(started).saturating_sub(clock));
            black_box(&decision);
        }
    }
    let mut residuals = Residuals::new(facts.len());
    let mut shared = Vec::new();
    for (session, _) in facts.iter().chain(&facts) {
        let started = Instant::now();
        black_box(residuals.specialise(program, Protocol::Http, session));
        shared.push(nanoseconds(started).saturating_sub(clock));
    }
    let (shared, shared99) = spread(&mut shared[facts.len()..]);
    println!("  open a session whose graph is known: p50 {shared} p99 {shared99} ns");
    diagrams(program, &facts, clock);
    let (open, open99) = spread(&mut open);
    let (warm, warm99) = spread(&mut warm);
    let (cold, cold99) = spread(&mut cold);
    let (round, round99) = spread(&mut round);
    println!(
        "  open p50 {open} p99 {open99}; decide same session p50 {warm} p99 {warm99}, round robin p50 {round} p99 {round99}, first p50 {cold} p99 {cold99} ns (clock {clock})"
    );
}

/// Verdicts by the diagram beside the decisions of bits that begin at the whole shard too.
fn diagrams(program: &Program, facts: &[(Facts, Facts)], clock: u64) {
    let (made, dag) = best(3, || {
        Dag::of(program, Protocol::Http, Budget::default()).unwrap()
    });
    let mut by_diagram = Vec::new();
    let mut by_bits = Vec::new();
    for (session, operation) in facts {
        let mut both = session.clone();
        both.extend(operation);
        let started = Instant::now();
        let found = verdict(program, &dag, &both);
        by_diagram.push(nanoseconds(started).saturating_sub(clock));
        let started = Instant::now();
        let decision = decide_once(program, Protocol::Http, &both);
        by_bits.push(nanoseconds(started).saturating_sub(clock));
        assert_eq!(decision.verdict, found);
    }
    let (by_diagram, by_diagram99) = spread(&mut by_diagram);
    let (by_bits, by_bits99) = spread(&mut by_bits);
    println!(
        "  diagram: {} nodes, {} left to bits, {} bytes, made in {made} us; verdict p50 {by_diagram} p99 {by_diagram99}, bits of the whole shard p50 {by_bits} p99 {by_bits99} ns",
        dag.len(),
        dag.residuals(),
        dag.encode().unwrap().len(),
    );
}

fn check(policy: &Policy, decision: &Decision, expected: &Json) {
    let verdict = match expected["decision"].as_str().unwrap() {
        "allow" => Verdict::Allow,
        "approval" => Verdict::RequireApproval,
        _ => Verdict::Block,
    };
    assert_eq!(decision.verdict, verdict);
    let names = |ids: &[hpol_bundle::policy::RuleId]| -> Vec<String> {
        ids.iter()
            .map(|id| policy.rules[id.0 as usize].name.clone())
            .collect()
    };
    let stated: Vec<String> = expected["block"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names(&decision.block), stated);
}

fn policy(vocabulary: &Vocabulary, rules: &[Json]) -> Policy {
    let mut made = BTreeMap::new();
    for rule in rules {
        let name = rule["id"].as_str().unwrap();
        let condition = Condition::All(
            rule["when"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| condition(vocabulary, part))
                .collect(),
        );
        let mut add = |name: &str, effect| {
            let rule = Rule {
                name: name.to_owned(),
                title: String::new(),
                because: String::new(),
                claims: vec![],
                condition: condition.clone(),
                effect,
                observe: false,
                source: Source {
                    file: "policies/workload.hpol".to_owned(),
                    line: 1,
                    end_line: 5,
                },
            };
            made.insert(name.to_owned(), rule);
        };
        match rule["effect"].as_str().unwrap() {
            "allow" => add(name, Effect::ALLOW),
            "block" => add(
                name,
                Effect::Block {
                    message: String::new(),
                    terminates: false,
                },
            ),
            "approve" => add(
                name,
                Effect::RequireApproval {
                    quorum: 1,
                    group: GroupId(0),
                    within_seconds: 900,
                    stands_seconds: None,
                },
            ),
            "mask" => {
                add(
                    name,
                    Effect::Mask {
                        class: ClassId(0),
                        mask: Mask::Redact,
                    },
                );
                add(&format!("{name}_grant"), Effect::ALLOW);
            }
            other => panic!("effect {other}"),
        }
    }
    Policy {
        groups: vec![Group {
            name: "workload.approvers".to_owned(),
            condition: test(
                vocabulary,
                "subject.groups",
                Predicate::HasAny(vec!["approvers".into()]),
            ),
        }],
        classes: vec![DataClass {
            name: "workload.secret".to_owned(),
            columns: vec![],
            json: vec![],
            detectors: vec!["us_ssn".to_owned()],
        }],
        rules: made.into_values().collect(),
        ..Policy::default()
    }
}

fn condition(vocabulary: &Vocabulary, part: &Json) -> Condition {
    let value = || Box::<str>::from(part["value"].as_str().unwrap());
    let values = || -> Vec<Box<str>> {
        let values = part["values"].as_array().unwrap();
        values
            .iter()
            .map(|text| text.as_str().unwrap().into())
            .collect()
    };
    let test = |fact, predicate| test(vocabulary, fact, predicate);
    match part["type"].as_str().unwrap() {
        "group" => test("subject.groups", Predicate::HasAny(vec![value()])),
        "conn_name" => test("target.name", Predicate::In(vec![value()])),
        "conn_kind" => test("target.kind", Predicate::In(vec![value()])),
        "conn_env" => test("target.env", Predicate::In(vec![value()])),
        "action_in" => test("request.action", Predicate::In(values())),
        "tables_any" => test("request.tables", Predicate::HasAny(values())),
        "row_gt" => test(
            "request.rows",
            Predicate::Between(part["value"].as_i64().unwrap() + 1, i64::MAX),
        ),
        "path_prefix" => test("request.path", Predicate::StartsWith(value())),
        "has_where_false" => Condition::Not(Box::new(test("request.has_where", Predicate::IsTrue))),
        other => panic!("condition {other}"),
    }
}

fn test(vocabulary: &Vocabulary, fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = vocabulary.lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}

/// The facts of session and operation.
fn facts(vocabulary: &Vocabulary, request: &Json) -> (Facts, Facts) {
    let text = |value: &Json| Value::Text(value.as_str().unwrap().into());
    let set = |value: &Json| {
        let elements = value.as_array().unwrap();
        Value::Set(
            elements
                .iter()
                .map(|text| text.as_str().unwrap().into())
                .collect(),
        )
    };
    let make = |values: Vec<(&str, Value)>| {
        let mut facts = Facts::new();
        for (name, value) in values {
            facts.set(vocabulary.lookup(name).unwrap().0, Fact::Known(value));
        }
        facts
    };
    let session = make(vec![
        ("subject.id", text(&request["identity"]["sub"])),
        ("subject.groups", set(&request["identity"]["groups"])),
        ("target.name", text(&request["connection"]["name"])),
        ("target.kind", text(&request["connection"]["kind"])),
        ("target.env", text(&request["connection"]["env"])),
    ]);
    let operation = make(vec![
        ("request.action", text(&request["action"]["kind"])),
        ("request.tables", set(&request["tables"])),
        (
            "request.has_where",
            Value::Bool(request["has_where"].as_bool().unwrap()),
        ),
        (
            "request.rows",
            Value::Int(request["row_estimate"].as_i64().unwrap()),
        ),
        ("request.path", text(&request["path"])),
    ]);
    (session, operation)
}

/// The least of `times` in microseconds, and the last result.
fn best<T>(times: usize, mut run: impl FnMut() -> T) -> (u64, T) {
    let mut least = u64::MAX;
    let mut last = None;
    for _ in 0..times {
        drop(last.take());
        let started = Instant::now();
        let result = run();
        least = least.min(nanoseconds(started) / 1_000);
        last = Some(result);
    }
    (least, last.unwrap())
}

/// Median and 99th percentile.
fn spread(samples: &mut [u64]) -> (u64, u64) {
    samples.sort_unstable();
    (
        samples[samples.len() / 2],
        samples[samples.len() * 99 / 100],
    )
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap()
}
