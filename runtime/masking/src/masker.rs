//! What must be hidden on one connection, compiled once and shared.

use std::ops::Range;

use hpol_bundle::policy::{JsonPath, Mask};

use crate::detector::Detector;
use crate::input::Input;
use crate::mask::{self, Part};
use crate::scan::{Finder, Finding, Step};
use crate::token::MaskKey;

/// The obligations of a set of mask rules. Immutable; put it in an `Arc`.
#[derive(Debug)]
pub struct Masker {
    entries: Vec<Entry>,
    finder: Finder,
    key: Option<MaskKey>,
}

/// How one data class is hidden. Its index is the slot that columns refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name of the class, which makes the tokens of its values its own.
    pub class: String,
    /// How.
    pub mask: Mask,
    /// Where it stands in JSON documents. Where paths of two entries meet, the stricter mask applies.
    pub paths: Vec<JsonPath>,
    /// What finds it in free text. Where two entries have the same detector, the stricter mask applies.
    pub detectors: Vec<Detector>,
}

/// Why there is no masker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildMasker {
    /// Slots are 16 bits wide.
    #[error("{found} data classes must be masked at once; the most is {most}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masked {
    /// Nothing had to be hidden; `out` is as it was.
    Unchanged,
    /// What stands in its place was appended to `out`.
    Changed,
    /// It becomes NULL; `out` is as it was.
    Null,
}

impl Entry {
    /// What `detectors` find, hidden by `mask`, of a class without a name.
    #[must_use]
    pub fn of_detectors(mask: Mask, detectors: Vec<Detector>) -> Entry {
        Entry {
            class: String::new(),
            mask,
            paths: Vec::new(),
            detectors,
        }
    }
}

impl Masker {
    const MOST: usize = 1 << 16;

    /// Compiles the detectors of `entries`. Without a `key`, what is to be hashed is hidden whole.
    ///
    /// # Errors
    /// If there are more entries than slots.
    pub fn new(entries: Vec<Entry>, key: Option<MaskKey>) -> Result<Masker, BuildMasker> {
        if entries.len() > Masker::MOST {
            return Err(BuildMasker::TooMany {
                found: entries.len(),
                most: Masker::MOST,
            });
        }
        let finder = Finder::new(&entries);
        Ok(Masker {
            entries,
            finder,
            key,
        })
    }

    /// The entries, by slot.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether free text must be looked through.
    #[must_use]
    pub fn has_detectors(&self) -> bool {
        !self.finder.is_empty()
    }

    /// Hides `value`, the whole value of a classified column, and counts it in `counts`, which is indexed by slot. A slot
    /// that does not exist hides it whole.
    ///
    /// Where a detector finds in it what is hidden more strictly, and not only in part, all of the value is hidden so and
    /// counts for both classes. Where some of the value is to be left, the findings in it are hidden by their masks as
    /// well: what is left is what all of these masks leave, and each finding of another class counts.
    pub fn value(
        &self,
        slot: usize,
        value: &[u8],
        counts: &mut [u64],
        out: &mut Vec<u8>,
    ) -> Masked {
        count(counts, slot);
        let strictest = self.strictest(slot, value);
        let mask = self.mask(strictest);
        if matches!(mask, Mask::KeepFirst(_) | Mask::KeepLast(_)) {
            self.keep(slot, value, counts, out);
            return Masked::Changed;
        }
        if strictest != slot {
            count(counts, strictest);
        }
        if mask == Mask::Null {
            return Masked::Null;
        }
        self.hide(strictest, mask, value, out);
        Masked::Changed
    }

    /// Appends what is left by the mask of `slot` and by those of all findings, none of which hides more than parts.
    fn keep(&self, slot: usize, value: &[u8], counts: &mut [u64], out: &mut Vec<u8>) {
        let parts = self.found(value).map(|(finding, end)| {
            if finding.slot != slot {
                count(counts, finding.slot);
            }
            Part {
                at: finding.start..end,
                mask: self.mask_of(&finding),
            }
        });
        mask::write_with(self.mask(slot), value, parts, out);
    }

