//! Packages from other folders as a user meets them: which files count, and which bytes were locked.

#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// How `hpol` exits, and what it says.
fn hpol(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A policy in `orders` that takes a package from `staff`, and a key.
fn world() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "orders/hpol.toml",
        "[dependencies]\n\"shared.staff\" = \"../staff\"\n",
    );
    write(
        "orders/orders.hpol",
        "package orders\nrule owners {\n    satisfies AC-3\n    when http.method == GET\n    allow\n}\n",
    );
    write(
        "staff/staff.hpol",
        "package shared.staff\ngroup owners = subject.groups has \"owners\"\n",
    );
    write("other/other.hpol", "package other\n");
    assert_eq!(hpol(folder.path(), &["keygen", "policy.key"]).0, Some(0));
    folder
}

const BUILD: [&str; 6] = ["build", "orders", "-o", "o.hpolb", "--key", "policy.key"];

#[test]
fn a_locked_build_never_writes_the_lock() {
    let folder = world();
    let locked: Vec<&str> = BUILD.into_iter().chain(["--locked"]).collect();
    let (code, why) = hpol(folder.path(), &locked);
    assert_eq!(code, Some(1), "{why}");
    assert!(why.contains("there is no `hpol.lock`"), "{why}");
    assert!(!folder.path().join("orders/hpol.lock").exists());
    assert!(!folder.path().join("o.hpolb").exists());

    assert_eq!(hpol(folder.path(), &["lock", "orders"]).0, Some(0));
    assert_eq!(hpol(folder.path(), &locked), (Some(0), String::new()));
}

#[test]
fn a_project_file_that_would_not_count_is_refused() {
    let folder = world();
    for paths in [
        &["orders/orders.hpol"][..],
        &["orders", "other"],
        &["other", "orders/orders.hpol"],
    ] {
        let arguments: Vec<&str> = ["check"].iter().chain(paths).copied().collect();
        let (code, why) = hpol(folder.path(), &arguments);
        assert_eq!(code, Some(3), "{paths:?}: {why}");
        assert!(
            why.contains(
                "orders/hpol.toml` cannot be used: it counts only where its folder is given"
            ),
            "{paths:?}: {why}"
        );
    }
    // Those of the current folder count.
    let orders = folder.path().join("orders");
    assert_eq!(hpol(&orders, &["check", "orders.hpol"]).0, Some(0));
    fs::remove_file(orders.join("hpol.toml")).unwrap();
    assert_eq!(
        hpol(folder.path(), &["check", "orders", "other"]).0,
        Some(0)
    );
    fs::write(orders.join("hpol.lock"), "version = 2\n").unwrap();
    let (code, why) = hpol(folder.path(), &["check", "orders/orders.hpol"]);
    assert_eq!(code, Some(3));
    assert!(why.contains("orders/hpol.lock`"), "{why}");
}

#[test]
fn a_lock_of_another_form_is_refused_and_can_be_written_anew() {
    let folder = world();
    let lock = folder.path().join("orders/hpol.lock");
    fs::write(&lock, "version = 1\n").unwrap();
    for arguments in [&BUILD[..], &["check", "orders", "--locked"]] {
        let (code, why) = hpol(folder.path(), arguments);
        assert_eq!(code, Some(1), "{why}");
        assert!(
            why.contains("`hpol.lock` has form 1, and this version reads 2"),
            "{why}"
        );
    }
    assert_eq!(hpol(folder.path(), &["lock", "orders"]).0, Some(0));
    assert_eq!(hpol(folder.path(), &BUILD).0, Some(0));
}

#[cfg(unix)]
#[test]
fn a_file_name_that_could_pass_for_others_is_refused() {
    let folder = world();
    for name in ["a\nb.hpol", "a\\b.hpol", "a\u{85}b.hpol"] {
        let file = folder.path().join("staff").join(name);
        fs::write(&file, "package shared.staff\n").unwrap();
        let (code, why) = hpol(folder.path(), &["check", "orders"]);
        assert_eq!(code, Some(3), "{name:?}: {why}");
        assert!(
            why.contains("has a name with a backslash"),
            "{name:?}: {why}"
        );
        fs::remove_file(file).unwrap();
    }
    assert_eq!(hpol(folder.path(), &["check", "orders"]).0, Some(0));
}
