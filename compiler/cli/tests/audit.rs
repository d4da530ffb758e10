//! `hpol audit` and `hpol evidence` over a log that the production writer wrote.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something fails"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use hpol_evidence::checkpoint::Origin;
use hpol_evidence::key::AuditKey;
use hpol_evidence::log::{LogHandle, LogOptions};
use hpol_evidence::record::Event;

#[path = "audit/log.rs"]
mod log;
#[path = "shared/run.rs"]
mod run;

use log::{decision, log};
use run::{hpol, text};

#[test]
fn the_tail_says_what_happened_and_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let output = hpol(folder.path(), &["audit", "tail", "--log", "log"]);
    insta::assert_snapshot!("tail", text(&output.stdout));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));

    let last = hpol(
        folder.path(),
        &["audit", "tail", "--log", "log", "-n", "1", "--json"],
    );
    let record: serde_json::Value = serde_json::from_slice(&last.stdout).unwrap();
    assert_eq!(
        (&record["sequence"], &record["event"]),
        (&8.into(), &"session_closed".into())
    );
}

#[test]
fn a_tail_goes_on_with_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let key = AuditKey::generate().unwrap();
    let options = LogOptions::new(Origin::new("gateway.example/hpol").unwrap(), key);
    let (log, _) = LogHandle::open_directory(&folder.path().join("log"), options).unwrap();
    let append = |reason: &str| {
        log.append_and_wait(
            None,
            &Event::BundleRefused {
                reason: reason.into(),
            },
        )
        .unwrap()
    };
    append("first");
    let mut tail = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder.path())
        .args(["audit", "tail", "--log", "log", "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().ends_with("first"));
    append("second");
    assert!(lines.next().unwrap().unwrap().ends_with("second"));
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn operations_are_shown_with_what_became_of_them() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let output = hpol(
        folder.path(),
        &["audit", "tail", "--operations", "--log", "log"],
    );
    insta::assert_snapshot!("operations", text(&output.stdout));
}

#[test]
fn a_record_and_an_operation_are_shown_with_their_controls() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let record = hpol(folder.path(), &["audit", "show", "4", "--log", "log"]);
    let commitment = commitment(folder.path(), "4");
    let shown = text(&record.stdout)
        .replace(commitment["hash"].as_str().unwrap(), "HASH")
        .replace(commitment["salt"].as_str().unwrap(), "SALT");
    insta::assert_snapshot!("show_record", shown);
    let operation = hpol(folder.path(), &["audit", "show", "s1-3", "--log", "log"]);
    assert_eq!(
        text(&operation.stdout).matches("UPDATE orders").count(),
        4,
        "{}",
        text(&operation.stdout)
    );

    let nothing = hpol(folder.path(), &["audit", "show", "99", "--log", "log"]);
    assert_eq!(
        (nothing.status.code(), text(&nothing.stderr)),
        (Some(1), "the log holds no record of `99`\n")
    );
}

fn commitment(folder: &Path, sequence: &str) -> serde_json::Value {
    let shown = hpol(
        folder,
        &["audit", "show", sequence, "--log", "log", "--json"],
    );
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    shown["records"][0]["record"]["commitment"].clone()
}

#[test]
fn a_decision_is_held_against_what_may_have_been_asked() {
    let folder = tempfile::tempdir().unwrap();
    let key = AuditKey::generate().unwrap();
    let options = LogOptions::new(Origin::new("gateway.example/hpol").unwrap(), key);
    let (log, _) = LogHandle::open_directory(&folder.path().join("log"), options).unwrap();
    let sql = "SELECT ssn FROM customers WHERE id = 17";
    let analyser = hpol_operation::sql::Analyser::new(hpol_operation::sql::Limits::default());
    let session = hpol_operation::sql::SqlSession {
        search_path: vec!["crm".into()],
        catalogue: None,
    };
    let asked = analyser
        .analyse(sql, &session)
        .unwrap()
        .operation(&[], hpol_bundle::vocabulary::Vocabulary::builtin());
    let digest = hpol_bundle::digest::hex(&asked.digest);
    let Event::Decision(mut decision) = decision("s1-1", "allow", "r", &asked.masked, None) else {
        panic!("no decision")
    };
    decision.digest.clone_from(&digest);
    log.append_and_wait(Some("s1"), &Event::Decision(decision))
        .unwrap();
    log.append_and_wait(Some("s1"), &Event::GatewayStopped { reason: "x".into() })
        .unwrap();
    log.close().unwrap();
    std::fs::write(folder.path().join("asked.sql"), format!("{sql}\n")).unwrap();
    std::fs::write(folder.path().join("other.sql"), sql.replace("17", "18")).unwrap();
    let held = |sequence: &str, with: &[&str]| {
        let arguments = [&["audit", "match", sequence, "--log", "log"], with].concat();
        let output = hpol(folder.path(), &arguments);
        (
            output.status.code().unwrap(),
            [text(&output.stdout), text(&output.stderr)].concat(),
        )
    };
    let digest_of_approval = format!("sha256:{digest}");
    let same = (0, "record 0: this is exactly what was asked\n".to_owned());
    assert_eq!(held("0", &["--sql", "asked.sql"]), same);
    assert_eq!(held("0", &["--digest", &digest_of_approval]), same);
    let other = (1, "record 0: something else was asked\n".to_owned());
    assert_eq!(held("0", &["--sql", "other.sql"]), other);
    assert_eq!(held("1", &["--sql", "asked.sql"]).0, 1);
    assert_eq!(held("0", &["--digest", "12"]).0, 2);
    assert_eq!(held("0", &[]).0, 2);
    let (code, salt) = held("0", &["--salt"]);
    assert_eq!((code, salt.trim().len()), (0, 64));

    let id = commitment(folder.path(), "0")["salt"].clone();
    std::fs::remove_file(
        folder
            .path()
            .join(format!("log/salt-{}", id.as_str().unwrap())),
    )
    .unwrap();
    let erased = "record 0: the salt was deleted, so nobody can tell any more\n";
    assert_eq!(held("0", &["--sql", "asked.sql"]), (1, erased.to_owned()));
    assert_eq!(held("0", &["--salt"]).0, 1);
    let shown = hpol(folder.path(), &["audit", "show", "0", "--log", "log"]);
    assert!(text(&shown.stdout).contains("which was deleted: what was asked is erased"));
}

