use hpol_analysis::Budget;

use super::*;
use crate::workspace::Workspace;

const NO_BUDGET: Budget = Budget {
    states: 0,
    effort: 0,
};

fn lints(text: &str, budget: Budget) -> Lints {
    let mut workspace = Workspace::new();
    workspace.set_file("main.hpol", text);
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
