//! `hpol diff`: two versions of a policy, as files, as bundles' sources and as git revisions.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

#[path = "shared/folder.rs"]
mod folder;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use run::{hpol, text};

const BEFORE: &str = r#"package shop

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
    when sql.verbs within [select]
    allow
}

rule write {
    satisfies AC-3, AC-5
    who agents
    on db
    when sql.verbs has any [insert, update, delete]
    require approval by 1 of dbas within 15m
}

rule hide_ssn {
    satisfies AC-4(23)
    who everyone except dbas
    on db
    mask pii.ssn keep last 4
}

rule look {
    satisfies AC-3
    who agents
    on api
    when http.method == GET
    allow
}
"#;

/// Deletes are blocked, the mask hides less, and the API takes HEAD too.
fn after() -> String {
    BEFORE
        .replace("keep last 4", "keep last 6")
        .replace("http.method == GET", "http.method in [GET, HEAD]")
        + r#"
rule no_deletes {
    satisfies AC-3, CM-7
    who agents
    on db
    when sql.verbs has delete and not sql.filtered
    block "Say which rows"
}
"#
}

fn folder() -> tempfile::TempDir {
    folder_of(&[("before.hpol", BEFORE), ("after.hpol", &after())])
}

fn code(folder: &Path, arguments: &[&str]) -> Option<i32> {
    let output = hpol(folder, &[&["diff"], arguments].concat());
    output.status.code()
}

#[test]
fn each_difference_is_told_with_an_example() {
    let folder = folder();
    let output = hpol(folder.path(), &["diff", "before.hpol", "after.hpol"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    insta::assert_snapshot!("text", text(&output.stdout));
    let output = hpol(
        folder.path(),
        &["diff", "before.hpol", "after.hpol", "--json"],
    );
    let mut told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &told["connections"][0]["changes"][0]["regions"][0]["example"]["facts"];
    assert_eq!(first["sql.verbs"], serde_json::json!(["delete"]));
    // An example has every fact of the vocabulary.
    let connections = told["connections"].as_array_mut().unwrap().iter_mut();
    let changes = connections.flat_map(|on| on["changes"].as_array_mut().unwrap());
    for region in changes.flat_map(|change| change["regions"].as_array_mut().unwrap()) {
        region["example"]["facts"] = "...".into();
    }
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&told).unwrap());
}

#[test]
fn the_exit_code_says_whether_something_is_looser() {
    let folder = folder();
    let folder = folder.path();
    let (before, after) = ("before.hpol", "after.hpol");
    assert_eq!(
        code(folder, &[before, after, "--fail-on", "looser"]),
        Some(1)
    );
    assert_eq!(code(folder, &[before, before, "--fail-on", "any"]), Some(0));
    let tighter = BEFORE.replace("keep last 4", "redact");
    fs::write(folder.join("tighter.hpol"), tighter).unwrap();
    assert_eq!(
        code(folder, &[before, "tighter.hpol", "--fail-on", "looser"]),
        Some(0)
    );
    assert_eq!(
        code(folder, &[before, "tighter.hpol", "--fail-on", "any"]),
        Some(1)
    );
    assert_eq!(
        code(folder, &["tighter.hpol", before, "--fail-on", "looser"]),
        Some(1)
    );
    assert_eq!(code(folder, &[before, "nothing-here"]), Some(3));
}

#[test]
fn claims_and_schedules_of_either_policy_are_compared() {
    let during = |times: &str, more: &str| {
        BEFORE.replace(
            "when http.method == GET\n",
            &format!("when http.method == GET and during office{more}\n"),
        ) + &format!("\nschedule office = {times} in \"Europe/Berlin\"\n")
    };
    let claim = " and (subject.claims[\"team\"] or \"\") == \"red\"";
    let list = " and has subject.claims[\"team\"] and subject.claims[\"team\"] has \"red\"";
    let folder = folder_of(&[
        ("short.hpol", &during("weekdays 09:00-17:00", "")),
        ("long.hpol", &during("weekdays 09:00-18:00", "")),
        ("claim.hpol", &during("weekdays 09:00-18:00", claim)),
        ("list.hpol", &during("weekdays 09:00-18:00", list)),
    ]);
    let folder = folder.path();
    let looser = |before, after| code(folder, &[before, after, "--fail-on", "looser"]);
    assert_eq!(looser("short.hpol", "long.hpol"), Some(1));
    assert_eq!(looser("long.hpol", "short.hpol"), Some(0));
    assert_eq!(looser("long.hpol", "claim.hpol"), Some(0));
    assert_eq!(looser("claim.hpol", "long.hpol"), Some(1));
    assert_eq!(looser("claim.hpol", "list.hpol"), Some(2));
    let output = hpol(folder, &["diff", "short.hpol", "long.hpol"]);
    insta::assert_snapshot!("schedules", text(&output.stdout));
}