#[test]
fn a_proof_can_be_checked_by_others() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let output = hpol(
        folder.path(),
        &[
            "audit",
            "show",
            "2",
            "--log",
            "log",
            "--key",
            "audit.pub",
            "--json",
        ],
    );
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let entry = &shown["records"][0];
    let hash =
        |value: &serde_json::Value| hpol_bundle::digest::from_hex(value.as_str().unwrap()).unwrap();
    let proof = &entry["inclusion"];
    let path: Vec<_> = proof["path"].as_array().unwrap().iter().map(hash).collect();
    let leaf = hpol_evidence::merkle::leaf_hash(entry["canonical"].as_str().unwrap().as_bytes());
    let size = proof["checkpoint"]["size"].as_u64().unwrap();
    assert_eq!(size, 9);
    assert!(hpol_evidence::merkle::included(
        leaf,
        2,
        size,
        &path,
        &hash(&proof["checkpoint"]["root"])
    ));
}

#[test]
fn a_log_verifies_until_a_byte_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let verify = ["audit", "verify", "--log", "log", "--key", "audit.pub"];
    let output = hpol(folder.path(), &verify);
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with("verified: log gateway.example/hpol\n  records      9, segments 1\n"),
        "{shown}"
    );
    assert_eq!(output.status.code(), Some(0));

    let segment = std::fs::read_dir(folder.path().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            std::fs::read(path)
                .unwrap()
                .windows(10)
                .any(|bytes| bytes == b"DROP TABLE")
        })
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes
        .windows(10)
        .position(|bytes| bytes == b"DROP TABLE")
        .unwrap();
    bytes[at] = b'd';
    std::fs::remove_file(&segment).unwrap();
    std::fs::write(&segment, bytes).unwrap();
    let output = hpol(folder.path(), &verify);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(
        text(&output.stdout).starts_with("does not verify: "),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a_log_says_which_key_signed_last_and_is_held_against_it() {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<AuditKey> = ["first.pub", "second.pub", "thief.pub"]
        .map(|name| {
            let key = AuditKey::generate().unwrap();
            std::fs::write(folder.path().join(name), key.public().pem()).unwrap();
            key
        })
        .into();
    let options = |key: &AuditKey, former: Option<&AuditKey>| {
        let load = |key: &AuditKey| AuditKey::load(&key.private_pem().unwrap()).unwrap();
        let mut options = LogOptions::new(Origin::new("gateway.example/hpol").unwrap(), load(key));
        options.former_key = former.map(load);
        options
    };
    let write = |log: &str, options: LogOptions| {
        let (log, _) = LogHandle::open_directory(&folder.path().join(log), options).unwrap();
        log.append_and_wait(
            None,
            &Event::GatewayStopped {
                reason: "asked".into(),
            },
        )
        .unwrap();
        log.close().unwrap();
    };
    // The thief has the first key only.
    write("log", options(&keys[0], None));
    write("log", options(&keys[1], Some(&keys[0])));
    write("forged", options(&keys[0], None));
    write("rekeyed", options(&keys[0], None));
    write("rekeyed", options(&keys[2], Some(&keys[0])));
    let verify = |log: &str, more: &[&str]| {
        let arguments = ["audit", "verify", "--log", log, "--key", "first.pub"];
        let output = hpol(folder.path(), &[&arguments, more].concat());
        (output.status.code(), text(&output.stdout).to_owned())
    };
    let (code, shown) = verify("log", &["--last-key", "second.pub"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("\n  key changed  "), "{shown}");
    let (_, shown) = verify("log", &["--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["last_key"]["key"], keys[1].public().base64());
    assert_eq!(shown["key_changes"][0]["sequence"], 1);
    assert_eq!(shown["key_changes"][0]["to"], shown["last_key"]["id"]);
    for forged in ["forged", "rekeyed"] {
        assert_eq!(verify(forged, &[]).0, Some(0));
        let (code, shown) = verify(forged, &["--last-key", "second.pub"]);
        assert_eq!(code, Some(1), "{shown}");
        assert!(
            shown.starts_with("does not verify: the last checkpoint is signed by key "),
            "{shown}"
        );
    }
    assert_eq!(verify("log", &["--last-key", "first.pub"]).0, Some(1));
}

#[test]
fn evidence_is_grouped_by_control() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let output = hpol(
        folder.path(),
        &["evidence", "--by", "control", "--log", "log"],
    );
    insta::assert_snapshot!("evidence", text(&output.stdout));
    let output = hpol(folder.path(), &["evidence", "--log", "log", "--json"]);
    insta::assert_snapshot!("evidence_json", text(&output.stdout));
}

#[test]
fn a_folder_that_is_not_there_is_the_environments_fault() {
    let folder = tempfile::tempdir().unwrap();
    let output = hpol(folder.path(), &["audit", "tail", "--log", "nowhere"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("error: the audit log in `nowhere` cannot be read: "));
}
