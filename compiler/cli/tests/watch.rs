//! `hpol test --watch` as whoever writes a policy meets it: a file is saved, and the tests run again.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

#[path = "shared/folder.rs"]
mod folder;

use folder::folder_of;

const PROJECT: &str = "[dependencies]\n\"shared.people\" = \"../people\"\n";
const PEOPLE: &str = "package shared.people\n\ngroup agents = subject.groups has \"agents\"\n";
const POLICY: &str = r#"package a
use shared.people

connection db = postgres "orders"

rule read {
    satisfies AC-3
    who  people.agents
    on   db
    when sql.verbs within [select]
    allow
}

test "agents read" {
    as     subject "a" groups ["agents"]
    on     db
    sql    "SELECT 1"
    expect allow
}
"#;

/// A run that goes on until it is dropped.
struct Watch {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Watch {
    fn start(folder: &Path) -> Watch {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hpol"))
            .current_dir(folder)
            .args(["test", "policy", "--watch"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        Watch { child, told }
    }

    /// The line with which the next run ends; waits for it.
    fn next(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.told.read_line(&mut line).unwrap() > 0, "it has ended");
            if line.ends_with("passed\n") || line.ends_with("failed\n") {
                return line;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn tests_run_again_whenever_a_file_of_the_policy_changes() {
    let folder = folder_of(&[
        ("policy/hpol.toml", PROJECT),
        ("policy/a.hpol", POLICY),
        ("people/people.hpol", PEOPLE),
    ]);
    let path = |name: &str| folder.path().join(name);
    let mut watch = Watch::start(folder.path());
    assert_eq!(watch.next(), "1 test passed\n");

    let blocks = POLICY.replace("expect allow", "expect block by default_deny");
    fs::write(path("policy/a.hpol"), &blocks).unwrap();
    assert_eq!(watch.next(), "1 of 1 test failed\n");

    // A file of a package.
    fs::write(
        path("people/people.hpol"),
        PEOPLE.replace("\"agents\"", "\"others\""),
    )
    .unwrap();
    assert_eq!(watch.next(), "1 test passed\n");

    // What cannot be read does not end it, and neither does what has errors.
    fs::write(path("policy/a.hpol"), b"package a\n\xff").unwrap();
    fs::write(path("policy/b.hpol"), "package a\n\nrule {\n").unwrap();
    fs::remove_file(path("policy/a.hpol")).unwrap();
    fs::write(path("policy/b.hpol"), &blocks).unwrap();
    fs::write(
        path("policy/c.hpol"),
        "package a\n\ntest \"reads\" {\n    as     subject \"a\"\n    on     db\n    sql    \"SELECT 1\"\n    expect block\n}\n",
    )
    .unwrap();
    while watch.next() != "2 tests passed\n" {}
}
