//! Limits and faults of lowering. That the graph means what the policy means is tested by the engine.

use super::*;
use crate::facts::Value;
use crate::policy::history::{History, HistoryTest, Measure, Own, Scope};
use crate::policy::{Effect, Group, Predicate, Rule, Source, Test};
use crate::program::Role;
use crate::program::history::{Look, LookId, Measured};
use crate::vocabulary::FactId;

fn policy(condition: Condition) -> Policy {
    let rule = Rule {
        name: "orders.rule".into(),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition,
        effect: Effect::ALLOW,
        observe: false,
        source: Source::default(),
    };
    Policy {
        rules: vec![rule],
        ..Policy::default()
    }
}

fn fault(condition: Condition) -> Fault {
    lower(&policy(condition), Vocabulary::builtin())
        .unwrap_err()
        .fault
}

fn test(fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}

fn texts(count: usize) -> Vec<Box<str>> {
    (0..count)
        .map(|index| format!("public.t{index}").into())
        .collect()
}

/// `(a or b) and (a or b) and ...` over different facts' texts.
fn product_of(factors: usize) -> Condition {
    let equals = |text: String| test("http.path", Predicate::In(vec![text.into()]));
    let factor = |index| {
        Condition::Any(vec![
            equals(format!("a{index}")),
            equals(format!("b{index}")),
        ])
    };
    Condition::All((0..factors).map(factor).collect())
}

#[test]
fn a_rule_that_expands_too_far_is_named_with_the_count() {
    assert!(lower(&policy(product_of(8)), Vocabulary::builtin()).is_ok());
    let error = lower(&policy(product_of(9)), Vocabulary::builtin()).unwrap_err();
    assert_eq!(
        error.place,
        Place::Rule {
            id: RuleId(0),
            name: "orders.rule".into()
        }
    );
    assert_eq!(
        error.to_string(),
        "rule `orders.rule` expands to 512 alternatives; at most 256 are possible"
    );
    assert_eq!(
        fault(product_of(1000)),
        Fault::TooManyClauses {
            clauses: usize::MAX
        }
    );
}

#[test]
fn what_cannot_hold_costs_nothing() {
    let never = Condition::Any(vec![]);
    let program = lower(
        &policy(Condition::All(vec![product_of(1000), never])),
        Vocabulary::builtin(),
    )
    .unwrap();
    assert!(
        Protocol::ALL
            .into_iter()
            .all(|kind| program.shard(kind).unwrap().is_empty())
    );
}

#[test]
fn a_group_at_fault_is_named() {
    let group = Group {
        name: "orders.dbas".into(),
        condition: product_of(9),
    };
    let error = lower(
        &Policy {
            groups: vec![group],
            ..Policy::default()
        },
        Vocabulary::builtin(),
    )
    .unwrap_err();
    assert_eq!(
        error.place,
        Place::Group {
            id: GroupId(0),
            name: "orders.dbas".into()
        }
    );
}

#[test]
fn too_many_elements_at_once() {
    let all = |count| test("sql.reads", Predicate::HasAll(texts(count)));
    assert!(lower(&policy(all(MAX_ELEMENTS)), Vocabulary::builtin()).is_ok());
    let elements = MAX_ELEMENTS + 1;
    assert_eq!(
        fault(all(elements)),
        Fault::TooManyElements {
            fact: "sql.reads".into(),
            elements
        }
    );
}

#[test]
fn what_does_not_fit_the_vocabulary() {
    let mismatch = |fact: &str| Fault::Mismatch {
        fact: fact.to_owned(),
    };
    assert_eq!(
        fault(test("sql.statements", Predicate::IsTrue)),
        mismatch("sql.statements")
    );
    assert_eq!(
        fault(test("sql.verbs", Predicate::In(texts(1)))),
        mismatch("sql.verbs")
    );
    assert_eq!(
        fault(test("http.path", Predicate::HasAny(texts(1)))),
        mismatch("http.path")
    );
    let (fact, _) = Vocabulary::builtin().lookup("sql.statements").unwrap();
    let default = Some(Value::Text("1".into()));
    let test = Condition::Test(Test {
        fact,
        default,
        predicate: Predicate::Between(0, 1),
    });
    assert_eq!(fault(test), mismatch("sql.statements"));
    let test = Condition::Test(Test {
        fact: FactId(63),
        default: None,
        predicate: Predicate::Present,
    });
    assert_eq!(fault(test), Fault::UnknownFact { index: 63 });
}

#[test]
fn depth_is_bounded() {
    let nested = (0..=MAX_DEPTH).fold(Condition::All(vec![]), |inner, _| {
        Condition::Not(Box::new(inner))
    });
    assert_eq!(fault(nested), Fault::TooDeep);
}

