//! `hpol check`, `test` and `build` as a user meets them: what is printed, what is written, how they exit.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::path::Path;

#[path = "shared/run.rs"]
mod run;

use run::{hpol, text};

fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

/// A folder with the policy of `hpol init` and a key.
fn started() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        hpol(folder.path(), &["init", "policy"]).status.code(),
        Some(0)
    );
    assert_eq!(
        hpol(folder.path(), &["keygen", "policy.key"]).status.code(),
        Some(0)
    );
    folder
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

const BUILD: [&str; 6] = [
    "build",
    "policy",
    "-o",
    "policy.hpolb",
    "--key",
    "policy.key",
];

#[test]
fn every_error_has_its_place_and_its_way_out() {
    let output = hpol(here(), &["check", "broken"]);
    insta::assert_snapshot!("broken", text(&output.stderr));
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
}

#[test]
fn programs_get_the_same_as_json() {
    let output = hpol(here(), &["check", "broken", "--json"]);
    insta::assert_snapshot!("broken_json", text(&output.stdout));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
}

#[test]
fn a_new_policy_is_sound_and_builds_the_same_bytes_twice() {
    let folder = started();
    let checked = hpol(folder.path(), &["check", "policy"]);
    assert_eq!(text(&checked.stdout), "ok: 2 files, 3 rules, 4 tests\n");
    let tested = hpol(folder.path(), &["test", "policy"]);
    assert!(
        text(&tested.stdout).ends_with("4 tests passed\n"),
        "{}",
        text(&tested.stdout)
    );

    assert_eq!(hpol(folder.path(), &BUILD).status.code(), Some(0));
    let first = fs::read(folder.path().join("policy.hpolb")).unwrap();
    assert_eq!(hpol(folder.path(), &BUILD).status.code(), Some(0));
    assert_eq!(first, fs::read(folder.path().join("policy.hpolb")).unwrap());

    let shown = hpol(
        folder.path(),
        &[
            "bundle",
            "show",
            "policy.hpolb",
            "--key",
            "policy.key.pub",
            "--json",
        ],
    );
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        (&shown["sequence"], shown["rules"].as_array().unwrap().len()),
        (&1.into(), 3)
    );
}

#[test]
fn a_policy_with_an_error_or_a_failing_test_leaves_the_old_bundle() {
    let folder = started();
    assert_eq!(hpol(folder.path(), &BUILD).status.code(), Some(0));
    let before = fs::read(folder.path().join("policy.hpolb")).unwrap();

    edit(
        folder.path(),
        "policy/policy_test.hpol",
        "expect block by default_deny\n}",
        "expect allow\n}",
    );
    let failing = hpol(folder.path(), &BUILD);
    assert_eq!(failing.status.code(), Some(1));
    insta::assert_snapshot!("failing_test", text(&failing.stdout));
    assert_eq!(text(&failing.stderr), "no bundle was written\n");

    edit(
        folder.path(),
        "policy/policy.hpol",
        "who   agents",
        "who   agnts",
    );
    let broken = hpol(folder.path(), &BUILD);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        text(&broken.stderr).ends_with("no bundle was written\n"),
        "{}",
        text(&broken.stderr)
    );

    assert_eq!(
        before,
        fs::read(folder.path().join("policy.hpolb")).unwrap()
    );
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn a_warning_is_told_and_is_no_failure() {
    let folder = started();
    edit(
        folder.path(),
        "policy/policy.hpol",
        "satisfies AC-3, CM-7",
        "satisfies AC-3, CM-7 because \"we say so\"",
    );
    let output = hpol(folder.path(), &["check", "policy"]);
    insta::assert_snapshot!("warning", text(&output.stderr));
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), "ok: 2 files, 3 rules, 4 tests\n")
    );
    assert_eq!(hpol(folder.path(), &BUILD).status.code(), Some(0));
}

#[test]
fn an_altered_bundle_and_another_key_do_not_hold() {
    let folder = started();
    assert_eq!(hpol(folder.path(), &BUILD).status.code(), Some(0));
    assert_eq!(
        hpol(folder.path(), &["keygen", "other.key"]).status.code(),
        Some(0)
    );
    let show = |key| {
        hpol(
            folder.path(),
            &["bundle", "show", "policy.hpolb", "--key", key],
        )
    };
    let other = show("other.key.pub");
    assert!(
        other.status.code() == Some(1) && text(&other.stderr).contains("not trusted"),
        "{}",
        text(&other.stderr)
    );
    let secret = show("policy.key");
    assert!(
        secret.status.code() == Some(3) && text(&secret.stderr).contains("give the public key")
    );

    let path = folder.path().join("policy.hpolb");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
    assert_eq!(show("policy.key.pub").status.code(), Some(1));
}

