//! `hpol lsp` as an editor meets it: the program is started, spoken to over its standard input and output, and what it
//! answers is held fast.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something fails"
)]

#[path = "lsp/answers.rs"]
mod answers;
#[path = "lsp/client.rs"]
mod client;
#[path = "lsp/typing.rs"]
mod typing;

use client::Editor;
use serde_json::{Value, json};

const NAMES: &str = r#"package orders
use nist.sp800_53r5 baseline moderate

connection orders_db = postgres "orders-prod"
connection crm = http "crm-api"

/// People's programs.
group agents = subject.groups has "autonomous-agents"
group dbas = subject.groups has "dba"

/// Writes to one table.
predicate writes(table, verb) = sql.writes has table and sql.verbs has verb

data pii.ssn {
    column public.customers.ssn on orders_db
    json $.customer.ssn on crm
    detector us_ssn
}
"#;

const RULES: &str = r#"package orders

rule read_orders "Agents read order data" {
    satisfies AC-3, AC-6
    because "They answer customers. 😀"
    who agents
    on orders_db
    when sql.verbs within [select]
    allow limit rows 10_000
}

rule writes_need_dbas "Writes need two" {
    satisfies AC-3(2)
    who agents and not dbas
    on orders_db
    when writes(public.orders, update)
    require approval by 2 of dbas within 15m
}

rule hide_ssn {
    satisfies SI-19(4)
    who everyone except dbas
    mask pii.ssn keep last 4
}

test "agents read" {
    as subject "agent-7" groups ["autonomous-agents"]
    on orders_db
    sql "SELECT id FROM orders"
    expect allow by read_orders citing AC-3
}
"#;

fn files() -> Vec<(&'static str, &'static str)> {
    vec![("names.hpol", NAMES), ("rules.hpol", RULES)]
}

/// An editor that shows `RULES`.
fn editor() -> Editor {
    let capabilities = json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } } });
    let mut editor = Editor::start(&files(), &capabilities);
    editor.open("rules.hpol", RULES);
    editor.open("names.hpol", NAMES);
    editor
}

fn of(editor: &Editor, name: &str) -> Value {
    json!({ "textDocument": { "uri": editor.uri(name) } })
}

fn whole() -> Value {
    json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9999, "character": 0 } })
}

#[test]
fn it_says_what_it_can_do_and_leaves_when_it_is_told() {
    let mut editor = Editor::start(&[], &json!({}));
    let again = editor.answer("initialize", json!({}));
    assert_eq!(again["error"]["code"], -32601);
    let unknown = editor.answer("textDocument/unheardOf", json!({}));
    assert_eq!(unknown["error"]["code"], -32601);
    let broken = editor.answer("textDocument/hover", json!({ "textDocument": 1 }));
    assert_eq!(broken["error"]["code"], -32803);
    editor.send_bytes(b"{ not json");
    let malformed = editor.wait(|message| message["error"]["code"] == -32700);
    assert_eq!(malformed["id"], Value::Null);
    assert_eq!(editor.leave(), Some(0));
    let rude = Editor::start(&[], &json!({}));
    assert_eq!(rude.end(), Some(1));
}

#[test]
fn diagnostics_come_with_every_keystroke_and_go_when_mended() {
    let mut editor = editor();
    editor.edit("rules.hpol", "who agents\n", "who agnets\n");
    let found = editor.published("rules.hpol");
    insta::assert_snapshot!("diagnostics", editor.shown(&found));
    editor.edit("rules.hpol", "agnets", "agents");
    assert_eq!(editor.published("rules.hpol"), json!([]));
    // What is wrong in one file because of another.
    editor.edit("names.hpol", "group dbas", "group admins");
    let found = editor.published("rules.hpol");
    assert_eq!(
        found[0]["relatedInformation"].as_array().unwrap().len(),
        1,
        "{found}"
    );
    assert_eq!(editor.leave(), Some(0));
}

/// What the editor has open counts in every policy that takes it.
#[test]
fn an_edit_of_a_package_is_seen_by_the_policies_that_take_it() {
    let people = "package shared.people\n\ngroup staff = subject.groups has \"staff\"\n";
    let policy = "package a\nuse shared.people\n\nrule r {\n    satisfies AC-3\n    who people.staff\n    when http.method == GET\n    allow\n}\n";
    let project = "[dependencies]\n\"shared.people\" = \"../people\"\n";
    let files = [
        ("people/people.hpol", people),
        ("policy/a.hpol", policy),
        ("policy/hpol.toml", project),
    ];
    let mut editor = Editor::start(&files, &json!({}));
    editor.open("policy/a.hpol", policy);
    editor.open("people/people.hpol", people);
    editor.edit("people/people.hpol", "group staff", "group crew");
    let found = editor.published("policy/a.hpol");
    assert_eq!(found[0]["severity"], 1, "{found}");
    editor.edit("people/people.hpol", "group crew", "group staff");
    assert_eq!(editor.published("policy/a.hpol"), json!([]));
    assert_eq!(editor.leave(), Some(0));
}