#[test]
fn rules_of_another_kind_are_not_in_a_shard() {
    let kind = |kind: &str| test("connection.kind", Predicate::In(vec![kind.into()]));
    let path = test("http.path", Predicate::StartsWith("/api/".into()));
    let program = lower(
        &policy(Condition::All(vec![kind("http"), path])),
        Vocabulary::builtin(),
    )
    .unwrap();
    assert!(program.shard(Protocol::Postgres).unwrap().is_empty());
    assert_eq!(program.shard(Protocol::Http).unwrap().len(), 1);
    assert_eq!(program.shard(Protocol::Http).unwrap().tables().len(), 1);
}

#[test]
fn lowering_is_deterministic_and_its_result_valid() {
    let policy = policy(product_of(7));
    let program = lower(&policy, Vocabulary::builtin()).unwrap();
    assert_eq!(lower(&policy, Vocabulary::builtin()).unwrap(), program);
    assert_eq!(program.validate(&policy, Vocabulary::builtin()), Ok(()));
}

fn history(filter: Condition, at_least: i64) -> HistoryTest {
    HistoryTest {
        history: History {
            measure: Measure::Count,
            filter,
            window_seconds: 60,
            scope: Scope::Subject,
            own: Own::Counts,
        },
        at_least,
        at_most: i64::MAX,
    }
}

fn looks(condition: HistoryTest) -> Condition {
    Condition::History(Box::new(condition))
}

#[test]
fn equal_measurements_are_made_once_and_their_filters_stand_apart() {
    let filter = || test("sql.verbs", Predicate::HasAny(vec!["drop".into()]));
    let more = looks(history(filter(), 10));
    let mut policy = policy(Condition::All(vec![
        test("http.path", Predicate::StartsWith("/api/".into())),
        Condition::Not(Box::new(looks(history(filter(), 3)))),
    ]));
    let second = Rule {
        name: "orders.second".into(),
        condition: more,
        ..policy.rules[0].clone()
    };
    policy.rules.push(second);
    let program = lower(&policy, Vocabulary::builtin()).unwrap();
    assert_eq!(program.histories().len(), 1);
    let roles: Vec<Role> = (0..program.filters().len())
        .map(|bit| program.filters().clause(bit).unwrap().role)
        .collect();
    assert_eq!(roles, [Role::Counts, Role::MayCount]);
    let shard = program.shard(Protocol::Http).unwrap();
    let asked = |bit: usize| -> Vec<Look> {
        let look = |LookId(id)| program.looks()[id as usize];
        shard.looks(bit).map(look).collect()
    };
    let of = |bit: usize| {
        asked(bit)
            .iter()
            .map(|look| (look.at_least, look.inside))
            .collect::<Vec<_>>()
    };
    assert_eq!((of(0), of(1)), (vec![(3, false)], vec![(10, true)]));
    assert_eq!(
        shard.tables().len(),
        1,
        "the filter is in no table of a rule"
    );
    assert_eq!(program.validate(&policy, Vocabulary::builtin()), Ok(()));
}

#[test]
fn a_look_is_certain_where_every_number_agrees() {
    let look = |inside| Look {
        history: crate::program::history::HistoryId(0),
        at_least: 3,
        at_most: 5,
        inside,
    };
    let number = |least, greatest| Measured { least, greatest };
    for (found, holds) in [
        (number(3, 5), Some(true)),
        (number(0, 2), Some(false)),
        (number(6, 9), Some(false)),
        (number(2, 3), None),
        (number(0, 9), None),
    ] {
        assert_eq!(look(true).holds(found), holds);
        assert_eq!(look(false).holds(found), holds.map(|holds| !holds));
    }
}

#[test]
fn history_that_does_not_fit_is_refused() {
    let of = |change: fn(&mut HistoryTest)| {
        let mut test = history(Condition::All(vec![]), 1);
        change(&mut test);
        fault(looks(test))
    };
    assert_eq!(
        of(|test| test.history.window_seconds = 0),
        Fault::Window { seconds: 0 }
    );
    assert_eq!(
        of(|test| test.history.filter = looks(test.clone())),
        Fault::HistoryHere
    );
    assert_eq!(
        of(|test| test.history.measure = Measure::Distinct(FactId(63))),
        Fault::UnknownFact { index: 63 }
    );
    let (rows, _) = Vocabulary::builtin().lookup("result.rows").unwrap();
    let mut distinct = history(Condition::All(vec![]), 1);
    distinct.history.measure = Measure::Distinct(rows);
    assert_eq!(
        fault(looks(distinct)),
        Fault::Measure {
            fact: "result.rows".into()
        }
    );
    assert_eq!(
        fault(test("result.rows", Predicate::Between(1, 2))),
        Fault::ResultHere {
            fact: "result.rows".into()
        }
    );
    let group = Group {
        name: "orders.dbas".into(),
        condition: looks(history(Condition::All(vec![]), 1)),
    };
    let policy = Policy {
        groups: vec![group],
        ..Policy::default()
    };
    let error = lower(&policy, Vocabulary::builtin()).unwrap_err();
    assert_eq!(error.fault, Fault::HistoryHere);
}
