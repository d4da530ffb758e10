//! Tests of the parser.

use super::*;
use crate::ast::{Condition, Effect, LiteralKind, Measure, Operator, Satisfies, Who};
use crate::split::split;

fn rule(body: &str) -> (crate::ast::Rule, Vec<Problem>) {
    let parsed = parse(&format!("rule r {{ {body} }}"));
    match parsed.item {
        Some(Item::Rule(rule)) => (*rule, parsed.problems),
        other => panic!("{other:?} {:?}", parsed.problems),
    }
}

fn messages(text: &str) -> Vec<String> {
    let (items, problems) = split(text);
    let parsed = items.iter().flat_map(|item| parse(&item.text).problems);
    let all = problems.into_iter().chain(parsed);
    all.map(|problem| {
        let help = problem
            .help
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        format!("{} {}{help}", problem.code, problem.message)
    })
    .collect()
}

#[test]
fn a_whole_policy_parses_without_a_problem() {
    let text = r#"package orders.production

use nist.sp800_53r5 baseline moderate

connection orders_db = postgres "orders-prod"
connection crm       = http     "crm-api"

group agents = subject.groups has "autonomous-agents"
group dbas   = subject.groups has "dba"

/// Social security numbers.
data pii.ssn {
    column   public.customers.ssn on orders_db
    column   "Odd".customers."S S N" on orders_db
    detector us_ssn
}

rule read_orders "Agents read order data" {
    satisfies AC-3, AC-6
    because   "Support agents need order history."
    who   agents
    on    orders_db
    when  sql.verbs within [select] and sql.reads within [public.orders, public.customers]
    allow
}

rule destructive_sql "Nothing is destroyed unattended" {
    satisfies AC-3, AC-6(10), CM-7 because "runbook"
    who   agents
    on    orders_db, crm
    when  sql.verbs has any [drop, truncate, alter]
       or (sql.verbs has any [delete, update] and not sql.filtered)
       or has http.content_type and (http.content_type or "none") == "a/b"
       or http.path starts with "/x" or sql.statements >= 10_000
    block "Open a change ticket first (runbook RB-12)"
}

rule two { satisfies none because "a" who everyone on any require approval by 2 of dbas within 15m for this operation }
rule standing { satisfies none because "a" who everyone on any require approval by 2 of dbas within 15m for 1h }
rule ssn { satisfies SI-19(4) who everyone except dbas mask pii.ssn keep last 4 }

test "agents cannot drop tables" {
    as     subject "agent-7" groups ["autonomous-agents"] issuer "https://id"
    on     orders_db
    sql    "DROP TABLE orders"
    expect block by destructive_sql citing AC-3 masking pii.ssn
}
test "http" { as subject "a" on crm http POST "/x" content_type "a/b" body "{}" expect require approval }
"#;
    let (items, problems) = split(text);
    assert_eq!((items.len(), problems.len()), (14, 0));
    assert_eq!(messages(text), Vec::<String>::new());
    assert_eq!(parse(&items[6].text).doc, "Social security numbers.");
}

#[test]
fn and_binds_tighter_than_or_and_not_tightest() {
    let (rule, problems) = rule("when not a or b and not (c or d) allow");
    assert!(problems.is_empty());
    let Some(Condition::Or(parts)) = rule.when else {
        panic!()
    };
    assert!(matches!(&parts[0], Condition::Not(_)));
    let Condition::And(inner) = &parts[1] else {
        panic!()
    };
    assert!(matches!(&inner[1], Condition::Not(inner) if matches!(**inner, Condition::Or(_))));
}

#[test]
fn a_reason_on_the_line_of_the_controls_belongs_to_them() {
    let (same, _) = rule("satisfies AC-3, AC-9 because \"x\"\n because \"y\"\n allow");
    assert!(
        matches!(&same.satisfies, Some(Satisfies::Controls { because: Some(reason), .. }) if reason.node == "x")
    );
    assert_eq!(same.because.unwrap().node, "y");
    let (next, _) = rule("satisfies AC-3,\n AC-9\n because \"x\"\n allow");
    assert!(matches!(
        next.satisfies,
        Some(Satisfies::Controls { because: None, .. })
    ));
    assert_eq!(next.because.unwrap().node, "x");
}