    /// The slot with the strictest mask for a value of `slot`: its own, or that of what a detector finds in it.
    fn strictest(&self, slot: usize, value: &[u8]) -> usize {
        let strictness = |slot: usize| self.mask(slot).strictness();
        let is_stricter = |found: usize| strictness(found) > strictness(slot);
        if !self.finder.slots().any(is_stricter) {
            return slot;
        }
        let found = self.found(value).map(|(finding, _)| finding.slot);
        let stricter = found.filter(|found| is_stricter(*found));
        stricter
            .max_by_key(|found| strictness(*found))
            .unwrap_or(slot)
    }

    /// Hides what the detectors find in `value` and adds the findings to `counts`, which is indexed by slot.
    /// A finding that becomes NULL makes the whole value NULL.
    pub fn text(&self, value: &[u8], counts: &mut [u64], out: &mut Vec<u8>) -> Masked {
        let input = Input::whole(value);
        let before = out.len();
        let mut copied = 0;
        while let Step::Found(finding) = self.finder.next(&input, copied) {
            count(counts, finding.slot);
            if self.mask(finding.slot) == Mask::Null {
                out.truncate(before);
                return Masked::Null;
            }
            let end = finding.end_in(&input);
            out.extend_from_slice(value.get(copied..finding.start).unwrap_or_default());
            self.write(&finding, &input, out);
            copied = end;
        }
        if copied == 0 {
            return Masked::Unchanged;
        }
        out.extend_from_slice(value.get(copied..).unwrap_or_default());
        Masked::Changed
    }

    /// What the detectors find in `value`: the slot and the bytes of each finding, in order. Changes nothing.
    pub fn findings<'a>(
        &'a self,
        value: &'a [u8],
    ) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
        let found = self.found(value);
        found.map(|(finding, end)| (finding.slot, finding.start..end))
    }

    /// The findings in `value`, in order, and where each ends.
    fn found<'a>(&'a self, value: &'a [u8]) -> impl Iterator<Item = (Finding, usize)> + 'a {
        let input = Input::whole(value);
        let mut from = 0;
        std::iter::from_fn(move || match self.finder.next(&input, from) {
            Step::Found(finding) => {
                from = finding.end_in(&input);
                Some((finding, from))
            }
            Step::Undecided(_) | Step::Nothing => None,
        })
    }

    pub(crate) fn finder(&self) -> &Finder {
        &self.finder
    }

    /// Appends what stands in place of a finding.
    pub(crate) fn write(&self, finding: &Finding, input: &Input<'_>, out: &mut Vec<u8>) {
        let value = input.bytes().get(finding.start..finding.extent.end);
        let mask = self.mask_of(finding);
        self.hide(finding.slot, mask, value.unwrap_or_default(), out);
    }

    /// How a finding is hidden: one without a bound on its length is hidden whole.
    fn mask_of(&self, finding: &Finding) -> Mask {
        match finding.extent.tail {
            Some(_) => Mask::Redact,
            None => self.mask(finding.slot),
        }
    }

    /// Appends what `mask` leaves of a value of the class in `slot`.
    fn hide(&self, slot: usize, mask: Mask, value: &[u8], out: &mut Vec<u8>) {
        match (mask, &self.key, self.entries.get(slot)) {
            (Mask::Hash, Some(key), Some(entry)) => key.write(&entry.class, value, out),
            _ => mask::write(mask, value, out),
        }
    }

    fn mask(&self, slot: usize) -> Mask {
        self.entries
            .get(slot)
            .map_or(Mask::Redact, |entry| entry.mask)
    }
}

/// Adds a finding of `slot`.
pub(crate) fn count(counts: &mut [u64], slot: usize) {
    if let Some(count) = counts.get_mut(slot) {
        *count = count.saturating_add(1);
    }
}
