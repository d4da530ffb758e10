//! Secrets by reference: from a file that others cannot read, or from the environment. Never inline, never shown.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Longest secret file read, in bytes: a private key in PEM is a few KiB.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Permission bits that make a secret no secret: group write, world read, world write.
const CHANGED_OR_READ_BY_OTHERS: u32 = 0o026;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// In a file; one line end after it is not part of it.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::File(path) => write!(f, "file `{}`", path.display()),
            SecretSource::Environment(name) => write!(f, "environment variable `{name}`"),
        }
    }
}

/// Why a secret could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadSecret {
    #[error("`{path}` cannot be read: {why}")]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("`{path}` is not a regular file")]
    NotAFile { path: PathBuf },
    #[error("`{path}` is longer than {MAX_SECRET_BYTES} bytes")]
    TooLong { path: PathBuf },
    #[error(
        "`{path}` can be read by every user or changed by others (mode {mode:03o}); run `chmod 600 {path}`"
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{source_name} is not UTF-8 text")]
    NotText { source_name: String },
    #[error("environment variable `{name}` is not set")]
    NotSet { name: String },
    #[error("{source_name} is empty")]
    Empty { source_name: String },
}

impl SecretSource {
    /// The secret itself.
    ///
    /// # Errors
    /// When it is missing, empty, or in a file that others may read.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, ReadSecret> {
        let source_name = self.to_string();
        let mut secret = match self {
            SecretSource::File(path) => Zeroizing::new(
                String::from_utf8(read_private(path)?.to_vec()).map_err(|_| {
                    ReadSecret::NotText {
                        source_name: source_name.clone(),
                    }
                })?,
            ),
            SecretSource::Environment(name) => Zeroizing::new(
                std::env::var(name).map_err(|_| ReadSecret::NotSet { name: name.clone() })?,
            ),
        };
        if secret.ends_with('\n') {
            secret.pop();
            if secret.ends_with('\r') {
                secret.pop();
            }
        }
        if secret.is_empty() {
            return Err(ReadSecret::Empty { source_name });
        }
        Ok(secret)
    }
}

/// Reads a file that must be private. Readable by its group is accepted with a warning, because orchestrators mount
/// secrets that way.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReadSecret> {
    let unreadable = |why| ReadSecret::Unreadable {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ReadSecret::NotAFile {
            path: path.to_owned(),
        });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & CHANGED_OR_READ_BY_OTHERS != 0 {
        return Err(ReadSecret::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    if mode & 0o040 != 0 {
        tracing::warn!(path = %path.display(), "secret file is readable by its group");
    }
    let mut content = Zeroizing::new(Vec::new());
    file.take(MAX_SECRET_BYTES.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if content.len() as u64 > MAX_SECRET_BYTES {
        return Err(ReadSecret::TooLong {
            path: path.to_owned(),
        });
    }
    Ok(content)
}
