//! What the server says of a place in a file, and how it changes files.

use serde_json::{Value, json};

use super::{editor, of, whole};

/// What a completion offers.
fn offered(answer: &Value) -> Vec<String> {
    let items = answer.as_array().unwrap().iter();
    items
        .map(|item| item["label"].as_str().unwrap().to_owned())
        .collect()
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
