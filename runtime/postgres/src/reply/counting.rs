//! How many rows an operation returns or changes, as history counts them: by the ends of its statements.
//!
//! Owns no row; where no end tells, the number is not known.

use hpol_operation::Class;
use hpol_operation::sql::{Extent, Verb};
use hpol_session::OperationResult;

use crate::facts::Reading;

/// Verbs whose statements end with the number of rows they changed.
const CHANGING: [Verb; 5] = [
    Verb::INSERT,
    Verb::UPDATE,
    Verb::DELETE,
    Verb::MERGE,
    Verb::COPY,
];

/// Verbs of statements that change rows and do not say how many.
const SILENT: [Verb; 3] = [Verb::DO, Verb::CALL, Verb::OTHER];

/// The rows of one operation.
#[derive(Debug)]
pub(crate) struct Counting {
    reads: bool,
    /// It may change rows that no end tells of.
    silent: bool,
    /// Verbs that were asked for and of which no statement has ended.
    awaited: Vec<Verb>,
    /// Of the statements that have ended.
    counted: u64,
    /// Rows that had come back when the last one ended.
    returned: u64,
}

impl Counting {
    pub(crate) fn of(reading: &Reading) -> Counting {
        let (verbs, class) = reading.verbs();
        Counting::new(verbs, class)
    }

    fn new(verbs: &Extent<Verb>, class: Class) -> Counting {
        let silent = !verbs.complete || SILENT.iter().any(|verb| verbs.known.contains(verb));
        let changing = CHANGING.iter().filter(|verb| verbs.known.contains(*verb));
        Counting {
            reads: class == Class::Read,
            silent,
            awaited: changing.copied().collect(),
            counted: 0,
            returned: 0,
        }
    }

    /// Takes note of the end of a statement with `tag`, which counts `changed` rows; so far `returned` have come back.
    pub(crate) fn completed(&mut self, tag: &str, changed: u64, returned: u64) {
        let verb = tag.split(' ').next().unwrap_or_default();
        self.awaited
            .retain(|awaited| !awaited.as_str().eq_ignore_ascii_case(verb));
        let own = returned.saturating_sub(self.returned);
        self.returned = returned;
        let changes = CHANGING
            .iter()
            .any(|changing| changing.as_str().eq_ignore_ascii_case(verb));
        let counted = match (changes, own) {
            (true, own) => own.max(changed),
            // As of a table that is created from a query.
            (false, 0) => changed,
            (false, own) => own,
        };
        self.counted = self.counted.saturating_add(counted);
    }

    /// Rows of an operation that ended as `result`, of which `returned` came back; `None` if nobody can tell.
    pub(crate) fn total(&self, returned: u64, result: OperationResult) -> Option<u64> {
        if self.reads {
            return Some(returned);
        }
        // A statement that failed has changed nothing.
        let missed = !self.awaited.is_empty() && result != OperationResult::Failed;
        if self.silent || missed {
            return None;
        }
        let open = returned.saturating_sub(self.returned);
        Some(self.counted.saturating_add(open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(verbs: &[Verb]) -> Counting {
        let verbs = Extent {
            known: verbs.iter().copied().collect(),
            complete: true,
        };
        Counting::new(&verbs, Class::Write)
    }

    #[test]
    fn each_statement_counts_what_it_returned_or_changed() {
        let mut counting = writes(&[Verb::SELECT, Verb::DELETE]);
        counting.completed("SELECT 1", 1, 1);
        counting.completed("DELETE 500", 500, 1);
        assert_eq!(counting.total(1, OperationResult::Completed), Some(501));
    }

    #[test]
    fn what_no_end_tells_of_is_not_known() {
        let completed = OperationResult::Completed;
        // `WITH d AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM d`.
        let mut counting = writes(&[Verb::SELECT, Verb::DELETE]);
        counting.completed("SELECT 1", 1, 1);
        assert_eq!(counting.total(1, completed), None);
        // `DELETE FROM t RETURNING id`, of which one row was fetched.
        assert_eq!(writes(&[Verb::DELETE]).total(1, completed), None);
        let mut counting = writes(&[Verb::CALL]);
        counting.completed("CALL", 0, 0);
        assert_eq!(counting.total(0, completed), None);
        let mut counting = writes(&[Verb::EXPLAIN, Verb::DELETE]);
        counting.completed("EXPLAIN", 0, 4);
        assert_eq!(counting.total(4, completed), None);
    }

    #[test]
    fn what_failed_has_changed_nothing() {
        let counting = writes(&[Verb::DELETE]);
        assert_eq!(counting.total(0, OperationResult::Failed), Some(0));
    }

    #[test]
    fn a_read_counts_what_it_returned() {
        let verbs = Extent {
            known: [Verb::SELECT].into_iter().collect(),
            complete: true,
        };
        let mut counting = Counting::new(&verbs, Class::Read);
        counting.completed("SELECT 100", 100, 10);
        assert_eq!(counting.total(10, OperationResult::Completed), Some(10));
    }
}
