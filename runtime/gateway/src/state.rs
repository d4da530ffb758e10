//! What the gateway remembers across restarts: the largest bundle sequence that was ever in force, so that an old bundle
//! cannot come back with a restart.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const SEQUENCE_FILE: &str = "bundle-sequence";
/// Longest content: a u64 and a line end.
const MAX_BYTES: u64 = 24;

/// Why the memory cannot be used. Without it a rollback could not be told, so no bundle is loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UseState {
    #[error("state directory `{path}` cannot be made: {why}")]
    Create { path: PathBuf, why: io::Error },
    #[error("`{path}` cannot be read: {why}")]
    Read { path: PathBuf, why: io::Error },
    #[error(
        "`{path}` does not hold a sequence number; write the last one there, or remove the file to accept any bundle"
    )]
    Corrupt { path: PathBuf },
    #[error("`{path}` cannot be written: {why}")]
    Write { path: PathBuf, why: io::Error },
}

/// The state directory.
#[derive(Debug, Clone)]
pub(crate) struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// # Errors
    /// When the directory is not there and cannot be made.
    pub(crate) fn open(path: &Path) -> Result<StateDir, UseState> {
        fs::create_dir_all(path).map_err(|why| UseState::Create {
            path: path.to_owned(),
            why,
        })?;
        Ok(StateDir {
            path: path.to_owned(),
        })
    }

    /// The largest sequence that was ever in force; `None` before the first bundle.
    ///
    /// # Errors
    /// When it is not known.
    pub(crate) fn newest_sequence(&self) -> Result<Option<u64>, UseState> {
        let path = self.path.join(SEQUENCE_FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(UseState::Read { path, why }),
        };
        let mut text = String::new();
        if let Err(why) = file.take(MAX_BYTES).read_to_string(&mut text) {
            return Err(UseState::Read { path, why });
        }
        text.trim_end()
            .parse()
            .map(Some)
            .map_err(|_| UseState::Corrupt { path })
    }

    /// Remembers `sequence` so that neither a crash nor a restart forgets it.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub(crate) fn remember_sequence(&self, sequence: u64) -> Result<(), UseState> {
        let path = self.path.join(SEQUENCE_FILE);
        write_atomically(&path, format!("{sequence}\n").as_bytes())
            .map_err(|why| UseState::Write { path, why })
    }
}

/// Replaces a file as a whole, durably: a reader sees the old content or the new one.
///
/// # Errors
/// Those of the file system.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b_02_the_newest_sequence_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("state")).unwrap();
        assert_eq!(state.newest_sequence().unwrap(), None);
        state.remember_sequence(41).unwrap();
        state.remember_sequence(42).unwrap();
        assert_eq!(
            StateDir::open(&folder.path().join("state"))
                .unwrap()
                .newest_sequence()
                .unwrap(),
            Some(42)
        );
    }

    #[test]
    fn a_spoilt_memory_is_an_error_and_not_a_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        for spoilt in ["", "forty", "-1", "99999999999999999999999999"] {
            fs::write(folder.path().join(SEQUENCE_FILE), spoilt).unwrap();
            assert!(
                matches!(state.newest_sequence(), Err(UseState::Corrupt { .. })),
                "{spoilt:?}"
            );
        }
    }
}
