use proptest::prelude::*;

use super::*;
use crate::lex::tokens;

fn formatted(text: &str) -> String {
    let once = format(text).unwrap();
    assert_eq!(format(&once).unwrap(), once, "a second run changes it");
    once
}

/// A file in which everything stands wrong, with comments in every place that has room for one.
const MESSY: &str = r#"// head
package   demo // of the demo


use nist.sp800_53r5   baseline moderate
connection db = postgres "orders" // primary
connection long_name=http "crm"
// apart
connection x = http "x"
group agents=subject.groups has "a"   and not subject.groups has"b"
group dbas = subject.groups has "dba"
predicate   writes( table )=sql.writes has table
/// Numbers.
/// Of people.
data pii.ssn{ detector us_ssn
  column public."Weird Name".ssn on db // why
  json $.a["x y"][*].b on long_name
  // last
}
rule r "Title"{
// first
satisfies AC-3,AC-6(10),   CM-7 because "so"
  because "reason"
  who everyone except agents or dbas

  on db , long_name
  // before when
  when sql.verbs has any[drop,truncate] or(sql.verbs within [select] and not sql.filtered)
    // about the second
    or sql.statements>1 // trailing
  unless (http.content_type or "none")=="x" and sql.filtered
     and
     sql.verbs has drop
  observe   block "no"
}
rule empty{}
rule only { // nothing here
}
rule wide { satisfies none because "demo"
  when sql.functions has any [
    pg_catalog.pg_read_file, // reads
    pg_catalog.lo_import, pg_catalog.lo_export ]
  or sql.verbs has any [select, insert, update, delete, truncate, drop, alter, create, grant, revoke, copy, vacuum]
  mask pii.ssn keep last 4 }
test "t" { as subject "a" groups ["x","y",] issuer "https://idp" on db sql "DROP TABLE x" expect block by r,wide citing AC-3,AC-6(10) }
// the end
"#;

#[test]
fn everything_has_its_place_and_no_comment_is_lost() {
    insta::assert_snapshot!(formatted(MESSY));
}

#[test]
fn a_reason_keeps_its_line() {
    let text =
        "package a\n\nrule r {\n    satisfies AC-3\n    because   \"of the rule\"\n    allow\n}\n";
    assert_eq!(formatted(text), text);
    let text = "package a\n\nrule r {\n    satisfies AC-3 because \"of the claim\"\n    allow\n}\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn line_ends_and_marks_of_other_systems_become_ours() {
    let text = "\u{feff}package a\r\nrule r {\r\n allow // x\r\n}";
    assert_eq!(
        formatted(text),
        "package a\n\nrule r {\n    allow // x\n}\n"
    );
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("// only\n\n\n// this"), "// only\n\n// this\n");
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    for broken in [
        "rul r {}",
        "package a\nrule r { allow",
        "package a\nrule r { when a && b allow }",
    ] {
        assert_eq!(format(broken), Err(Unformatted::Broken), "{broken}");
    }
}

#[test]
fn a_text_that_means_something_else_is_not_the_same() {
    let text = "package a\nrule r {\n  satisfies AC-3\n  // why\n  because \"x\"\n  when a.b in [c, d]\n  allow\n}\n";
    assert!(same::same(text, &text.replace(", d]", ", d,]")));
    for (from, to) in [
        ("// why\n  because", "because"),
        ("\n  // why\n  because", " because"),
        ("c, d", "d, c"),
        ("when", "unless"),
        ("why", "how"),
        ("rule r", "rule s"),
    ] {
        assert!(!same::same(text, &text.replace(from, to)), "{from}");
    }
}

/// Every policy of the tree: files, and the examples of the documents.
fn sources() -> &'static [(String, String)] {
    static SOURCES: std::sync::OnceLock<Vec<(String, String)>> = std::sync::OnceLock::new();
    SOURCES.get_or_init(read_sources)
}

fn read_sources() -> Vec<(String, String)> {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut found = Vec::new();
    for folder in [
        "policies",
        "tests/suite/policies",
        "compiler/cli",
        "lang-spec",
        "docs",
        "compiler/hir/src",
    ] {
        walk(&root.join(folder), &mut found);
    }
    assert!(found.len() > 200, "{}", found.len());
    found
}

fn walk(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            walk(&path, found);
        } else if name.ends_with(".hpol") {
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        } else if name.ends_with(".md") {
            let text = std::fs::read_to_string(&path).unwrap();
            let fences = text.split("```hpol\n").skip(1);
            found.extend(
                fences.map(|fence| (name.clone(), fence.split("```").next().unwrap().to_owned())),
            );
        }
    }
}

#[test]
fn every_policy_of_the_tree_keeps_its_meaning_and_a_second_run_changes_nothing() {
    for (name, text) in sources() {
        match format(text) {
            Ok(once) => assert_eq!(format(&once).as_ref(), Ok(&once), "{name}"),
            Err(Unformatted::Broken) => {}
            Err(Unformatted::Meaning) => panic!("{name} would mean something else:\n{text}"),
        }
    }
}

#[test]
fn the_policies_of_the_tree_are_formatted() {
    for (name, text) in sources() {
        if name.ends_with(".hpol") && !name.contains("broken") && !name.contains("workload") {
            assert_eq!(format(text).as_ref(), Ok(text), "{name}");
        }
    }
}

/// `text` with other gaps between its tokens: blanks, line ends and comments, by the bytes of `choices`.
fn disarranged(text: &str, choices: &[u8]) -> String {
    let tokens = tokens(text);
    let mut written = String::new();
    let mut end = 0;
    for (token, choice) in tokens.iter().zip(choices.iter().cycle()) {
        let gap = &text[end..token.span.start as usize];
        let first = token.column_0 || gap.contains("//") || gap.is_empty();
        written.push_str(match choice % 8 {
            _ if first => gap,
            0 => "\n  ",
            1 => " // aside\n    ",
            2 => "\n\n\n  // alone\n\n ",
            3 => "   ",
            4 => " ",
            _ => gap,
        });
        written.push_str(token.span.of(text));
        end = token.span.end as usize;
    }
    written
}

#[test]
fn the_gap_within_next_day_means_nothing() {
    for gap in [" ", "   ", "\n\t"] {
        let text = format!("schedule s = daily 22:00-06:00 next{gap}day in \"UTC\"\n");
        let settled = "schedule s = daily 22:00-06:00 next day in \"UTC\"\n";
        assert_eq!(formatted(&text), settled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn however_a_policy_is_arranged_it_keeps_its_meaning(
        which in any::<prop::sample::Index>(),
        choices in prop::collection::vec(any::<u8>(), 1..80),
    ) {
        let sources = sources();
        let (_, text) = which.get(sources);
        let text = disarranged(text, &choices);
        match format(&text) {
            Ok(once) => prop_assert_eq!(format(&once), Ok(once)),
            Err(Unformatted::Broken) => {}
            Err(Unformatted::Meaning) => prop_assert!(false, "would mean something else:\n{}", text),
        }
    }
}
