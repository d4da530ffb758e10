//! `hpol graph`: diagrams of a policy and of a bundle, whole and in parts.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[path = "shared/folder.rs"]
mod folder;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use run::{hpol, text};

const POLICY: &str = r#"package shop

connection db  = postgres "shop-prod"
connection api = http     "shop-api"

group agents = subject.groups has "agents"
group dbas   = subject.groups has "dba"

data pii.ssn {
    column public.customers.ssn on db
}

rule read "Agents read" {
    satisfies AC-3
    who agents
    on db
    when sql.verbs within [select] and sql.statements <= 1
    allow
}

rule write {
    satisfies AC-3
    who dbas
    on db
    when sql.verbs within [insert, update]
    require approval by 2 of dbas within 15m
}

rule hide_ssn {
    satisfies AC-4(23)
    who everyone except dbas
    on db
    mask pii.ssn keep last 4
}

rule odd_name {
    satisfies AC-3
    on api
    when http.method == GET and subject.id == "<a&\"b\">"
    allow
}
"#;

fn folder() -> tempfile::TempDir {
    folder_of(&[("shop.hpol", POLICY)])
}

/// What a run prints and notes; it must end well.
fn drawn(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = hpol(folder, &[&["graph", "shop.hpol"], arguments].concat());
    let noted = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {noted}");
    (text(&output.stdout).to_owned(), noted)
}

#[test]
fn the_verdict_is_told_in_the_words_of_the_policy() {
    let folder = folder();
    let (whole, noted) = drawn(folder.path(), &[]);
    insta::assert_snapshot!("verdict", whole);
    assert_eq!(
        noted,
        "shown is what concerns postgres connections; for the others: `--kind http`\n"
    );
    let (http, _) = drawn(folder.path(), &["--kind", "http"]);
    insta::assert_snapshot!("http", http);
}

#[test]
fn a_connection_and_a_group_leave_out_what_they_settle() {
    let folder = folder();
    let scope = [
        "--connection",
        "db",
        "--group",
        "agents",
        "--group",
        "shop.dbas",
    ];
    let (text, noted) = drawn(folder.path(), &scope);
    insta::assert_snapshot!("scoped", text);
    assert_eq!(noted, "");
}

#[test]
fn what_a_rule_obliges_to_has_a_diagram_of_its_own() {
    let folder = folder();
    let (dot, _) = drawn(
        folder.path(),
        &[
            "--connection",
            "db",
            "--root",
            "hide_ssn",
            "--format",
            "dot",
        ],
    );
    insta::assert_snapshot!("obligation_dot", dot);
    let (all, _) = drawn(folder.path(), &["--connection", "db", "--root", "all"]);
    for root in [
        "verdict =",
        "obligation of shop.hide_ssn =",
        "obligation of shop.write =",
    ] {
        assert!(all.contains(root), "{root}: {all}");
    }
}

