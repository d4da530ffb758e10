//! Offline verification of a whole log against its checkpoints and the public key, and proofs that one record is in it.
//! Needs the directory and the key, no gateway and no network.

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use crate::checkpoint::key_name;
use crate::checkpoint::{Checkpoint, Origin, ReadCheckpoint};
use crate::files::Files;
use crate::files::directory::Directory;
use crate::key::AuditPublicKey;
use crate::merkle::{self, CompactRange, Hash, leaf_hash};
use crate::notes::{self, CHECKPOINT, CHECKPOINTS, Notes};
use crate::reader;
use crate::record::Event;
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
    /// The key that signed the last checkpoint.
    pub key: AuditPublicKey,
    /// How it came from the given key to that one, oldest first.
    pub changes: Vec<KeyChange>,
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

/// A change of the key that signs checkpoints, on record and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Position of the record.
    pub sequence: u64,
    /// The key that signed until the checkpoint that seals the record.
    pub from: AuditPublicKey,
    /// The key that signed this one too, and those after it.
    pub to: AuditPublicKey,
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

/// Verifies the log in `files`. Holds one batch and one checkpoint at a time in memory.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn verify_files(
    files: Arc<dyn Files>,
    key: &AuditPublicKey,
) -> Result<Verification, VerifyLog> {
    verify_each(files, key, |_, _| ()).map(|(verification, _)| verification)
}

/// As [`verify_files`], giving each record and its leaf to `each`; also the last checkpoint.
fn verify_each(
    files: Arc<dyn Files>,
    key: &AuditPublicKey,
    mut each: impl FnMut(&Stored, Hash),
) -> Result<(Verification, Checkpoint), VerifyLog> {
    // Checkpoints are opened first: a live writer adds records before it seals them, so all that these cover is there.
    let mut check = Check::begin(&*files, key)?;
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
            Step::Records(records) => {
                for record in records {
                    let leaf = leaf_hash(&record.bytes);
                    each(&record, leaf);
                    check.record(record, leaf)?;
                }
            }
            Step::End(tail) => break tail,
        }
    };
    let unfinished = walk.remains()?;
    let changes = std::mem::take(&mut check.changes);
    let (records, checkpoints, last) = check.end(tail.torn)?;
    let verification = Verification {
        origin: last.origin.clone(),
        records,
        segments,
        checkpoints,
        sealed: last.size,
        root: last.root,
        key: changes.last().map_or(*key, |change| change.to),
        changes,
        unfinished,
    };
    Ok((verification, last))
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

/// The record at `sequence` and the proof that the log's last checkpoint seals it. Verifies the whole log on the way.
///
/// # Errors
/// When the record is not sealed, or the log cannot be read, or is not what its checkpoints say.
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
    let (mut leaves, mut wanted) = (Vec::new(), None);
    let (_, checkpoint) = verify_each(files, key, |record, leaf| {
        leaves.push(leaf);
        if record.sequence == sequence {
            wanted = Some(record.clone());
        }
    })?;
    let sealed = checkpoint.size;
    let refused = VerifyLog::NotSealed { sequence, sealed };
    let (Ok(index), Ok(size)) = (usize::try_from(sequence), usize::try_from(sealed)) else {
        return Err(refused);
    };
    let path = leaves
        .get(..size)
        .and_then(|leaves| merkle::inclusion_path(leaves, index));
    let (Some(record), Some(path)) = (wanted, path) else {
        return Err(refused);
    };
    let proof = InclusionProof {
        sequence,
        checkpoint,
        path,
    };
    Ok((record, proof))
}

/// Whether `record`, canonical bytes, is where the proof says. The checkpoint in it must have been opened with a key that
/// the reader trusts.
#[must_use]
pub fn check_inclusion(record: &[u8], proof: &InclusionProof) -> bool {
    let Checkpoint { size, root, .. } = &proof.checkpoint;
    merkle::included(leaf_hash(record), proof.sequence, *size, &proof.path, root)
}

/// Records so far, against the checkpoints.
struct Check {
    range: CompactRange,
    checkpoints: Checkpoints,
    /// The last checkpoint that holds.
    held: Option<Checkpoint>,
    /// The one after it.
    next: Option<Checkpoint>,
    /// The record since that announces a key, and the key.
    announced: Option<(u64, AuditPublicKey)>,
    changes: Vec<KeyChange>,
}

impl Check {
    fn begin(files: &dyn Files, key: &AuditPublicKey) -> Result<Self, VerifyLog> {
        let mut checkpoints = Checkpoints::open(files, *key)?;
        let mut check = Self {
            range: CompactRange::default(),
            next: checkpoints.next()?,
            checkpoints,
            held: None,
            announced: None,
            changes: Vec::new(),
        };
        if check.next.is_none() {
            return Err(VerifyLog::NoCheckpoint);
        }
        check.checkpoints_reached()?;
        Ok(check)
    }

