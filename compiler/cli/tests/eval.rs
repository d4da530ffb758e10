//! `hpol eval` and `hpol bench`: the workload of `tests/bench/workload.py generate` decided from files and from a bundle,
//! and what an answer says. The same script compares larger workloads.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something fails"
)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

#[path = "shared/run.rs"]
mod run;

use run::{hpol, text};

const WORKLOAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workload");

const POLICY: &str = r#"package demo

connection db = postgres "orders-prod"

group agents = subject.groups has "agents"
group dbas = subject.groups has "dba"

data pii.ssn {
    column public.customers.ssn on db
}

rule read {
    satisfies AC-3
    who agents
    on db
    when sql.verbs within [select] and sql.reads within [public.customers]
    allow
}

rule write {
    satisfies AC-3
    who agents
    on db
    when sql.verbs within [insert, update]
    require approval by 2 of dbas within 15m
}

rule no_drop {
    satisfies AC-3, CM-7
    when sql.verbs has drop
    block "open a ticket"
}

rule hide_ssn {
    satisfies AC-4(23)
    who everyone except dbas
    on db
    mask pii.ssn keep last 4
}
"#;

const REQUESTS: &str = r#"{"id": "read", "kind": "postgres", "facts": {"subject.groups": ["agents"], "connection.name": "orders-prod", "sql.verbs": ["select"], "sql.reads": ["public.customers"], "sql.statements": 1}}
{"id": "write", "kind": "postgres", "facts": {"subject.groups": ["agents"], "connection.name": "orders-prod", "sql.verbs": ["update"]}}
{"id": "drop", "kind": "postgres", "facts": {"subject.groups": ["agents"], "connection.name": "orders-prod", "sql.verbs": ["drop"]}}
{"id": "nobody", "kind": "postgres", "facts": {"subject.groups": ["dba"], "connection.name": "orders-prod", "sql.verbs": ["select"]}}
{"id": "unknown", "kind": "postgres", "facts": {"subject.groups": ["agents"], "connection.name": "orders-prod", "sql.verbs": ["select"], "sql.reads": null}, "unknown": ["sql.verbs"]}
{"id": "http", "facts": {"connection.kind": "http", "connection.name": "crm", "subject.groups": ["agents"], "http.method": "GET"}}
"#;

/// What a run prints; it must end well.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = hpol(folder, arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout).to_owned()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A folder with the workload as a bundle.
fn built() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["keygen", "key"]);
    let output = hpol(
        folder.path(),
        &[
            "build",
            &format!("{WORKLOAD}/policy"),
            "--vocabulary",
            &format!("{WORKLOAD}/vocabulary.toml"),
            "--key",
            "key",
            "-o",
            "workload.hpolb",
        ],
    );
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (
            Some(0),
            "it has a vocabulary of its own: no gateway loads it\n"
        )
    );
    folder
}

fn requests() -> String {
    format!("{WORKLOAD}/requests.jsonl")
}

/// An answer in the form in which decisions are expected: names without their package, and without the grants that a
/// rule which masks comes with.
fn decided(answer: &Value) -> Value {
    let names = |effect: &str| {
        let names = answer["rules"][effect].as_array().unwrap().iter();
        let names = names.map(|name| name.as_str().unwrap().strip_prefix("workload.").unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let (allow, mask) = (names("allow"), names("mask"));
    let (grants, allow): (Vec<_>, Vec<_>) =
        allow.into_iter().partition(|name| name.ends_with("_grant"));
    let masked: Vec<_> = mask.iter().map(|name| format!("{name}_grant")).collect();
    assert_eq!(grants, masked, "{answer}");
    json!({
        "id": answer["id"], "verdict": answer["verdict"], "block": names("block"), "approve": names("approve"),
        "allow": allow, "mask": mask,
    })
}

#[test]
fn a_workload_is_decided_as_expected_from_files_and_from_a_bundle() {
    let folder = built();
    let expected = lines(&fs::read_to_string(format!("{WORKLOAD}/expected.jsonl")).unwrap());
    let (policy, vocabulary) = (
        format!("{WORKLOAD}/policy"),
        format!("{WORKLOAD}/vocabulary.toml"),
    );
    let origins: [&[&str]; 3] = [
        &[&policy, "--vocabulary", &vocabulary],
        &["workload.hpolb", "--key", "key.pub"],
        &["workload.hpolb"],
    ];
    let requests = requests();
    let forms: [&[&str]; 4] = [
        &[],
        &["--form", "session"],
        &["--form", "tables"],
        &["--form", "bits"],
    ];
    for origin in origins {
        for form in forms {
            let arguments = [&["eval"], origin, &["--requests", &requests], form].concat();
            let answers = lines(&printed(folder.path(), &arguments));
            assert_eq!(answers.len(), 50);
            for (answer, expected) in answers.iter().zip(&expected) {
                assert_eq!(decided(answer), *expected, "{form:?}");
            }
        }
    }
}

/// A diagram knows the verdict and what obliges; what it does not know its answers leave out.
#[test]
fn a_workload_is_decided_as_expected_by_the_diagram() {
    let folder = built();
    let (requests, bundle) = (requests(), ["eval", "workload.hpolb", "--requests"]);
    let answers = |form: &str| {
        let arguments = [&bundle[..], &[&requests, "--form", form]].concat();
        lines(&printed(folder.path(), &arguments))
    };
    let (by_diagram, by_session) = (answers("dag"), answers("session"));
    assert_eq!(by_diagram.len(), 50);
    for (diagram, mut session) in by_diagram.into_iter().zip(by_session) {
        for key in ["determining", "controls"] {
            session.as_object_mut().unwrap().remove(key);
        }
        for key in ["block", "allow"] {
            session["rules"].as_object_mut().unwrap().remove(key);
        }
        assert_eq!(diagram, session);
    }
}

#[test]
fn an_answer_tells_rules_obligations_controls_and_unknown_facts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("demo.hpol"), POLICY).unwrap();
    fs::write(folder.path().join("requests.jsonl"), REQUESTS).unwrap();
    let arguments = ["eval", "demo.hpol", "--requests", "requests.jsonl"];
    insta::assert_snapshot!("answers", printed(folder.path(), &arguments));
}