#[test]
fn every_broken_clause_is_reported_and_the_others_are_read() {
    let text = "rule r {\n  satisfies AC-3\n  who and\n  on a b\n  when x ==\n  because \"why\"\n  block \"no\"\n}";
    let parsed = parse(text);
    assert_eq!(parsed.problems.len(), 3);
    let Some(Item::Rule(rule)) = parsed.item else {
        panic!()
    };
    assert!(!rule.complete && rule.because.is_some() && rule.satisfies.is_some());
    assert!(matches!(rule.effects[0].node, Effect::Block { .. }));
    let third = &parsed.problems[2];
    assert_eq!(third.labels[0].0.of(text), "because");
}

#[test]
fn a_missing_brace_is_reported_where_it_was_opened_and_hides_nothing() {
    insta::assert_debug_snapshot!(messages(
        "rule a {\n  satisfies AC-3\n  when sql.verbs has any [drop\n  block\n\nrule b {\n  nonsense\n  allow\n}\n"
    ));
}

#[test]
fn slips_are_answered() {
    insta::assert_debug_snapshot!(messages(
        "rule a { satisfies ac-6 (9) when a = 1 && !b || c deny }\nrule b { permit }\n"
    ));
}

#[test]
fn what_this_version_lacks_is_refused_by_name() {
    insta::assert_debug_snapshot!(messages(
        "exception a to b { }\ndata c { json $.x on d }\nrule r {\n  when earlier within 30m (a)\n  unless b\n  allow limit rows 10\n}\nrule t { when a like \"b\" allow }\n"
    ));
}

#[test]
fn slips_in_obligations_are_answered() {
    insta::assert_debug_snapshot!(messages(
        "connection a = http \"x\" observe\ndata c { json public.t.c $.x on a }\nrule r { limit 10 rows }\nrule s { allow limit rows 5m }\nrule t { limit bytes 100 }\nrule u { limit }\nrule v { observe observe allow }\nrule w { observe }\nrule x { mask c hash 8 }\n"
    ));
}

/// In an item that is read clause by clause, too, since something else in it is wrong.
#[test]
fn a_limit_behind_allow_and_an_effect_behind_observe_are_no_clauses_of_their_own() {
    for effect in [
        "allow limit rows 10",
        "observe block",
        "observe allow limit rows 1",
        "limit rows 7",
    ] {
        let parsed = parse(&format!("rule r {{\n  wen x\n  {effect}\n}}\n"));
        assert_eq!(parsed.problems.len(), 1, "{:?}", parsed.problems);
        let Some(Item::Rule(rule)) = &parsed.item else {
            panic!("no rule")
        };
        assert_eq!(rule.effects.len(), 1, "{effect}");
        assert_eq!(rule.observe.is_some(), effect.starts_with("observe"));
    }
}

#[test]
fn broken_texts_say_what_was_expected() {
    insta::assert_debug_snapshot!(messages(
        "package\nuse a b\ngroup g subject.id\ngrup h = x\nrule r [\nrule s { wen x\n allow }\nrule t { block \"\\q\" }\nrule u { block \"open }\nrule v { allow; }\nrule w { when a not in [b] allow } }\nrule x { allow } more\nconnection c = ftp\ntest \"t\" { as subject x }"
    ));
}

