//! Which operations are under way, as their records tell: each was let through, and will soon append its end and wait for
//! it. A sync that waits a little for them serves them together. Counts only; nothing is refused or kept by it.

use std::time::Duration;

use crate::record::Event;

/// A record waits at most for so many syncs for others to join it: then what is saved is more than what is lost.
const PATIENCE_SYNCS: u32 = 2;
/// And at most so long, however slow the disk is.
const MOST_PATIENCE: Duration = Duration::from_millis(1);

/// What a record tells of the operation that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It was let through.
    Begins,
    /// It has ended.
    Ends,
    /// Neither.
    Other,
}

impl Step {
    pub(super) fn of(event: &Event) -> Step {
        match event {
            Event::Decision(decision) if decision.verdict == "allow" => Step::Begins,
            Event::Outcome(_) => Step::Ends,
            _ => Step::Other,
        }
    }
}

/// The operations that were let through and have not ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnderWay {
    operations: usize,
    /// Of them those whose beginning is itself waited for, so that they cannot end before it is written.
    held_up: usize,
    sync: Duration,
}

impl UnderWay {
    /// Takes note of a record that is in the queue now.
    pub(super) fn joins(&mut self, step: Step, awaited: bool) {
        if step == Step::Begins {
            self.operations = self.operations.saturating_add(1);
            self.held_up = self.held_up.saturating_add(usize::from(awaited));
        }
    }

    /// Takes note of what has happened, also where its record is not taken.
    pub(super) fn leaves(&mut self, step: Step) {
        if step == Step::Ends {
            self.operations = self.operations.saturating_sub(1);
        }
    }

    /// How many may append their ends before anything is written.
    pub(super) fn others(&self) -> usize {
        self.operations.saturating_sub(self.held_up)
    }

    /// The last sync took so long.
    pub(super) fn syncs_take(&mut self, sync: Duration) {
        self.sync = sync;
    }

    /// How long a record may wait for others.
    pub(super) fn patience(&self) -> Duration {
        self.sync.saturating_mul(PATIENCE_SYNCS).min(MOST_PATIENCE)
    }

    /// This, once nothing is in the queue any more.
    pub(super) fn after_all_are_taken(&self) -> UnderWay {
        UnderWay {
            held_up: 0,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_under_way_from_its_beginning_until_its_end() {
        let mut under_way = UnderWay::default();
        under_way.leaves(Step::Ends);
        for _ in 0..3 {
            under_way.joins(Step::Begins, false);
        }
        under_way.joins(Step::Other, true);
        assert_eq!(under_way.others(), 3);
        under_way.leaves(Step::Ends);
        assert_eq!(under_way.others(), 2);
    }

    #[test]
    fn one_whose_beginning_is_waited_for_does_not_hold_it_up() {
        let mut under_way = UnderWay::default();
        under_way.joins(Step::Begins, true);
        assert_eq!(under_way.others(), 0);
        assert_eq!(under_way.after_all_are_taken().others(), 1);
    }

    #[test]
    fn patience_is_that_of_two_syncs_and_has_an_end() {
        let mut under_way = UnderWay::default();
        assert_eq!(under_way.patience(), Duration::ZERO);
        under_way.syncs_take(Duration::from_micros(150));
        assert_eq!(under_way.patience(), Duration::from_micros(300));
        under_way.syncs_take(Duration::from_secs(3));
        assert_eq!(under_way.patience(), MOST_PATIENCE);
    }
}
