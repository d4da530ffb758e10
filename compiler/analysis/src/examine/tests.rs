mod random;

use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{
    Claim, Condition, Connection, DataClass, Effect, Group, Mask, Predicate, Rule, Source,
    Strength, Test,
};
use hpol_oracle::generate::{self, Random};

use super::*;

fn small() -> Budget {
    Budget {
        states: 3_000,
        effort: 300_000,
    }
}

fn test(fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}

fn texts(texts: &[&str]) -> Vec<Box<str>> {
    texts.iter().map(|text| Box::from(*text)).collect()
}

fn verbs(verbs: &[&str]) -> Condition {
    test("sql.verbs", Predicate::HasAny(texts(verbs)))
}

fn rule(name: &str, parts: Vec<Condition>, effect: Effect) -> Rule {
    Rule {
        name: name.into(),
        title: String::new(),
        because: String::new(),
        claims: vec![Claim {
            control: format!("ac-{}", name.len()),
            strength: Strength::Implements,
            mechanism: "M04".into(),
            because: None,
        }],
        condition: Condition::All(parts),
        effect,
        observe: false,
        source: Source::default(),
    }
}

fn check(rules: Vec<Rule>) -> Vec<(String, What, String)> {
    check_on(vec![], rules)
}

fn check_on(connections: Vec<Connection>, rules: Vec<Rule>) -> Vec<(String, What, String)> {
    let group = |name: &str| Group {
        name: name.into(),
        condition: test("subject.groups", Predicate::HasAny(texts(&[name]))),
    };
    let policy = Policy {
        connections,
        groups: vec![group("dba"), group("owner")],
        classes: vec![DataClass {
            name: "pii".into(),
            columns: vec![],
            json: vec![],
            detectors: vec![],
        }],
        rules,
        exceptions: vec![],
        responsibilities: vec![],
    };
    let examination = examine(&policy, Vocabulary::builtin(), Budget::default()).unwrap();
    assert_eq!(examination.not_analysed, []);
    let finding = |finding: Finding| {
        let says = finding.witness.map(|witness| {
            let says = witness.says.into_iter().map(|sentence| sentence.text);
            says.collect::<Vec<_>>().join(", ")
        });
        let name = policy.rules[finding.rule.0 as usize].name.clone();
        (name, finding.what, says.unwrap_or_default())
    };
    examination.findings.into_iter().map(finding).collect()
}

fn block() -> Effect {
    Effect::Block {
        message: String::new(),
        terminates: false,
    }
}

fn approval(group: u32) -> Effect {
    Effect::RequireApproval {
        quorum: 1,
        group: GroupId(group),
        within_seconds: 60,
        stands_seconds: None,
    }
}

fn agents() -> Condition {
    test("subject.groups", Predicate::HasAny(texts(&["agents"])))
}

#[test]
fn a_block_defeats_an_approval_and_shadows_an_allow() {
    let found = check(vec![
        rule(
            "no_drop",
            vec![agents(), verbs(&["drop", "alter"])],
            block(),
        ),
        rule("drops", vec![agents(), verbs(&["drop"])], approval(0)),
        rule(
            "alters",
            vec![
                agents(),
                test("sql.verbs", Predicate::HasAll(texts(&["alter", "drop"]))),
            ],
            Effect::ALLOW,
        ),
        rule("reading", vec![agents(), verbs(&["select"])], Effect::ALLOW),
    ]);
    let by = vec![RuleId(0)];
    let says = |verbs: &str| format!("subject.groups = [\"agents\"], sql.verbs = [{verbs}]");
    let mut groups: Vec<_> = found
        .iter()
        .map(|(name, what, _)| (name.as_str(), what.clone()))
        .collect();
    groups.retain(|(_, what)| !matches!(what, What::RequesterMayApprove { .. }));
    assert_eq!(
        groups,
        [
            ("drops", What::ApprovalDefeated { by: by.clone() }),
            (
                "drops",
                What::ControlWithoutEffect {
                    control: "ac-5".into()
                }
            ),
            ("alters", What::Shadowed { by }),
            (
                "alters",
                What::ControlWithoutEffect {
                    control: "ac-6".into()
                }
            ),
        ]
    );
    let drops = found
        .iter()
        .find(|(_, what, _)| matches!(what, What::ApprovalDefeated { .. }));
    assert_eq!(drops.unwrap().2, says("drop"));
}

#[test]
fn what_is_blocked_is_masked_and_limited_on_a_connection_in_observe() {
    let shadowed = |connections: Vec<Connection>, more: Vec<Condition>| -> Vec<String> {
        let on_drop = || [vec![verbs(&["drop"])], more.clone()].concat();
        let mask = Effect::Mask {
            class: ClassId(0),
            mask: Mask::Redact,
        };
        let rules = vec![
            rule("no_drop", vec![verbs(&["drop"])], block()),
            rule("hidden", on_drop(), mask),
            rule("few", on_drop(), Effect::Limit { rows: 5 }),
            rule("drops", on_drop(), Effect::ALLOW),
        ];
        let found = check_on(connections, rules).into_iter();
        let shadowed = found.filter(|(_, what, _)| matches!(what, What::Shadowed { .. }));
        shadowed.map(|(name, ..)| name).collect()
    };
    let connection = |target: &str, observe| Connection {
        name: format!("p.{target}"),
        protocol: Protocol::Postgres,
        target: target.into(),
        observe,
    };
    let both = || vec![connection("orders", true), connection("crm", false)];
    let on = |target| test("connection.name", Predicate::In(texts(&[target])));
    assert_eq!(
        shadowed(vec![connection("crm", false)], vec![]),
        ["hidden", "few", "drops"]
    );
    assert_eq!(shadowed(both(), vec![]), ["drops"]);
    assert_eq!(shadowed(both(), vec![on("orders")]), ["drops"]);
    assert_eq!(
        shadowed(both(), vec![on("crm")]),
        ["hidden", "few", "drops"]
    );
}