#[test]
fn keys_and_policies_are_never_overwritten_and_secrets_are_private() {
    let folder = started();
    for arguments in [&["keygen", "policy.key"][..], &["init", "policy"][..]] {
        let again = hpol(folder.path(), arguments);
        assert!(
            again.status.code() == Some(3) && text(&again.stderr).contains("exists"),
            "{}",
            text(&again.stderr)
        );
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(folder.path().join("policy.key"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_cannot_be_read_is_the_environments_fault() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (&["check"][..], "error: there is no `.hpol` file in `.`\n"),
        (
            &["check", "nowhere.hpol"][..],
            "error: cannot read `nowhere.hpol`: No such file or directory (os error 2)\n",
        ),
    ] {
        let output = hpol(folder.path(), arguments);
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(3), says)
        );
    }
    assert_eq!(hpol(folder.path(), &["chek"]).status.code(), Some(2));
}

#[test]
fn two_folders_with_files_of_one_name_are_one_policy() {
    let folder = started();
    assert_eq!(
        hpol(folder.path(), &["init", "second"]).status.code(),
        Some(0)
    );
    for file in ["second/policy.hpol", "second/policy_test.hpol"] {
        edit(folder.path(), file, "package first", "package second");
    }
    let output = hpol(folder.path(), &["check", "policy", "second"]);
    assert_eq!(text(&output.stdout), "ok: 4 files, 6 rules, 8 tests\n");
}

#[test]
fn a_policy_cannot_write_to_the_terminal() {
    let folder = started();
    edit(
        folder.path(),
        "policy/policy.hpol",
        "who   agents",
        "who   \u{1b}[2Kagents",
    );
    let output = hpol(folder.path(), &["check", "policy"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        !text(&output.stderr).contains('\u{1b}'),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_packages_to_start_from_are_sound_and_their_tests_hold() {
    let policies = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies"));
    let mut packages = 0;
    for package in fs::read_dir(policies)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
    {
        for verb in ["check", "test"] {
            let output = hpol(&package, &[verb]);
            let said = [text(&output.stdout), text(&output.stderr)].concat();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{verb} {}\n{said}",
                package.display()
            );
        }
        packages += 1;
    }
    assert_eq!(packages, 4);
    assert_eq!(hpol(policies, &["check"]).status.code(), Some(0));
}

#[test]
fn help_names_the_exit_codes_and_every_shell_completes() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help", text(&hpol(folder.path(), &["--help"]).stdout));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            text(&hpol(folder.path(), &["completion", shell]).stdout).contains("approvals"),
            "{shell}"
        );
    }
    assert!(text(&hpol(folder.path(), &["--version"]).stdout).starts_with("hpol 0."));
}

const LIMITED: &str = r#"package demo
connection db = postgres "orders-prod"
connection crm = postgres "crm-prod"
group agents = subject.groups has "agents"
data ssn {
    column public.customers.ssn on crm
}
rule read {
    satisfies AC-3
    who agents
    allow limit rows 10
}
rule more {
    satisfies AC-3
    who agents
    allow limit rows 20
}
rule hide {
    satisfies AC-4(23)
    who agents
    mask ssn redact
}
test "one" {
    as subject "a" groups ["agents"]
    on db
    sql "SELECT id FROM orders"
    expect allow limit rows 10
}
test "several" {
    as subject "a" groups ["agents"]
    on db
    sql "SELECT 1; SELECT 2"
    expect block
}
test "masked there" {
    as subject "a" groups ["agents"]
    on crm
    sql "SELECT ssn FROM customers"
    expect allow masking ssn
}
"#;

/// What the gateway would not carry out no test may take for granted.
#[test]
fn a_test_sees_limits_and_masks_that_are_not_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let test = |policy: &str| {
        fs::write(folder.path().join("demo.hpol"), policy).unwrap();
        let output = hpol(folder.path(), &["test", "demo.hpol"]);
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        (output.status.code(), said)
    };
    let (code, said) = test(LIMITED);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = test(&LIMITED.replace("expect block", "expect allow"));
    assert_eq!(code, Some(1), "{said}");
    let why = "expected allow, got block by demo.read; it cannot be cut to 10 rows: the text holds several statements";
    assert!(said.contains(why), "{said}");
    let (code, said) = test(&LIMITED.replace("on crm\n    sql", "on db\n    sql"));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("expected masking of demo.ssn, got nothing"),
        "{said}"
    );
}
