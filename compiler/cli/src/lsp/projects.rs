//! The policies of an editor's folders, as they are on disk and in the editor. What is open in the editor counts, not what
//! is on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::Workspace;

use crate::dependencies::{self, Dependencies};
use crate::sources;
use crate::trial;

use super::diagnostics::ByFile;
use super::uri;

const HOUR: i64 = 3600;

/// One policy.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) workspace: Workspace,
    /// What the client was told last.
    pub(crate) published: ByFile,
    /// Counts the changes, so that an answer to an older state is known as such.
    pub(crate) generation: u64,
    /// Whether the client is still to be told what the last change led to.
    pub(crate) dirty: bool,
    /// The hour that the policy was told, in seconds since 1970; exceptions end at midnight.
    told: i64,
}

/// All policies, by the folder they are in.
#[derive(Debug)]
pub(crate) struct Projects {
    vocabulary: Vocabulary,
    folders: BTreeSet<PathBuf>,
    projects: BTreeMap<PathBuf, Project>,
}

/// What could not be read, in words for the client's log.
pub(crate) type Complaints = Vec<String>;

impl Projects {
    pub(crate) fn new(vocabulary: Vocabulary) -> Projects {
        Projects {
            vocabulary,
            folders: BTreeSet::new(),
            projects: BTreeMap::new(),
        }
    }

    /// Reads the policy of a folder, and those below it that have a project file of their own.
    pub(crate) fn add_folder(
        &mut self,
        folder: &Path,
        open: &BTreeMap<String, String>,
    ) -> Complaints {
        self.folders.insert(folder.to_owned());
        let mut complaints = Complaints::new();
        let mut roots = BTreeSet::from([folder.to_owned()]);
        match sources::below(folder) {
            Ok(paths) => roots.extend(paths.iter().map(|path| self.root(path))),
            Err(failure) => complaints.push(failure.to_string()),
        }
        for root in roots {
            complaints.extend(self.load(&root, open));
        }
        complaints
    }

    /// Forgets the policies of a folder. Gives the files that the client was told about.
    pub(crate) fn remove_folder(&mut self, folder: &Path) -> Vec<String> {
        self.folders.remove(folder);
        let gone: Vec<PathBuf> = self
            .projects
            .keys()
            .filter(|root| root.starts_with(folder))
            .cloned()
            .collect();
        let projects = gone.iter().filter_map(|root| self.projects.remove(root));
        projects
            .flat_map(|project| project.published.into_keys())
            .collect()
    }

    /// The policy that a file is asked about in: the one that it stands in, or one that takes it as part of a package.
    pub(crate) fn of(&mut self, file: &str) -> Option<&mut Project> {
        let home = self.homes(file).into_iter().next()?;
        self.projects.get_mut(&home)
    }

    /// Sets what the editor has, or what is on disk, in every policy that the file is part of.
    pub(crate) fn set(&mut self, file: &str, text: &str) {
        for home in self.homes(file) {
            let vocabulary = &self.vocabulary;
            let project = self
                .projects
                .entry(home)
                .or_insert_with(|| Project::new(vocabulary));
            project.tell_time(trial::now());
            project.workspace.set_file(file, text);
            project.changed();
        }
    }

    /// The folders of the policies that a file is part of: the one that it stands in first, then those that take it as part of
    /// a package. A file outside of every folder that none takes is a policy of its own.
    fn homes(&self, file: &str) -> Vec<PathBuf> {
        let own = self.root_of(file);
        let takes = |(root, project): &(&PathBuf, &Project)| {
            **root != own && project.workspace.text(file).is_some()
        };
        let taking = self.projects.iter().filter(takes);
        let taking: Vec<PathBuf> = taking.map(|(root, _)| root.clone()).collect();
        let alone = own.as_path() == Path::new(file);
        match alone && !taking.is_empty() && !self.projects.contains_key(&own) {
            true => taking,
            false => std::iter::once(own).chain(taking).collect(),
        }
    }

