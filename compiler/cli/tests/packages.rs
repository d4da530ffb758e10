//! Packages from other folders as a user meets them: which files count, and which bytes were locked.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::path::Path;

#[path = "shared/folder.rs"]
mod folder;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use run::text;

/// How `hpol` exits, and what it says.
fn hpol(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run::hpol(folder, arguments);
    (output.status.code(), text(&output.stderr).to_owned())
}

/// A policy in `orders` that imports a package from `staff`, and a key.
fn world() -> tempfile::TempDir {
    let folder = folder_of(&[
        (
            "orders/hpol.toml",
            "[dependencies]\n\"shared.staff\" = \"../staff\"\n\n[lints]\n",
        ),
        (
            "orders/orders.hpol",
            "package orders\nuse shared.staff\nrule owners {\n    satisfies AC-3\n    who staff.owners\n    allow\n}\n",
        ),
        (
            "staff/staff.hpol",
            "package shared.staff\ngroup owners = subject.groups has \"owners\"\n",
        ),
        ("other/other.hpol", "package other\n"),
    ]);
    assert_eq!(hpol(folder.path(), &["keygen", "policy.key"]).0, Some(0));
    folder
}

/// Writes `to` for `from` in a file.
fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
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
    fs::write(orders.join("orders.hpol"), "package orders\n").unwrap();
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

#[test]
fn packages_of_other_folders_are_locked_by_their_bytes() {
    let folder = world();
    let run = |arguments: &[&str]| hpol(folder.path(), arguments);
    let unlocked = run(&["check", "orders", "--locked"]);
    assert_eq!(
        unlocked,
        (
            Some(1),
            "error: there is no `hpol.lock`; look at what changed, and if it is meant run `hpol lock orders`\n"
                .to_owned()
        )
    );
    assert_eq!(run(&["check", "orders"]).0, Some(0));
    assert_eq!(
        run(&BUILD),
        (
            Some(0),
            "wrote orders/hpol.lock; keep it with the policy\n".to_owned()
        )
    );
    let lock = fs::read_to_string(folder.path().join("orders/hpol.lock")).unwrap();
    assert!(
        lock.contains("\n[packages]\n\"shared.staff\" = \"sha256:"),
        "{lock}"
    );
    assert_eq!(
        run(&["check", "orders", "--locked"]),
        (Some(0), String::new())
    );
    edit(folder.path(), "staff/staff.hpol", "\"owners\"", "\"all\"");
    for arguments in [&["check", "orders", "--locked"][..], &BUILD] {
        assert_eq!(
            run(arguments),
            (
                Some(1),
                "error: package `shared.staff` is not what `hpol.lock` names; look at what changed, and if it is meant run `hpol lock orders`\n"
                    .to_owned()
            )
        );
    }
    assert_eq!(run(&["check", "orders"]).0, Some(0));
    assert_eq!(run(&["lock", "orders"]).0, Some(0));
    assert_eq!(run(&BUILD), (Some(0), String::new()));
    // A package that nobody names any more is told too.
    fs::write(folder.path().join("orders/hpol.toml"), "").unwrap();
    let (code, why) = run(&["check", "orders", "--locked"]);
    assert_eq!(code, Some(1));
    assert!(
        why.contains("`hpol.lock` names package `shared.staff`, which `hpol.toml` does not"),
        "{why}"
    );
}

#[test]
fn a_package_below_the_policy_is_read_once_and_one_that_is_another_is_refused() {
    let folder = world();
    let check = || run::hpol(folder.path(), &["check", "orders"]);
    fs::rename(
        folder.path().join("staff"),
        folder.path().join("orders/staff"),
    )
    .unwrap();
    edit(folder.path(), "orders/hpol.toml", "../staff", "staff");
    assert_eq!(text(&check().stdout), "ok: 2 files, 1 rule, 0 tests\n");
    edit(
        folder.path(),
        "orders/staff/staff.hpol",
        "shared.staff",
        "shared.staffing",
    );
    let refused = check();
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(
        text(&refused.stderr),
        "error: `orders/hpol.toml` cannot be used: `staff.hpol` in `staff` does not belong to package `shared.staff`\n"
    );
}
