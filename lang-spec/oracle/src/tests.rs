//! The fixed points of the semantics, one table each; `lang-spec` refers to them.

use hpol_bundle::policy::{ClassId, Mask, Rule, Source};
use hpol_bundle::vocabulary::Vocabulary;

use super::*;

type Line = (fn() -> Effect, Truth);

const BLOCK: fn() -> Effect = || Effect::Block {
    message: String::new(),
    terminates: false,
};
const APPROVAL: fn() -> Effect = || Effect::RequireApproval {
    quorum: 1,
    group: GroupId(0),
    within_seconds: 60,
    stands_seconds: None,
};
const MASK: fn() -> Effect = || Effect::Mask {
    class: ClassId(0),
    mask: Mask::Redact,
};
const ALLOW: fn() -> Effect = || Effect::ALLOW;
const ALLOW_FEW: fn() -> Effect = || Effect::Allow { rows: Some(10) };
const LIMIT: fn() -> Effect = || Effect::Limit { rows: 10 };

fn test(fact: &str, default: Option<Value>, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default,
        predicate,
    })
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// A condition that has this value where `sql.filtered` is unknown.
fn of(truth: Truth) -> Condition {
    match truth {
        Truth::True => Condition::All(vec![]),
        Truth::False => Condition::Any(vec![]),
        Truth::Unknown => test("sql.filtered", None, Predicate::IsTrue),
    }
}

fn facts(fact: &str, known: Fact) -> Facts {
    let mut facts = Facts::new();
    facts.set(Vocabulary::builtin().lookup(fact).unwrap().0, known);
    facts
}

fn set(elements: &[&str]) -> Vec<Box<str>> {
    elements.iter().map(|element| Box::from(*element)).collect()
}

fn decide_rules(rules: &[Line]) -> Decision {
    decide_all(rules, false)
}

fn decide_all(rules: &[Line], observe: bool) -> Decision {
    let rule = |(effect, truth): &Line| Rule {
        name: String::new(),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition: of(*truth),
        effect: effect(),
        observe,
        source: Source::default(),
    };
    let policy = Policy {
        rules: rules.iter().map(rule).collect(),
        ..Policy::default()
    };
    decide(&policy, &facts("sql.filtered", Fact::Unknown))
}

#[test]
fn verdicts_combine_by_strength_and_unknown_counts_against_access() {
    use Truth::{False, True, Unknown};
    use Verdict::{Allow, Block, RequireApproval};
    let table: [(&[Line], Verdict); 13] = [
        (&[], Block),
        (&[(ALLOW, False)], Block),
        (&[(ALLOW, Unknown)], Block),
        (&[(ALLOW, True)], Allow),
        (&[(ALLOW, True), (BLOCK, False)], Allow),
        (&[(ALLOW, True), (BLOCK, Unknown)], Block),
        (&[(ALLOW, True), (BLOCK, True)], Block),
        (&[(APPROVAL, True)], RequireApproval),
        (&[(APPROVAL, Unknown)], Block),
        (&[(APPROVAL, Unknown), (APPROVAL, True)], RequireApproval),
        (&[(APPROVAL, Unknown), (ALLOW, True)], RequireApproval),
        (&[(APPROVAL, True), (BLOCK, True)], Block),
        (&[(MASK, True)], Block),
    ];
    for (rules, verdict) in table {
        assert_eq!(decide_rules(rules).verdict, verdict);
        let reversed: Vec<_> = rules.iter().rev().copied().collect();
        assert_eq!(decide_rules(&reversed).verdict, verdict);
    }
}

#[test]
fn a_limit_grants_nothing_and_what_is_unknown_limits_all_the_same() {
    use Truth::{False, True, Unknown};
    let table: [(&[Line], Verdict, &[u32]); 6] = [
        (&[(LIMIT, True)], Verdict::Block, &[0]),
        (&[(LIMIT, Unknown), (ALLOW, True)], Verdict::Allow, &[0]),
        (&[(LIMIT, False), (ALLOW, True)], Verdict::Allow, &[]),
        (&[(ALLOW_FEW, True)], Verdict::Allow, &[0]),
        (&[(ALLOW_FEW, Unknown)], Verdict::Block, &[0]),
        (&[(ALLOW_FEW, Unknown), (ALLOW, True)], Verdict::Allow, &[0]),
    ];
    for (rules, verdict, limits) in table {
        let decision = decide_rules(rules);
        let limits: Vec<RuleId> = limits.iter().copied().map(RuleId).collect();
        assert_eq!((decision.verdict, decision.limit), (verdict, limits));
    }
}