    /// Takes a file that is closed as it is on disk.
    pub(crate) fn read_again(&mut self, file: &str) -> Option<String> {
        let path = Path::new(file);
        let complaint = match path.is_file().then(|| sources::policy_text(path)) {
            Some(Ok(text)) => {
                self.set(file, &text);
                return None;
            }
            Some(Err(failure)) => Some(failure.to_string()),
            None => None,
        };
        for home in self.homes(file) {
            if let Some(project) = self.projects.get_mut(&home) {
                project.workspace.remove_file(file);
                project.changed();
            }
        }
        complaint
    }

    /// Reads a policy again as a whole: its project file has changed.
    pub(crate) fn reload(&mut self, path: &Path, open: &BTreeMap<String, String>) -> Complaints {
        let folder = path.parent().unwrap_or(path).to_owned();
        let outer = self
            .folders
            .iter()
            .filter(|outer| folder.starts_with(outer))
            .max();
        match outer.cloned() {
            Some(outer) => self.add_folder(&outer, open),
            None => Complaints::new(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Project)> {
        self.projects.iter()
    }

    pub(crate) fn at(&mut self, root: &Path) -> Option<&mut Project> {
        self.projects.get_mut(root)
    }

    /// The policies with changes that the client was not told about.
    pub(crate) fn dirty(&mut self) -> impl Iterator<Item = (&PathBuf, &mut Project)> {
        self.projects
            .iter_mut()
            .filter(|(_, project)| project.dirty)
    }

    fn load(&mut self, root: &Path, open: &BTreeMap<String, String>) -> Complaints {
        let mut complaints = Complaints::new();
        let mut project = Project::new(&self.vocabulary);
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let dependencies = Dependencies::load(root).unwrap_or_else(|failure| {
            complaints.push(failure.to_string());
            Dependencies::default()
        });
        for file in dependencies.files() {
            let path = uri::plain(&root.join(&file.name));
            files.insert(path.to_string_lossy().into_owned(), file.text.clone());
        }
        for path in sources::below(root).unwrap_or_default() {
            if dependencies.holds(&path) || self.root(&path) != root {
                continue;
            }
            match sources::policy_text(&path) {
                Ok(text) => {
                    files.insert(path.to_string_lossy().into_owned(), text);
                }
                Err(failure) => complaints.push(failure.to_string()),
            }
        }
        for (file, text) in open {
            // Also those of packages.
            if files.contains_key(file) || self.root_of(file) == root {
                files.insert(file.clone(), text.clone());
            }
        }
        for (file, text) in files {
            project.workspace.set_file(file, text);
        }
        project.changed();
        if let Some(old) = self.projects.remove(root) {
            project.published = old.published;
            project.generation = old.generation + 1;
        }
        self.projects.insert(root.to_owned(), project);
        complaints
    }

    fn root_of(&self, file: &str) -> PathBuf {
        self.root(Path::new(file))
    }

    /// The nearest folder above a file that has a project file, within the editor's folder.
    fn root(&self, path: &Path) -> PathBuf {
        let Some(folder) = self
            .folders
            .iter()
            .filter(|folder| path.starts_with(folder))
            .max()
        else {
            return path.to_owned();
        };
        let within = path
            .ancestors()
            .skip(1)
            .take_while(|above| above.starts_with(folder));
        let mut projects = within.filter(|above| above.join(dependencies::PROJECT).is_file());
        projects.next().unwrap_or(folder).to_owned()
    }
}

impl Project {
    fn new(vocabulary: &Vocabulary) -> Project {
        let mut workspace = Workspace::new();
        workspace.set_vocabulary(vocabulary.clone());
        let mut project = Project {
            workspace,
            published: ByFile::new(),
            generation: 0,
            dirty: false,
            told: 0,
        };
        project.tell_time(trial::now());
        project
    }

    /// Tells the policy the hour where it is another: a new time has rules looked at again.
    fn tell_time(&mut self, now: i64) {
        let hour = now - now.rem_euclid(HOUR);
        if hour != self.told {
            self.workspace.set_now(hour);
            self.told = hour;
        }
    }

    fn changed(&mut self) {
        self.generation += 1;
        self.dirty = true;
    }
}
