//! Random policies and facts over the built-in vocabulary, for tests that compare an implementation with the oracle.
//!
//! The pools are small and overlap, so that equal texts, nested prefixes, ends of ranges, members that no condition
//! mentions, and facts that are missing or unknown all meet often. The same seed gives the same cases.

mod random;
mod shrink;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{
    ClassId, Condition, DataClass, Effect, Exception, Group, GroupId, Mask, Policy, Predicate,
    Rule, RuleId, Source, Test,
};
use hpol_bundle::vocabulary::{self, FactId, FactType, Phase, Protocol, Scalar, Vocabulary};
use serde::{Deserialize, Serialize};

pub use random::Random;

const TEXTS: [&str; 14] = [
    "",
    "a",
    "ab",
    "abc",
    "abd",
    "aä",
    "b",
    "ba",
    "select",
    "drop",
    "postgres",
    "GET",
    "POST",
    "public.orders",
];
const NUMBERS: [i64; 10] = [
    i64::MIN,
    i64::MIN + 1,
    -7,
    -1,
    0,
    1,
    2,
    10,
    i64::MAX - 1,
    i64::MAX,
];
const GROUPS: u32 = 2;

/// A policy and facts to decide by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The policy.
    pub policy: Policy,
    /// The facts of session and operation; `connection.kind` is always known.
    pub facts: Facts,
}

impl Case {
    /// The protocol that `connection.kind` says.
    #[must_use]
    pub fn kind(&self) -> Protocol {
        let kind = Vocabulary::builtin()
            .lookup("connection.kind")
            .map(|(id, _)| self.facts.fact(id));
        match kind {
            Some(Fact::Known(Value::Text(text))) if text.as_ref() == Protocol::Http.as_str() => {
                Protocol::Http
            }
            _ => Protocol::Postgres,
        }
    }

    /// The facts of one phase only.
    #[must_use]
    pub fn facts_of(&self, phase: Phase) -> Facts {
        let mut facts = Facts::new();
        for (id, _) in Vocabulary::builtin()
            .iter()
            .filter(|(_, fact)| fact.phase == phase)
        {
            facts.set(id, self.facts.fact(id).clone());
        }
        facts
    }

    /// The smallest case found that still `fails`, by leaving out one thing after the other.
    #[must_use]
    pub fn shrink(self, fails: impl Fn(&Case) -> bool) -> Case {
        shrink::shrink(self, fails)
    }
}

/// A random policy: mostly a few rules, at times enough of them that their clauses fill several words.
#[must_use]
pub fn policy(random: &mut Random) -> Policy {
    let rules = if random.one_in(8) {
        random.below(90)
    } else {
        random.below(9)
    };
    // Few facts at a time, so that rules meet on them.
    let facts: Vec<FactId> = (0..=random.below(4))
        .filter_map(|_| random.pick(&all_facts()).copied())
        .collect();
    let group = |random: &mut Random, index| Group {
        name: format!("p.g{index}"),
        condition: condition(random, &facts, 2),
    };
    let mut policy = Policy {
        connections: vec![],
        groups: (0..GROUPS).map(|index| group(random, index)).collect(),
        classes: vec![DataClass {
            name: "p.c".into(),
            columns: vec![],
            json: vec![],
            detectors: vec![],
        }],
        rules: (0..rules)
            .map(|index| rule(random, &facts, index))
            .collect(),
        exceptions: vec![],
        responsibilities: vec![],
    };
    policy.exceptions = exceptions(random, &facts, &policy.rules);
    policy
}

/// Up to three exceptions to some of the rules that can have one.
fn exceptions(random: &mut Random, facts: &[FactId], rules: &[Rule]) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    for (rule, id) in rules.iter().zip((0..).map(RuleId)) {
        let narrowable = matches!(
            rule.effect,
            Effect::Block { .. } | Effect::RequireApproval { .. }
        );
        let count = match random.one_in(2) {
            true => random.below(4),
            false => 0,
        };
        for _ in (0..count).filter(|_| narrowable) {
            exceptions.push(Exception {
                name: format!("p.e{:03}", exceptions.len()),
                rule: id,
                condition: condition(random, facts, 2),
                because: String::new(),
                owner: String::new(),
                until: String::new(),
                source: Source::default(),
            });
        }
    }
    exceptions
}

/// Random facts: every fact of the vocabulary may be known, missing or unknown, but for the kind of the connection.
#[must_use]
pub fn facts(random: &mut Random) -> Facts {
    let mut facts = Facts::new();
    let decided = Vocabulary::builtin().iter();
    let decided = decided.filter(|(_, fact)| fact.phase != Phase::Result);
    for (id, fact) in decided {
        let known = match random.below(10) {
            0 => Fact::Unknown,
            1 => Fact::Missing,
            _ => Fact::Known(value(random, &fact.ty)),
        };
        facts.set(
            id,
            if fact.name == "connection.kind" {
                any_kind(random)
            } else {
                known
            },
        );
    }
    facts
}

