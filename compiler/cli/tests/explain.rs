//! `hpol explain RECORD`: decisions of a log that the production writer wrote, held against the bundle that decided.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something fails"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hpol_evidence::checkpoint::Origin;
use hpol_evidence::key::AuditKey;
use hpol_evidence::log::{LogHandle, LogOptions};
use hpol_evidence::record::{
    DecisionRecord, Event, ExceptionRecord, FactValue, FactsRecord, KnownFact, LeftOut,
    ObservedRecord, OperationResult, OutcomeRecord,
};
use serde_json::Value;

#[path = "shared/folder.rs"]
mod folder;
#[path = "audit/log.rs"]
mod log;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use log::{decision, log};
use run::{hpol, text};

const POLICY: &str = r#"package orders

connection db  = postgres "orders-prod"
connection crm = http     "crm-api"

group agents = subject.groups has "autonomous-agents"
group dbas   = subject.groups has "dba"

data pii.ssn {
    column public.customers.ssn on db
}

rule read_orders "Agents read" {
    satisfies AC-3
    who  agents
    on   db
    when sql.verbs within [select] and sql.filtered
    allow
}

rule dbas_write {
    satisfies AC-3
    who  dbas
    on   db
    allow
}

rule no_drop {
    satisfies CM-7
    on   db
    when sql.verbs has drop
    block "Ask first"
}

rule watched {
    satisfies CM-7
    on   db
    when sql.reads has public.customers
    observe block
}

rule hide_ssn {
    satisfies SI-19(4)
    on   db
    mask pii.ssn redact
}

rule look {
    satisfies AC-3
    on   crm
    when http.method == GET
    allow
}
"#;

/// A folder with the policy, its bundle and keys; and the digest of the bundle.
fn built() -> (tempfile::TempDir, String) {
    let folder = folder_of(&[("orders.hpol", POLICY)]);
    let path = folder.path();
    assert!(hpol(path, &["keygen", "policy.key"]).status.success());
    let build = [
        "build",
        "orders.hpol",
        "-o",
        "orders.hpolb",
        "--key",
        "policy.key",
        "--json",
    ];
    let output = hpol(path, &build);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let digest = told["digest"].as_str().unwrap().to_owned();
    (folder, digest)
}

/// A read that was allowed, with a mask, as a door would record it whose policy has conditions over history.
fn read(bundle: &str) -> DecisionRecord {
    let asked = "SELECT ssn FROM customers WHERE id = ?";
    let Event::Decision(mut record) = decision("s1-1", "allow", "orders.read_orders", asked, None)
    else {
        unreachable!();
    };
    record.bundle = bundle.to_owned();
    record.obligations = vec!["orders.hide_ssn".to_owned()];
    record.observed = vec![ObservedRecord {
        rule: "orders.watched".to_owned(),
        would: "block".to_owned(),
    }];
    record.unknown = vec!["sql.functions".to_owned()];
    record.history = Some(FactsRecord {
        known: vec![KnownFact {
            fact: "sql.verbs".to_owned(),
            value: FactValue::Set(vec!["select".to_owned()]),
        }],
        ..FactsRecord::default()
    });
    *record
}

/// Writes a log of `events`.
fn write(folder: &Path, events: &[Event]) {
    let options = LogOptions::new(
        Origin::new("gateway.example/hpol").unwrap(),
        AuditKey::generate().unwrap(),
    );
    let (log, _) = LogHandle::open_directory(&folder.join("log"), options).unwrap();
    for event in events {
        log.append_and_wait(Some("s1"), event).unwrap();
    }
    log.close().unwrap();
}

fn outcome() -> Event {
    Event::Outcome(Box::new(OutcomeRecord {
        operation: "s1-1".into(),
        result: OperationResult::Completed,
        code: "SELECT 1".into(),
        rows: 1,
        bytes: 40,
        masked: Vec::new(),
        cut: false,
        controls: Vec::new(),
        history: None,
        left_out: LeftOut::default(),
    }))
}