#[test]
fn an_answer_tells_limits_and_what_rules_in_observe_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"package demo
group agents = subject.groups has "agents"
rule read {
    satisfies AC-3
    who agents
    allow limit rows 10
}
rule more {
    satisfies AC-3
    who agents
    allow limit rows 20
}
rule no_reads {
    satisfies AC-3
    when sql.verbs has select
    observe block
}
"#;
    let request = r#"{"id": 1, "kind": "postgres", "facts": {"subject.id": "a", "subject.groups": ["agents"], "sql.verbs": ["select"]}}"#;
    fs::write(folder.path().join("demo.hpol"), policy).unwrap();
    fs::write(folder.path().join("requests.jsonl"), request).unwrap();
    for form in ["session", "dag"] {
        let arguments = [
            "eval",
            "demo.hpol",
            "--requests",
            "requests.jsonl",
            "--form",
            form,
        ];
        let answer = &lines(&printed(folder.path(), &arguments))[0];
        assert_eq!(answer["verdict"], json!("allow"), "{form}");
        assert_eq!(
            answer["rules"]["limit"],
            json!(["demo.more", "demo.read"]),
            "{form}"
        );
        assert_eq!(
            answer["obligations"],
            json!([{"rule": "demo.read", "limit": {"rows": 10}}])
        );
        assert_eq!(
            answer["observed"],
            json!([{"rule": "demo.no_reads", "would": "block"}])
        );
    }
}

#[test]
fn bench_decides_every_request_in_every_round() {
    let folder = built();
    let arguments = [
        "bench",
        "workload.hpolb",
        "--key",
        "key.pub",
        "--requests",
        &requests(),
        "--rounds",
        "3",
        "--json",
    ];
    let figures: Value = serde_json::from_str(&printed(folder.path(), &arguments)).unwrap();
    for (name, value) in [
        ("rules", json!(24)),
        ("requests", json!(50)),
        ("decisions", json!(150)),
        (
            "verdicts",
            json!({"allow": 4, "block": 29, "require_approval": 17}),
        ),
    ] {
        assert_eq!(figures[name], value, "{name}");
    }
    assert!(figures["decision_ns"]["p99"].as_u64().unwrap() > 0);
    assert_eq!(figures["allocations"]["decisions"], json!(0));
    assert!(figures["allocations"]["open"].as_u64().unwrap() > 0);
    assert!(figures["steps_ns"]["load"].as_u64().unwrap() > 0);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let folder = built();
    fs::write(folder.path().join("demo.hpol"), POLICY).unwrap();
    fs::write(
        folder.path().join("bad.jsonl"),
        "{\"id\": 1, \"kind\": \"http\", \"facts\": {\"sql.verb\": []}}\n",
    )
    .unwrap();
    fs::write(folder.path().join("bad.toml"), "[[fact]]\n").unwrap();
    printed(folder.path(), &["keygen", "other"]);
    let bytes = fs::read(folder.path().join("workload.hpolb")).unwrap();
    fs::write(folder.path().join("cut.hpolb"), &bytes[..bytes.len() - 1]).unwrap();
    let requests = requests();
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &["demo.hpol", "--key", "key.pub"],
            2,
            "error: `--key` is for a bundle",
        ),
        (
            &["workload.hpolb", "--vocabulary", "bad.toml"],
            2,
            "error: `--vocabulary` is for policy files",
        ),
        (
            &["demo.hpol", "--vocabulary", "bad.toml"],
            3,
            "error: `bad.toml` is not a vocabulary: ",
        ),
        (
            &["workload.hpolb", "--key", "other.pub"],
            1,
            "`workload.hpolb` does not hold: bundle is signed by key",
        ),
        (
            &["cut.hpolb"],
            1,
            "`cut.hpolb` does not hold: bundle is cut off",
        ),
        (&["demo.hpol"], 3, "error: line 1 of `"),
    ];
    for (origin, code, says) in cases {
        for verb in ["eval", "bench"] {
            let arguments = [&[verb], origin, &["--requests", &requests]].concat();
            let output = hpol(folder.path(), &arguments);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
            assert!(said.starts_with(says), "{arguments:?}: {said}");
        }
    }
    let output = hpol(
        folder.path(),
        &["eval", "demo.hpol", "--requests", "bad.jsonl"],
    );
    assert_eq!(
        text(&output.stderr),
        "error: line 1 of `bad.jsonl`: there is no fact `sql.verb` in the vocabulary\n"
    );
}
