//! `hpol lsp` as an editor meets it: the program is started, spoken to over its standard input and output, and what it
//! answers is held fast.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something fails"
)]

#[path = "lsp/client.rs"]
mod client;

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

/// What a completion offers.
fn offered(answer: &Value) -> Vec<String> {
    let items = answer.as_array().unwrap().iter();
    items
        .map(|item| item["label"].as_str().unwrap().to_owned())
        .collect()
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
fn hovers_tell_what_a_word_is() {
    let mut editor = editor();
    let mut shown = String::new();
    for word in [
        "satisfies",
        "AC-3",
        "AC-3(2",
        "SI-19(4",
        "who agents",
        "on orders_db",
        "sql.verbs",
        "[select",
        "when writes",
        "pii.ssn",
        "by read_orders",
    ] {
        let place = editor.behind("rules.hpol", word);
        let hover = editor.ask("textDocument/hover", place);
        shown += &format!(
            "==== {word}\n{}\n",
            hover["contents"]["value"].as_str().unwrap()
        );
    }
    insta::assert_snapshot!("hovers", shown);
}

#[test]
fn completion_knows_what_fits_where_it_is_asked() {
    let mut editor = editor();
    let cases = [
        (
            "rule r {\n    |\n}",
            &["satisfies", "who", "on", "when", "allow", "block"][..],
            &["permit", "expect", "column"][..],
        ),
        (
            "rule r {\n    who |",
            &["agents", "dbas", "subject.id", "everyone"],
            &["sql.verbs", "http.method"],
        ),
        (
            "rule r {\n    on orders_db\n    when |",
            &["sql.verbs", "subject.id", "writes", "agents"],
            &["http.method"],
        ),
        (
            "rule r {\n    on crm\n    when |",
            &["http.method", "writes"],
            &["sql.verbs"],
        ),
        (
            "rule r {\n    when sql.verbs has |",
            &["drop", "select", "any"],
            &["public"],
        ),
        (
            "rule r {\n    when sql.verbs has any [drop, tr|",
            &["truncate"],
            &["any"],
        ),
        (
            "rule r {\n    when sql.verbs |",
            &["has", "has any", "within"],
            &["==", "starts with"],
        ),
        (
            "rule r {\n    satisfies AC-6, |",
            &["AC-3", "AC-6(10)", "SI-19(4)"],
            &["AC-3(6)"],
        ),
        ("rule r {\n    mask |", &["pii.ssn"], &["agents"]),
        (
            "rule r {\n    require approval by 2 of |",
            &["agents", "dbas"],
            &["writes"],
        ),
        ("rule r {\n    on |", &["orders_db", "crm"], &["agents"]),
        (
            "test \"t\" {\n    expect block by |",
            &["read_orders", "default_deny"],
            &["agents"],
        ),
        ("test \"t\" {\n    http |", &["GET", "POST"], &["get"]),
        ("data d {\n    detector |", &["us_ssn"], &["agents"]),
        ("connection c = |", &["postgres", "http"], &["orders_db"]),
        ("use |", &["nist.sp800_53r5"], &["agents"]),
        ("\nr|", &["rule", "group", "test"], &["allow"]),
    ];
    for (number, (text, wanted, unwanted)) in cases.into_iter().enumerate() {
        let name = format!("case{number}.hpol");
        let place = editor.open(&name, &format!("package orders\n\n{text}"));
        let answer = editor.ask("textDocument/completion", place);
        let offered = offered(&answer);
        for word in wanted {
            assert!(
                offered.iter().any(|label| label == word),
                "{text}: no {word} in {offered:?}"
            );
        }
        for word in unwanted {
            assert!(offered.iter().all(|label| label != word), "{text}: {word}");
        }
    }
    let silent = editor.open(
        "silent.hpol",
        "package orders\n\nrule r {\n    because \"who |",
    );
    assert_eq!(editor.ask("textDocument/completion", silent), Value::Null);
}

#[test]
fn an_accepted_completion_replaces_what_was_begun() {
    let mut editor = editor();
    let place = editor.open(
        "x.hpol",
        "package orders\n\nrule r {\n    satisfies AC-3, AC-6(1|\n}\n",
    );
    let answer = editor.ask("textDocument/completion", place);
    let item = answer
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["label"] == "AC-6(10)")
        .unwrap();
    insta::assert_snapshot!("completion_item", editor.shown(item));
}

#[test]
fn names_lead_to_their_declaration_and_to_their_uses() {
    let mut editor = editor();
    let place = editor.behind("rules.hpol", "who agents");
    let found = editor.ask("textDocument/definition", place.clone());
    insta::assert_snapshot!("definition", editor.shown(&found));
    let mut asked = place.clone();
    asked["context"] = json!({ "includeDeclaration": true });
    let found = editor.ask("textDocument/references", asked);
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
    let found = editor.ask("textDocument/documentHighlight", place);
    assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
    let parameter = editor.behind("names.hpol", "sql.writes has table");
    let found = editor.ask("textDocument/definition", parameter);
    assert_eq!(found["range"]["start"]["line"], 11);
}

