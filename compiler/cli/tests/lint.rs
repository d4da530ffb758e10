//! `hpol lint` as a user meets it.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::path::Path;

#[path = "shared/folder.rs"]
mod folder;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use run::{hpol, text};

const POLICY: &str = r#"package a

use nist.sp800_53r5 baseline moderate

connection db = postgres "orders"

group agents = subject.groups has "agents"

rule few "Few rows" {
    satisfies AC-3
    because "Nobody reads more of them."
    who agents
    on db
    when sql.verbs has any [select]
    allow limit rows 10000
}

rule gone "Drops are refused" {
    satisfies AC-3
    because "What is dropped cannot be taken back."
    who agents
    on db
    when sql.verbs has drop and sql.verbs within [select]
    block "Ask first"
}

test "reads" {
    as     subject "a" groups ["agents"]
    on     db
    sql    "SELECT a FROM x"
    expect allow by few
}
"#;

fn folder(policy: &str) -> tempfile::TempDir {
    folder_of(&[("policy.hpol", policy)])
}

#[test]
fn findings_are_told_with_what_shows_them() {
    let folder = folder(POLICY);
    let output = hpol(folder.path(), &["lint"]);
    insta::assert_snapshot!("lint", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    let denied = hpol(folder.path(), &["lint", "--deny", "HP0725"]);
    assert_eq!(denied.status.code(), Some(1));
    let quiet = hpol(folder.path(), &["lint", "--allow", "all"]);
    assert_eq!(text(&quiet.stdout), "ok: 1 file, nothing found\n");
}

#[test]
fn the_project_file_sets_levels_and_the_command_line_has_the_last_word() {
    let folder = folder(POLICY);
    fs::write(
        folder.path().join("hpol.toml"),
        "[lints]\nall = \"allow\"\nsemantic = \"deny\"\n",
    )
    .unwrap();
    let output = hpol(folder.path(), &["lint", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let codes: Vec<&str> = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"HP0902"), "{codes:?}");
    assert!(
        codes.iter().all(|code| code.starts_with("HP09")),
        "{codes:?}"
    );
    let output = hpol(folder.path(), &["lint", "--allow", "semantic"]);
    assert_eq!(output.status.code(), Some(0));
    fs::write(
        folder.path().join("hpol.toml"),
        "[lints]\nstile = \"allow\"\n",
    )
    .unwrap();
    let output = hpol(folder.path(), &["lint"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no lint `stile`"));
}

#[test]
fn what_can_be_mended_is_mended_and_the_policy_stays_sound() {
    let folder = folder(POLICY);
    let output = hpol(folder.path(), &["lint", "--fix", "--allow", "semantic"]);
    assert_eq!(output.status.code(), Some(0));
    let mended = fs::read_to_string(folder.path().join("policy.hpol")).unwrap();
    assert!(
        mended.contains("    when  sql.verbs has select\n"),
        "{mended}"
    );
    assert!(mended.contains("    allow limit rows 10_000\n"), "{mended}");
    assert!(text(&output.stderr).contains("mended 2 findings"));
    let checked = hpol(folder.path(), &["test"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    let again = hpol(folder.path(), &["lint", "--fix"]);
    assert!(!text(&again.stderr).contains("mended"));
}

#[test]
fn a_comment_allows_a_finding_where_it_stands() {
    let comment = "    when sql.verbs has any [select] // hpol: allow(HP0725) because \"nothing else is granted\"\n";
    let folder = folder(&POLICY.replace("    when sql.verbs has any [select]\n", comment));
    let output = hpol(folder.path(), &["lint", "--format", "github"]);
    let found = text(&output.stdout);
    assert!(
        !found.contains("HP0725") && !found.contains("HP069"),
        "{found}"
    );
    assert!(found.contains("HP0702"), "{found}");
}

#[test]
fn a_policy_with_errors_is_not_linted_and_pages_are_shown() {
    let folder = folder("package a\nrule r {\n    allow\n}\n");
    let output = hpol(folder.path(), &["lint"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("HP0304"));
    let page = hpol(folder.path(), &["lint", "--explain", "hp0725"]);
    assert!(text(&page.stdout).starts_with("# HP0725: "));
    let none = hpol(folder.path(), &["lint", "--deny", "HP0101"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn what_we_ship_is_clean() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for policy in [
        "policies/agents-with-memory",
        "policies/orders",
        "policies/read-only-analytics",
        "compiler/cli/templates/init",
    ] {
        let output = hpol(
            &root.join(policy),
            &["lint", "--deny", "correctness,compliance,semantic"],
        );
        assert_eq!(
            output.status.code(),
            Some(0),
            "{policy}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn tests_that_differ_in_what_happened_before_ask_different_things() {
    let policy = |first: &str, second: &str| {
        format!(
            "package a\n\nconnection db = postgres \"orders\"\n\nrule pace \"Three at most\" {{\n    satisfies AC-3\n    \
             on    db\n    when  count(sql.verbs has select) within 1m > 3\n    block \"Slow down\"\n}}\n\n\
             test \"one\" {{\n    as      subject \"a\" groups [\"agents\"]\n    {first}\n    on      db\n    \
             sql     \"SELECT 1\"\n    expect  block by pace\n}}\n\n\
             test \"two\" {{\n    as      subject \"a\" groups [\"agents\"]\n    {second}\n    on      db\n    \
             sql     \"SELECT 1\"\n    expect  block by pace\n}}\n"
        )
    };
    let five = "earlier 5s ago 5 times (sql \"SELECT 1\")";
    for (second, found) in [
        (five, true),
        ("earlier 5s ago 6 times (sql \"SELECT 1\")", false),
        ("earlier 6s ago 5 times (sql \"SELECT 1\")", false),
        ("earlier 5s ago 5 times (sql \"SELECT 2\")", false),
        ("earlier 5s ago 5 times (sql \"SELECT 1\" rows 1)", false),
        (
            "earlier 5s ago 5 times (sql \"SELECT 1\" in this session)",
            false,
        ),
        (
            "at \"2026-11-22T12:00:00Z\"\n    earlier 5s ago 5 times (sql \"SELECT 1\")",
            false,
        ),
    ] {
        let folder = folder(&policy(five, second));
        let output = hpol(folder.path(), &["lint"]);
        let said = text(&output.stderr);
        assert!(!said.contains("error"), "{said}");
        assert_eq!(said.contains("HP0856"), found, "{second}: {said}");
    }
}

#[test]
fn tests_with_defaults_do_not_exclude_each_other() {
    let policy = |when: &str| {
        format!(
            "package a\n\nconnection api = http \"api\"\n\nrule r \"A rule\" {{\n    satisfies AC-3\n    \
             on    api\n    when  {when}\n    block \"No\"\n}}\n"
        )
    };
    let kind = |default: &str, test: &str| format!("(http.content_type or {default}) {test}");
    let both = |word: &str, test: [&str; 2]| {
        let [first, second] = [kind("\"text/a\"", test[0]), kind("\"text/b\"", test[1])];
        policy(&format!("{first} {word} {second}"))
    };
    for (policy, code) in [
        (both("and", ["== \"text/a\"", "== \"text/b\""]), "HP0704"),
        (both("or", ["!= \"text/b\"", "!= \"text/a\""]), "HP0705"),
    ] {
        let folder = folder(&policy);
        let output = hpol(folder.path(), &["lint", "--allow", "all", "--warn", code]);
        let told = text(&output.stderr);
        assert!(output.status.success() && !told.contains(code), "{told}");
    }
}

#[test]
fn a_comment_is_not_mended_away() {
    let policy = "package a\n\nconnection api = http \"api\"\n\nrule r \"A rule\" {\n    satisfies AC-3\n    \
         on    api\n    when  http.method in [\n        GET, // why it is this one\n    ]\n    block \"No\"\n}\n";
    let folder = folder(policy);
    let arguments = ["lint", "--allow", "all", "--warn", "HP0702", "--fix"];
    let output = hpol(folder.path(), &arguments);
    assert!(text(&output.stderr).contains("HP0702"), "{output:?}");
    let mut files = fs::read_dir(folder.path()).unwrap();
    let kept = files.any(|file| {
        let read = fs::read_to_string(file.unwrap().path());
        read.is_ok_and(|read| read.contains("why it is this one"))
    });
    assert!(kept);
}
