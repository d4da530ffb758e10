//! How many rows an operation returns or changes, as history counts them: by the ends of its statements.
//!
//! Owns no row; where no end tells, the number is not known.

use hpol_operation::Class;
use hpol_operation::sql::{SqlAnalysis, Verb};
use hpol_session::OperationResult;

/// Verbs whose statements end with the number of rows they changed.
const CHANGING: [Verb; 5] = [
    Verb::INSERT,
    Verb::UPDATE,
    Verb::DELETE,
    Verb::MERGE,
    Verb::COPY,
];

/// Verbs of statements that change rows and do not say how many.
const SILENT: [Verb; 5] = [
    Verb::TRUNCATE,
    Verb::DROP,
    Verb::DO,
    Verb::CALL,
    Verb::OTHER,
];

/// The rows of one operation.
#[derive(Debug)]
pub(crate) struct Counting {
    reads: bool,
    /// It may change rows that no end tells of.
    silent: bool,
    /// Statements that have not ended, where any of them changes rows.
    awaited: usize,
    /// Of the statements that have ended.
    counted: u64,
    /// Rows that had come back when the last one ended.
    returned: u64,
}

impl Counting {
    pub(crate) fn of(analysis: &SqlAnalysis) -> Counting {
        let verbs = analysis.verbs();
        let silent = !verbs.complete
            || analysis.changes_within()
            || SILENT.iter().any(|verb| verbs.known.contains(verb));
        let changes = CHANGING.iter().any(|verb| verbs.known.contains(verb));
        Counting {
            reads: analysis.class() == Class::Read,
            silent,
            awaited: if changes { analysis.statements() } else { 0 },
            counted: 0,
            returned: 0,
        }
    }

    /// Takes note of the end of a statement with `tag`, which counts `changed` rows; so far `returned` have come back.
    pub(crate) fn completed(&mut self, tag: &str, changed: u64, returned: u64) {
        let verb = tag.split(' ').next().unwrap_or_default();
        self.awaited = self.awaited.saturating_sub(1);
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
        let missed = self.awaited > 0 && result != OperationResult::Failed;
        if self.silent || missed {
            return None;
        }
        let open = returned.saturating_sub(self.returned);
        Some(self.counted.saturating_add(open))
    }
}

#[cfg(test)]
mod tests {
    use hpol_operation::sql::{Analyser, Limits, SqlSession};

    use super::*;

    const COMPLETED: OperationResult = OperationResult::Completed;

    fn of(text: &str) -> Counting {
        let analyser = Analyser::new(Limits::default());
        let session = SqlSession {
            search_path: vec!["public".to_owned()],
            catalogue: None,
        };
        Counting::of(&analyser.analyse(text, &session).unwrap())
    }

    #[test]
    fn each_statement_counts_what_it_returned_or_changed() {
        let mut counting = of("SELECT 1; DELETE FROM t; DELETE FROM t");
        counting.completed("SELECT 1", 1, 1);
        counting.completed("DELETE 500", 500, 1);
        counting.completed("DELETE 20", 20, 1);
        assert_eq!(counting.total(1, COMPLETED), Some(521));
    }

    /// They have verbs of which no end of theirs tells.
    #[test]
    fn a_change_of_several_kinds_counts_by_its_one_end() {
        for (text, tag) in [
            (
                "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET n = 2",
                "INSERT 0 3",
            ),
            (
                "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)",
                "MERGE 3",
            ),
            ("COPY (DELETE FROM t RETURNING id) TO STDOUT", "COPY 3"),
        ] {
            let mut counting = of(text);
            counting.completed(tag, 3, 0);
            assert_eq!(counting.total(0, COMPLETED), Some(3), "{text}");
        }
    }

    #[test]
    fn what_no_end_tells_of_is_not_known() {
        for (text, tag, changed, returned) in [
            (
                "WITH d AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM d",
                "SELECT 1",
                1,
                1,
            ),
            ("WITH d AS (DELETE FROM t) DELETE FROM u", "DELETE 2", 2, 0),
            (
                "INSERT INTO u WITH d AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT * FROM d",
                "INSERT 0 1",
                1,
                0,
            ),
            ("CALL p()", "CALL", 0, 0),
            ("SELECT purge(30)", "SELECT 1", 1, 1),
            ("TRUNCATE t", "TRUNCATE TABLE", 0, 0),
            ("DROP TABLE t", "DROP TABLE", 0, 0),
            ("EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN", 0, 4),
        ] {
            let mut counting = of(text);
            counting.completed(tag, changed, returned);
            assert_eq!(counting.total(returned, COMPLETED), None, "{text}");
        }
        let mut counting = of("SELECT 1; DELETE FROM t");
        counting.completed("SELECT 1", 1, 1);
        assert_eq!(counting.total(1, COMPLETED), None);
        // One row was fetched.
        let counting = of("DELETE FROM t RETURNING id");
        assert_eq!(counting.total(1, COMPLETED), None);
    }

    #[test]
    fn what_failed_has_changed_nothing() {
        let counting = of("DELETE FROM t");
        assert_eq!(counting.total(0, OperationResult::Failed), Some(0));
    }

    #[test]
    fn a_read_counts_what_it_returned() {
        let mut counting = of("SELECT id FROM t");
        counting.completed("SELECT 100", 100, 10);
        assert_eq!(counting.total(10, COMPLETED), Some(10));
        // It only plans.
        let planned = "EXPLAIN WITH d AS (DELETE FROM t) SELECT 1; DELETE FROM t";
        let mut counting = of(planned);
        counting.completed("EXPLAIN", 0, 4);
        counting.completed("DELETE 5", 5, 4);
        assert_eq!(counting.total(4, COMPLETED), Some(9));
    }
}