/// `hpol explain -` of `lines`.
fn explain_lines(folder: &Path, arguments: &[&str], lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder)
        .args(["explain", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command line that is refused closes the pipe before it reads.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    child.wait_with_output().unwrap()
}

/// Without what differs from run to run: the digest and the times.
fn steady(told: &str, digest: &str) -> String {
    let told = told.replace(digest, "[digest]");
    let lines = told.lines().map(|line| match line.find("20") {
        Some(at) if line.as_bytes().get(at + 4) == Some(&b'-') => {
            let end = line[at..].find('Z').unwrap() + at;
            format!("{}[time]{}\n", &line[..at], &line[end + 1..])
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_decision_is_explained_as_far_as_its_record_tells() {
    let (folder, digest) = built();
    let folder = folder.path();
    write(
        folder,
        &[Event::Decision(Box::new(read(&digest))), outcome()],
    );
    let with_bundle = [
        "explain",
        "0",
        "--log",
        "log",
        "--policy",
        "orders.hpolb",
        "--key",
        "policy.key.pub",
    ];
    let output = hpol(folder, &with_bundle);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    insta::assert_snapshot!("bundle", steady(text(&output.stdout), &digest));
    // The operation, and what became of it, lead to the same decision.
    for what in ["s1-1", "1"] {
        let again = hpol(folder, &[&["explain", what], &with_bundle[2..]].concat());
        assert_eq!(text(&again.stdout), text(&output.stdout), "{what}");
    }

    let alone = hpol(folder, &["explain", "0", "--log", "log"]);
    assert_eq!((alone.status.code(), text(&alone.stderr)), (Some(0), ""));
    insta::assert_snapshot!("record_alone", steady(text(&alone.stdout), &digest));
}

#[test]
fn programs_get_the_record_and_the_rules() {
    let (folder, digest) = built();
    let folder = folder.path();
    write(
        folder,
        &[Event::Decision(Box::new(read(&digest))), outcome()],
    );
    let output = hpol(
        folder,
        &[
            "explain",
            "0",
            "--log",
            "log",
            "--policy",
            "orders.hpolb",
            "--json",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let explained = &told["decisions"][0];
    assert_eq!(explained["record"]["operation"], "s1-1");
    assert_eq!(explained["operation"][0]["event"], "outcome");
    let rules = serde_json::to_string_pretty(&explained["rules"]).unwrap();
    let others = serde_json::to_string_pretty(&explained["other_rules"]).unwrap();
    insta::assert_snapshot!("json", format!("{rules}\n{others}"));
}

#[test]
fn lines_of_a_log_are_explained_by_policy_files_with_a_warning() {
    let (folder, digest) = built();
    let folder = folder.path();
    let mut lifted = read(&digest);
    lifted.verdict = "block".to_owned();
    lifted.rules = vec!["default_deny".to_owned()];
    lifted.left_out.rules = 3;
    lifted.exceptions = vec![ExceptionRecord {
        exception: "orders.night".to_owned(),
        rule: "orders.gone".to_owned(),
        owner: "ops".to_owned(),
        until: "2031-01-01".to_owned(),
    }];
    write(folder, &[outcome(), Event::Decision(Box::new(lifted))]);
    let lines = hpol(folder, &["audit", "tail", "--log", "log", "--json"]);
    let lines = text(&lines.stdout);
    let output = explain_lines(folder, &["--policy", "orders.hpol"], lines);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stderr),
        "nothing shows that the bundle of a record was built of these policy files; give the bundle itself\n\
         1 other records are no decisions\n"
    );
    let told = text(&output.stdout);
    for said in [
        "denied by default_deny and 3 more, not recorded\n",
        "  excepted  orders.gone by orders.night of ops, until 2031-01-01\n",
        "  orders.gone lifted by orders.night: the policy has no such rule\n",
        "  outcome   not looked for; `--log` does\n",
    ] {
        assert!(told.contains(said), "{said}{told}");
    }
    // A policy under which a rule that decided cannot have matched is another one.
    let other = POLICY.replace("sql.verbs within [select]", "sql.verbs within [insert]");
    std::fs::write(folder.join("orders.hpol"), other).unwrap();
    let record = read(&digest);
    let line = serde_json::json!({
        "sequence": 0, "time": "2026-01-02T03:04:05.000Z", "event": "decision",
    });
    let mut line = line.as_object().unwrap().clone();
    line.extend(
        serde_json::to_value(record)
            .unwrap()
            .as_object()
            .unwrap()
            .clone(),
    );
    let line = serde_json::to_string(&line).unwrap();
    let output = explain_lines(folder, &["--policy", "orders.hpol"], &line);
    assert!(
        text(&output.stdout).contains("it does not match: the policy was another one"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn what_cannot_be_explained_is_said() {
    let (folder, _) = built();
    let folder = folder.path();
    // Its decisions are by another bundle.
    log(folder);
    let says = |arguments: &[&str], code: i32, why: &str| {
        let output = hpol(folder, &[&["explain"], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    };
    let with_bundle = ["2", "--log", "log", "--policy", "orders.hpolb"];
    says(
        &with_bundle,
        1,
        "record 2 was decided by bundle sha256:ab12, and this is sha256:",
    );
    says(&["0", "--log", "log"], 1, "there is no decision of `0`");
    says(&["99", "--log", "log"], 1, "there is no decision of `99`");
    says(
        &["s9-9", "--log", "log"],
        1,
        "there is no decision of `s9-9`",
    );
    says(&["-", "--log", "log"], 2, "not from both");
    says(&["HP0301", "--json"], 2, "`--log` says where they are");
    says(&["2", "--log", "nowhere"], 3, "cannot be read");
    let broken = explain_lines(folder, &[], "{\"sequence\": 1}\n");
    assert_eq!(broken.status.code(), Some(3));
    assert!(text(&broken.stderr).contains("line 1 of `standard input`"));
}
