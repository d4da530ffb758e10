//! Reads of tables over an hour, rules that block a read after too many of the same table, and counting by hand. Knows no
//! engine, so that others can be measured on the same.

/// Each operation reads one of so many tables, in turn.
pub(crate) const TABLES: usize = 100;
/// The hour that the events of history fill.
const HOUR: i64 = 3_600_000;

/// Blocks the read of a table that more reads than `most` have come to within the window, itself among them.
pub(crate) struct Limit {
    pub(crate) table: usize,
    pub(crate) window_seconds: i64,
    pub(crate) most: i64,
}

/// Rules with a window of their own each, and operations one after the other.
pub(crate) struct Trace {
    pub(crate) limits: Vec<Limit>,
    step: i64,
    /// When each table was read, by those that were not blocked.
    counted: Vec<Vec<i64>>,
}

/// One read.
#[derive(Clone, Copy)]
pub(crate) struct Read {
    /// Milliseconds since the first.
    pub(crate) now: i64,
    pub(crate) table: usize,
}

impl Trace {
    pub(crate) fn new(rules: usize, events: usize) -> Trace {
        let limit = |index: usize| {
            let window_seconds = 600 + (index / TABLES) as i64 * 29;
            let usual = (events / TABLES) as i64 * window_seconds / 3_600;
            Limit {
                table: index % TABLES,
                window_seconds,
                // Near what there is, so that some block and some do not.
                most: usual + index as i64 % 3,
            }
        };
        Trace {
            limits: (0..rules).map(limit).collect(),
            step: (HOUR / events as i64).max(1),
            counted: vec![Vec::new(); TABLES],
        }
    }

    pub(crate) fn read(&self, number: usize) -> Read {
        Read {
            now: number as i64 * self.step,
            table: number * 7 % TABLES,
        }
    }

    /// Whether some rule blocks `read`, counted by hand.
    pub(crate) fn blocks(&self, read: Read) -> bool {
        let before = &self.counted[read.table];
        let mut concerning = self.limits.iter().skip(read.table).step_by(TABLES);
        concerning.any(|limit| {
            let from = read.now - limit.window_seconds * 1_000;
            let before = before.len() - before.partition_point(|at| *at < from);
            before as i64 + 1 > limit.most
        })
    }

    /// `read` was not blocked, and counts from now on.
    pub(crate) fn happened(&mut self, read: Read) {
        self.counted[read.table].push(read.now);
    }
}
