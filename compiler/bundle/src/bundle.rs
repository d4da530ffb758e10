//! The bundle file: one signed file with everything the gateway decides by.
//!
//! Owns the layout of the file, and in which order it is checked: nothing of the payload is decoded before its
//! signature holds. Keys stand in [`crate::signature`]. Reads and writes bytes, not files.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, sha256};
use crate::policy::{Condition, Policy, Unread};
use crate::program::Program;
use crate::signature::{KeyFault, KeyId, PublicKey, SigningKey};
use crate::vocabulary::Vocabulary;

mod conditions;
mod header;
mod validate;

use header::Header;

pub use conditions::Conditions;

/// The format that this version writes and reads.
pub const FORMAT: u16 = 8;
/// Size of a bundle file; 10,000 rules take 2 MB. What is decoded takes some 25 times that at most.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A compiled policy and where it came from.
///
/// The policy of a bundle that was loaded has no conditions: they stand behind everything else in the file, and what
/// decides never reads them. Who looks at policies reads them by [`Loaded::policy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle<C = Condition> {
    /// What was compiled; rules with their names, claims and messages.
    pub policy: Policy<C>,
    /// What the engine evaluates.
    pub program: Program,
    /// The facts that both refer to.
    pub vocabulary: Vocabulary,
    /// Where it came from.
    pub provenance: Provenance,
}

/// Where a bundle came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the compiler.
    pub compiler_version: String,
    /// Number of the bundle; a gateway does not go back to a smaller one.
    pub sequence: u64,
    /// The files it was compiled from, by path.
    pub sources: Vec<SourceFile>,
    /// The control catalogue that claims were checked against.
    pub catalogue: String,
    /// How the policy's own tests went.
    pub tests: Tests,
}

/// A file that a bundle was compiled from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path relative to the policy's root, with `/`.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// How many of a policy's tests held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tests {
    /// Those that held.
    pub passed: u32,
    /// Those that did not.
    pub failed: u32,
}

/// The keys whose bundles are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// Trusts `keys` and no others.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>) -> TrustedKeys {
        TrustedKeys(keys)
    }

    fn find(&self, id: KeyId) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.id() == id)
    }
}

/// A bundle whose signature and structure hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The bundle.
    pub bundle: Bundle<Unread>,
    /// The conditions of its policy.
    pub conditions: Conditions,
    /// SHA-256 of the signed payload: what records and approvals call the bundle by. The same whichever key signs.
    pub digest: Digest,
    /// The key that signed it.
    pub key: KeyId,
}

/// Why a bundle was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeBundle {
    /// Larger than a gateway would load.
    #[error("the bundle has {bytes} bytes; at most {MAX_BYTES} are possible")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The payload could not be written.
    #[error("the bundle cannot be encoded: {0}")]
    Encode(#[from] postcard::Error),
    /// The signing key could not be used.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

/// Why a bundle was not loaded. The bundle in force stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadBundle {
    /// Some other file.
    #[error("not a bundle: the file does not begin with `HPOLBNDL`")]
    NotABundle,
    /// The file ends too early.
    #[error("bundle is cut off: {found} bytes of {expected}")]
    Truncated {
        /// Bytes in the file.
        found: usize,
        /// Bytes that it should have.
        expected: usize,
    },
    /// Larger than any bundle may be.
    #[error("bundle has {bytes} bytes; at most {MAX_BYTES} are accepted")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Written by a newer compiler.
    #[error("bundle format {found} is newer than {FORMAT}; upgrade the gateway")]
    NewerFormat {
        /// Its format.
        found: u16,
    },
    /// Written by an older compiler.
    #[error(
        "bundle format {found} is older than {FORMAT}; build it again with the `hpol` of this version"
    )]
    OlderFormat {
        /// Its format.
        found: u16,
    },
    /// A format that no compiler writes.
    #[error("bundle format {found} is not known; formats begin at 1")]
    UnknownFormat {
        /// Its format.
        found: u16,
    },
    /// Signed by somebody else.
    #[error("bundle is signed by key `{key}`, which is not trusted here")]
    UnknownKey {
        /// The key that it names.
        key: KeyId,
    },
    /// Names a trusted key that did not sign it.
    #[error("the signature of the bundle does not hold for key `{key}`")]
    BadSignature {
        /// The key that it names.
        key: KeyId,
    },
    /// The signature is genuine, but the payload is not what was signed.
    #[error("bundle was altered after it was signed")]
    Altered,
    /// Older than the bundle in force.
    #[error("bundle {offered} is older than bundle {loaded}, which is in force")]
    Rollback {
        /// The number of the refused bundle.
        offered: u64,
        /// The number of the one in force.
        loaded: u64,
    },
    /// Properly signed, and yet not a bundle that can be used.
    #[error("bundle is corrupt: {what}")]
    Corrupt {
        /// What does not fit.
        what: String,
    },
}

