//! What `hpol test` says of tests that fail, and which tests it runs.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::path::Path;
use std::process::{Command, Output};

#[path = "shared/run.rs"]
mod run;

use run::text;

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/explained");

fn hpol(arguments: &[&str]) -> Output {
    run::hpol(Path::new(POLICY), arguments)
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
    assert_eq!(
        text(&found.stdout),
        "passed  fine\n1 test passed, 7 not run\n"
    );
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
            "demo.fetch (allow) does not match: http.method == GET is false; saw http.method = DELETE"
        ])
    );
}

/// The arguments of `hpol eval` for agent-7.
fn eval<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![
        "eval",
        ".",
        "--as",
        "agent-7",
        "--groups",
        "agents,staff",
        "--on",
    ];
    arguments.extend(rest);
    arguments
}

#[test]
fn one_request_is_decided_and_every_rule_says_why() {
    for (name, request) in [
        ("allowed", ["db", "--sql", "SELECT id FROM customers"]),
        (
            "held",
            ["orders-prod", "--sql", "UPDATE customers SET id = 1"],
        ),
        (
            "not_maskable",
            ["db", "--sql", "SELECT ssn || 1 FROM customers"],
        ),
        ("not_understood", ["db", "--sql", "SELEC"]),
        ("unknown", ["db", "--sql", "DO 'x'"]),
        ("http", ["demo.crm", "--http", "DELETE /v1/notes"]),
    ] {
        let output = hpol(&eval(&request));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        insta::assert_snapshot!(format!("eval_{name}"), text(&output.stdout));
    }
    let output = hpol(&eval(&["db", "--sql", "DROP TABLE customers", "--json"]));
    insta::assert_snapshot!("eval_json", text(&output.stdout));
}

/// A request that is put in words and its facts as a line are decided alike.
#[test]
fn one_request_is_decided_as_its_facts_are() {
    use std::io::Write;
    use std::process::Stdio;

    let facts = r#"{"id": 1, "kind": "http", "facts": {"subject.id": "agent-7", "subject.groups": ["agents", "staff"],
        "connection.name": "crm", "connection.kind": "http", "http.method": "GET", "http.path": "/v1/notes"}}"#;
    let mut child = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(POLICY)
        .args(["eval", ".", "--requests", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", facts.replace('\n', " ")).unwrap();
    drop(input);
    let line: serde_json::Value =
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();

    let output = hpol(&eval(&["crm", "--http", "GET /v1/notes", "--json"]));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line.get("verdict"), Some(&serde_json::json!("allow")));
    for key in ["verdict", "determining", "controls", "obligations"] {
        assert_eq!(line.get(key), answer.get(key), "{key}");
    }
}

#[test]
fn one_request_that_does_not_fit_is_refused_by_name() {
    for (request, code, says) in [
        (
            ["nope", "--sql", "SELECT 1"],
            1,
            "there is no connection `nope`: the policy has `demo.crm`, `demo.db`\n",
        ),
        (
            ["db", "--http", "GET /x"],
            2,
            "error: the connection is of a database: `--sql` says what is asked there\n",
        ),
        (
            ["crm", "--http", "get /x"],
            2,
            "error: `--http` is a method and a path or URL, such as `GET /orders`\n",
        ),
    ] {
        let output = hpol(&eval(&request));
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(code), says)
        );
        assert_eq!(text(&output.stdout), "");
    }
    let both = hpol(&eval(&["db", "--sql", "SELECT 1", "--requests", "-"]));
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn coverage_tells_the_rules_and_controls_that_tests_reach() {
    let some = hpol(&["test", "--filter", "fine", "--coverage", "text"]);
    insta::assert_snapshot!("coverage_of_one", text(&some.stdout));
    assert_eq!(some.status.code(), Some(0));

    let drops = hpol(&["test", "--filter", "drops", "--coverage", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&drops.stdout).unwrap();
    insta::assert_snapshot!(
        "coverage_json",
        serde_json::to_string_pretty(document.pointer("/coverage").unwrap()).unwrap()
    );
}

#[test]
fn coverage_below_what_is_asked_for_fails() {
    let asked = |percent| hpol(&["test", "--filter", "fine", "--min-coverage", percent]);
    assert_eq!(asked("20").status.code(), Some(0));
    let below = asked("21");
    assert_eq!(below.status.code(), Some(1));
    assert_eq!(
        text(&below.stderr),
        "tests reach 20 % of the rules; at least 21 % are asked for\n"
    );
    assert_eq!(asked("101").status.code(), Some(2));

    let asked = |percent| hpol(&["test", "--filter", "fine", "--min-parts", percent]);
    assert_eq!(asked("0").status.code(), Some(0));
    let below = asked("1");
    assert_eq!(below.status.code(), Some(1));
    assert_eq!(
        text(&below.stderr),
        "tests see 0 % of the parts of conditions both true and false; at least 1 % are asked for\n"
    );
}

#[test]
fn coverage_of_parts_tells_what_tests_have_not_seen() {
    let output = hpol(&["test", "--coverage", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules = document.pointer("/coverage/rules").unwrap();
    let fetch = rules.as_array().unwrap().iter();
    let fetch = fetch
        .clone()
        .find(|rule| rule["rule"] == "demo.fetch")
        .unwrap();
    // Two tests are on its connection, both by an agent.
    assert_eq!(
        fetch["parts"],
        serde_json::json!([
            {"part": "subject.groups has \"agents\"", "true": 2, "false": 0},
            {"part": "http.method == GET", "true": 1, "false": 1},
            {"part": "http.path starts with \"/v1\"", "true": 2, "false": 0},
        ])
    );

    let page = hpol(&["test", "--coverage", "html"]);
    let page = text(&page.stdout);
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for from_elsewhere in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
    let body = page.split("<h1>").nth(1).unwrap();
    insta::assert_snapshot!("coverage_html", body);
}

#[test]
fn requests_of_a_file_take_nothing_of_one_request() {
    for one in [
        &["--as", "a"][..],
        &["--groups", "g"],
        &["--on", "db"],
        &["--claim", "a=b"],
        &["--at", "2027-03-31T09:00:00Z"],
        &["--sql", "SELECT 1"],
        &["--json"],
    ] {
        let output = hpol(&[&["eval", ".", "--requests", "-"], one].concat());
        assert_eq!(output.status.code(), Some(2), "{one:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("--requests <FILE>") && said.contains(one[0]),
            "{said}"
        );
    }
    for missing in [
        &["--sql", "SELECT 1", "--as", "a"][..],
        &["--as", "a", "--on", "db"],
    ] {
        let output = hpol(&[&["eval", "."], missing].concat());
        assert_eq!(output.status.code(), Some(2), "{missing:?}: {output:?}");
    }
}
