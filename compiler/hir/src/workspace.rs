//! The door of the compiler: files in, diagnostics, policy, tests and program out.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_analysis::Budget;
use hpol_bundle::policy::Policy;
use hpol_bundle::program::Program;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_syntax::code::Severity;
use salsa::Setter;

use crate::assemble::{diagnostics, policy, program, test_cases};
use crate::database::{Database, Inputs, SourceFile};
use crate::diagnostic::Diagnostic;
use crate::lints::{self, Lints};
use crate::test_case::TestCase;

/// The sources of one policy, and everything that follows from them. What was computed before an edit and does not
/// depend on it is kept.
#[derive(Clone)]
pub struct Workspace {
    pub(crate) database: Database,
    pub(crate) inputs: Inputs,
    pub(crate) files: BTreeMap<String, SourceFile>,
}

/// There is no policy: [`Workspace::diagnostics`] says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the policy has errors")]
pub struct HasErrors;

/// The answer was not finished, since the sources changed meanwhile. Ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sources changed meanwhile")]
pub struct Cancelled;

/// Runs `read`, which asks a clone of a [`Workspace`], unless an edit of another clone comes first. An edit waits until
/// no other clone exists, and ends what they are doing.
///
/// # Errors
/// If there was an edit.
pub fn attempt<T>(read: impl FnOnce() -> T) -> Result<T, Cancelled> {
    salsa::Cancelled::catch(std::panic::AssertUnwindSafe(read)).map_err(|_| Cancelled)
}

impl Workspace {
    /// No files, the built-in vocabulary.
    #[must_use]
    pub fn new() -> Workspace {
        Workspace::with_database(Database::default())
    }

    pub(crate) fn with_database(database: Database) -> Workspace {
        let inputs = Inputs::new(
            &database,
            Vec::new(),
            Arc::new(Vocabulary::builtin().clone()),
            hpol_nist_mappings::catalogue(),
            hpol_nist_mappings::mechanisms(),
            None,
        );
        Workspace {
            database,
            inputs,
            files: BTreeMap::new(),
        }
    }

    /// Adds a file, or replaces its text. `path` is relative to the policy's root, with `/`; it names the file in
    /// diagnostics and in the policy.
    pub fn set_file(&mut self, path: impl Into<String>, text: impl Into<String>) {
        let (path, text) = (path.into(), text.into());
        if let Some(file) = self.files.get(&path) {
            if file.text(&self.database) != text {
                file.set_text(&mut self.database).to(text);
            }
            return;
        }
        let file = SourceFile::new(&self.database, path.clone(), text);
        self.files.insert(path, file);
        self.set_files();
    }

    /// Takes a file out.
    pub fn remove_file(&mut self, path: &str) {
        if self.files.remove(path).is_some() {
            self.set_files();
        }
    }

    /// Replaces the facts that conditions can read.
    pub fn set_vocabulary(&mut self, vocabulary: Vocabulary) {
        self.inputs
            .set_vocabulary(&mut self.database)
            .to(Arc::new(vocabulary));
    }

    /// Tells the time, in seconds since the beginning of 1970 in UTC: an exception that has ended is warned of. Nothing is
    /// warned of where nobody tells it.
    pub fn set_now(&mut self, seconds: i64) {
        self.inputs.set_now(&mut self.database).to(Some(seconds));
    }

    /// Everything that is wrong, sorted by file and place.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        diagnostics(&self.database, self.inputs).clone()
    }

    /// The typed policy.
    ///
    /// # Errors
    /// If a diagnostic is an error.
    pub fn policy(&self) -> Result<Policy, HasErrors> {
        self.sound()?;
        policy(&self.database, self.inputs).clone().ok_or(HasErrors)
    }

    /// The decision graph of the policy.
    ///
    /// # Errors
    /// If a diagnostic is an error.
    pub fn program(&self) -> Result<Program, HasErrors> {
        self.sound()?;
        match program(&self.database, self.inputs) {
            Ok(Some(program)) => Ok(program.clone()),
            Ok(None) | Err(_) => Err(HasErrors),
        }
    }

    /// The tests that are right, in the order of files and places. Their names mean something only beside a policy.
    #[must_use]
    pub fn tests(&self) -> Vec<TestCase> {
        test_cases(&self.database, self.inputs).clone()
    }

    /// What lints find.
    ///
    /// # Errors
    /// If a diagnostic is an error: lints look at what the policy means.
    pub fn lints(&self) -> Result<Lints, HasErrors> {
        self.lints_within(Budget::default())
    }

    /// What lints find with `budget` for each question about what the policy means.
    pub(crate) fn lints_within(&self, budget: Budget) -> Result<Lints, HasErrors> {
        let policy = self.policy()?;
        let tests = self.tests();
        let db = &self.database;
        let context = lints::Context {
            items: lints::gather::gather(db, self.inputs),
            texts: self
                .files
                .values()
                .map(|file| (file.path(db), file.text(db)))
                .collect(),
            policy: &policy,
            tests: &tests,
            vocabulary: self.vocabulary(),
        };
        Ok(lints::run(&context, budget))
    }

    fn sound(&self) -> Result<(), HasErrors> {
        let found = diagnostics(&self.database, self.inputs);
        match found
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
        {
            true => Err(HasErrors),
            false => Ok(()),
        }
    }

    fn set_files(&mut self) {
        let files = self.files.values().copied().collect();
        self.inputs.set_files(&mut self.database).to(files);
    }
}

impl Default for Workspace {
    fn default() -> Workspace {
        Workspace::new()
    }
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace")
            .field("files", &self.files.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod codes;

#[cfg(test)]
mod formatted;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod incremental;

#[cfg(test)]
mod intent;
#[cfg(test)]
mod meaning;

#[cfg(test)]
mod predicates;
#[cfg(test)]
mod spec;
