//! Finds and reads policy files. The only place of the compiler that reads sources from disk.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Largest policy file; the largest seen in practice are a hundredth of it.
const FILE_BYTES: u64 = 4 << 20;

/// Most files of one policy.
const FILES: usize = 4_096;

/// Deepest folder below the root, against loops that links make.
const DEPTH: usize = 32;

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Path as diagnostics and records show it: as given, or relative to the folder that was given, with `/`.
    pub(crate) name: String,
    /// Where it stands on disk.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

impl SourceFile {
    /// Its path, with `/`, as programs that start in the current folder find it.
    pub(crate) fn relative(&self) -> String {
        let path = self.path.strip_prefix(".").unwrap_or(&self.path);
        path.to_string_lossy().replace('\\', "/")
    }
}

/// Every policy file that `paths` name: files as they are, folders with everything below them that ends in `.hpol`, except
/// hidden folders and those called `target` and `node_modules`. A file is called by its path, which is relative to the folder
/// where one folder alone is given. Sorted by name, none twice.
pub(crate) fn collect(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Failure> {
    collect_but(paths, |_| false)
}

/// As [`collect`], without the files that are `elsewhere`.
pub(crate) fn collect_but(
    paths: &[PathBuf],
    elsewhere: impl Fn(&Path) -> bool,
) -> Result<Vec<SourceFile>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            walk(path, path, 0, &mut found)?;
            if found.len() == before {
                return Err(Failure::NoPolicy { path: path.clone() });
            }
        } else {
            found.push(path.clone());
        }
    }
    found.retain(|path| !elsewhere(path));
    found.sort();
    found.dedup();
    // Only one folder: names of files in two folders could be the same.
    let root = paths
        .first()
        .filter(|path| paths.len() == 1 && path.is_dir());
    found.into_iter().map(|path| read(path, root)).collect()
}

/// The paths of the policy files below `root`, sorted, each to be read on its own.
pub(crate) fn below(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    walk(root, root, 0, &mut found)?;
    found.sort();
    Ok(found)
}

/// The text of a policy file.
pub(crate) fn policy_text(path: &Path) -> Result<String, Failure> {
    read_text(path, FILE_BYTES)
}

fn read(path: PathBuf, root: Option<&PathBuf>) -> Result<SourceFile, Failure> {
    let relative = root
        .and_then(|root| path.strip_prefix(root).ok())
        .unwrap_or(&path);
    let name = relative.to_string_lossy().replace('\\', "/");
    let text = read_text(&path, FILE_BYTES)?;
    Ok(SourceFile { name, path, text })
}

/// What stands on standard input, as a policy file.
pub(crate) fn standard_input() -> Result<SourceFile, Failure> {
    let name = "<standard input>";
    let path = PathBuf::from(name);
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Failure::read(&path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES) {
        return Err(Failure::TooLarge {
            path,
            limit: FILE_BYTES,
        });
    }
    let text = String::from_utf8(bytes).map_err(|failure| Failure::NotText {
        path: path.clone(),
        offset: failure.utf8_error().valid_up_to(),
    })?;
    Ok(SourceFile {
        name: name.to_owned(),
        path,
        text,
    })
}

/// The text of a file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Failure> {
    String::from_utf8(read_bytes(path, limit)?).map_err(|failure| Failure::NotText {
        path: path.to_owned(),
        offset: failure.utf8_error().valid_up_to(),
    })
}

/// The bytes of a file of at most `limit` bytes.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Failure::read(path))?;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Failure::read(path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Failure::TooLarge {
            path: path.to_owned(),
            limit,
        })
    }
}

fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth > DEPTH {
        return Err(Failure::TooDeep {
            path: folder.to_owned(),
            limit: DEPTH,
        });
    }
    for entry in std::fs::read_dir(folder).map_err(Failure::read(folder))? {
        let path = entry.map_err(Failure::read(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                walk(root, &path, depth + 1, found)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "hpol")
        {
            if found.len() == FILES {
                return Err(Failure::TooManyFiles {
                    path: root.to_owned(),
                    limit: FILES,
                });
            }
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn folders_give_their_policy_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("b.hpol", "b"),
            ("sub/a.hpol", "a"),
            (".git/x.hpol", "x"),
            ("target/y.hpol", "y"),
            ("n.txt", "n"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let names: Vec<_> = collect(&[folder.path().to_owned()])
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .collect();
        assert_eq!(names, ["b.hpol", "sub/a.hpol"]);
    }

    #[test]
    fn an_empty_folder_and_text_in_another_encoding_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            collect(&[folder.path().to_owned()]),
            Err(Failure::NoPolicy { .. })
        ));
        let path = folder.path().join("latin1.hpol");
        fs::write(&path, b"ok \xe4").unwrap();
        assert!(matches!(
            collect(&[path]),
            Err(Failure::NotText { offset: 3, .. })
        ));
        assert!(matches!(
            read_bytes(&folder.path().join("latin1.hpol"), 3),
            Err(Failure::TooLarge { .. })
        ));
    }
}
