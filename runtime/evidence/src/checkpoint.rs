//! Checkpoints: the size and root of the log, signed. Text form of C2SP tlog-checkpoint inside C2SP signed-note, so that
//! tools for transparency logs read them. Knows nothing of files.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;

use crate::key::{AuditKey, AuditPublicKey};
use crate::merkle::Hash;

/// Most bytes of one note: the origin, two numbers, and a signature or, where the key changes, two.
pub(crate) const NOTE_BYTES: usize = 2048;
/// Most bytes of an origin.
const ORIGIN_BYTES: usize = 256;
/// The extension line where the results of reads did not wait for their records.
const READS_BUFFERED: &str = "reads buffered";
/// Signature type of Ed25519 in C2SP signed-note.
const ED25519_TYPE: u8 = 0x01;

/// The name of a log: first line of its checkpoints and name of the key that signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Takes a name such as `gateway-1.example.com/hpol`.
    ///
    /// # Errors
    /// When it is empty, longer than 256 bytes, or holds white space, control characters or `+` (C2SP signed-note).
    pub fn new(name: &str) -> Result<Self, ReadCheckpoint> {
        let plain = |character: char| {
            !character.is_whitespace() && !character.is_control() && character != '+'
        };
        if name.is_empty() || name.len() > ORIGIN_BYTES || !name.chars().all(plain) {
            return Err(ReadCheckpoint::Origin);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The size and root of a log at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub origin: Origin,
    /// How many records.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Hash,
    /// How durable the records of reads were when it was made.
    pub reads: Reads,
}

/// When the result of a read may have ended, by the gateway's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Once its record was on disk.
    Durable,
    /// Before that; such records have `buffered`.
    Buffered,
}

/// Why a text is not a checkpoint that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadCheckpoint {
    /// The origin is not a name that a signed note can carry.
    #[error("a log's origin is 1 to 256 bytes without white space, control characters or `+`")]
    Origin,
    /// Not the text form.
    #[error("not a signed checkpoint")]
    Malformed,
    /// No signature by the given key.
    #[error("checkpoint of size {size} is not signed by the given key")]
    OtherKey {
        /// Size in the checkpoint.
        size: u64,
    },
    /// A signature that names the key and does not verify.
    #[error("signature of the checkpoint of size {size} is false")]
    FalseSignature {
        /// Size in the checkpoint.
        size: u64,
    },
}

impl Checkpoint {
    /// The signed note.
    #[must_use]
    pub fn sign(&self, key: &AuditKey) -> String {
        self.sign_with(&[key])
    }

    /// The note with a signature of each of `keys`.
    pub(crate) fn sign_with(&self, keys: &[&AuditKey]) -> String {
        let text = self.text();
        let mut note = format!("{text}\n");
        for key in keys {
            let mut signature = key_id(&self.origin, &key.public()).to_vec();
            signature.extend_from_slice(&key.sign(text.as_bytes()));
            // Writing to a `String` cannot fail.
            let _ = writeln!(
                note,
                "\u{2014} {} {}",
                self.origin.as_str(),
                BASE64.encode(&signature)
            );
        }
        note
    }

    /// Reads a signed note and verifies it.
    ///
    /// # Errors
    /// When it is not in the text form, or has no true signature by `key`.
    pub fn open(note: &str, key: &AuditPublicKey) -> Result<Self, ReadCheckpoint> {
        let (text, signatures) = note.split_once("\n\n").ok_or(ReadCheckpoint::Malformed)?;
        let checkpoint = Self::parse(text)?;
        let size = checkpoint.size;
        let text = checkpoint.text();
        let id = key_id(&checkpoint.origin, key);
        for line in signatures
            .strip_suffix('\n')
            .ok_or(ReadCheckpoint::Malformed)?
            .split('\n')
        {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|line| line.split_once(' '))
                .ok_or(ReadCheckpoint::Malformed)?;
            let signature = BASE64
                .decode(signature.as_bytes())
                .map_err(|_| ReadCheckpoint::Malformed)?;
            let (signer, signature) = signature
                .split_at_checked(4)
                .ok_or(ReadCheckpoint::Malformed)?;
            // Signatures by others, such as witnesses, are let be.
            if name == checkpoint.origin.as_str() && signer == id {
                let verifies = key.verifies(text.as_bytes(), signature);
                return if verifies {
                    Ok(checkpoint)
                } else {
                    Err(ReadCheckpoint::FalseSignature { size })
                };
            }
        }
        Err(ReadCheckpoint::OtherKey { size })
    }

    fn text(&self) -> String {
        let extension = match self.reads {
            Reads::Durable => String::new(),
            Reads::Buffered => format!("{READS_BUFFERED}\n"),
        };
        format!(
            "{}\n{}\n{}\n{extension}",
            self.origin.as_str(),
            self.size,
            BASE64.encode(&self.root)
        )
    }

    /// The lines without the last newline. Other extension lines are not written by this log and so refused.
    fn parse(text: &str) -> Result<Self, ReadCheckpoint> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(ReadCheckpoint::Malformed);
        };
        let reads = match (lines.next(), lines.next()) {
            (None, _) => Reads::Durable,
            (Some(READS_BUFFERED), None) => Reads::Buffered,
            _ => return Err(ReadCheckpoint::Malformed),
        };
        let number: u64 = size.parse().map_err(|_| ReadCheckpoint::Malformed)?;
        let root = BASE64
            .decode(root.as_bytes())
            .ok()
            .and_then(|root| Hash::try_from(root).ok());
        let checkpoint = Self {
            origin: Origin::new(origin)?,
            size: number,
            root: root.ok_or(ReadCheckpoint::Malformed)?,
            reads,
        };
        // `+7` and `007` are no decimal numbers of the note.
        if number.to_string() == size {
            Ok(checkpoint)
        } else {
            Err(ReadCheckpoint::Malformed)
        }
    }
}

