//! The packages that a policy takes from other folders: `hpol.toml` says where they are, `hpol.lock` which bytes they were.
//!
//! Owns the two files and the digests. What an import means is the compiler's matter.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use hpol_bundle::digest::{hex, sha256};
use hpol_syntax::ast::Item;
use serde::Deserialize;

use crate::exit::Failure;
use crate::sources::{self, SourceFile};
use crate::visible;
use crate::whole_file;

/// The file that says where packages are.
pub(crate) const PROJECT: &str = "hpol.toml";
/// The file that says which bytes they were.
const LOCK: &str = "hpol.lock";
/// Largest of either; thousands of packages fit in.
const BYTES: u64 = 256 << 10;
/// Packages that one policy takes from other folders.
const PACKAGES: usize = 256;
/// The form of the lock file.
const VERSION: u32 = 2;

/// The packages that one policy takes from other folders, read.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    root: PathBuf,
    packages: BTreeMap<String, Package>,
}

#[derive(Debug)]
struct Package {
    folder: PathBuf,
    files: Vec<SourceFile>,
    digest: String,
}

/// How the packages differ from what the lock file says, in the order of names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drift {
    /// There is no lock file.
    NoLock,
    /// The lock file has another form, whose digests say nothing here.
    Form(u32),
    /// A package that the lock file does not name.
    Added(String),
    /// A package whose files are others.
    Changed(String),
    /// A package that the project file does not name any more.
    Removed(String),
}

/// The part of `hpol.toml` that concerns packages; other tables belong to other readers.
#[derive(Debug, Default, Deserialize)]
struct ProjectFile {
    #[serde(default)]
    dependencies: BTreeMap<String, PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    version: u32,
    #[serde(default)]
    packages: BTreeMap<String, String>,
}

/// The two files that can stand in the folder `root`.
pub(crate) fn project_files(root: &Path) -> [PathBuf; 2] {
    [PROJECT, LOCK].map(|file| root.join(file))
}

/// The folders of the packages that the project file of the folder `root` names, as it names them; none where there is no
/// such file.
pub(crate) fn folders(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    Ok(named(root)?.into_values().collect())
}

fn named(root: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let path = root.join(PROJECT);
    let project: ProjectFile = match path.exists() {
        true => read_toml(&path)?,
        false => ProjectFile::default(),
    };
    if project.dependencies.len() > PACKAGES {
        return Err(unusable(
            &path,
            format!("it names more than {PACKAGES} packages"),
        ));
    }
    Ok(project.dependencies)
}

impl Dependencies {
    /// Reads the packages that the project file of the folder `root` names; none where there is no such file.
    pub(crate) fn load(root: &Path) -> Result<Dependencies, Failure> {
        let mut packages = BTreeMap::new();
        for (name, folder) in named(root)? {
            let package = Package::read(root, &name, &folder)?;
            packages.insert(name, package);
        }
        Ok(Dependencies {
            root: root.to_owned(),
            packages,
        })
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The files of all packages; their names are relative to the root.
    pub(crate) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.packages.values().flat_map(|package| &package.files)
    }

    /// Whether `path` lies in the folder of a package, as in one that is kept below the policy.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else {
            return false;
        };
        let mut folders = self.packages.values().map(|package| &package.folder);
        folders.any(|folder| path.starts_with(folder))
    }

    /// Compares with the lock file.
    pub(crate) fn drift(&self) -> Result<Vec<Drift>, Failure> {
        let path = self.root.join(LOCK);
        if !path.exists() {
            return Ok(match self.is_empty() {
                true => Vec::new(),
                false => vec![Drift::NoLock],
            });
        }
        let lock: LockFile = read_toml(&path)?;
        if lock.version != VERSION {
            return Ok(vec![Drift::Form(lock.version)]);
        }
        let mut drift = Vec::new();
        for (name, package) in &self.packages {
            match lock.packages.get(name) {
                Some(digest) if *digest == package.digest => {}
                Some(_) => drift.push(Drift::Changed(name.clone())),
                None => drift.push(Drift::Added(name.clone())),
            }
        }
        let removed = lock.packages.into_keys();
        let removed = removed.filter(|name| !self.packages.contains_key(name));
        drift.extend(removed.map(Drift::Removed));
        Ok(drift)
    }

    /// Demands that the packages are those of the lock file.
    pub(crate) fn locked(&self) -> Result<(), Failure> {
        match self.drift()?.first() {
            None => Ok(()),
            Some(drift) => Err(Failure::Locked {
                why: drift.to_string(),
                path: self.root.clone(),
            }),
        }
    }

    /// Writes the lock file and gives its path and how many packages it names.
    pub(crate) fn lock(&self) -> Result<(PathBuf, usize), Failure> {
        let mut text = String::from(
            "# Which packages this policy was compiled with. Written by `hpol lock`; keep it with the policy.\n",
        );
        let written = self.write(&mut text);
        written.map_err(|_| Failure::Internal {
            what: "the lock file cannot be written as text".to_owned(),
        })?;
        let path = self.root.join(LOCK);
        whole_file::write(&path, text.as_bytes())?;
        Ok((path, self.packages.len()))
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "version = {VERSION}\n\n[packages]")?;
        self.packages
            .iter()
            .try_for_each(|(name, package)| writeln!(text, "\"{name}\" = \"{}\"", package.digest))
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Drift::NoLock => write!(f, "there is no `{LOCK}`"),
            Drift::Form(form) => {
                write!(
                    f,
                    "`{LOCK}` has form {form}, and this version reads {VERSION}"
                )
            }
            Drift::Added(name) => write!(f, "`{LOCK}` does not name package `{name}`"),
            Drift::Changed(name) => write!(f, "package `{name}` is not what `{LOCK}` names"),
            Drift::Removed(name) => {
                write!(
                    f,
                    "`{LOCK}` names package `{name}`, which `{PROJECT}` does not"
                )
            }
        }
    }
}