fn any_kind(random: &mut Random) -> Fact {
    let kind = random.pick(&Protocol::ALL).map_or("", |kind| kind.as_str());
    Fact::Known(Value::Text(kind.into()))
}

/// The facts that a rule can read.
fn all_facts() -> Vec<FactId> {
    let facts = Vocabulary::builtin().iter();
    let decided = facts.filter(|(_, fact)| fact.phase != Phase::Result);
    decided.map(|(id, _)| id).collect()
}

/// The fact that tells a justification.
fn justification() -> FactId {
    let found = Vocabulary::builtin().lookup(hpol_bundle::justification::FACT);
    found.map_or(FactId(0), |(id, _)| id)
}

fn rule(random: &mut Random, facts: &[FactId], index: usize) -> Rule {
    let mask = *random
        .pick(&[Mask::KeepLast(4), Mask::Hash, Mask::Redact, Mask::Null])
        .unwrap_or(&Mask::Redact);
    let rows = 1 + random.below(3) as u64;
    let effect = match random.below(10) {
        0 => Effect::Block {
            message: String::new(),
            terminates: index.is_multiple_of(2),
        },
        1 | 2 => Effect::RequireApproval {
            quorum: 1,
            group: GroupId(0),
            within_seconds: 60,
            stands_seconds: index.is_multiple_of(3).then_some(600),
        },
        3 if index.is_multiple_of(2) => Effect::RequireJustification {
            reviewers: GroupId(0),
            given: justification(),
        },
        3 => Effect::Mask {
            class: ClassId(0),
            mask,
        },
        4 => Effect::Limit { rows },
        5 | 6 => Effect::Allow { rows: Some(rows) },
        _ => Effect::ALLOW,
    };
    Rule {
        name: format!("p.r{index:03}"),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition: condition(random, facts, 3),
        effect,
        observe: random.one_in(6),
        source: Source::default(),
    }
}

fn condition(random: &mut Random, facts: &[FactId], depth: usize) -> Condition {
    let parts = |random: &mut Random| {
        (0..random.below(4))
            .map(|_| condition(random, facts, depth.saturating_sub(1)))
            .collect()
    };
    match if depth == 0 { 9 } else { random.below(10) } {
        0 | 1 => Condition::All(parts(random)),
        2 | 3 => Condition::Any(parts(random)),
        4 | 5 => Condition::Not(Box::new(condition(random, facts, depth - 1))),
        _ => test(random, facts).map_or(Condition::All(vec![]), Condition::Test),
    }
}

fn test(random: &mut Random, facts: &[FactId]) -> Option<Test> {
    let id = *random.pick(facts)?;
    let fact: &vocabulary::Fact = Vocabulary::builtin().fact(id)?;
    let default = random.one_in(3).then(|| value(random, &fact.ty));
    Some(Test {
        fact: id,
        default,
        predicate: predicate(random, &fact.ty),
    })
}

fn predicate(random: &mut Random, ty: &FactType) -> Predicate {
    if random.one_in(8) {
        return Predicate::Present;
    }
    match (ty, random.below(3)) {
        (FactType::Scalar(Scalar::Bool), _) => Predicate::IsTrue,
        (FactType::Scalar(Scalar::Int), _) => Predicate::Between(number(random), number(random)),
        (FactType::Scalar(_), 0) => Predicate::StartsWith(text(random)),
        (FactType::Scalar(_), _) => Predicate::In(texts(random)),
        (FactType::Set(_), 0) => Predicate::HasAny(texts(random)),
        (FactType::Set(_), 1) => Predicate::HasAll(texts(random)),
        (FactType::Set(_), _) => Predicate::Within(texts(random)),
    }
}

fn value(random: &mut Random, ty: &FactType) -> Value {
    match ty {
        FactType::Scalar(Scalar::Bool) => Value::Bool(random.one_in(2)),
        FactType::Scalar(Scalar::Int) => Value::Int(number(random)),
        FactType::Scalar(_) => Value::Text(text(random)),
        FactType::Set(_) => Value::Set(texts(random)),
    }
}

fn number(random: &mut Random) -> i64 {
    random.pick(&NUMBERS).copied().unwrap_or(0)
}

/// One of the pool, or one of the pool with more behind it: what no condition mentions, but some prefix may match.
fn text(random: &mut Random) -> Box<str> {
    let text = random.pick(&TEXTS).copied().unwrap_or("");
    if random.one_in(6) {
        format!("{text}z").into()
    } else {
        text.into()
    }
}

/// Empty, with repetitions, in any order.
fn texts(random: &mut Random) -> Vec<Box<str>> {
    (0..random.below(5)).map(|_| text(random)).collect()
}
