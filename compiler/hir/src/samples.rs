//! Policies to test with: the examples of the language's pages, and every policy of the tree.

use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// 2026-11-23.
pub(crate) const NOW: i64 = 1_795_392_000;

/// A policy, and where it is from.
pub(crate) struct Sample {
    pub(crate) from: String,
    /// Its files by name.
    pub(crate) files: Vec<(String, String)>,
}

impl Sample {
    /// An example of a page: one file, or several behind lines `// ---- name`.
    pub(crate) fn example(from: &str, example: &str) -> Sample {
        let files = example.split("// ---- ").enumerate();
        let files = files.map(|(index, part)| match index {
            0 => ("main.hpol", part),
            _ => part.split_once('\n').unwrap(),
        });
        Sample {
            from: from.to_owned(),
            files: files
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
        }
    }

    pub(crate) fn workspace(&self) -> Workspace {
        let mut workspace = Workspace::new();
        workspace.set_now(NOW);
        for (name, text) in &self.files {
            workspace.set_file(name, text.as_str());
        }
        workspace
    }
}

/// The workspace of an example.
pub(crate) fn workspace(example: &str) -> Workspace {
    Sample::example("", example).workspace()
}

/// The policies without errors and warnings.
pub(crate) fn sound() -> Vec<Sample> {
    let mut found = all();
    found.retain(|sample| sample.workspace().diagnostics().is_empty());
    assert!(found.len() > 100, "{}", found.len());
    found
}

/// Every example of the pages of the language, and every policy of the tree.
fn all() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in [
        "lang-spec/constructs",
        "lang-spec/codes",
        "lang-spec/conformance",
    ] {
        for (path, page) in read(&root.join(folder)) {
            for (number, example) in fenced(&page, "hpol").into_iter().enumerate() {
                found.push(Sample::example(&format!("{path} {number}"), example));
            }
        }
    }
    for folder in ["policies", "tests/suite/policies"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let folder = entry.unwrap().path();
            if folder.is_dir() {
                let mut files = read(&folder);
                files.retain(|(name, _)| name.ends_with(".hpol"));
                let from = folder.display().to_string();
                found.push(Sample { from, files });
            }
        }
    }
    found
}

/// The blocks of a page that are marked as `kind`.
pub(crate) fn fenced<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let fence = format!("```{kind}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// The files of a folder of `lang-spec`, by path.
pub(crate) fn pages(folder: &str) -> Vec<(String, String)> {
    let lang_spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lang-spec");
    read(&lang_spec.join(folder))
}

fn read(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files = paths.into_iter().filter(|path| path.is_file());
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    files
        .map(|path| (path.display().to_string(), text(&path)))
        .collect()
}