/// The verifier key of C2SP signed-note, `<name>+<id>+<key>`, for tools of transparency logs.
#[must_use]
pub fn verifier_key(origin: &Origin, key: &AuditPublicKey) -> String {
    let id = data_encoding::HEXLOWER.encode(&key_id(origin, key));
    format!(
        "{}+{id}+{}",
        origin.as_str(),
        BASE64.encode(&[&[ED25519_TYPE][..], &key.bytes()[..]].concat())
    )
}

/// Id of a key in the checkpoints of the log called `origin`, in hex: as in records of a change.
#[must_use]
pub fn key_name(origin: &Origin, key: &AuditPublicKey) -> String {
    data_encoding::HEXLOWER.encode(&key_id(origin, key))
}

/// First four bytes of SHA-256(name || 0x0A || 0x01 || key).
fn key_id(origin: &Origin, key: &AuditPublicKey) -> [u8; 4] {
    let message = [
        origin.as_str().as_bytes(),
        b"\n",
        &[ED25519_TYPE],
        key.bytes(),
    ]
    .concat();
    let mut id = [0; 4];
    id.iter_mut()
        .zip(digest(&SHA256, &message).as_ref())
        .for_each(|(to, from)| *to = *from);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_note::{Note, StandardVerifier, VerifierList};

    fn sample() -> Checkpoint {
        Checkpoint {
            origin: Origin::new("gateway.example/hpol").unwrap(),
            size: 42,
            root: [7; 32],
            reads: Reads::Durable,
        }
    }

    #[test]
    fn the_signed_note_crate_accepts_our_notes() {
        let key = AuditKey::generate().unwrap();
        let note = Note::from_bytes(sample().sign(&key).as_bytes()).unwrap();
        let verifier =
            StandardVerifier::new(&verifier_key(&sample().origin, &key.public())).unwrap();
        let (verified, unverified) = note
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 0));
        insta::assert_snapshot!(String::from_utf8_lossy(note.text()), @r"
        gateway.example/hpol
        42
        BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
        ");
    }

    #[test]
    fn a_note_is_opened_only_as_it_was_signed() {
        let key = AuditKey::generate().unwrap();
        let note = sample().sign(&key);
        assert_eq!(Checkpoint::open(&note, &key.public()), Ok(sample()));
        let other = AuditKey::generate().unwrap().public();
        assert_eq!(
            Checkpoint::open(&note, &other),
            Err(ReadCheckpoint::OtherKey { size: 42 })
        );
        let larger = note.replace("\n42\n", "\n43\n");
        assert_eq!(
            Checkpoint::open(&larger, &key.public()),
            Err(ReadCheckpoint::FalseSignature { size: 43 })
        );
        for malformed in [
            note.replace("\n42\n", "\n042\n"),
            note.replace("\n42\n", "\n+42\n"),
            note.replace("\n42\n", "\n-1\n"),
            note.replace("\n\n", "\nextension\n\n"),
            note.replace('\u{2014}', "-"),
            note.trim_end().to_owned(),
            String::new(),
        ] {
            assert_eq!(
                Checkpoint::open(&malformed, &key.public()),
                Err(ReadCheckpoint::Malformed),
                "{malformed}"
            );
        }
    }

    #[test]
    fn a_checkpoint_says_that_reads_were_buffered() {
        let key = AuditKey::generate().unwrap();
        let buffered = Checkpoint {
            reads: Reads::Buffered,
            ..sample()
        };
        let note = buffered.sign(&key);
        assert!(note.contains("\nreads buffered\n\n"));
        assert_eq!(Checkpoint::open(&note, &key.public()), Ok(buffered));
        let silent = note.replace("reads buffered\n", "");
        assert_eq!(
            Checkpoint::open(&silent, &key.public()),
            Err(ReadCheckpoint::FalseSignature { size: 42 })
        );
    }

    #[test]
    fn signatures_of_witnesses_are_let_be() {
        let key = AuditKey::generate().unwrap();
        let note = sample().sign(&key);
        let (text, signature) = note.split_once("\n\n").unwrap();
        let cosigned = format!("{text}\n\n\u{2014} witness AAAAAAAA\n{signature}");
        assert_eq!(Checkpoint::open(&cosigned, &key.public()), Ok(sample()));
    }

    #[test]
    fn u_07_an_origin_cannot_hold_a_line() {
        for bad in ["", "a b", "a\nb", "a+b", "a\u{1b}b", &"x".repeat(257)] {
            assert_eq!(Origin::new(bad), Err(ReadCheckpoint::Origin));
        }
    }
}
