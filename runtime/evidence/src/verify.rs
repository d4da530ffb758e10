//! Offline verification of a whole log against its checkpoints and the public key, and proofs that one record is in it.
//! Needs the directory and the key, no gateway and no network.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, Origin, ReadCheckpoint};
use crate::files::Files;
use crate::files::directory::Directory;
use crate::key::AuditPublicKey;
use crate::merkle::{self, CompactRange, Hash, leaf_hash};
use crate::notes::{self, CHECKPOINT, CHECKPOINTS};
use crate::reader;
use crate::segment;
use crate::walk::{self, ReadLog, Step, Stored, Walk};

/// A log that is what its checkpoints say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Name of the log.
    pub origin: Origin,
    /// Whole records.
    pub records: u64,
    /// Segments.
    pub segments: u64,
    /// Checkpoints, each with a true signature and the root of the records before it.
    pub checkpoints: u64,
    /// Records that the last checkpoint seals: positions 0 to `sealed` - 1.
    pub sealed: u64,
    /// Root in the last checkpoint.
    pub root: Hash,
    /// Whether the log ends in part of a batch, as it does while a gateway writes or after it was killed.
    pub unfinished: bool,
}

impl Verification {
    /// Records after the last checkpoint: whole and in order, but nothing signed says yet that they are all.
    #[must_use]
    pub fn unsealed(&self) -> u64 {
        self.records.saturating_sub(self.sealed)
    }
}

/// Why a log is not what its checkpoints say: the first thing found.
#[derive(Debug, thiserror::Error)]
pub enum VerifyLog {
    /// The records cannot be read on from some place.
    #[error("{0}")]
    Records(#[from] ReadLog),
    /// There is no checkpoint.
    #[error("no checkpoint: neither `{CHECKPOINTS}` nor `{CHECKPOINT}` holds one")]
    NoCheckpoint,
    /// A checkpoint is not to be trusted.
    #[error("checkpoint {number} in `{CHECKPOINTS}`: {why}")]
    Checkpoint {
        /// Counted from 1.
        number: u64,
        /// What is wrong.
        why: ReadCheckpoint,
    },
    /// The newest checkpoint is not to be trusted.
    #[error("`{CHECKPOINT}`: {0}")]
    Newest(ReadCheckpoint),
    /// A checkpoint is of another log, or smaller than the one before it.
    #[error("checkpoint {number} (size {size}) does not follow the one before it")]
    CheckpointOrder {
        /// Counted from 1.
        number: u64,
        /// Size in it.
        size: u64,
    },
    /// The newest checkpoint is not one of all.
    #[error(
        "`{CHECKPOINTS}` ends at size {listed} and does not hold `{CHECKPOINT}`, which seals {newest} records"
    )]
    CheckpointsCut {
        /// Size in the last of all.
        listed: u64,
        /// Size in the newest.
        newest: u64,
    },
    /// The tail is gone.
    #[error("records {found} to {} are missing: a checkpoint seals {sealed} records, the log has {found}", .sealed.saturating_sub(1))]
    Missing {
        /// Records that a checkpoint seals.
        sealed: u64,
        /// Whole records.
        found: u64,
    },
    /// Records are not those that were sealed, though each of them is whole.
    #[error(
        "records {first} to {last} are not those that the checkpoint of size {size} seals: one of them was changed"
    )]
    RootDiffers {
        /// The first record after the last checkpoint that holds.
        first: u64,
        /// The last record that the checkpoint covers.
        last: u64,
        /// Size in the checkpoint.
        size: u64,
    },
    /// A segment's header does not state the tree of the records before it.
    #[error("`{segment}` does not continue the records before it")]
    SegmentDiffers {
        /// Name of the file.
        segment: String,
    },
    /// There is no such sealed record to prove.
    #[error("record {sequence} is not sealed: the last checkpoint covers {sealed} records")]
    NotSealed {
        /// Position asked for.
        sequence: u64,
        /// Records that the checkpoint covers.
        sealed: u64,
    },
}