    fn record(&mut self, stored: Stored, leaf: Hash) -> Result<(), VerifyLog> {
        let (sequence, segment, offset) = (stored.sequence, stored.segment.clone(), stored.offset);
        let read = reader::decode(stored)?;
        if let Event::KeyChanged { key, .. } = &read.record.event {
            let key = AuditPublicKey::from_base64(key).map_err(|why| ReadLog::BadRecord {
                sequence,
                segment,
                offset,
                why: why.to_string(),
            })?;
            self.announced = Some((sequence, key));
        }
        self.range.push(leaf);
        self.checkpoints_reached()
    }

    /// Holds the records so far against each checkpoint of just that size.
    fn checkpoints_reached(&mut self) -> Result<(), VerifyLog> {
        while let Some(checkpoint) = self
            .next
            .take_if(|checkpoint| checkpoint.size == self.range.size())
        {
            if checkpoint.root != self.range.root() {
                return Err(VerifyLog::RootDiffers {
                    first: self.held.as_ref().map_or(0, |held| held.size),
                    last: checkpoint.size.saturating_sub(1),
                    size: checkpoint.size,
                });
            }
            self.change_key();
            self.held = Some(checkpoint);
            self.next = self.checkpoints.next()?;
        }
        Ok(())
    }

    /// Goes on with the announced key where that signed the checkpoint over its record. Otherwise the change was not made,
    /// and the checkpoint is by the key before it alone.
    fn change_key(&mut self) {
        let note = self.checkpoints.last.as_ref().map(|(note, _)| note);
        let (Some((sequence, to)), Some(note)) = (self.announced.take(), note) else {
            return;
        };
        let from = self.checkpoints.key;
        if from != to && Checkpoint::open(note, &to).is_ok() {
            self.checkpoints.key = to;
            self.changes.push(KeyChange { sequence, from, to });
        }
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

    /// After the last record: how many there are, how many checkpoints, and the last of these.
    fn end(mut self, torn: Option<ReadLog>) -> Result<(u64, u64, Checkpoint), VerifyLog> {
        let found = self.range.size();
        if let Some(mut missed) = self.next {
            while let Some(checkpoint) = self.checkpoints.next()? {
                missed = checkpoint;
            }
            let sealed = missed.size;
            let missing = VerifyLog::Missing { sealed, found };
            return Err(torn.map_or(missing, VerifyLog::Records));
        }
        let last = self.held.ok_or(VerifyLog::NoCheckpoint)?;
        Ok((found, self.checkpoints.count, last))
    }
}

/// The checkpoints, oldest first, each with a true signature and in order.
struct Checkpoints {
    notes: Notes,
    /// The note after those given out.
    ahead: Option<String>,
    newest: Option<String>,
    newest_seen: bool,
    /// The last note given out.
    last: Option<(String, Checkpoint)>,
    count: u64,
    key: AuditPublicKey,
}

impl Checkpoints {
    fn open(files: &dyn Files, key: AuditPublicKey) -> Result<Self, VerifyLog> {
        // A live writer lists a checkpoint before it makes it the newest.
        let newest = notes::newest(files).map_err(|error| io_error(CHECKPOINT, error))?;
        let mut notes = Notes::open(files).map_err(|error| io_error(CHECKPOINTS, error))?;
        Ok(Self {
            ahead: notes.next().map_err(|error| io_error(CHECKPOINTS, error))?,
            notes,
            newest,
            newest_seen: false,
            last: None,
            count: 0,
            key,
        })
    }

    fn next(&mut self) -> Result<Option<Checkpoint>, VerifyLog> {
        let Some(note) = self.ahead.take() else {
            return self.end();
        };
        self.ahead = self
            .notes
            .next()
            .map_err(|error| io_error(CHECKPOINTS, error))?;
        let number = self.count.saturating_add(1);
        let checkpoint = match Checkpoint::open(&note, &self.key) {
            Ok(checkpoint) => checkpoint,
            // The remains of one that was being written, with parts lost: then the newest is the one before it, because
            // a note becomes the newest only when it is durable among all.
            Err(_) if self.ahead.is_none() && self.newest_is_last() => return self.end(),
            Err(why) => return Err(VerifyLog::Checkpoint { number, why }),
        };
        if let Some((_, before)) = &self.last
            && (before.origin != checkpoint.origin || before.size > checkpoint.size)
        {
            let size = checkpoint.size;
            return Err(VerifyLog::CheckpointOrder { number, size });
        }
        self.count = number;
        self.newest_seen |= self.newest.as_ref() == Some(&note);
        self.last = Some((note, checkpoint.clone()));
        Ok(Some(checkpoint))
    }

    fn newest_is_last(&self) -> bool {
        match (&self.newest, &self.last) {
            (Some(newest), Some((last, _))) => newest == last,
            (None, None) => true,
            _ => false,
        }
    }

    fn end(&self) -> Result<Option<Checkpoint>, VerifyLog> {
        let Some(newest) = self.newest.as_ref().filter(|_| !self.newest_seen) else {
            return Ok(None);
        };
        let newest = Checkpoint::open(newest, &self.key).map_err(VerifyLog::Newest)?;
        Err(VerifyLog::CheckpointsCut {
            listed: self
                .last
                .as_ref()
                .map_or(0, |(_, checkpoint)| checkpoint.size),
            newest: newest.size,
        })
    }
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