#[test]
fn rules_in_observe_do_nothing_and_are_named_by_what_they_would_do() {
    use Truth::{False, True, Unknown};
    let rules = [
        (BLOCK, Unknown),
        (APPROVAL, Unknown),
        (ALLOW, Unknown),
        (ALLOW_FEW, Unknown),
        (ALLOW_FEW, True),
        (MASK, True),
        (LIMIT, False),
    ];
    let decision = decide_all(&rules, true);
    let named: Vec<(&str, u32)> = decision
        .observed
        .iter()
        .map(|observed| (observed.would.as_str(), observed.rule.0))
        .collect();
    assert_eq!(
        named,
        [
            ("block", 0),
            ("require_approval", 1),
            ("allow", 4),
            ("mask", 5),
            ("limit", 3),
            ("limit", 4),
        ]
    );
    let nothing = Decision {
        observed: vec![],
        ..decision
    };
    assert_eq!(nothing, decide_rules(&[]));
}

#[test]
fn every_matching_rule_is_reported_whatever_decides() {
    use Truth::{True, Unknown};
    let decision = decide_rules(&[
        (MASK, Unknown),
        (ALLOW, True),
        (APPROVAL, True),
        (BLOCK, Unknown),
        (ALLOW, Unknown),
    ]);
    assert_eq!(
        (decision.mask, decision.allow),
        (vec![RuleId(0)], vec![RuleId(1)])
    );
    assert_eq!(
        (decision.approve, decision.block),
        (vec![RuleId(2)], vec![RuleId(3)])
    );
    assert_eq!(decision.unknown.iter().count(), 1);
}

#[test]
fn logic_is_kleenes() {
    use Truth::{False, True, Unknown};
    let unknown = facts("sql.filtered", Fact::Unknown);
    for left in [False, Unknown, True] {
        for right in [False, Unknown, True] {
            let parts = vec![of(left), of(right)];
            assert_eq!(
                truth(&Condition::All(parts.clone()), &unknown, None),
                left.min(right)
            );
            assert_eq!(
                truth(&Condition::Any(parts), &unknown, None),
                left.max(right)
            );
        }
    }
    for (inner, outer) in [(False, True), (Unknown, Unknown), (True, False)] {
        assert_eq!(truth(&not(of(inner)), &unknown, None), outer);
    }
}

#[test]
fn absence_is_typed() {
    let limit = |default| test("sql.statements", default, Predicate::Between(0, 10));
    let present = || test("sql.statements", None, Predicate::Present);
    let known = |number| facts("sql.statements", Fact::Known(Value::Int(number)));
    let (missing, unknown) = (Facts::new(), facts("sql.statements", Fact::Unknown));
    for (condition, facts, expected) in [
        (limit(None), known(10), Truth::True),
        (limit(None), known(11), Truth::False),
        (limit(None), missing.clone(), Truth::Unknown),
        (limit(Some(Value::Int(0))), missing.clone(), Truth::True),
        (limit(Some(Value::Int(-1))), missing.clone(), Truth::False),
        (limit(Some(Value::Int(0))), unknown.clone(), Truth::Unknown),
        (present(), known(1), Truth::True),
        (present(), missing, Truth::False),
        (present(), unknown, Truth::Unknown),
    ] {
        assert_eq!(
            truth(&condition, &facts, None),
            expected,
            "{condition:?} on {facts:?}"
        );
    }
}

#[test]
fn sets_are_asked_by_every_or_some_element() {
    let (any, all, within) = (Predicate::HasAny, Predicate::HasAll, Predicate::Within);
    for (predicate, elements, expected) in [
        (any(set(&["a", "b"])), set(&["b", "c"]), true),
        (any(set(&["a", "b"])), set(&["c"]), false),
        (any(set(&["a"])), set(&[]), false),
        (any(set(&[])), set(&["a"]), false),
        (all(set(&["a", "b"])), set(&["b", "c", "a"]), true),
        (all(set(&["a", "b"])), set(&["a"]), false),
        (all(set(&[])), set(&[]), true),
        (within(set(&["a", "b"])), set(&["a", "a"]), true),
        (within(set(&["a", "b"])), set(&["a", "c"]), false),
        (within(set(&["a"])), set(&[]), true),
        (within(set(&[])), set(&["a"]), false),
    ] {
        let condition = test("sql.reads", None, predicate);
        let facts = facts("sql.reads", Fact::Known(Value::Set(elements)));
        let expected = if expected { Truth::True } else { Truth::False };
        assert_eq!(
            truth(&condition, &facts, None),
            expected,
            "{condition:?} on {facts:?}"
        );
        assert_eq!(truth(&not(not(condition)), &facts, None), expected);
    }
}