#[test]
fn a_rename_changes_every_file_or_says_why_not() {
    let mut editor = editor();
    let mut place = editor.behind("rules.hpol", "who agents");
    let prepared = editor.ask("textDocument/prepareRename", place.clone());
    assert_eq!(prepared["placeholder"], "agents");
    place["newName"] = json!("robots");
    let edit = editor.ask("textDocument/rename", place.clone());
    insta::assert_snapshot!("rename", editor.shown(&edit));
    for (name, why) in [
        ("dbas", "`orders.dbas` is declared already"),
        (
            "when",
            "`when` is a word that the language keeps for itself",
        ),
        (
            "a b",
            "`a b` is not a name: letters, digits and `_`, not beginning with a digit",
        ),
    ] {
        place["newName"] = json!(name);
        let refused = editor.answer("textDocument/rename", place.clone());
        assert_eq!(refused["error"]["message"], why);
    }
    let keyword = editor.behind("rules.hpol", "satisfies");
    let refused = editor.answer("textDocument/prepareRename", keyword);
    assert_eq!(
        refused["error"]["message"],
        "nothing at this place has a name that can be changed"
    );
}

#[test]
fn the_outline_folds_selections_hints_and_lenses_of_a_file() {
    let mut editor = editor();
    let file = of(&editor, "rules.hpol");
    let names = of(&editor, "names.hpol");
    let outline = editor.ask("textDocument/documentSymbol", file.clone());
    let folds = editor.ask("textDocument/foldingRange", names);
    let mut select = file.clone();
    select["positions"] = json!([editor.behind("rules.hpol", "[sel")["position"]]);
    let selection = editor.ask("textDocument/selectionRange", select);
    let mut ranged = file.clone();
    ranged["range"] = whole();
    let hints = editor.ask("textDocument/inlayHint", ranged);
    let lenses = editor.ask("textDocument/codeLens", file);
    let found = editor.ask("workspace/symbol", json!({ "query": "rdorders" }));
    let all = json!({
        "outline": outline, "folds": folds, "selection": selection, "hints": hints, "lenses": lenses, "found": found,
    });
    insta::assert_snapshot!("shape", editor.shown(&all));
}

#[test]
fn a_file_is_formatted_where_it_differs_and_only_if_it_can_be_read() {
    let mut editor = editor();
    let text = "package orders\n\nrule r {\n  satisfies AC-3\n    who agents\n    block\n}\n";
    editor.open("x.hpol", text);
    let mut asked = of(&editor, "x.hpol");
    asked["options"] = json!({ "tabSize": 4, "insertSpaces": true });
    let edits = editor.ask("textDocument/formatting", asked.clone());
    insta::assert_snapshot!("formatting", editor.shown(&edits));
    editor.edit("x.hpol", "  satisfies AC-3", "    satisfies AC-3");
    editor.edit("x.hpol", "who agents", "who   agents");
    let none = editor.ask("textDocument/formatting", asked.clone());
    assert_eq!(none, json!([]));
    editor.edit("x.hpol", "    who   agents", " who ((");
    assert_eq!(editor.ask("textDocument/formatting", asked), Value::Null);
}

#[test]
fn words_are_coloured_by_what_they_mean() {
    let mut editor = editor();
    let file = of(&editor, "rules.hpol");
    let tokens = editor.ask("textDocument/semanticTokens/full", file.clone());
    let names = [
        "keyword",
        "operator",
        "comment",
        "string",
        "number",
        "namespace",
        "connection",
        "group",
        "predicate",
        "class",
        "rule",
        "fact",
        "value",
        "parameter",
        "control",
        "type",
    ];
    let text: Vec<Vec<u16>> = editor
        .text("rules.hpol")
        .lines()
        .map(|line| line.encode_utf16().collect())
        .collect();
    let (mut line, mut column) = (0, 0);
    let mut shown = String::new();
    for token in tokens["data"].as_array().unwrap().chunks(5) {
        let [below, right, length, ty, modifiers] =
            [0, 1, 2, 3, 4].map(|index| token[index].as_u64().unwrap() as usize);
        column = if below == 0 { column + right } else { right };
        line += below;
        let word = String::from_utf16(&text[line][column..column + length]).unwrap();
        shown += &format!(
            "{}:{} {} {word}{}\n",
            line + 1,
            column + 1,
            names[ty],
            if modifiers == 1 { " (declared)" } else { "" }
        );
    }
    insta::assert_snapshot!("tokens", shown);
    let mut ranged = file;
    ranged["range"] =
        json!({ "start": { "line": 2, "character": 0 }, "end": { "line": 2, "character": 4 } });
    let some = editor.ask("textDocument/semanticTokens/range", ranged);
    assert!(some["data"].as_array().unwrap().len() < tokens["data"].as_array().unwrap().len());
}

#[test]
fn the_parameters_of_a_predicate_are_told_while_its_values_are_written() {
    let mut editor = editor();
    let place = editor.open(
        "x.hpol",
        "package orders\n\nrule r {\n    when writes(public.orders, |",
    );
    let help = editor.ask("textDocument/signatureHelp", place);
    insta::assert_snapshot!("signature", editor.shown(&help));
}

