//! What a program reads of history: measurements, the filters that say which operations each looks at, and the tests
//! that clauses ask of their numbers.
//!
//! The tables of a shard know nothing of it. A clause that they leave holds only if its looks hold as well, so that
//! only measurements of clauses which are still alive have to be read.

use serde::{Deserialize, Serialize};

use super::{Program, Shard};
use crate::policy::Unread;
use crate::policy::history::History;

/// Index of a measurement in [`Program::histories`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HistoryId(pub u32);

/// What a measurement is, filter and all: the same in every program that has it, so that what was counted under one
/// bundle goes on under the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HistoryKey(pub u64);

/// Index of a look in [`Program::looks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LookId(pub u32);

/// A test of the number that a measurement gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Look {
    /// The measurement.
    pub history: HistoryId,
    /// The least number of the closed range.
    pub at_least: i64,
    /// The greatest.
    pub at_most: i64,
    /// Whether the number has to lie in the range, or outside of it.
    pub inside: bool,
}

/// What is known of a number: it is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measured {
    /// The least that is possible.
    pub least: i64,
    /// The greatest that is possible; `i64::MAX` where there is no telling.
    pub greatest: i64,
}

impl Measured {
    /// A number that nothing is known of; none is below zero.
    pub const UNKNOWN: Measured = Measured {
        least: 0,
        greatest: i64::MAX,
    };
}

impl Look {
    /// Whether the look holds for every number that is possible (true), for none (false), or nobody can tell.
    #[must_use]
    pub fn holds(&self, number: Measured) -> Option<bool> {
        let within = self.at_least <= number.least && number.greatest <= self.at_most;
        let beside = number.greatest < self.at_least || self.at_most < number.least;
        match (within, beside) {
            (true, _) => Some(self.inside),
            (false, true) => Some(!self.inside),
            (false, false) => None,
        }
    }
}

/// A clause of a shard that asks a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Looking {
    /// The clause.
    pub(crate) bit: u32,
    /// The look.
    pub(crate) look: LookId,
}

impl Program {
    /// The measurements that some clause looks at; each once.
    #[must_use]
    pub fn histories(&self) -> &[History<Unread>] {
        &self.histories
    }

    /// What each of the measurements is, in the order of [`Program::histories`]; no two are alike.
    #[must_use]
    pub fn history_keys(&self) -> &[HistoryKey] {
        &self.history_keys
    }

    /// The filters of all measurements. For the facts of an operation on any kind of connection the tables leave a clause
    /// of [`super::Role::Counts`] for each measurement that certainly looks at it, and one of
    /// [`super::Role::MayCount`] for each that perhaps does, among them those that certainly do. A clause's `owner` is
    /// the measurement's id, and a filter can have several clauses.
    #[must_use]
    pub fn filters(&self) -> &Shard {
        &self.filters
    }

    /// The looks that clauses ask, ascending; those at one measurement stand together.
    #[must_use]
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }
}

impl Shard {
    /// What the clause of bit `bit` asks of history, ascending. It holds only if all of them do; one that nobody can
    /// tell counts by the clause's [`super::Role::unknown_holds`].
    pub fn looks(&self, bit: usize) -> impl Iterator<Item = LookId> {
        let from = self
            .looking
            .partition_point(|looking| (looking.bit as usize) < bit);
        let own = self.looking.get(from..).unwrap_or_default().iter();
        own.take_while(move |looking| looking.bit as usize == bit)
            .map(|looking| looking.look)
    }

    /// Whether some clause asks anything of history.
    #[must_use]
    pub fn has_looks(&self) -> bool {
        !self.looking.is_empty()
    }
}