/// As `hpol check` warns of it: an editor knows the time too.
#[test]
fn an_exception_that_has_ended_is_warned_of() {
    let text = r#"package a
connection db = postgres "orders"
rule no_drop {
    satisfies CM-7
    on db
    when sql.verbs has drop
    block
}
exception once to no_drop {
    who     subject.id == "job"
    because "It was moved."
    owner   "ops"
    until   2020-01-31
}
"#;
    let mut editor = Editor::start(&[("a.hpol", text)], &json!({}));
    editor.open("a.hpol", text);
    let found = editor.published("a.hpol");
    assert_eq!(found[0]["code"], "HP0421", "{found}");
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn a_client_that_asks_for_diagnostics_gets_them_when_it_asks() {
    let mut editor = Editor::start(&files(), &json!({ "textDocument": { "diagnostic": {} } }));
    editor.open("rules.hpol", RULES);
    editor.edit("rules.hpol", "satisfies SI-19(4)", "satisfies SI-19(44)");
    let asked = of(&editor, "rules.hpol");
    let report = editor.ask("textDocument/diagnostic", asked.clone());
    assert_eq!(
        (&report["kind"], &report["items"][0]["code"]),
        (&json!("full"), &json!("HP0301"))
    );
    let mut again = asked;
    again["previousResultId"] = report["resultId"].clone();
    assert_eq!(
        editor.ask("textDocument/diagnostic", again)["kind"],
        "unchanged"
    );
    let all = editor.ask("workspace/diagnostic", json!({ "previousResultIds": [] }));
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert!(
        editor
            .pushed
            .iter()
            .all(|message| message["method"] != "textDocument/publishDiagnostics")
    );
}

#[test]
fn commands_run_a_test_draw_a_graph_and_explain_a_code() {
    let mut editor = editor();
    let uri = editor.uri("rules.hpol");
    let run = json!({ "command": "hpol.runTest", "arguments": [uri, "agents read"] });
    let passed = editor.ask("workspace/executeCommand", run.clone());
    assert_eq!(
        passed,
        json!({ "name": "agents read", "passed": true, "why": null })
    );
    editor.edit(
        "rules.hpol",
        "\"SELECT id FROM orders\"",
        "\"DELETE FROM orders\"",
    );
    let failed = editor.ask("workspace/executeCommand", run);
    assert_eq!(failed["passed"], false);
    let told = editor.wait(|message| {
        message["method"] == "window/showMessage" && message["params"]["type"] == 2
    });
    insta::assert_snapshot!("test_failed", told["params"]["message"].as_str().unwrap());
    let graph = json!({ "command": "hpol.showGraph", "arguments": [uri, "orders.orders_db"] });
    let drawn = editor.ask("workspace/executeCommand", graph);
    assert!(
        drawn["svg"].as_str().unwrap().starts_with("<svg"),
        "{drawn}"
    );
    let page = editor.ask(
        "workspace/executeCommand",
        json!({ "command": "hpol.explain", "arguments": ["HP0301"] }),
    );
    assert!(page["markdown"].as_str().unwrap().starts_with("# HP0301"));
    let unknown = editor.answer(
        "workspace/executeCommand",
        json!({ "command": "rm", "arguments": ["-rf", "/"] }),
    );
    assert!(unknown["error"]["code"].as_i64().is_some());
}

#[test]
fn files_that_change_on_disk_are_read_again() {
    let mut editor = Editor::start(
        &files(),
        &json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } }),
    );
    let asked = editor.wait(|message| message["method"] == "client/registerCapability");
    assert_eq!(
        asked["params"]["registrations"][0]["method"],
        "workspace/didChangeWatchedFiles"
    );
    std::fs::write(
        editor.path("names.hpol"),
        NAMES.replace("group dbas", "group admins"),
    )
    .unwrap();
    let changed = json!({ "changes": [{ "uri": editor.uri("names.hpol"), "type": 2 }] });
    editor.notify("workspace/didChangeWatchedFiles", changed);
    assert_eq!(editor.published("rules.hpol")[0]["code"], "HP0101");
    std::fs::remove_file(editor.path("rules.hpol")).unwrap();
    let gone = json!({ "changes": [{ "uri": editor.uri("rules.hpol"), "type": 3 }] });
    editor.notify("workspace/didChangeWatchedFiles", gone);
    assert_eq!(editor.published("rules.hpol"), json!([]));
}

#[test]
fn folders_come_and_go_and_a_project_file_makes_a_policy_of_its_own() {
    let broken = "package other\n\nrule r {\n    satisfies AC-3\n    who agents\n    block\n}\n";
    let mut files = files();
    files.push(("sub/hpol.toml", ""));
    files.push(("sub/other.hpol", broken));
    let mut editor = Editor::start(&files, &json!({}));
    // `agents` of the outer policy means nothing in the inner one.
    assert_eq!(editor.published("sub/other.hpol")[0]["code"], "HP0101");
    let folder = json!([{ "uri": editor.uri(""), "name": "policy" }]);
    editor.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": [], "removed": folder } }),
    );
    assert_eq!(editor.published("sub/other.hpol"), json!([]));
    editor.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": folder, "removed": [] } }),
    );
    assert_eq!(editor.published("sub/other.hpol")[0]["code"], "HP0101");
}

#[test]
fn a_request_that_is_taken_back_or_overtaken_is_answered() {
    let mut editor = editor();
    let mut ids = Vec::new();
    for number in 0..40 {
        let (from, to) = if number % 2 == 0 {
            ("[select]", "[insert]")
        } else {
            ("[insert]", "[select]")
        };
        ids.push(editor.send_request("workspace/symbol", json!({ "query": "" })));
        editor.edit("rules.hpol", from, to);
        let id = editor.send_request(
            "textDocument/semanticTokens/full",
            of(&editor, "rules.hpol"),
        );
        editor.notify("$/cancelRequest", json!({ "id": id }));
        ids.push(id);
    }
    for id in ids {
        let answer =
            editor.wait(|message| message["id"] == json!(id) && message.get("method").is_none());
        let code = &answer["error"]["code"];
        assert!(
            code.is_null() || *code == -32800 || *code == -32801,
            "{answer}"
        );
    }
    assert_eq!(editor.leave(), Some(0));
}
