//! The policy that a command line names: its files, what is wrong with them, and its tests run.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::Args;
use hpol_bundle::policy::Policy;
use hpol_bundle::program::Program;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::{HasErrors, Lints, TestCase, Workspace};
use serde_json::{Value, json};

use crate::dependencies::{self, Dependencies};
use crate::exit::Failure;
use crate::report::finding::Finding;
use crate::report::{self, Entry, Report, Texts};
use crate::sources::{self, SourceFile};
use crate::terminal::Terminal;
use crate::tested::{self, Tested};
use crate::trial;
use crate::vocabulary::VocabularyFile;

/// Which files make the policy.
#[derive(Debug, Args)]
pub(crate) struct Paths {
    /// Files and folders; of a folder everything below it that ends in `.hpol`
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    vocabulary: VocabularyFile,
}

/// Policy files, read and checked.
pub(crate) struct Project {
    /// Those of the packages from other folders among them.
    pub(crate) files: Vec<SourceFile>,
    /// The packages from other folders.
    pub(crate) dependencies: Dependencies,
    reports: Vec<Report>,
    /// The facts that the policy was checked with, its own among them.
    pub(crate) vocabulary: Vocabulary,
    workspace: Workspace,
}

/// A policy without errors.
pub(crate) struct Sound {
    pub(crate) policy: Policy,
    pub(crate) program: Program,
    pub(crate) tests: Vec<TestCase>,
}

/// A policy, checked and its tests run.
pub(crate) struct Tried {
    pub(crate) project: Project,
    /// `None` if it has errors.
    pub(crate) sound: Option<Sound>,
    pub(crate) tests: Vec<Tested>,
}

impl Paths {
    /// A single file or folder.
    pub(crate) fn one(path: PathBuf, vocabulary: Option<PathBuf>) -> Paths {
        Paths {
            paths: vec![path],
            vocabulary: VocabularyFile { vocabulary },
        }
    }

    /// Every file that the policy is read from, those of packages among them; of a folder that cannot be listed its own path.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let root = self.root();
        let packages = dependencies::folders(root).unwrap_or_default();
        let packages = packages.iter().map(|package| root.join(package));
        let mut files: Vec<PathBuf> = dependencies::project_files(root).into();
        files.extend(self.vocabulary.vocabulary.clone());
        for path in self.paths.iter().cloned().chain(packages) {
            match sources::below(&path) {
                Ok(below) => files.extend(below),
                Err(_) => files.push(path),
            }
        }
        files
    }

    /// The folder whose `hpol.toml` counts: the one folder that is given, or the current one.
    pub(crate) fn root(&self) -> &Path {
        match self.paths.as_slice() {
            [folder] if folder.is_dir() => folder,
            _ => Path::new("."),
        }
    }
}

impl Project {
    pub(crate) fn load(paths: &Paths) -> Result<Project, Failure> {
        let vocabulary = paths.vocabulary.load()?;
        dependencies::none_beside(&paths.paths, paths.root())?;
        let dependencies = Dependencies::load(paths.root())?;
        let mut files = sources::collect_but(&paths.paths, |path| dependencies.holds(path))?;
        files.extend(dependencies.files().cloned());
        let mut workspace = Workspace::new();
        workspace.set_vocabulary(vocabulary);
        workspace.set_now(trial::now());
        for file in &files {
            workspace.set_file(file.name.as_str(), file.text.as_str());
        }
        let texts = Texts::new(&files);
        let reports = workspace
            .diagnostics()
            .iter()
            .map(|diagnostic| Report::new(diagnostic, &texts))
            .collect();
        Ok(Project {
            files,
            dependencies,
            reports,
            vocabulary: workspace.vocabulary().clone(),
            workspace,
        })
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.reports.iter().any(Report::is_error)
    }

    /// The policy; `None` if it has errors.
    pub(crate) fn sound(&self) -> Result<Option<Sound>, Failure> {
        if self.has_errors() {
            return Ok(None);
        }
        let silent = |HasErrors| Failure::Internal {
            what: "the policy has errors that nothing names".to_owned(),
        };
        Ok(Some(Sound {
            policy: self.workspace.policy().map_err(silent)?,
            program: self.workspace.program().map_err(silent)?,
            tests: self.workspace.tests(),
        }))
    }

    /// Whether it would have no errors if its files had other texts.
    pub(crate) fn is_sound_with(&self, text: impl Fn(&SourceFile) -> String) -> bool {
        // A change of a database waits until no copy of it is left, so this is not a copy.
        let mut workspace = Workspace::new();
        workspace.set_vocabulary(self.vocabulary.clone());
        for file in &self.files {
            workspace.set_file(file.name.as_str(), text(file));
        }
        workspace.policy().is_ok()
    }

    /// What lints find; `None` if it has errors.
    pub(crate) fn lints(&self) -> Option<Lints> {
        self.workspace.lints().ok()
    }

    /// What is wrong, as JSON.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        self.reports.iter().map(Report::entry).collect()
    }

    /// What is wrong, for other machines.
    pub(crate) fn findings(&self) -> Vec<Finding<'_>> {
        self.reports.iter().map(Report::finding).collect()
    }

    /// Prints what is wrong, if anything is.
    pub(crate) fn print_reports(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        report::print(terminal, &self.reports)
    }
}

impl Tried {
    /// Reads the policy, checks it and runs its tests. Prints what is wrong unless the output is to be JSON.
    pub(crate) fn load(
        paths: &Paths,
        json: bool,
        terminal: &mut Terminal,
    ) -> Result<Tried, Failure> {
        Tried::load_only(paths, "", json, terminal)
    }

    /// As [`Tried::load`], with only the tests whose names contain `filter`.
    pub(crate) fn load_only(
        paths: &Paths,
        filter: &str,
        json: bool,
        terminal: &mut Terminal,
    ) -> Result<Tried, Failure> {
        let project = Project::load(paths)?;
        if !json {
            project.print_reports(terminal)?;
        }
        let sound = project.sound()?;
        let tests = sound
            .as_ref()
            .map(|sound| tested::run(sound, &project.vocabulary, filter));
        Ok(Tried {
            tests: tests.unwrap_or_default(),
            project,
            sound,
        })
    }

    /// Whether it has no errors and every test holds.
    pub(crate) fn passed(&self) -> bool {
        self.sound.is_some() && self.tests.iter().all(Tested::passed)
    }

    /// What is wrong, and the tests that fail, for other machines.
    pub(crate) fn findings(&self) -> Vec<Finding<'_>> {
        let mut findings = self.project.findings();
        findings.extend(self.tests.iter().filter_map(|test| {
            let source = self
                .project
                .files
                .iter()
                .find(|file| file.name == test.file())?;
            test.finding(source.relative())
        }));
        findings
    }

    /// What is wrong, and how the tests went, as JSON.
    pub(crate) fn as_json(&self) -> Value {
        json!({ "diagnostics": self.project.entries(), "tests": self.tests })
    }
}

/// `3 tests`, `1 test`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