#[test]
fn deep_nesting_is_refused_before_anything_recurses() {
    let text = format!("group g = {}x{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(parse(&text).problems[0].code, Code::TooDeep);
    let nots = format!("group g = {} x", "not ".repeat(100_001));
    let Some(Item::Group(group)) = parse(&nots).item else {
        panic!()
    };
    assert!(
        matches!(group.condition, Condition::Not(inner) if matches!(*inner, Condition::Atom(_)))
    );
}

#[test]
fn a_hostile_item_takes_no_more_than_a_moment() {
    for part in [
        "on on ",
        ") ",
        "wen x ",
        "when a b ",
        "satisfies ",
        "{ } ",
        "not ",
        "\"",
        "a or ",
        "( ",
    ] {
        let text = format!("rule r {{ {} }}", part.repeat(200_000 / part.len()));
        let parsed = parse(&text);
        assert!(!parsed.problems.is_empty(), "{part}");
        assert!(parsed.problems.len() <= MAX_PROBLEMS_PER_ITEM);
    }
}

#[test]
fn who_is_everyone_some_or_a_condition() {
    assert!(matches!(
        rule("who everyone allow").0.who,
        Some(Who::Everyone(_))
    ));
    assert!(matches!(
        rule("who everyone except dbas or x allow").0.who,
        Some(Who::EveryoneExcept(Condition::Or(_)))
    ));
    assert!(matches!(
        rule("who subject.id == \"x\" allow").0.who,
        Some(Who::Those(_))
    ));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_fail(text in "[a-z\"\\\\(){}\\[\\]=!&|,.:;\n /0-9_-]{0,200}") {
        for item in split(&format!("rule {text}\nrule r {{ when {text} allow }}\ngroup g = {text}")).0 {
            let parsed = parse(&item.text);
            proptest::prop_assert!(parsed.item.is_some() || !parsed.problems.is_empty());
            for problem in &parsed.problems {
                for (span, _) in &problem.labels {
                    proptest::prop_assert!(span.end as usize <= item.text.len() && span.start <= span.end);
                }
            }
        }
    }
}

#[test]
fn history_is_read_with_its_window_filter_and_bound() {
    let item = |condition: &str| {
        let parsed = parse(&format!("rule r {{ when {condition} block }}"));
        assert_eq!(parsed.problems, [], "{condition}");
        let Some(Item::Rule(rule)) = parsed.item else {
            panic!()
        };
        let Some(Condition::History(history)) = rule.when else {
            panic!("{:?}", rule.when)
        };
        *history
    };
    let earlier = item("earlier within 30m in this session (a and not b)");
    assert_eq!(earlier.measure.node, Measure::Earlier);
    assert_eq!((earlier.within.node, earlier.in_session), (1800, true));
    assert!(matches!(earlier.filter, Some(Condition::And(_))));
    let sum = item("sum(result.rows) within 1h > 500");
    let bound = sum.measure.node.bound().unwrap();
    assert_eq!(bound.operator.node, Operator::Greater);
    assert_eq!(bound.number.node, LiteralKind::Int(500));
    assert_eq!((sum.filter, sum.in_session), (None, false));
    let distinct = item("distinct(sql.reads where x has y) within 1d in this session <= 3");
    assert!(
        matches!(&distinct.measure.node, Measure::Distinct(fact, _) if fact.node == "sql.reads")
    );
    assert!(distinct.filter.is_some() && distinct.in_session);
}

#[test]
fn history_that_is_written_wrong_is_answered() {
    insta::assert_debug_snapshot!(messages(
        "rule a { when earlier (x) block }\nrule b { when count(x) > 3 block }\nrule c { when count(x) within 1h block }\nrule d { when sum(x) within 1h = 3 block }\nrule e { when never within 1h x block }\nrule f { when distinct(a wher b) within 1h > 1 block }\n"
    ));
}

#[test]
fn what_a_subject_has_once_is_not_said_twice() {
    let subject = "as subject \"a\" from \"10.0.0.1\" groups [\"g\"] from \"10.0.0.2\"";
    assert_eq!(
        messages(&format!("test \"t\" {{\n    {subject}\n}}\n")),
        ["HP0013 `from` stands twice (join them, or make two of it)"]
    );
}