#[test]
fn what_can_be_mended_is_offered_and_mends() {
    let mut editor = editor();
    editor.open("x.hpol", "package orders\n\nrule r {\n    satisfies ac-3\n    who agnets && subject.id = \"x\"\n    on orders_db\n    deny\n}\n");
    assert_eq!(editor.published("x.hpol").as_array().unwrap().len(), 5);
    let mut asked = of(&editor, "x.hpol");
    asked["range"] = editor.ask("textDocument/foldingRange", of(&editor, "x.hpol"))[0]["startLine"]
        .as_u64()
        .map(|_| json!({ "start": { "line": 4, "character": 10 }, "end": { "line": 4, "character": 10 } }))
        .unwrap();
    asked["context"] = json!({ "diagnostics": [] });
    let actions = editor.ask("textDocument/codeAction", asked.clone());
    insta::assert_snapshot!("actions", editor.shown(&actions));
    asked["context"] = json!({ "diagnostics": [], "only": ["source.fixAll"] });
    let all = editor.ask("textDocument/codeAction", asked);
    let edits = all[0]["edit"]["changes"][editor.uri("x.hpol")]
        .as_array()
        .unwrap()
        .clone();
    for edit in edits.iter().rev() {
        let change = json!({ "range": edit["range"], "text": edit["newText"] });
        let document = json!({ "uri": editor.uri("x.hpol"), "version": 9 });
        editor.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
    }
    let last = loop {
        let found = editor.published("x.hpol");
        if found == json!([]) {
            break found;
        }
    };
    assert_eq!(last, json!([]));
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

/// Numbers that look random and are the same each time (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

const PIECES: &[&str] = &[
    "",
    "",
    "\n",
    " ",
    "{",
    "}",
    "\"",
    "(",
    ")",
    "[",
    ",",
    "rule x {",
    "who ",
    "when ",
    "sql.verbs has ",
    "and ",
    "not ",
    "AC-6(10)",
    "satisfies ",
    "// ",
    "/// ",
    "😀",
    "é",
    "package b\n",
    "exception e to r {",
    "2027-01-01",
    "mask ",
    "$.a",
    "group agents = ",
    "\nrule r {\n    satisfies AC-3\n    who agents\n    block\n}\n",
];

const QUESTIONS: &[&str] = &[
    "hover",
    "completion",
    "definition",
    "documentHighlight",
    "documentSymbol",
    "foldingRange",
    "signatureHelp",
    "semanticTokens/full",
    "codeLens",
    "prepareRename",
    "formatting",
    "references",
    "rename",
    "codeAction",
    "inlayHint",
    "selectionRange",
];

/// Random typing into one file: every question is answered, none by a fault, and at the end the server says what one
/// says that reads the file anew.
fn type_at_random(seed: u64, edits: usize) {
    let asks = json!({ "textDocument": { "diagnostic": {} } });
    let mut editor = Editor::start(&files(), &asks);
    editor.open("rules.hpol", RULES);
    let mut numbers = Numbers(seed);
    for _ in 0..edits {
        let text: Vec<char> = editor.text("rules.hpol").chars().collect();
        let start = numbers.below(text.len() + 1);
        let end = (start + numbers.below(12)).min(text.len());
        editor.replace(
            "rules.hpol",
            start..end,
            PIECES[numbers.below(PIECES.len())],
        );
        let text: Vec<char> = editor.text("rules.hpol").chars().collect();
        let place = text[..numbers.below(text.len() + 1)]
            .iter()
            .collect::<String>()
            .len();
        let mut asked = editor.at("rules.hpol", place);
        asked["context"] = json!({ "includeDeclaration": true, "diagnostics": [], "triggerKind": 1, "isRetrigger": false });
        asked["newName"] = json!("other");
        asked["range"] = whole();
        asked["positions"] = json!([asked["position"]]);
        asked["options"] = json!({ "tabSize": 4, "insertSpaces": true });
        let question = QUESTIONS[numbers.below(QUESTIONS.len())];
        let answer = editor.answer(&format!("textDocument/{question}"), asked);
        let code = &answer["error"]["code"];
        assert!(
            code.is_null() || *code == -32803,
            "seed {seed}, {question}: {answer}\n{}",
            editor.text("rules.hpol")
        );
    }
    let asked = of(&editor, "rules.hpol");
    let typed = editor.ask("textDocument/diagnostic", asked)["items"].clone();
    let text = editor.text("rules.hpol").to_owned();
    let mut fresh = Editor::start(&[("names.hpol", NAMES), ("rules.hpol", &text)], &asks);
    let asked = of(&fresh, "rules.hpol");
    let read = fresh.ask("textDocument/diagnostic", asked)["items"].clone();
    assert_eq!(
        editor.shown(&typed),
        fresh.shown(&read),
        "seed {seed}\n{text}"
    );
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn random_typing_breaks_nothing_and_ends_where_reading_anew_does() {
    let runs = std::env::var("HPOL_LSP_RUNS").map_or(4, |runs| runs.parse().unwrap());
    for run in 0..runs {
        type_at_random(0x9e37_79b9_7f4a_7c15 ^ (run + 1), 120);
    }
}
