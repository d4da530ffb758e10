//! Salts: why a record can be held against what was asked, and still not be guessed from. A salt file holds a random key;
//! the salt of an operation is HMAC-SHA-256 of its id under that key, and the commitment in its record is SHA-256 over the
//! salt and the digest of what was asked. The file stands beside the segments and no hash covers it: once it is deleted the
//! commitments made from it can never be opened, while the tree and its proofs are as before.

use std::fmt;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::files::{self, Files};
use crate::record::{Commitment, DecisionRecord};

/// What the names of salt files begin with; the rest is the id.
const PREFIX: &str = "salt-";
/// A salt that is being made.
const NEW: &str = "salt.new";
/// Bytes of an id, and of the key in the file.
const ID_BYTES: usize = 8;
const KEY_BYTES: usize = 32;

/// The key that salts are made from while it is in use. `Debug` shows nothing of it.
pub(crate) struct Salt {
    id: String,
    key: hmac::Key,
}

/// The salt of one operation: opens the commitments of its records and no others.
#[derive(Clone, PartialEq, Eq)]
pub struct OperationSalt([u8; KEY_BYTES]);

/// What holding a record against a digest told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It is what was asked.
    Same,
    /// Something else was asked.
    Other,
    /// The salt was deleted: nobody can tell any more.
    Erased,
}

impl Salt {
    /// A new salt, durable among `files`.
    pub(crate) fn create(files: &dyn Files) -> Result<Self, CreateSalt> {
        let mut id = [0; ID_BYTES];
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut id).map_err(|_| CreateSalt::NoRandomness)?;
        rand::fill(&mut *key).map_err(|_| CreateSalt::NoRandomness)?;
        let id = HEXLOWER.encode(&id);
        let name = name(&id);
        let text = Zeroizing::new(format!("{}\n", HEXLOWER.encode(&*key)));
        let failed = |error| CreateSalt::Write {
            file: name.clone(),
            error,
        };
        let unsynced = |error| CreateSalt::Sync {
            file: name.clone(),
            error,
        };
        // One that the disk has no space for leaves no file behind each time.
        let mut file = files.create(NEW).map_err(failed)?;
        files::write_all(&mut *file, text.as_bytes(), 0).map_err(failed)?;
        file.sync().map_err(unsynced)?;
        files.rename(NEW, &name).map_err(failed)?;
        files.sync_names().map_err(unsynced)?;
        Ok(Self {
            id,
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
        })
    }

    /// The commitment of the operation called `operation` to what has this `digest`, in hex.
    pub(crate) fn commit(&self, operation: &str, digest: &str) -> Commitment {
        let salt = operation_salt(&self.key, operation);
        Commitment {
            hash: HEXLOWER.encode(&salt.hash(digest)),
            salt: self.id.clone(),
        }
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Salt")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why there is no new salt.
#[derive(Debug)]
pub(crate) enum CreateSalt {
    NoRandomness,
    Write { file: String, error: io::Error },
    Sync { file: String, error: io::Error },
}

impl OperationSalt {
    /// The salt of the operation called `operation`, from the salt file with this id; `None` when that was deleted.
    ///
    /// # Errors
    /// When the file cannot be read, or is no salt.
    pub fn read(files: &dyn Files, id: &str, operation: &str) -> io::Result<Option<Self>> {
        // A record is no authority on which file is read.
        if id.len() != 2 * ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = match files.read(&name(id)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = Zeroizing::new(files::read_up_to(&*file, 0, 2 * KEY_BYTES + 2)?);
        let key = HEXLOWER
            .decode(text.trim_ascii_end())
            .ok()
            .filter(|key| key.len() == KEY_BYTES)
            .map(Zeroizing::new)
            .ok_or(io::ErrorKind::InvalidData)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(Some(operation_salt(&key, operation)))
    }

    /// The salt in hex: who has it can open this operation's records, and no others.
    #[must_use]
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// Whether `commitment` was made with this salt and the digest, in hex.
    #[must_use]
    pub fn opens(&self, commitment: &Commitment, digest: &str) -> bool {
        HEXLOWER.encode(&self.hash(digest)) == commitment.hash
    }

    /// Of the text of the digest, so that there is one spelling: lower case hex.
    fn hash(&self, hex_digest: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        let preimage = [&self.0[..], hex_digest.to_ascii_lowercase().as_bytes()].concat();
        // SHA-256 is 32 bytes, so the two lengths agree.
        hash.copy_from_slice(digest(&SHA256, &preimage).as_ref());
        hash
    }
}

impl fmt::Debug for OperationSalt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OperationSalt")
    }
}

/// Whether `decision` is of exactly what has this digest, in hex.
///
/// # Errors
/// When its salt file cannot be read, or is no salt.
pub fn open(files: &dyn Files, decision: &DecisionRecord, digest: &str) -> io::Result<Opened> {
    let same = match &decision.commitment {
        None => decision.digest.eq_ignore_ascii_case(digest),
        Some(commitment) => {
            match OperationSalt::read(files, &commitment.salt, &decision.operation)? {
                None => return Ok(Opened::Erased),
                Some(salt) => salt.opens(commitment, digest),
            }
        }
    };
    Ok(if same { Opened::Same } else { Opened::Other })
}

fn name(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn operation_salt(key: &hmac::Key, operation: &str) -> OperationSalt {
    let mut salt = [0; KEY_BYTES];
    // HMAC-SHA-256 is 32 bytes, so the two lengths agree.
    salt.copy_from_slice(hmac::sign(key, operation.as_bytes()).as_ref());
    OperationSalt(salt)
}

#[cfg(test)]
mod tests;
