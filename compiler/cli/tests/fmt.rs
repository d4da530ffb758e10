//! `hpol fmt` as a user meets it.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const LOOSE: &str = "package a\nrule r{ satisfies AC-3 // why\n  allow }\n";
const SETTLED: &str = "package a\n\nrule r {\n    satisfies AC-3 // why\n    allow\n}\n";

fn hpol(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command line that is refused closes the pipe before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn files_are_settled_and_broken_ones_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let broken = "package a\nrule r {\n  deny\n}\n";
    fs::write(path("loose.hpol"), LOOSE).unwrap();
    fs::write(path("settled.hpol"), SETTLED.replace("rule r", "rule s")).unwrap();
    fs::write(path("broken.hpol"), broken).unwrap();

    let checked = hpol(folder.path(), &["fmt", "--check"], "");
    insta::assert_snapshot!(
        "check",
        format!("{}----\n{}", text(&checked.stdout), text(&checked.stderr))
    );
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(fs::read_to_string(path("loose.hpol")).unwrap(), LOOSE);

    let settled = hpol(folder.path(), &["fmt"], "");
    assert_eq!(
        (settled.status.code(), text(&settled.stdout)),
        (Some(1), "loose.hpol\n")
    );
    assert_eq!(fs::read_to_string(path("loose.hpol")).unwrap(), SETTLED);
    assert_eq!(fs::read_to_string(path("broken.hpol")).unwrap(), broken);

    fs::remove_file(path("broken.hpol")).unwrap();
    let again = hpol(folder.path(), &["fmt", "--check", "."], "");
    assert_eq!((again.status.code(), text(&again.stdout)), (Some(0), ""));
    assert_eq!(text(&again.stderr), "0 would change of 2 files\n");
}

#[test]
fn standard_input_goes_to_standard_output() {
    let here = Path::new(".");
    let output = hpol(here, &["fmt", "-"], LOOSE);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), SETTLED)
    );
    let output = hpol(here, &["fmt", "-"], SETTLED);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), SETTLED)
    );
    let output = hpol(here, &["fmt", "--check", "-"], LOOSE);
    assert_eq!(output.status.code(), Some(1));
    let output = hpol(here, &["fmt", "-"], "rule {");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(text(&output.stderr).contains("HP00"));
    let output = hpol(here, &["fmt", "-", "."], LOOSE);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_file_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loose.hpol");
    fs::write(&path, LOOSE).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(hpol(folder.path(), &["fmt"], "").status.code(), Some(0));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}