#[test]
fn conditions_that_cannot_hold_or_always_do() {
    let never = test("sql.statements", Predicate::Between(3, 2));
    let found = check(vec![
        rule(
            "none",
            vec![
                agents(),
                test("http.method", Predicate::In(texts(&["BREW"]))),
            ],
            Effect::ALLOW,
        ),
        rule("never", vec![agents(), verbs(&["drop"]), never], block()),
        rule(
            "doubles",
            vec![agents(), verbs(&["drop"]), verbs(&["drop", "alter"])],
            block(),
        ),
        rule("granted", vec![agents()], Effect::ALLOW),
    ]);
    let found: Vec<_> = found
        .iter()
        .map(|(name, what, _)| (name.as_str(), what.clone()))
        .collect();
    assert_eq!(
        found,
        [
            ("none", What::Unreachable),
            (
                "none",
                What::ControlWithoutEffect {
                    control: "ac-4".into()
                }
            ),
            ("never", What::Contradictory),
            (
                "never",
                What::ControlWithoutEffect {
                    control: "ac-5".into()
                }
            ),
            ("doubles", What::PartAlwaysTrue { part: 2 }),
            ("granted", What::AllowsEverything),
        ]
    );
}

#[test]
fn a_part_that_an_unknown_fact_can_fail_narrows_what_grants() {
    let rows = |from, to| test("sql.statements", Predicate::Between(from, to));
    let any = || Condition::Any(vec![rows(0, 1), rows(2, i64::MAX), rows(i64::MIN, -1)]);
    let found = check(vec![
        rule("granted", vec![agents(), any()], Effect::ALLOW),
        rule(
            "asked",
            vec![agents(), verbs(&["drop"]), any()],
            approval(0),
        ),
        rule("blocked", vec![verbs(&["alter"]), any()], block()),
    ]);
    let narrows_nothing: Vec<_> = found
        .iter()
        .filter(|(_, what, _)| matches!(what, What::PartAlwaysTrue { .. }))
        .map(|(name, ..)| name.as_str())
        .collect();
    assert_eq!(narrows_nothing, ["blocked"]);
}

#[test]
fn rules_that_meet() {
    let mask = |mask| Effect::Mask {
        class: ClassId(0),
        mask,
    };
    let found = check(vec![
        rule("writes", vec![agents(), verbs(&["update"])], approval(0)),
        rule("deletes", vec![agents(), verbs(&["delete"])], approval(1)),
        rule("hides", vec![agents()], mask(Mask::KeepLast(4))),
        rule(
            "hides_all",
            vec![agents(), verbs(&["copy"])],
            mask(Mask::Null),
        ),
        rule("all", vec![], Effect::ALLOW),
    ]);
    let found: Vec<_> = found
        .iter()
        .map(|(name, what, says)| format!("{name} {what:?}: {says}"))
        .collect();
    assert_eq!(found.len(), 6, "{found:#?}");
    assert_eq!(
        found[0],
        "writes DifferentApprovers { other: RuleId(1) }: subject.groups = [\"agents\"], sql.verbs = [delete, update]"
    );
    assert!(found[1].starts_with("writes RequesterMayApprove"));
    assert!(found[3].contains("stricter: RuleId(3)"), "{found:#?}");
    let broad = [&found[4], &found[5]];
    assert!(
        broad[0].starts_with("all AllowsEveryone") && broad[1].starts_with("all AllowsEverything")
    );
}

#[test]
fn what_exceeds_the_budget_is_said() {
    let policy = generate::policy(&mut Random::new(2));
    let budget = Budget {
        states: 0,
        effort: 0,
    };
    let examination = examine(&policy, Vocabulary::builtin(), budget).unwrap();
    assert!(!policy.rules.is_empty() && examination.not_analysed.len() >= policy.rules.len());
}

#[test]
fn numbers_that_history_gives_are_compared() {
    let deleted = |at_least| {
        Condition::History(Box::new(HistoryTest {
            history: History {
                measure: Measure::Count,
                filter: verbs(&["delete"]),
                window_seconds: 3600,
                scope: Scope::Subject,
                own: Own::Counts,
            },
            at_least,
            at_most: i64::MAX,
        }))
    };
    let found = check(vec![
        rule("many", vec![agents(), deleted(6)], block()),
        rule("more", vec![agents(), deleted(11)], block()),
        rule("deletes", vec![agents()], Effect::ALLOW),
    ]);
    let more = found.iter().find(|(name, ..)| name == "more").unwrap();
    assert_eq!(
        more.1,
        What::Redundant {
            with: vec![RuleId(0)]
        }
    );
    assert_eq!(
        more.2,
        "subject.groups = [\"agents\"], count(sql.verbs has delete) within 1h == 11"
    );
    assert!(
        !found
            .iter()
            .any(|(name, what, _)| name == "many" && *what != What::AllowsEverything)
    );
}
