//! Makes the key that signs the checkpoints of the audit log. Overwrites nothing: a lost key is a log that cannot go on.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hpol_evidence::key::{AuditKey, ReadKey};

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeKey {
    #[error("`{path}` exists already; remove it first if no log needs it any more")]
    Exists { path: PathBuf },
    #[error("`{path}` cannot be written: {why}")]
    Write { path: PathBuf, why: io::Error },
    #[error(transparent)]
    Key(#[from] ReadKey),
}

/// Writes a new private key to `path` and its public key to `path` with `.pub` appended, which is returned.
///
/// # Errors
/// When one of the files exists or cannot be written.
pub(crate) fn make_audit_key(path: &Path) -> Result<PathBuf, MakeKey> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    if public.exists() {
        return Err(MakeKey::Exists { path: public });
    }
    let key = AuditKey::generate()?;
    write_new(path, key.private_pem()?.as_bytes(), 0o600)?;
    write_new(&public, key.public().pem().as_bytes(), 0o644)?;
    Ok(public)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), MakeKey> {
    let failed = |why: io::Error| match why.kind() {
        io::ErrorKind::AlreadyExists => MakeKey::Exists {
            path: path.to_owned(),
        },
        _ => MakeKey::Write {
            path: path.to_owned(),
            why,
        },
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::secret::read_private;

    #[test]
    fn a_made_key_is_private_usable_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.pem");
        let public = make_audit_key(&path).unwrap();
        let pem = String::from_utf8(read_private(&path).unwrap().to_vec()).unwrap();
        let key = AuditKey::load(&pem).unwrap();
        assert_eq!(std::fs::read_to_string(public).unwrap(), key.public().pem());
        assert!(matches!(make_audit_key(&path), Err(MakeKey::Exists { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), pem);
    }
}