/// The file for `bundle`, signed with `key`. The same bundle and key give the same bytes.
///
/// # Errors
/// A bundle too large to be loaded, and failures of the cryptographic library.
pub fn encode(bundle: &Bundle, key: &SigningKey) -> Result<Vec<u8>, EncodeBundle> {
    let payload = payload(bundle)?;
    let header = Header {
        length: payload.len() as u64,
        digest: sha256(&payload),
        key: key.public().id(),
    };
    let mut file = header.sign(key)?;
    file.extend_from_slice(&payload);
    if file.len() > MAX_BYTES {
        return Err(EncodeBundle::TooLarge { bytes: file.len() });
    }
    Ok(file)
}

fn payload(bundle: &Bundle) -> Result<Vec<u8>, postcard::Error> {
    let (policy, conditions) = Conditions::apart(bundle.policy.clone())?;
    let parts = (
        &policy,
        &bundle.program,
        &bundle.vocabulary,
        &bundle.provenance,
    );
    let mut payload = postcard::to_stdvec(&parts)?;
    payload.extend(postcard::to_stdvec(conditions.as_bytes())?);
    Ok(payload)
}

impl<C> Bundle<C> {
    /// The bundle without the conditions of its policy.
    #[must_use]
    pub fn unread(self) -> Bundle<Unread> {
        Bundle {
            policy: self.policy.unread(),
            program: self.program,
            vocabulary: self.vocabulary,
            provenance: self.provenance,
        }
    }
}

impl Loaded {
    /// The policy with its conditions.
    ///
    /// # Errors
    /// Bytes that are not the conditions of this policy, which no compiler writes.
    pub fn policy(&self) -> Result<Policy, LoadBundle> {
        let Bundle {
            policy, vocabulary, ..
        } = &self.bundle;
        self.conditions.read(policy.clone(), vocabulary)
    }
}

impl Bundle {
    /// Reads a bundle file. `in_force` is the largest sequence number that was ever in force; the same number again is
    /// accepted, a smaller one is not.
    ///
    /// # Errors
    /// Each way in which the file is not a bundle that may be put in force.
    pub fn load(
        file: &[u8],
        trusted: &TrustedKeys,
        in_force: Option<u64>,
    ) -> Result<Loaded, LoadBundle> {
        check_size(file)?;
        let (header, payload) = Header::verify(file, trusted)?;
        open(header, payload, in_force)
    }

    /// Reads a bundle file whatever key signed it, if any did: for tools that look at bundles, never for what decides.
    ///
    /// # Errors
    /// Each way in which the file is not a bundle.
    pub fn load_danger_unverified(file: &[u8]) -> Result<Loaded, LoadBundle> {
        check_size(file)?;
        let (header, payload) = Header::danger_unverified(file)?;
        open(header, payload, None)
    }
}

fn check_size(file: &[u8]) -> Result<(), LoadBundle> {
    match file.len() {
        0..=MAX_BYTES => Ok(()),
        bytes => Err(LoadBundle::TooLarge { bytes }),
    }
}

/// Reads the payload of a file whose header holds.
fn open(header: Header, payload: &[u8], in_force: Option<u64>) -> Result<Loaded, LoadBundle> {
    if sha256(payload) != header.digest {
        return Err(LoadBundle::Altered);
    }
    let (bundle, conditions) = decode(payload)?;
    let offered = bundle.provenance.sequence;
    match in_force {
        Some(loaded) if offered < loaded => {
            return Err(LoadBundle::Rollback { offered, loaded });
        }
        _ => validate::check(&bundle)?,
    }
    Ok(Loaded {
        bundle,
        conditions,
        digest: header.digest,
        key: header.key,
    })
}

/// The bundle, and its conditions as they stand.
fn decode(payload: &[u8]) -> Result<(Bundle<Unread>, Conditions), LoadBundle> {
    let (bundle, rest) = postcard::take_from_bytes(payload)?;
    match postcard::take_from_bytes::<&[u8]>(rest)? {
        (conditions, []) => Ok((bundle, Conditions::from(conditions.to_vec()))),
        _ => Err(LoadBundle::corrupt("bytes follow the end")),
    }
}

impl LoadBundle {
    fn corrupt(what: &str) -> LoadBundle {
        LoadBundle::Corrupt {
            what: what.to_owned(),
        }
    }
}

impl From<postcard::Error> for LoadBundle {
    fn from(error: postcard::Error) -> LoadBundle {
        LoadBundle::corrupt(&error.to_string())
    }
}

#[cfg(test)]
mod tests;
