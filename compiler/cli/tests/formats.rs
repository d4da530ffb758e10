//! Findings in the forms of `--format`, as machines meet them.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::path::Path;

#[path = "shared/folder.rs"]
mod folder;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use run::{hpol, text};

const POLICY: &str = r#"package a

connection db = postgres "orders, prod"

rule r {
    satisfies AC-3, AC-99
    when sql.verb has drop
    permit
}
"#;

const FAILING: &str = r#"package a

connection db = postgres "orders"

rule r {
    satisfies AC-3
    who  everyone
    when sql.verbs has drop
    block
}

test "a <drop> & more" {
    as     subject "a"
    on     db
    sql    "DROP TABLE x"
    expect allow
}

test "a select" {
    as     subject "a"
    on     db
    sql    "SELECT 1"
    expect block by default_deny
}
"#;

fn folder(name: &str, policy: &str) -> tempfile::TempDir {
    folder_of(&[(&format!("policy/{name}"), policy)])
}

#[test]
fn check_speaks_to_code_scanning() {
    let folder = folder("one two.hpol", POLICY);
    let output = hpol(folder.path(), &["check", "policy", "--format", "sarif"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    let mut log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // The pages have tests of their own.
    for rule in log["runs"][0]["tool"]["driver"]["rules"]
        .as_array_mut()
        .unwrap()
    {
        assert!(
            rule["help"]["markdown"]
                .as_str()
                .unwrap()
                .starts_with("# HP0")
        );
        rule["help"] = "the page".into();
        rule["fullDescription"] = "its beginning".into();
    }
    insta::assert_json_snapshot!("sarif", log);
}

#[test]
fn check_annotates_on_github() {
    let folder = folder("one two.hpol", POLICY);
    let output = hpol(folder.path(), &["check", "policy", "--format", "github"]);
    insta::assert_snapshot!("github", text(&output.stdout));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
}

#[test]
fn failing_tests_are_findings_too() {
    let folder = folder("tests.hpol", FAILING);
    let output = hpol(folder.path(), &["test", "policy", "--format", "github"]);
    insta::assert_snapshot!("test_github", text(&output.stdout));
    assert_eq!(output.status.code(), Some(1));
    let output = hpol(folder.path(), &["test", "policy", "--format", "junit"]);
    insta::assert_snapshot!("junit", text(&output.stdout));
    assert_eq!(output.status.code(), Some(1));
    let output = hpol(folder.path(), &["test", "policy", "--format", "sarif"]);
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "failing-test");
}

#[test]
fn one_form_at_a_time() {
    let output = hpol(Path::new("."), &["check", "--json", "--format", "sarif"]);
    assert_eq!(output.status.code(), Some(2));
}
