//! `hpol approvals` on the wire: what it sends to the admin API, and what it shows of the answers.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread::JoinHandle;

const APPROVAL: &str = r#"{
  "id": "8f2c", "state": "pending",
  "requester": {"id": "agent-7", "issuer": "https://id.example", "groups": ["autonomous-agents"]},
  "connection": {"name": "orders-prod", "kind": "postgres"},
  "exact": "UPDATE orders\nSET status = '\u202eegdelwonk\u001b[2K'\nWHERE id = 7 -- \u0430ll",
  "digest": "00ff", "requested": "2026-01-02T03:04:05Z", "expires": "2026-01-02T03:19:05Z",
  "rules": [{"name": "orders.writes_need_a_dba", "title": "A DBA agrees to every write", "because": "A person answers for it.",
    "quorum": 2, "approvers": "orders.dbas", "stands_seconds": 3600,
    "votes": [{"approver": "dana", "vote": "approve", "reason": "CHG-1", "time": "2026-01-02T03:05:05Z"}]}]
}"#;

/// Answers one request with `status` and `body`; gives back what was asked.
fn gateway(status: &'static str, body: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answered = std::thread::spawn(move || answer(listener.accept().unwrap().0, status, &body));
    (address, answered)
}

fn answer(mut stream: TcpStream, status: &str, body: &str) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut asked, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line.starts_with("GET") || line.starts_with("POST") || line.starts_with("authorization")
        {
            asked.push_str(&line.replace("\r\n", "\n"));
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut sent = vec![0; length];
    reader.read_exact(&mut sent).unwrap();
    asked.push_str(&String::from_utf8(sent).unwrap());
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    asked
}

fn hpol(address: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hpol"))
        .arg("approvals")
        .args(arguments)
        .env("HPOL_GATEWAY", address)
        .env("HPOL_TOKEN", "secret-token")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_request_is_shown_whole_and_with_nothing_hidden() {
    let (address, asked) = gateway("200 OK", APPROVAL.into());
    let output = hpol(&address, &["show", "8f2c"]);
    insta::assert_snapshot!("show_request", asked.join().unwrap());
    insta::assert_snapshot!("show_output", text(&output.stdout));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn a_list_has_a_line_a_request() {
    let long = APPROVAL.replace("UPDATE orders", &format!("UPDATE {}", "x".repeat(100)));
    let (address, asked) = gateway("200 OK", format!("{{\"approvals\":[{APPROVAL},{long}]}}"));
    let output = hpol(&address, &["list"]);
    assert!(
        asked
            .join()
            .unwrap()
            .starts_with("GET /api/v1/approvals HTTP/1.1")
    );
    insta::assert_snapshot!("list_output", text(&output.stdout));
}

#[test]
fn a_vote_carries_its_reason() {
    let (address, asked) = gateway("200 OK", APPROVAL.replace("pending", "approved"));
    let output = hpol(
        &address,
        &["approve", "8f2c", "--reason", "ticket \"CHG-4711\""],
    );
    insta::assert_snapshot!("vote_request", asked.join().unwrap());
    insta::assert_snapshot!("vote_output", text(&output.stdout));
}

#[test]
fn a_refused_vote_is_exit_code_1_and_a_missing_gateway_3() {
    let problem = r#"{"type":"about:blank","title":"own request","status":403,"detail":"a requester never votes on the own request"}"#;
    let (address, asked) = gateway("403 Forbidden", problem.into());
    let output = hpol(&address, &["approve", "8f2c", "--reason", "me"]);
    asked.join().unwrap();
    insta::assert_snapshot!("refused_vote", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));

    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = hpol(&format!("http://{closed}"), &["list"]);
    assert!(
        text(&output.stderr).contains("cannot reach the gateway"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn the_token_is_shown_to_nobody_else() {
    let output = hpol("http://gateway.example:7480", &["list"]);
    assert_eq!(output.status.code(), Some(3));
    insta::assert_snapshot!("clear_text", text(&output.stderr));
}