#[test]
fn a_picture_holds_every_word_and_is_well_formed() {
    let folder = folder();
    let (picture, _) = drawn(folder.path(), &["--connection", "db", "--format", "svg"]);
    insta::assert_snapshot!("picture", picture);
    for arguments in [&["--kind", "http"][..], &["--root", "all"]] {
        let (picture, _) = drawn(folder.path(), &[arguments, &["--format", "svg"]].concat());
        well_formed(&picture);
    }
    let (picture, _) = drawn(folder.path(), &["--kind", "http", "--format", "svg"]);
    assert!(picture.contains(r#"&lt;a&amp;\"b\"&gt;"#), "{picture}");
}

/// Every element is closed where it must be, and no text can be taken for one.
fn well_formed(picture: &str) {
    let mut open = Vec::new();
    for tag in picture.split('<').skip(1) {
        let (tag, after) = tag.split_once('>').unwrap();
        assert!(!after.contains('>'), "{after}");
        let name = tag.split(' ').next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_bundle_gives_the_same_diagram_and_a_file_is_written_whole() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let output = hpol(folder.path(), arguments);
        let noted = text(&output.stderr).to_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {noted}");
        noted
    };
    run(&["keygen", "key"]);
    run(&["build", "shop.hpol", "--key", "key", "-o", "shop.hpolb"]);
    let scope = ["--connection", "shop.api", "--format", "dot"];
    let of_bundle = ["graph", "shop.hpolb", "--key", "key.pub", "-o", "shop.dot"];
    assert_eq!(run(&[&of_bundle[..], &scope].concat()), "wrote shop.dot\n");
    let written = fs::read_to_string(folder.path().join("shop.dot")).unwrap();
    assert_eq!(
        written.trim_end(),
        drawn(folder.path(), &scope).0.trim_end()
    );
}

#[test]
fn what_is_not_there_and_what_is_too_large_is_said() {
    let folder = folder();
    // Which tables are written matters by which were read: more ways than a picture holds.
    let mut large = POLICY.to_owned();
    for index in 0..12 {
        write!(
            large,
            "rule r{index} {{\n    satisfies AC-3\n    on db\n    when sql.reads has public.t{index} and sql.writes has public.w{index}\n    block\n}}\n"
        )
        .unwrap();
    }
    fs::write(folder.path().join("large.hpol"), large).unwrap();
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &["shop.hpol", "--connection", "crm"],
            1,
            "there is no connection called `crm`; known: shop.api, shop.db\n",
        ),
        (
            &["shop.hpol", "--group", "gents"],
            1,
            "there is no group called `gents`; known: shop.agents, shop.dbas\n",
        ),
        (
            &["shop.hpol", "--connection", "db", "--root", "read"],
            1,
            "there is no rule that obliges or observes here called `read`; known: shop.hide_ssn, shop.write\n",
        ),
        (
            &["shop.hpol", "--connection", "api", "--root", "write"],
            1,
            "there is no rule that obliges or observes here called `write`; there is none\n",
        ),
        (
            &["large.hpol", "--connection", "db", "--format", "svg"],
            1,
            "the picture would have ",
        ),
        (
            &["shop.hpol", "--format", "png"],
            2,
            "error: invalid value 'png'",
        ),
    ];
    for (arguments, code, says) in cases {
        let output = hpol(folder.path(), &[&["graph"], arguments].concat());
        let said = text(&output.stderr).replace(
            "shown is what concerns postgres connections; for the others: `--kind http`\n",
            "",
        );
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.starts_with(says), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn a_rule_in_observe_has_diagrams_and_matches_there() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"package demo
group agents = subject.groups has "agents"
rule peek {
    satisfies AC-3
    who agents
    observe allow limit rows 10
}
rule read {
    satisfies AC-3
    who agents
    allow limit rows 20
}
"#;
    fs::write(folder.path().join("shop.hpol"), policy).unwrap();
    let (observed, _) = drawn(folder.path(), &["--root", "peek"]);
    insta::assert_snapshot!("observed", observed);
    let (limit, _) = drawn(folder.path(), &["--root", "read"]);
    assert!(limit.contains(": obliges\n"), "{limit}");
    let output = hpol(folder.path(), &["graph", "shop.hpol", "--root", "none"]);
    assert_eq!(
        text(&output.stderr),
        "there is no rule that obliges or observes here called `none`; known: demo.peek, demo.read\n"
    );
}

/// A bundle whose conditions are those of another policy than its program, properly signed.
#[test]
fn conditions_that_are_not_what_is_decided_are_told() {
    use hpol_bundle::bundle::{Bundle, encode};
    use hpol_bundle::policy::Condition;
    use hpol_bundle::signature::SigningKey;

    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| hpol(folder.path(), arguments);
    assert!(run(&["keygen", "key"]).status.success());
    let build = ["build", "shop.hpol", "--key", "key", "-o", "shop.hpolb"];
    assert!(run(&build).status.success());
    let loaded = Bundle::load_danger_unverified(&fs::read(path("shop.hpolb")).unwrap()).unwrap();
    let key = SigningKey::from_text(&fs::read_to_string(path("key")).unwrap()).unwrap();
    let show = ["bundle", "show", "shop.hpolb", "--key", "key.pub"];
    let graph = ["graph", "shop.hpolb", "--key", "key.pub", "--kind", "http"];
    let said = |arguments: &[&str]| {
        let output = run(arguments);
        let printed = !output.stdout.is_empty();
        (
            output.status.code(),
            printed,
            text(&output.stderr).to_owned(),
        )
    };
    for arguments in [&show[..], &graph] {
        assert_eq!(said(arguments), (Some(0), true, String::new()));
    }

    let write = |compiler: &str| {
        let mut policy = loaded.policy().unwrap();
        for rule in &mut policy.rules {
            rule.condition = Condition::Not(Box::new(rule.condition.clone()));
        }
        let mut provenance = loaded.bundle.provenance.clone();
        provenance.compiler_version = compiler.to_owned();
        let (program, vocabulary) = (&loaded.bundle.program, &loaded.bundle.vocabulary);
        let bundle = Bundle {
            policy,
            program: program.clone(),
            vocabulary: vocabulary.clone(),
            provenance,
        };
        fs::write(path("shop.hpolb"), encode(&bundle, &key).unwrap()).unwrap();
    };
    write(env!("CARGO_PKG_VERSION"));
    let (code, printed, why) = said(&show);
    assert_eq!((code, printed), (Some(1), false));
    assert_eq!(
        why,
        "`shop.hpolb` does not hold: the conditions of the policy: they do not compile to the program that decides\n"
    );
    let (code, printed, why) = said(&graph);
    assert_eq!((code, printed), (Some(3), false));
    assert!(
        why.contains("they do not compile to the program that decides"),
        "{why}"
    );

    write("0.0.1");
    for arguments in [&show[..], &graph] {
        let (code, printed, note) = said(arguments);
        assert_eq!((code, printed), (Some(0), true), "{note}");
        let warning =
            "warning: what is shown may not be what is decided: hpol 0.0.1 compiled the bundle";
        assert!(note.starts_with(warning), "{note}");
    }
}
