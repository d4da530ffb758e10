//! Conditions over what happened before: what is measured, over which operations, how far back. What a number is
//! compared with stands beside it, so that equal measurements of several rules can be made once.
//!
//! The meaning stands in lang-spec, semantics 13. Knows no monitors: see [`crate::program`] for what an engine reads.

use serde::{Deserialize, Serialize};

use super::{Condition, Unread};
use crate::vocabulary::FactId;

/// The shortest window; clocks are not compared more finely than people think.
pub const MIN_WINDOW_SECONDS: u64 = 1;
/// The longest window, a leap year: what the history of a gateway has to keep at most.
pub const MAX_WINDOW_SECONDS: u64 = 366 * 24 * 3600;

/// A test of a number that history gives: `count(sql.verbs has delete) within 1h > 10`.
///
/// True where every number that is possible lies from `at_least` to `at_most`, false where none does, and otherwise
/// unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryTest {
    /// What gives the number.
    pub history: History,
    /// The least number of the closed range that is asked for.
    pub at_least: i64,
    /// The greatest.
    pub at_most: i64,
}

/// A number that history gives.
///
/// `C` is what stands for the filter: [`Condition`], or [`Unread`] where conditions were not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<C = Condition> {
    /// What is measured.
    pub measure: Measure,
    /// Which operations are looked at, by their facts of session, operation and result. Holds no history itself.
    pub filter: C,
    /// How far back, closed at both ends; from [`MIN_WINDOW_SECONDS`] to [`MAX_WINDOW_SECONDS`].
    pub window_seconds: u64,
    /// Whose operations.
    pub scope: Scope,
    /// Whether the operation that is being decided is looked at.
    pub own: Own,
}

/// What is measured of the operations that a filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// How many there are.
    Count,
    /// The sum of a number that each has; one below zero, and one that is missing, adds nothing.
    Sum(FactId),
    /// How many different values a text, or the elements of a set, have in all of them; one that is missing has none.
    Distinct(FactId),
}

impl Measure {
    /// The fact that is measured, if one is.
    #[must_use]
    pub fn fact(self) -> Option<FactId> {
        match self {
            Measure::Count => None,
            Measure::Sum(fact) | Measure::Distinct(fact) => Some(fact),
        }
    }
}

/// Whose operations are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Those of the subject (issuer and id), on all connections and in all sessions.
    Subject,
    /// Those of the session.
    Session,
}

/// Whether the operation that is being decided is among those that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Own {
    /// It is, with the facts of its result unknown: where counting reads no result.
    Counts,
    /// It is not: `earlier`, `never`, and all that reads results.
    Apart,
}

impl<C> History<C> {
    /// The measurement without its filter.
    #[must_use]
    pub fn unread(&self) -> History<Unread> {
        History {
            measure: self.measure,
            filter: Unread,
            window_seconds: self.window_seconds,
            scope: self.scope,
            own: self.own,
        }
    }
}