#[test]
fn addresses_are_told_as_networks() {
    let folder = folder();
    let inside = BEFORE.replace(
        "when http.method == GET\n",
        "when http.method == GET\n    unless session.client_address in [10.0.0.0/8]\n",
    );
    fs::write(folder.path().join("inside.hpol"), inside).unwrap();
    let output = hpol(folder.path(), &["diff", "before.hpol", "inside.hpol"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(
        told.contains("session.client_address in [10.0.0.0/8]"),
        "{told}"
    );
}

#[test]
fn a_connection_in_observe_is_looser() {
    let folder = folder();
    let observed = BEFORE.replace("\"shop-prod\"", "\"shop-prod\" observe");
    fs::write(folder.path().join("observed.hpol"), observed).unwrap();
    let output = hpol(
        folder.path(),
        &[
            "diff",
            "before.hpol",
            "observed.hpol",
            "--fail-on",
            "looser",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("shop-prod (shop.db): looser"), "{told}");
    assert!(
        told.contains("looser: the connection is in observe"),
        "{told}"
    );
}

fn git(root: &Path, arguments: &[&str]) {
    let who = [
        "user.name=a",
        "user.email=a@example.org",
        "init.defaultBranch=main",
    ];
    let output = Command::new("git")
        .current_dir(root)
        .args(who.iter().flat_map(|setting| ["-c", setting]))
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// A repository whose first commit has `files`.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = folder_of(files);
    git(folder.path(), &["init", "-q"]);
    commit(folder.path());
    folder
}

/// Commits everything as it is.
fn commit(root: &Path) {
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "a change"]);
}

#[test]
fn revisions_of_git_are_policies() {
    let folder = repository(&[("policies/shop/shop.hpol", BEFORE)]);
    let root = folder.path();
    fs::write(root.join("policies/shop/shop.hpol"), after()).unwrap();
    commit(root);
    let told = |arguments: &[&str], folder: &Path| {
        let output = hpol(folder, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let told_here = told(&["diff", "HEAD~1", "HEAD", "--path", "policies/shop"], root);
    assert!(
        told_here.contains("shop-prod (shop.db): incomparable"),
        "{told_here}"
    );
    let inside = root.join("policies/shop");
    assert_eq!(told(&["diff", "HEAD~1", "."], &inside), told_here);
    assert_eq!(
        told(&["diff", "main~1", "HEAD", "--path", "shop.hpol"], &inside),
        told_here
    );
    let unknown = hpol(root, &["diff", "HEAD~7", "HEAD"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(text(&unknown.stderr).contains("git does not know it"));
}

/// What is read of a revision is of that revision: on disk, packages may be links, and lie outside of the repository.
#[test]
fn packages_of_a_revision_are_of_that_revision() {
    let project = "[dependencies]\n\"shared.people\" = \"../shared/people\"\n";
    let folder = repository(&[
        ("shop/shop.hpol", BEFORE),
        ("shop/hpol.toml", project),
        (
            "shared/people/people.hpol",
            "package shared.people\n\ngroup staff = subject.groups has \"staff\"\n",
        ),
        ("elsewhere/a.hpol", "package shared.people.more\n"),
    ]);
    let root = folder.path();
    let diff = |path: &str| hpol(root, &["diff", "HEAD", "HEAD", "--path", path]);
    let refused = |path: &str, why: &str| {
        let output = diff(path);
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(3) && said.contains(why),
            "{said}"
        );
    };
    let link = |from: &str, to: &str| std::os::unix::fs::symlink(to, root.join(from)).unwrap();
    let sound = diff("shop");
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stderr));
    // One that nothing reads is no matter.
    link("unread", "elsewhere");
    commit(root);
    assert_eq!(diff("shop").status.code(), Some(0));
    link("shared/people/more", "../../elsewhere");
    commit(root);
    refused("shop", "`shared/people/more` is a link");
    fs::remove_file(root.join("shared/people/more")).unwrap();
    for away in ["../../people", "/people"] {
        fs::write(
            root.join("shop/hpol.toml"),
            project.replace("../shared/people", away),
        )
        .unwrap();
        commit(root);
        refused(
            "shop",
            &format!("the package in `{away}` is not in its repository"),
        );
    }
    // Of a file those of the current folder count.
    fs::rename(root.join("shop/hpol.toml"), root.join("hpol.toml")).unwrap();
    commit(root);
    refused("shop/shop.hpol", "are none of its");
}
