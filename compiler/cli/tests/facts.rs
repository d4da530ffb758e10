//! `hpol facts postgres` as a program meets it: a line in, a line out.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

fn facts(lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .args(["facts", "postgres"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn every_line_is_answered_in_its_place() {
    let output = facts(
        r#"{"id": 1, "sql": "WITH d AS (DELETE FROM old.orders RETURNING *) SELECT now() FROM d, public.customers"}
{"id": "path", "sql": "SELECT a FROM t", "search_path": ["app"]}

{"id": null, "sql": "EXECUTE wipe"}
{"id": "syntax", "sql": "SELEC 1"}
{"id": "file", "sql": "COPY t TO '/srv/x'"}
{"id": "empty", "sql": "-- ping"}
"#,
    );
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
    insta::assert_snapshot!("facts", String::from_utf8(output.stdout).unwrap());
}

/// A program may wait for an answer before it asks again.
#[test]
fn an_answer_does_not_wait_for_the_next_line() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .args(["facts", "postgres"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for id in 1..4 {
        writeln!(input, r#"{{"id": {id}, "sql": "SELECT {id}"}}"#).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(&format!(r#"{{"id":{id},"#)), "{answer}");
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_line_that_is_no_statement_ends_the_run_and_is_named() {
    let output = facts("{\"id\": 1, \"sql\": \"SELECT 1\"}\n{\"id\": 2, \"text\": \"SELECT 1\"}\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        said.starts_with("error: line 2 of `standard input`: unknown field `text`"),
        "{said}"
    );
}
