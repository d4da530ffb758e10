//! Looks for the next finding of any detector. Hides nothing.

mod quiet;

use crate::detector::{Detector, Extent, TailEnd};
use crate::input::{Ahead, Input, More};
use crate::masker::Entry;

/// The detectors of a masker, with the slot each finding belongs to.
#[derive(Debug)]
pub(crate) struct Finder {
    detectors: Vec<(Detector, usize)>,
    /// By first byte: the detectors to try there, one bit each.
    begins: [u16; 256],
}

/// Something to hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) slot: usize,
    pub(crate) start: usize,
    pub(crate) extent: Extent,
}

/// How far the bytes at hand were understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next finding.
    Found(Finding),
    /// From here on it depends on what follows.
    Undecided(usize),
    /// Nothing more.
    Nothing,
}

impl Finding {
    /// Where it ends in a value that is all there.
    pub(crate) fn end_in(&self, input: &Input<'_>) -> usize {
        match self
            .extent
            .tail
            .map(|tail| tail.end(input, self.extent.end))
        {
            None => self.extent.end,
            Some(TailEnd::At(end) | TailEnd::After(end)) => end,
        }
    }
}

impl Finder {
    /// Every detector once, for the entry with the strictest mask that has it.
    pub(crate) fn new(entries: &[Entry]) -> Finder {
        let detectors: Vec<_> = Detector::ALL
            .into_iter()
            .filter_map(|detector| {
                let having = entries
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| entry.detectors.contains(&detector));
                let strictest = having.max_by_key(|(_, entry)| entry.mask.strictness());
                strictest.map(|(slot, _)| (detector, slot))
            })
            .collect();
        let mut begins = [0_u16; 256];
        for (byte, tried) in (0..=u8::MAX).zip(&mut begins) {
            for (bit, (detector, _)) in detectors.iter().enumerate() {
                *tried |= u16::from(detector.may_begin_with(byte)) << bit;
            }
        }
        Finder { detectors, begins }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.detectors.is_empty()
    }

    /// The slots that findings can be of.
    pub(crate) fn slots(&self) -> impl Iterator<Item = usize> + '_ {
        self.detectors.iter().map(|(_, slot)| *slot)
    }

    /// The first finding that begins at or after `from`; of those that begin together the longest.
    pub(crate) fn next(&self, input: &Input<'_>, from: usize) -> Step {
        let mut ahead = Ahead::default();
        let mut start = from;
        while let Some(rest) = input.bytes().get(start..).filter(|rest| !rest.is_empty()) {
            if !quiet::is_quiet(input, start, &mut ahead) {
                let block = rest.get(..quiet::BLOCK).unwrap_or(rest);
                match self.in_block(input, start, block, &mut ahead) {
                    Step::Nothing => {}
                    step => return step,
                }
            }
            start += quiet::BLOCK;
        }
        Step::Nothing
    }

    /// The first finding that begins in `block`, the bytes from `start` on.
    fn in_block(&self, input: &Input<'_>, start: usize, block: &[u8], ahead: &mut Ahead) -> Step {
        for (index, byte) in (start..).zip(block) {
            let tried = self.begins.get(usize::from(*byte)).copied().unwrap_or(0);
            if tried == 0 {
                continue;
            }
            // Most letters and digits are within a word, where nothing begins.
            if byte.is_ascii_alphanumeric() && !input.begins_word(index) {
                continue;
            }
            match self.at(input, index, tried, ahead) {
                Ok(None) => {}
                Ok(Some(finding)) => return Step::Found(finding),
                Err(More) => return Step::Undecided(index),
            }
        }
        Step::Nothing
    }

    fn at(
        &self,
        input: &Input<'_>,
        start: usize,
        tried: u16,
        ahead: &mut Ahead,
    ) -> Result<Option<Finding>, More> {
        let mut longest: Option<Finding> = None;
        let mut left = tried;
        while let Some((detector, slot)) = self.detectors.get(left.trailing_zeros() as usize) {
            left &= left.wrapping_sub(1);
            if detector.is_ruled_out(input, start, ahead) {
                continue;
            }
            let Some(extent) = detector.find(input, start)? else {
                continue;
            };
            if longest.is_none_or(|longest| longest.extent.end < extent.end) {
                longest = Some(Finding {
                    slot: *slot,
                    start,
                    extent,
                });
            }
        }
        Ok(longest)
    }
}
