//! What the writer takes of the disk before it is needed: the next segment and the next salt. Without them the log goes on
//! as long as it can, says that nothing new should begin, and asks again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Writer;
use crate::log::LogFailure;
use crate::recovery;
use crate::salt::{CreateSalt, Salt};

/// From here on the disk counts as nearly full.
const NEARLY_FULL_PERCENT: u8 = 90;
/// The longest pause between two requests for space, in units of the first.
const LONGEST_PAUSE: u32 = 64;

/// What the disk had no space for. Meanwhile the log goes on without.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    pub(super) segment: bool,
    pub(super) salt: bool,
    /// When it is asked for again, and how long after the last time that is.
    pub(super) again: Option<(Instant, Duration)>,
}

impl Lacking {
    fn is_due(&self) -> bool {
        self.again.is_none_or(|(due, _)| due <= Instant::now())
    }

    /// Waits longer each time, since asking costs a disk that is full already. `first` is for the first time.
    fn put_off(&mut self, first: Duration) {
        self.again = (self.segment || self.salt).then(|| {
            let longest = first.saturating_mul(LONGEST_PAUSE);
            let pause = self.again.map_or(first, |(_, last)| last.saturating_mul(2));
            let pause = pause.min(longest);
            (Instant::now() + pause, pause)
        });
    }
}

impl Writer {
    /// Takes the space of the next segment once this one is half full. Without it the log goes on to the end of this one
    /// and says meanwhile that nothing new should begin.
    pub(super) fn prepare_segment(&mut self) {
        let segment = &self.state.segment;
        if self.ended
            || self.spare.is_some()
            || self.lacking.segment
            || segment.end < segment.length / 2
        {
            return;
        }
        self.allocate_spare();
        self.tell_lacking();
    }

    fn allocate_spare(&mut self) {
        let bytes = self.state.options.segment_bytes;
        self.spare = recovery::allocate_segment(&*self.state.files, bytes).ok();
        self.lacking.segment = self.spare.is_none();
    }

    /// A disk that cannot say how full it is will say so when it is written.
    pub(super) fn look_at_disk(&self) {
        if let Ok(percent) = self.state.files.used_percent() {
            self.shared
                .nearly_full
                .store(percent >= NEARLY_FULL_PERCENT, Ordering::Relaxed);
        }
    }

    /// Asks the disk again for what it had no space for.
    pub(super) fn take_space(&mut self) -> Result<(), LogFailure> {
        let lacking = self.lacking.segment || self.lacking.salt;
        if !lacking || self.ended || !self.lacking.is_due() {
            return Ok(());
        }
        self.look_at_disk();
        if self.lacking.salt {
            self.change_salt()?;
        }
        if self.lacking.segment {
            self.allocate_spare();
        }
        self.tell_lacking();
        Ok(())
    }

    /// Says whether anything new should begin.
    pub(super) fn tell_lacking(&mut self) {
        self.lacking.put_off(self.state.options.space_every);
        let full = self.lacking.segment || self.lacking.salt;
        self.shared.full.store(full, Ordering::Relaxed);
    }

    pub(super) fn renew_salt(&mut self) -> Result<(), LogFailure> {
        if self.lacking.salt || self.salted.elapsed() < self.state.options.salt_every {
            return Ok(());
        }
        self.change_salt()?;
        self.tell_lacking();
        Ok(())
    }

    /// Goes on with the old salt where the disk has no space for another: it commits as well, only more records are
    /// erased with it.
    pub(super) fn change_salt(&mut self) -> Result<(), LogFailure> {
        self.lacking.salt = match Salt::create(&*self.state.files) {
            Ok(salt) => {
                self.shared.change_salt(salt);
                self.salted = Instant::now();
                false
            }
            Err(CreateSalt::Write { .. }) => true,
            Err(failure) => return Err(failure.into()),
        };
        Ok(())
    }
}
