//! Random typing, with questions in between.

use serde_json::json;

use super::client::Editor;
use super::{NAMES, RULES, files, of, whole};

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
    "during ",
    "earlier within 1h (",
    "count(sql.verbs has drop) within 1h > 3",
    "subject.claims[\"team\"] ",
    "connections where env == \"prod\"",
    "10.0.0.0/8",
    "\nschedule office = weekdays 09:00-17:00 in \"UTC\"\n",
    "\nresponsibility AC-2 \"Team\" because \"so\"\n",
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
