//! The last checkpoint of a log that is opened, and whose signature it and the next one have. What a record announces
//! counts, and not which keys are configured.

use super::{OpenLog, check_origin, io_error};
use crate::checkpoint::{Checkpoint, ReadCheckpoint, key_name};
use crate::files::Files;
use crate::key::{AuditKey, AuditPublicKey};
use crate::log::LogOptions;
use crate::notes::{self, CHECKPOINT, CHECKPOINTS};
use crate::reader;
use crate::record::Event;
use crate::walk::Stored;

/// What every record of a change of key holds, in canonical form.
const KEY_CHANGED: &[u8] = br#""event":"key_changed""#;

pub(super) struct Last {
    pub(super) checkpoint: Checkpoint,
    /// Where it ends in the file of all checkpoints.
    pub(super) end: u64,
    note: String,
    /// Whether the former key signed it, perhaps beside the one that signs now.
    by_former: bool,
}

impl Last {
    /// Whether a change of key ends with it: the record of that is the last one that it seals, or nearly.
    pub(super) fn is_by_two(&self) -> bool {
        self.note.matches("\n\u{2014} ").count() > 1
    }
}

/// What the records at the end of the log say of keys.
pub(super) struct Announced<'a> {
    last: &'a Last,
    /// The key that the last checkpoint is by, where a record says so.
    signer: Option<AuditPublicKey>,
    /// The last one announced since.
    unsealed: Option<AuditPublicKey>,
}

/// Who signs from now on.
pub(super) struct Signer {
    /// The key that signed until now, where that ends.
    pub(super) former: Option<AuditKey>,
    /// Whether a record says so already, and only the checkpoint over it is missing.
    pub(super) announced: bool,
}

impl<'a> Announced<'a> {
    pub(super) fn new(last: &'a Last) -> Self {
        Self {
            last,
            signer: None,
            unsealed: None,
        }
    }

    pub(super) fn hear(&mut self, record: &Stored) {
        // Most records are not read any further.
        if !record
            .bytes
            .windows(KEY_CHANGED.len())
            .any(|part| part == KEY_CHANGED)
        {
            return;
        }
        let Ok(read) = reader::decode(record.clone()) else {
            return;
        };
        let Event::KeyChanged { key, .. } = &read.record.event else {
            return;
        };
        let Ok(key) = AuditPublicKey::from_base64(key) else {
            return;
        };
        if record.sequence >= self.last.checkpoint.size {
            self.unsealed = Some(key);
        } else if Checkpoint::open(&self.last.note, &key).is_ok() {
            // One that did not sign the checkpoint over its record was never changed to.
            self.signer = Some(key);
        }
    }

    /// Who signs the next checkpoint.
    pub(super) fn signer(
        &self,
        options: &LogOptions,
        former: Option<AuditKey>,
    ) -> Result<Signer, OpenLog> {
        let key = options.key.public();
        let former = former.filter(|former| self.last.by_former && former.public() != key);
        match &self.signer {
            Some(signer) if *signer == key => Ok(Signer {
                former: None,
                announced: false,
            }),
            Some(signer)
                if former
                    .as_ref()
                    .is_none_or(|former| former.public() != *signer) =>
            {
                Err(OpenLog::KeyChanged {
                    to: key_name(&options.origin, signer),
                })
            }
            _ => Ok(Signer {
                announced: former.is_some() && self.unsealed == Some(key),
                former,
            }),
        }
    }
}

/// The last checkpoint, opened with the key or the former one.
pub(super) fn last_checkpoint(
    files: &dyn Files,
    options: &LogOptions,
    former: Option<&AuditKey>,
) -> Result<Option<Last>, OpenLog> {
    let open = |note: &str| match (Checkpoint::open(note, &options.key.public()), former) {
        (Err(ReadCheckpoint::OtherKey { .. }), Some(former)) => {
            Checkpoint::open(note, &former.public())
        }
        (opened, _) => opened,
    };
    let newest_note = notes::newest(files).map_err(|error| io_error(CHECKPOINT, error))?;
    let newest = newest_note.as_deref().map(open).transpose()?;
    let newest_size = newest.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let mut listed = notes::last(files).map_err(|error| io_error(CHECKPOINTS, error))?;
    let last = match listed.pop() {
        None => None,
        Some((note, end)) => match (open(&note), listed.pop()) {
            (Ok(opened), _) => Some((opened, note, end)),
            // The last may be the remains of one that was being written, with parts lost: then the newest is the one
            // before it, because a note becomes the newest only when it is durable among all.
            (Err(_), Some((before, end))) if newest_note.as_ref() == Some(&before) => {
                Some((open(&before)?, before, end))
            }
            (Err(_), None) if newest_note.is_none() => None,
            (Err(why), _) => return Err(why.into()),
        },
    };
    let Some((checkpoint, note, end)) = last else {
        return match newest {
            None => Ok(None),
            Some(_) => Err(OpenLog::CheckpointsCut {
                listed: 0,
                newest: newest_size,
            }),
        };
    };
    check_origin(&options.origin, &checkpoint.origin)?;
    if checkpoint.size < newest_size {
        return Err(OpenLog::CheckpointsCut {
            listed: checkpoint.size,
            newest: newest_size,
        });
    }
    let by_former = former.is_some_and(|former| Checkpoint::open(&note, &former.public()).is_ok());
    Ok(Some(Last {
        checkpoint,
        end,
        note,
        by_former,
    }))
}