/// Verifies the log in the directory at `path`.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn verify(path: &Path, key: &AuditPublicKey) -> Result<Verification, VerifyLog> {
    verify_files(directory(path)?, key)
}

/// Verifies the log in `files`.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn verify_files(
    files: Arc<dyn Files>,
    key: &AuditPublicKey,
) -> Result<Verification, VerifyLog> {
    // Checkpoints first: a live writer adds records before it seals them.
    let checkpoints = checkpoints(&*files, key)?;
    let last = checkpoints.last().ok_or(VerifyLog::NoCheckpoint)?;
    let mut check = Check {
        range: CompactRange::default(),
        checkpoints: &checkpoints,
        held: 0,
    };
    check.checkpoints_reached()?;
    let mut walk = Walk::from_segment(Arc::clone(&files), 0);
    let (mut segments, mut segment) = (0, None);
    let tail = loop {
        let step = walk.step()?;
        let first = walk.place().map(|(first, _)| first);
        if segment != first {
            // A walk enters a segment only at the position that its header states.
            check.segment(&*files, first)?;
            (segments, segment) = (segments + 1, first);
        }
        match step {
            Step::Records(records) => records
                .into_iter()
                .try_for_each(|record| check.record(record))?,
            Step::End(tail) => break tail,
        }
    };
    let records = check.range.size();
    let unfinished = walk.remains()?;
    if records < last.size {
        let missing = VerifyLog::Missing {
            sealed: last.size,
            found: records,
        };
        return Err(tail.torn.map_or(missing, VerifyLog::Records));
    }
    Ok(Verification {
        origin: last.origin.clone(),
        records,
        segments,
        checkpoints: u64::try_from(checkpoints.len()).unwrap_or(u64::MAX),
        sealed: last.size,
        root: last.root,
        unfinished,
    })
}

/// That a record is in the tree of a checkpoint (RFC 6962 section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Position of the record.
    pub sequence: u64,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Hashes of the sibling subtrees, from the leaf upwards.
    pub path: Vec<Hash>,
}

/// The record at `sequence` and the proof that the log's last checkpoint seals it. Reads the log up to there.
///
/// # Errors
/// When the record is not sealed, or the log cannot be read, or is not what the checkpoint says.
pub fn prove(
    path: &Path,
    key: &AuditPublicKey,
    sequence: u64,
) -> Result<(Stored, InclusionProof), VerifyLog> {
    prove_files(directory(path)?, key, sequence)
}

/// As [`prove`], over `files`.
///
/// # Errors
/// As [`prove`].
pub fn prove_files(
    files: Arc<dyn Files>,
    key: &AuditPublicKey,
    sequence: u64,
) -> Result<(Stored, InclusionProof), VerifyLog> {
    let checkpoint = checkpoints(&*files, key)?
        .pop()
        .ok_or(VerifyLog::NoCheckpoint)?;
    let sealed = checkpoint.size;
    if sequence >= sealed {
        return Err(VerifyLog::NotSealed { sequence, sealed });
    }
    let (mut leaves, mut wanted) = (Vec::new(), None);
    let mut walk = Walk::from_segment(files, 0);
    while walk.next() < sealed {
        let Step::Records(records) = walk.step()? else {
            return Err(VerifyLog::Missing {
                sealed,
                found: walk.next(),
            });
        };
        for record in records
            .into_iter()
            .filter(|record| record.sequence < sealed)
        {
            leaves.push(leaf_hash(&record.bytes));
            if record.sequence == sequence {
                wanted = Some(record);
            }
        }
    }
    let path = usize::try_from(sequence)
        .ok()
        .and_then(|index| merkle::inclusion_path(&leaves, index));
    let (Some(record), Some(path)) = (wanted, path) else {
        return Err(VerifyLog::NotSealed { sequence, sealed });
    };
    let proof = InclusionProof {
        sequence,
        checkpoint,
        path,
    };
    if check_inclusion(&record.bytes, &proof) {
        Ok((record, proof))
    } else {
        Err(VerifyLog::RootDiffers {
            first: 0,
            last: sealed.saturating_sub(1),
            size: sealed,
        })
    }
}