impl Package {
    fn read(root: &Path, name: &str, folder: &Path) -> Result<Package, Failure> {
        let project = root.join(PROJECT);
        let word = |word: &str| {
            let mut chars = word.chars();
            chars
                .next()
                .is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
                && chars.all(|char| char == '_' || char.is_ascii_alphanumeric())
        };
        if !name.split('.').all(word) {
            let why = format!("`{}` is not the name of a package", visible::line(name));
            return Err(unusable(&project, why));
        }
        let place = root.join(folder);
        let mut files = sources::collect(std::slice::from_ref(&place))?;
        for file in &files {
            plain(&project, &place, &file.path)?;
        }
        let digest = digest(&files);
        for file in &mut files {
            let package = package_of(&file.text);
            let fits = package.as_deref().is_some_and(|package| {
                package == name
                    || package
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with('.'))
            });
            if !fits {
                let why = format!(
                    "`{}` in `{}` does not belong to package `{name}`",
                    visible::line(&file.name),
                    folder.display()
                );
                return Err(unusable(&project, why));
            }
            let shown = folder.join(&file.name);
            file.name = shown.to_string_lossy().replace('\\', "/");
        }
        Ok(Package {
            folder: place.canonicalize().map_err(Failure::read(&place))?,
            files,
            digest,
        })
    }
}

/// The package that a file says it belongs to.
fn package_of(text: &str) -> Option<String> {
    let (items, _) = hpol_syntax::split::split(text);
    match hpol_syntax::parse::parse(&items.first()?.text).item? {
        Item::Package(package) => Some(package.name.node),
        _ => None,
    }
}

/// Refuses a file of a package whose name other systems would read as another one: its digest would be theirs.
fn plain(project: &Path, place: &Path, file: &Path) -> Result<(), Failure> {
    let below = file.strip_prefix(place).unwrap_or(file);
    let fits = |part: Component<'_>| match part {
        Component::Normal(part) => part
            .to_str()
            .is_some_and(|part| !part.contains(|char: char| char == '\\' || char.is_control())),
        _ => true,
    };
    if below.components().all(fits) {
        return Ok(());
    }
    let why = format!(
        "the file `{}` of `{}` has a name with a backslash, a control character or what is not UTF-8",
        below.display(),
        place.display()
    );
    Err(unusable(project, why))
}

/// One digest over the names and the bytes of all files. Names with their lengths in front: no name reads as two files.
fn digest(files: &[SourceFile]) -> String {
    let mut listed = Vec::new();
    for file in files {
        listed.extend_from_slice(&(file.name.len() as u64).to_be_bytes());
        listed.extend_from_slice(file.name.as_bytes());
        listed.extend_from_slice(&sha256(file.text.as_bytes()));
    }
    format!("sha256:{}", hex(&sha256(&listed)))
}

/// Refuses `paths` of which one has a project file that does not count, as `root` is another folder: packages and their lock
/// would silently be left out.
pub(crate) fn none_beside(paths: &[PathBuf], root: &Path) -> Result<(), Failure> {
    let Ok(root) = root.canonicalize() else {
        return Ok(());
    };
    for path in paths {
        // What cannot be found is reported where it is read.
        let Ok(path) = path.canonicalize() else {
            continue;
        };
        if path == root {
            continue;
        }
        let folders = [Some(path.as_path()), path.parent()];
        let others = folders
            .into_iter()
            .flatten()
            .filter(|folder| *folder != root);
        let mut files = others.flat_map(project_files);
        if let Some(file) = files.find(|file| file.exists()) {
            let why = "it counts only where its folder is given, and nothing else".to_owned();
            return Err(unusable(&file, why));
        }
    }
    Ok(())
}

pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = sources::read_text(path, BYTES)?;
    toml::from_str(&text).map_err(|fault| unusable(path, fault.message().to_owned()))
}

pub(crate) fn unusable(path: &Path, why: String) -> Failure {
    Failure::Project {
        path: path.to_owned(),
        why: visible::line(&why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> SourceFile {
        SourceFile {
            name: name.to_owned(),
            path: PathBuf::from(name),
            text: text.to_owned(),
        }
    }

    #[test]
    fn no_name_passes_for_two_files() {
        let two = [file("a.hpol", "one"), file("b.hpol", "two")];
        let inner = hex(&sha256(b"two"));
        let forged = file(&format!("a.hpol\n{inner}  b.hpol"), "one");
        assert_ne!(digest(&two), digest(&[forged]));
        assert_ne!(digest(&two[..1]), digest(&two));
    }
}
