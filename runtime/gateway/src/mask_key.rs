//! The key that `hash` masks are made with, from its file. How tokens are made of it is `hpol-masking`'s.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use hpol_session::masking::{MaskKey, WeakKey};
use hpol_session::policy::InForce;

use crate::config::secret::{ReadSecret, read_private};

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadMaskKey {
    #[error("key of hash masks: {0}")]
    Read(#[from] ReadSecret),
    #[error(
        "key of hash masks in `{path}`: {why}; make one with `head -c 32 /dev/urandom > FILE` and `chmod 600 FILE`"
    )]
    Weak { path: PathBuf, why: WeakKey },
}

/// The configured key, if there is one. Equal where tokens are.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfiguredKey {
    key: Option<MaskKey>,
    digest: Option<[u8; digest::SHA256_OUTPUT_LEN]>,
}

impl PartialEq for ConfiguredKey {
    fn eq(&self, other: &ConfiguredKey) -> bool {
        self.digest == other.digest
    }
}

impl ConfiguredKey {
    /// Reads the key in the file at `path`: all of its bytes, a line end too, since a random byte may well be one.
    ///
    /// # Errors
    /// When the file is missing, exposed, or too short for a key.
    pub(crate) fn read(path: Option<&Path>) -> Result<ConfiguredKey, ReadMaskKey> {
        let Some(path) = path else {
            return Ok(ConfiguredKey::default());
        };
        let secret = read_private(path)?;
        let key = MaskKey::new(&secret).map_err(|why| ReadMaskKey::Weak {
            path: path.to_owned(),
            why,
        })?;
        let digest = digest::digest(&digest::SHA256, &secret);
        Ok(ConfiguredKey {
            key: Some(key),
            digest: digest.as_ref().try_into().ok(),
        })
    }

    /// `policy` with this key.
    pub(crate) fn give(&self, policy: InForce) -> InForce {
        match &self.key {
            Some(key) => policy.with_mask_key(key.clone()),
            None => policy,
        }
    }
}

/// What is said of a policy that hashes without a key.
pub(crate) fn missing(policy: &InForce) -> Option<String> {
    let rules: Vec<String> = policy
        .without_mask_key()
        .map(|rule| format!("`{rule}`"))
        .collect();
    (!rules.is_empty()).then(|| {
        format!(
            "{} cannot hash without a key, so operations with something to hash are blocked; name one with `key_file` in `[masking]`",
            rules.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(content: &[u8], mode: u32) -> Result<ConfiguredKey, ReadMaskKey> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        ConfiguredKey::read(Some(&path))
    }

    #[test]
    fn a_key_is_equal_to_itself_only() {
        let one = read(&[7; 32], 0o600).unwrap();
        assert!(one == read(&[7; 32], 0o400).unwrap());
        assert!(one != read(&[8; 32], 0o600).unwrap());
        assert!(one != ConfiguredKey::read(None).unwrap());
        let line_end = [&[7; 31][..], b"\n"].concat();
        assert!(
            read(&line_end, 0o600).is_ok(),
            "a random byte may be a line end"
        );
    }

    #[test]
    fn a_key_that_is_weak_exposed_or_missing_is_refused() {
        let weak = read(&[7; 31], 0o600).unwrap_err().to_string();
        assert!(
            weak.contains("mask.key`: the key has 31 bytes; at least 32 are needed"),
            "{weak}"
        );
        let exposed = read(&[7; 32], 0o644).unwrap_err();
        assert!(matches!(
            exposed,
            ReadMaskKey::Read(ReadSecret::Exposed { .. })
        ));
        let missing = ConfiguredKey::read(Some(Path::new("/nowhere/mask.key"))).unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("key of hash masks: `/nowhere/mask.key` cannot be read"),
            "{missing}"
        );
    }

    #[test]
    fn the_key_is_not_shown() {
        let shown = format!(
            "{:?}",
            read(b"0123456789abcdef0123456789abcdef", 0o600).unwrap()
        );
        assert!(!shown.contains("0123"), "{shown}");
    }
}
