//! A stream of plain bytes.

use crate::detector::{Tail, TailEnd};
use crate::input::{Input, LOOK_BEHIND};
use crate::masker::{Masker, count};
use crate::scan::Step;

/// What is held between chunks.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The last bytes that were released, for detectors to look back at, and those that are undecided.
    buffer: Vec<u8>,
    /// Where the undecided ones begin.
    released: usize,
    /// The rest of a finding that goes on there.
    tail: Option<Tail>,
}

impl Text {
    pub(super) fn push(
        &mut self,
        masker: &Masker,
        chunk: &[u8],
        counts: &mut [u64],
        out: &mut Vec<u8>,
    ) {
        self.buffer.extend_from_slice(chunk);
        self.release(masker, false, counts, out);
    }

    pub(super) fn finish(&mut self, masker: &Masker, counts: &mut [u64], out: &mut Vec<u8>) {
        self.release(masker, true, counts, out);
        self.buffer.clear();
        self.released = 0;
        self.tail = None;
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    fn release(&mut self, masker: &Masker, complete: bool, counts: &mut [u64], out: &mut Vec<u8>) {
        let input = Input::part(&self.buffer, complete);
        let mut released = self.released;
        loop {
            match self.tail.map(|tail| tail.end(&input, released)) {
                None => {}
                Some(TailEnd::At(end)) => {
                    released = end;
                    self.tail = None;
                }
                Some(TailEnd::After(end)) => {
                    released = end;
                    break;
                }
            }
            let step = masker.finder().next(&input, released);
            let clear = match step {
                Step::Found(finding) => finding.start,
                Step::Undecided(start) => start,
                Step::Nothing => self.buffer.len(),
            };
            out.extend_from_slice(self.buffer.get(released..clear).unwrap_or_default());
            released = clear;
            let Step::Found(finding) = step else { break };
            count(counts, finding.slot);
            masker.write(&finding, &input, out);
            released = finding.extent.end;
            self.tail = finding.extent.tail;
        }
        let forgotten = released.saturating_sub(LOOK_BEHIND);
        self.buffer.drain(..forgotten);
        self.released = released - forgotten;
    }
}
