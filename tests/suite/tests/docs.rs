//! The documents against the tree: folders and names that exist, links that lead somewhere, examples that compile and whose
//! tests pass, commands that there are. What the documents say beyond that is for a reader to judge.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use hpol_support::gateway::{gateway, hpol};

fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).unwrap().to_owned()
}

/// A document, by its path from the root.
struct Page {
    path: PathBuf,
    text: String,
}

fn pages() -> Vec<Page> {
    let root = root();
    let mut pages = Vec::new();
    for folder in ["", "docs", "editor-support", "policies", "lang-spec"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_owned();
                pages.push(Page { path, text });
            }
        }
    }
    assert!(pages.len() > 10, "the documents were not found");
    pages
}

fn page(path: &str) -> Page {
    let text = fs::read_to_string(root().join(path)).unwrap();
    Page {
        path: path.into(),
        text,
    }
}

impl Page {
    /// The fenced blocks that are marked `language`.
    fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut open: Option<(bool, String)> = None;
        for line in self.text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(mark)) => open = Some((mark == language, String::new())),
                (Some(_), Some("")) => {
                    blocks.extend(open.take().filter(|block| block.0).map(|block| block.1));
                }
                (Some((true, block)), _) => *block += &format!("{line}\n"),
                (Some((false, _)) | None, _) => {}
            }
        }
        blocks
    }

    /// What stands in backticks outside of fenced blocks.
    fn quoted(&self) -> Vec<&str> {
        let prose = self.text.split("```").step_by(2);
        prose
            .flat_map(|part| part.split('`').skip(1).step_by(2))
            .collect()
    }

    /// Where its links lead, without those to other sites.
    fn links(&self) -> Vec<&str> {
        let prose = self.text.split("```").step_by(2);
        let targets = prose.flat_map(|part| part.split("](").skip(1));
        targets
            .filter_map(|rest| rest.split(')').next())
            .map(|target| target.split('#').next().unwrap_or_default())
            .filter(|target| !target.is_empty() && !target.contains("://"))
            .collect()
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = root();
    let mut dead = Vec::new();
    for page in pages() {
        let folder = root.join(&page.path);
        for link in page.links() {
            if !folder.parent().unwrap().join(link).exists() {
                dead.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_architecture_names_every_crate_and_only_folders_that_exist() {
    let page = page("ARCHITECTURE.md");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("members = [").unwrap();
    let (members, _) = rest.split_once(']').unwrap();
    let quoted = page.quoted();
    for member in members.split('"').skip(1).step_by(2) {
        assert!(quoted.contains(&member), "`{member}` is not named");
    }
    let is_path = |text: &&&str| {
        text.contains('/')
            && !text.contains("::")
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c))
    };
    let gone: Vec<&&str> = quoted
        .iter()
        .filter(is_path)
        .filter(|path| !root().join(path).exists())
        .collect();
    assert!(gone.is_empty(), "named and not there: {gone:?}");
    assert!(page.text.lines().count() <= 400, "too long to be read");
}

#[test]
fn the_architecture_names_only_types_and_functions_that_exist() {
    let mut sources = Vec::new();
    for folder in ["compiler", "runtime", "lang-spec/oracle", "nist-mappings"] {
        collect(&root().join(folder), &mut sources);
    }
    let page = page("ARCHITECTURE.md");
    let names = page
        .quoted()
        .into_iter()
        .filter(|text| text.contains("::") && !text.contains(' '));
    let mut checked = 0;
    for name in names {
        let parts: Vec<&str> = name.split("::").collect();
        let there = sources.iter().any(|source| {
            parts
                .iter()
                .filter(|part| !part.starts_with("hpol_"))
                .all(|part| has_word(source, part))
        });
        assert!(there, "no source has `{name}`");
        checked += 1;
    }
    assert!(checked > 10, "the names were not found");
}

fn collect(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(fs::read_to_string(path).unwrap());
        }
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}

#[test]
fn every_task_in_a_document_is_one_of_xtask() {
    let xtask = fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
    let (_, rest) = xtask.split_once("const HELP: &str = ").unwrap();
    let (help, _) = rest.split_once("\";").unwrap();
    let mut found = 0;
    for page in pages() {
        for after in page.text.split("cargo xtask ").skip(1) {
            let task: String = after
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            assert!(
                help.lines()
                    .any(|line| line.split_whitespace().next() == Some(task.as_str())),
                "{}: `cargo xtask {task}`",
                page.path.display()
            );
            found += 1;
        }
    }
    assert!(found > 4, "the tasks were not found");
}

/// The examples of a page up to the next that begins with `package` are one policy; a page that tells to run `hpol init`
/// begins with what that writes.
#[test]
fn every_policy_in_a_document_compiles_and_its_tests_pass() -> Result<()> {
    let mut found = 0;
    for page in pages() {
        let blocks = page.blocks("hpol");
        if blocks.is_empty() {
            continue;
        }
        found += 1;
        let init = page.text.contains("\nhpol init ");
        for policy in blocks.chunk_by(|_, next| !next.starts_with("package ")) {
            let folder = tempfile::tempdir()?;
            if init {
                run(hpol()?.arg("init").arg(folder.path()))?;
            }
            fs::write(folder.path().join("page.hpol"), policy.join("\n"))?;
            run(hpol()?.arg("test").arg(folder.path()).env("NO_COLOR", "1"))
                .with_context(|| page.path.display().to_string())?;
        }
    }
    assert!(found >= 3, "the policies were not found");
    Ok(())
}

/// The files that a configuration names are not there, which is reported. What is wrong in the configuration itself is
/// reported with its own path.
#[test]
fn every_configuration_in_a_document_is_right() -> Result<()> {
    let mut found = 0;
    for page in pages() {
        for block in page.blocks("toml") {
            if !block.contains("[bundle]") {
                continue;
            }
            found += 1;
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("gateway.toml");
            fs::write(&file, &block)?;
            let mut check = gateway()?;
            check.args(["check-config", "--config"]).arg(&file);
            if !block.contains("[[identity]]") {
                check.arg("--dev");
            }
            let output = check.output()?;
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            let itself = errors.contains("gateway.toml") || !errors.contains("trusted key");
            assert!(!itself, "{}: {errors}", page.path.display());
        }
    }
    assert!(found >= 3, "the configurations were not found");
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    anyhow::ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
