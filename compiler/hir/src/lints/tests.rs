use hpol_analysis::Budget;

use super::*;
use crate::samples::workspace;

const NO_BUDGET: Budget = Budget {
    states: 0,
    effort: 0,
};

fn lints(text: &str, budget: Budget) -> Lints {
    let workspace = workspace(text);
    assert_eq!(workspace.diagnostics(), []);
    workspace.lints_within(budget).unwrap()
}

fn finds(lints: &Lints, code: Code) -> bool {
    lints.findings.iter().any(|finding| finding.code == code)
}

#[test]
fn the_meaning_of_a_policy_with_facts_of_its_own_is_analysed() {
    for condition in [
        "during office",
        "(subject.claims[\"team\"] or \"\") == \"core\"",
    ] {
        let text = format!(
            "package demo\nschedule office = daily 09:00-17:00 in \"UTC\"\nrule open \"Everybody\" {{\n    satisfies AC-3\n    when sql.filtered and {condition}\n    allow\n}}\nrule twice \"Again\" {{\n    satisfies AC-3\n    when sql.filtered and {condition}\n    allow\n}}\n"
        );
        let lints = lints(&text, Budget::default());
        assert_eq!(lints.not_analysed, [], "{condition}");
        assert!(finds(&lints, Code::Redundant), "{condition}: {lints:#?}");
    }
}

#[test]
fn a_comment_is_unused_only_where_its_question_is_settled() {
    let text = "package demo\n// hpol: allow(HP0911, HP0651) because \"the operators see all\"\nrule all \"Everything\" {\n    satisfies AC-3\n    who subject.groups has \"ops\"\n    allow\n}\n";
    let unused = |budget| {
        let lints = lints(text, budget);
        let messages = lints.findings.into_iter();
        let unused = messages.filter(|finding| finding.code == Code::UnusedAllow);
        let messages: Vec<String> = unused.map(|finding| finding.message).collect();
        (messages, lints.not_analysed.is_empty())
    };
    let lexical = "`HP0651` is not found here".to_owned();
    assert_eq!(unused(Budget::default()), (vec![lexical.clone()], true));
    assert_eq!(unused(NO_BUDGET), (vec![lexical], false));
}

#[test]
fn a_network_in_another_excludes_nothing() {
    for (condition, is_found) in [
        (
            "session.client_address != 10.0.0.0/8 or session.client_address != 10.1.0.0/16",
            false,
        ),
        (
            "session.client_address == 10.0.0.0/8 and session.client_address == 10.1.0.0/16",
            false,
        ),
        (
            "http.body_bytes != 1MB or http.body_bytes != 1_000_000",
            false,
        ),
        ("http.method == GET and http.method == POST", true),
        ("http.method != GET or http.method != POST", true),
    ] {
        let text = format!(
            "package demo\nrule r \"R\" {{\n    satisfies AC-3\n    when {condition}\n    block\n}}\n"
        );
        let lints = lints(&text, Budget::default());
        let holds = finds(&lints, Code::AlwaysHolds) || finds(&lints, Code::NeverHolds);
        assert_eq!(holds, is_found, "{condition}");
    }
}

#[test]
fn what_an_import_is_used_for_may_be_a_schedule_or_a_class() {
    let lints = lints(
        "package shared.times
schedule office = weekdays 09:00-17:00 in \"UTC\"
data secret {
    detector us_ssn
}
// ---- b.hpol
package demo
use shared.times
connection db = postgres \"db\"
rule r \"R\" {
    satisfies AC-3
    on db
    when during times.office
    allow
}
// ---- c.hpol
package masked
use demo
use shared.times
rule m \"M\" {
    satisfies SI-19(4)
    mask times.secret
}
test \"t\" {
    as subject \"a\"
    on demo.db
    at \"2026-11-23T10:00:00Z\"
    sql \"SELECT a FROM b\"
    expect allow by demo.r masking times.secret
}
",
        Budget::default(),
    );
    assert!(!finds(&lints, Code::UnusedImport), "{lints:#?}");
    assert!(!finds(&lints, Code::UntestedMask), "{lints:#?}");
}

#[test]
fn a_family_is_forgotten_only_where_its_addresses_get_through() {
    let four = "session.client_address in [10.0.0.0/8]";
    let both = "session.client_address in [10.0.0.0/8, fd00::/8]";
    for (clauses, is_found) in [
        (format!("when {four}\n    block \"no\""), true),
        (format!("when {both}\n    block \"no\""), false),
        (format!("when not {four}\n    block \"no\""), false),
        (format!("unless {four}\n    block \"no\""), false),
        (format!("when {four}\n    allow"), false),
        (format!("when not {four}\n    allow"), true),
        (
            format!("when sql.filtered\n    unless {four}\n    allow"),
            true,
        ),
        (
            "when session.client_address != fd00::1\n    allow".to_owned(),
            true,
        ),
    ] {
        let text =
            format!("package demo\nrule r \"R\" {{\n    satisfies AC-3\n    {clauses}\n}}\n");
        let lints = lints(&text, Budget::default());
        assert_eq!(finds(&lints, Code::OneFamily), is_found, "{clauses}");
    }
}