/// Whether `record`, canonical bytes, is where the proof says. The checkpoint in it must have been opened with a key that
/// the reader trusts.
#[must_use]
pub fn check_inclusion(record: &[u8], proof: &InclusionProof) -> bool {
    let Checkpoint { size, root, .. } = &proof.checkpoint;
    merkle::included(leaf_hash(record), proof.sequence, *size, &proof.path, root)
}

/// The checkpoints of the log in the directory at `path`, oldest first, each with a true signature.
///
/// # Errors
/// When one of them is not to be trusted or they are not in order.
pub fn read_checkpoints(path: &Path, key: &AuditPublicKey) -> Result<Vec<Checkpoint>, VerifyLog> {
    checkpoints(&*directory(path)?, key)
}

/// Records so far, against the checkpoints.
struct Check<'a> {
    range: CompactRange,
    checkpoints: &'a [Checkpoint],
    /// How many of the checkpoints hold.
    held: usize,
}

impl Check<'_> {
    fn record(&mut self, stored: Stored) -> Result<(), VerifyLog> {
        let leaf = leaf_hash(&stored.bytes);
        reader::decode(stored)?;
        self.range.push(leaf);
        self.checkpoints_reached()
    }

    /// Holds the records so far against each checkpoint of just that size.
    fn checkpoints_reached(&mut self) -> Result<(), VerifyLog> {
        while let Some(checkpoint) = self
            .checkpoints
            .get(self.held)
            .filter(|checkpoint| checkpoint.size == self.range.size())
        {
            if checkpoint.root != self.range.root() {
                let before = self
                    .held
                    .checked_sub(1)
                    .and_then(|before| self.checkpoints.get(before));
                let first = before.map_or(0, |before| before.size);
                return Err(VerifyLog::RootDiffers {
                    first,
                    last: checkpoint.size.saturating_sub(1),
                    size: checkpoint.size,
                });
            }
            self.held += 1;
        }
        Ok(())
    }

    fn segment(&self, files: &dyn Files, first: Option<u64>) -> Result<(), VerifyLog> {
        let Some(first) = first else { return Ok(()) };
        if walk::range_before(files, first)? == self.range {
            return Ok(());
        }
        Err(VerifyLog::SegmentDiffers {
            segment: segment::name(first),
        })
    }
}

fn checkpoints(files: &dyn Files, key: &AuditPublicKey) -> Result<Vec<Checkpoint>, VerifyLog> {
    let newest = notes::newest(files).map_err(|error| io_error(CHECKPOINT, error))?;
    let newest = newest
        .map(|note| Checkpoint::open(&note, key))
        .transpose()
        .map_err(VerifyLog::Newest)?;
    let notes = notes::all(files).map_err(|error| io_error(CHECKPOINTS, error))?;
    let texts = notes.iter().map(|(note, _)| note.as_str());
    let all = notes::open_all(texts, newest.as_ref(), key).map_err(|(index, why)| {
        VerifyLog::Checkpoint {
            number: number(index),
            why,
        }
    })?;
    for (index, pair) in all.windows(2).enumerate() {
        if let [before, after] = pair
            && (before.origin != after.origin || before.size > after.size)
        {
            return Err(VerifyLog::CheckpointOrder {
                number: number(index + 1),
                size: after.size,
            });
        }
    }
    let listed = all.last().map_or(0, |checkpoint| checkpoint.size);
    match newest {
        Some(newest) if !all.contains(&newest) => Err(VerifyLog::CheckpointsCut {
            listed,
            newest: newest.size,
        }),
        _ => Ok(all),
    }
}

/// Of the checkpoint at `index`, counted from 1.
fn number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1)
}

fn directory(path: &Path) -> Result<Arc<dyn Files>, VerifyLog> {
    let directory =
        Directory::open(path).map_err(|error| io_error(&path.display().to_string(), error))?;
    Ok(Arc::new(directory))
}

fn io_error(file: &str, error: io::Error) -> VerifyLog {
    VerifyLog::Records(ReadLog::Io {
        file: file.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests;
