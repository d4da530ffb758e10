use hpol_analysis::Budget;

use super::*;
use crate::workspace::Workspace;

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
