//! An edit computes again only what reads the edited item.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use salsa::EventKind;

use super::Workspace;
use crate::database::Database;

/// A workspace, and the queries that it executed since the last look.
fn watched() -> (Workspace, impl Fn() -> Vec<String>) {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let writer = Arc::clone(&log);
    let database = Database::logging(move |event| {
        if let EventKind::WillExecute { database_key } = event.kind {
            writer.lock().unwrap().push(format!("{database_key:?}"));
        }
    });
    let executed = move || std::mem::take(&mut *log.lock().unwrap());
    (Workspace::with_database(database), executed)
}

fn count(executed: &[String], query: &str) -> usize {
    executed
        .iter()
        .filter(|key| key.starts_with(&format!("{query}(")))
        .count()
}

const NAMES: &str = "package demo\nconnection db = postgres \"orders\"\ngroup agents = subject.groups has \"agents\"\n";

fn rules(count: usize, first_condition: &str) -> String {
    let rule = |index: usize| {
        let condition = if index == 0 {
            first_condition
        } else {
            "sql.filtered"
        };
        format!(
            "rule r{index} {{\n    satisfies AC-3\n    who agents\n    on db\n    when {condition}\n    allow\n}}\n"
        )
    };
    (0..count).map(rule).collect()
}

#[test]
fn an_edit_in_one_rule_checks_that_rule_only() {
    let (mut workspace, executed) = watched();
    workspace.set_file(
        "a.hpol",
        format!("{NAMES}{}", rules(50, "sql.statements == 1")),
    );
    assert_eq!(workspace.diagnostics(), []);
    let first = executed();
    assert_eq!((count(&first, "check"), count(&first, "parsed")), (53, 53));

    workspace.set_file(
        "a.hpol",
        format!(
            "{NAMES}\n// a comment moves everything\n{}",
            rules(50, "sql.statements == 2")
        ),
    );
    assert_eq!(workspace.diagnostics(), []);
    let second = executed();
    assert_eq!(
        (count(&second, "check"), count(&second, "parsed")),
        (1, 1),
        "{second:?}"
    );
}

#[test]
fn a_new_rule_checks_nothing_else_and_a_changed_group_what_names_it() {
    let (mut workspace, executed) = watched();
    workspace.set_file("names.hpol", NAMES);
    workspace.set_file(
        "rules.hpol",
        format!("package demo\n{}", rules(3, "sql.filtered")),
    );
    assert_eq!(workspace.diagnostics(), []);
    executed();

    let other = "rule other {\n    satisfies AC-3\n    block\n}\n";
    workspace.set_file(
        "rules.hpol",
        format!("package demo\n{other}{}", rules(3, "sql.filtered")),
    );
    assert_eq!(workspace.diagnostics(), []);
    assert_eq!(count(&executed(), "check"), 1);

    workspace.set_file(
        "names.hpol",
        NAMES.replace("has \"agents\"", "has \"robots\""),
    );
    assert_eq!(workspace.diagnostics(), []);
    assert!(count(&executed(), "check") >= 4);
    let policy = workspace.policy().unwrap();
    assert!(format!("{:?}", policy.rules).contains("robots"));
}

#[test]
fn a_file_that_is_taken_out_is_forgotten() {
    let mut workspace = Workspace::new();
    workspace.set_file("names.hpol", NAMES);
    workspace.set_file(
        "rules.hpol",
        format!("package demo\n{}", rules(1, "sql.filtered")),
    );
    assert_eq!(workspace.policy().unwrap().rules.len(), 1);
    workspace.remove_file("names.hpol");
    assert!(workspace.policy().is_err());
    assert_eq!(
        workspace.diagnostics().len(),
        2,
        "one for the group, one for the connection"
    );
}

#[test]
fn typing_for_long_keeps_no_text_that_is_gone() {
    const EDITS: usize = 400;
    let (kept, reused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (keeps, reuses) = (Arc::clone(&kept), Arc::clone(&reused));
    let is_text = |key| format!("{key:?}").starts_with("ItemText(");
    let database = Database::logging(move |event| {
        match event.kind {
            EventKind::DidInternValue { key, .. } if is_text(key) => &keeps,
            EventKind::DidReuseInternedValue { key, .. } if is_text(key) => &reuses,
            _ => return,
        }
        .fetch_add(1, Ordering::Relaxed);
    });
    let mut workspace = Workspace::with_database(database);
    for edit in 0..EDITS {
        let condition = format!("sql.statements == {edit}");
        workspace.set_file("a.hpol", format!("{NAMES}{}", rules(3, &condition)));
        assert_eq!(workspace.diagnostics(), []);
    }
    let (kept, reused) = (kept.load(Ordering::Relaxed), reused.load(Ordering::Relaxed));
    assert!(kept < 40, "{kept} texts are kept");
    assert!(reused > EDITS / 2, "{reused}");
}
