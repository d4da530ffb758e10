//! Texts made to take long: every one is answered in time that grows with its length, and with a bounded answer.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::Workspace;

/// What even a debug build on a busy machine stays below; what grows with the square of the length takes minutes.
const LONGEST: Duration = Duration::from_secs(30);
/// Fifty about the form of an item, fifty about its meaning.
const MOST: usize = 100;
const NAMES: &str = "package demo\nconnection db = postgres \"orders\"\ngroup agents = subject.groups has \"agents\"\n\
                     data pii.ssn { detector us_ssn }\n";

/// How many diagnostics there are for `text`.
fn diagnostics(what: &str, text: String) -> usize {
    let mut workspace = Workspace::new();
    workspace.set_file("main.hpol", text);
    let start = Instant::now();
    let found = workspace.diagnostics();
    assert!(
        workspace.policy().is_err()
            == found
                .iter()
                .any(|found| found.severity == crate::Severity::Error)
    );
    let taken = start.elapsed();
    assert!(taken < LONGEST, "{what} took {taken:?}");
    found.len()
}

/// A rule of hundreds of kilobytes whose `clause` repeats `part`.
fn rule(clause: &str, part: &str, last: &str) -> String {
    let parts = part.repeat(300_000 / part.len());
    format!("{NAMES}rule r {{ satisfies AC-3 who everyone\n {clause} {parts}{last}\n allow }}\n")
}

#[test]
fn one_huge_item_is_answered_in_a_moment() {
    let parts = [
        ("when", "sql.filtered or ", "sql.filtered"),
        ("when", "sql.filtered and ", "sql.filtered"),
        ("when", "agents or ", "agents"),
        ("when", "nobody or ", "nobody"),
        ("when", "sql.verb has x or ", "agents"),
        ("when sql.verbs has any [", "selec, ", "]"),
        ("when sql.reads has any [", "a.b, ", "]"),
        ("when subject.id in [", "\"a\", ", "\"b\"]"),
        ("when", "has sql.verbs or ", "agents"),
        ("on", "bd, ", "db"),
        ("on", "db, ", "db"),
        ("when", "not ", "agents"),
        ("", "on db ", ""),
        ("", "mask pii.ss ", ""),
    ];
    for (clause, part, last) in parts {
        let found = diagnostics(&format!("{clause} {part}"), rule(clause, part, last));
        assert!(found <= MOST, "{clause} {part}");
    }
    for control in ["AC-3, ", "ZZ-99, ", "AC-99, ", "ac-3 , "] {
        let claims = control.repeat(50_000);
        let text = format!("{NAMES}rule r {{ satisfies {claims}AC-3\n who everyone allow }}\n");
        assert!(diagnostics(control, text) <= MOST, "{control}");
    }
    let columns = "column a.b.c on bd\n detector us_snn\n".repeat(8_000);
    assert!(diagnostics("columns", format!("{NAMES}data d {{ {columns} }}\n")) <= MOST);
    let by = "rr, ".repeat(60_000);
    let text = format!(
        "{NAMES}test \"t\" {{ as subject \"a\" on db sql \"x\" expect block by {by}rr citing AC-3 }}\n"
    );
    assert!(diagnostics("by", text) <= MOST);
}

#[test]
fn a_large_group_that_is_named_often_is_answered_in_a_moment() {
    let ids: Vec<String> = (0..9_000).map(|id| format!("\"{id}\"")).collect();
    let atoms = "big or ".repeat(900);
    let text = format!(
        "{NAMES}group big = subject.id in [{}]\nrule r {{ satisfies AC-3\n when {atoms}big\n allow }}\n",
        ids.join(", ")
    );
    assert_eq!(diagnostics("large group", text), 1);
}

#[test]
fn thousands_of_misspelt_names_beside_thousands_of_names_are_answered_in_a_moment() {
    let mut text = NAMES.to_owned();
    for index in 0..1_000 {
        writeln!(text, "group group_{index} = subject.id == \"{index}\"").unwrap();
        writeln!(
            text,
            "rule r{index} {{ satisfies AC-3 who gruop_{index} block }}"
        )
        .unwrap();
    }
    assert_eq!(diagnostics("items", text), 1_000);
}

/// Words of the language and names that exist, so that what is made of them often reads almost right.
const WORDS: &[&str] = &[
    "rule r {",
    "}",
    "group g =",
    "predicate p =",
    "predicate q(a, b) =",
    "data d {",
    "test \"t\" {",
    "package x",
    "use demo",
    "connection c = http \"c\"",
    "satisfies AC-3",
    "satisfies none",
    "because \"why\"",
    "who",
    "on",
    "when",
    "unless",
    "allow",
    "block",
    "block \"no\"",
    "require approval by 1 of g within 1h",
    "mask d",
    "keep last 4",
    "everyone",
    "except",
    "any",
    "and",
    "or",
    "not",
    "has",
    "within",
    "in",
    "starts with",
    "==",
    "!=",
    ">",
    "(",
    ")",
    "[",
    "]",
    ",",
    "p",
    "q(drop, 3)",
    "q(a, b)",
    "g",
    "agents",
    "pii.ssn",
    "a",
    "b",
    "drop",
    "public.orders",
    "3",
    "15m",
    "\"x\"",
    "true",
    "sql.verbs",
    "sql.filtered",
    "sql.statements",
    "subject.id",
    "subject.groups",
    "http.content_type",
    "http.path",
    "has http.content_type",
    "detector us_ssn",
    "column a.b.c on db",
    "as subject \"x\"",
    "sql \"x\"",
    "expect",
    "by r",
    "\n",
    "\nrule s {",
    "\ngroup h =",
    "\n// x\n",
    "db",
    "during s",
    "earlier within 1h",
    "never within 1h in this session (sql.filtered)",
    "count(sql.verbs has drop) within 1h > 3",
    "sum(result.rows) within 1d",
    "distinct(sql.reads where",
    "subject.claims[\"t\"]",
    "session.client_address",
    "10.0.0.0/8",
    "10MB",
    "under",
    "observe",
    "limit rows 3",
    "connections where env == \"prod\"",
    "owner \"o\"",
    "until 2031-03-31",
    "earlier 5m ago (sql \"x\")",
    "at \"2026-11-23T10:00:00Z\"",
    "excepting e",
    "\nschedule s = daily 09:00-17:00 in \"UTC\"\n",
    "\nexception e to r {",
    "\nresponsibility AC-2 \"T\" because \"w\"\n",
    "\nconnection l = postgres \"l\" labels { env = \"prod\" }\n",
];

proptest::proptest! {
    /// However the words of the language are joined: there is a policy or an error, every place lies in the text, and
    /// the order of the files changes nothing.
    #[test]
    fn no_sentence_makes_it_fail(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        let text = format!("{NAMES}{}", words.join(" ").replace("\n ", "\n"));
        let mut workspace = Workspace::new();
        workspace.set_file("main.hpol", text.clone());
        let found = workspace.diagnostics();
        for label in found.iter().flat_map(|found| &found.labels) {
            proptest::prop_assert!(text.get(label.span.clone()).is_some());
        }
        let errors = found.iter().any(|found| found.severity == crate::Severity::Error);
        let policy = workspace.policy();
        proptest::prop_assert_eq!(policy.is_err(), errors);
        proptest::prop_assert_eq!(workspace.program().is_err(), errors);

        // Every rule that was written is a rule of the policy.
        if let Ok(policy) = policy {
            let written = text.lines().filter(|line| line.starts_with("rule ")).count();
            proptest::prop_assert_eq!(policy.rules.len(), written);
        }
    }
}
