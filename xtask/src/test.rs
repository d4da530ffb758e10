//! Every check and test of the project, in the order in which a failure is cheapest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use hpol_support::process::check;

use crate::setup;

/// Runs everything; the first step that fails ends it.
pub(crate) fn run() -> Result<()> {
    setup::ensure(&setup::ALL)?;
    let root = root()?;
    step(&root, "format", &["fmt", "--all", "--check"])?;
    step(
        &root,
        "programs",
        &["build", "--locked", "-p", "hpol-cli", "-p", "hpol-gateway"],
    )?;
    step(
        &root,
        "lints",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    let mut generated = cargo(&root);
    generated
        .args(["test", "--locked", "--manifest-path"])
        .arg(root.join("editor-support/tree-sitter-hpol/generate/Cargo.toml"))
        .arg("--target-dir")
        .arg(target(&root).join("generate"));
    run_step("parser for editors", &mut generated)?;
    let mut tests = cargo(&root);
    tests.args(["test", "--locked", "--workspace"]);
    with_clients(&root, &mut tests)?;
    run_step("tests", &mut tests)
}

/// Installs what the end-to-end tests work with, and tells `tests` where it is.
pub(crate) fn with_clients(root: &Path, tests: &mut Command) -> Result<()> {
    tests
        .env("HPOL_TEST_PYTHON", python(root)?)
        .env("HPOL_TEST_NODE", node(root, "node", &[])?)
        .env(
            "HPOL_TEST_OIDC_PROVIDER",
            node(root, "oidc-provider", &["provider.mjs"])?,
        )
        .env("HPOL_TEST_JDBC", setup::JDBC_DRIVER);
    Ok(())
}

/// The root of the workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask stands in the workspace")?;
    Ok(folder.to_owned())
}

/// A cargo that builds in the workspace.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn step(root: &Path, what: &str, arguments: &[&str]) -> Result<()> {
    run_step(what, cargo(root).args(arguments))
}

/// Runs `command` with its output shown.
pub(crate) fn run_step(what: &str, command: &mut Command) -> Result<()> {
    println!("== {what}");
    let status = command
        .status()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{what}: {status}");
    }
    Ok(())
}

/// A Python with the clients of the tests, in the target folder. Made once; made again when the list of packages changes.
fn python(root: &Path) -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(root.join("tests/support/python/requirements.txt"))?;
    let folder = target(root).join("test-python");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.exists()
    {
        return Ok(python);
    }
    println!("== Python packages");
    check(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let requirements = root.join("tests/support/python/requirements.txt");
    check(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(requirements),
    )?;
    std::fs::write(stamp, wanted)?;
    Ok(python)
}

/// A folder under the target folder with the packages of `tests/support/<name>` installed, and copies of these scripts.
fn node(root: &Path, name: &str, scripts: &[&str]) -> Result<PathBuf> {
    let source = root.join("tests/support").join(name);
    let folder = target(root).join(format!("test-{name}"));
    let lock = "package-lock.json";
    std::fs::create_dir_all(&folder)?;
    let wanted = std::fs::read(source.join(lock))?;
    let stamp = folder.join("installed.json");
    let installed = std::fs::read(&stamp).is_ok_and(|installed| installed == wanted);
    for name in ["package.json", lock].iter().chain(scripts) {
        std::fs::copy(source.join(name), folder.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    if !installed {
        println!("== Node packages of {name}");
        check(
            Command::new("npm")
                .args(["ci", "--silent", "--no-audit", "--no-fund"])
                .current_dir(&folder),
        )?;
        std::fs::write(stamp, wanted)?;
    }
    Ok(folder)
}

/// Where cargo builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
