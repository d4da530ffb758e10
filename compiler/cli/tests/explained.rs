//! What `hpol test` says of tests that fail, and which tests it runs.

#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::process::{Command, Output};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/explained");

fn hpol(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(POLICY)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_failing_test_tells_which_rules_matched_and_what_ruled_out_the_expected_one() {
    let output = hpol(&["test"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    insta::assert_snapshot!("failing", text(&output.stdout));
}

#[test]
fn tests_at_a_time_are_told_in_the_order_of_the_file() {
    let told = |output: &Output| {
        let lines = text(&output.stdout).lines();
        let names = lines.filter_map(|line| {
            let name = line.strip_prefix("FAILED  ");
            name.or_else(|| line.strip_prefix("passed  "))
        });
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let source = std::fs::read_to_string(format!("{POLICY}/orders.hpol")).unwrap();
    let names = source
        .lines()
        .filter_map(|line| line.strip_prefix("test \""));
    let names: Vec<_> = names.filter_map(|rest| rest.split('"').next()).collect();
    for _ in 0..3 {
        assert_eq!(told(&hpol(&["test"])), names);
    }
}

#[test]
fn a_filter_runs_the_tests_whose_names_contain_it() {
    let found = hpol(&["test", "--filter", "fin"]);
    assert_eq!(text(&found.stdout), "passed  fine\n1 test passed\n");
    assert_eq!(found.status.code(), Some(0));

    let none = hpol(&["test", "--filter", "refund"]);
    assert_eq!(text(&none.stdout), "");
    assert_eq!(text(&none.stderr), "no test has `refund` in its name\n");
    assert_eq!(none.status.code(), Some(1));
}

#[test]
fn json_has_the_path_of_what_failed() {
    let output = hpol(&["test", "--json", "--filter", "deletes by path"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let path = document.pointer("/tests/0/path").unwrap();
    assert_eq!(
        path,
        &serde_json::json!([
            "no rule matches",
            "demo.fetch (allow) does not match: http.method == \"GET\" is false; saw http.method = \"DELETE\""
        ])
    );
}
