//! Which way a change goes: whether it lets more or less happen.

use std::collections::BTreeSet;

use crate::outcome::{Demand, Outcome, Output};

/// Which way something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Less goes ahead, or less of it is seen.
    Tighter,
    /// More does.
    Looser,
    /// It is neither: other people approve, or more of them within more time.
    Other,
    /// Nothing changes but what rules in observe would have done.
    Observed,
}

/// Two policies in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// The same comes of every operation.
    Equivalent,
    /// The same does, but for what rules in observe would have done.
    Observed,
    /// What changes is tighter.
    Tighter,
    /// What changes is looser.
    Looser,
    /// Some is tighter and some looser, or something is neither.
    Incomparable,
    /// Something could not be compared, and so nothing can be said of the whole.
    NotAnalysed,
}

/// The direction of one change.
pub(super) fn of(before: &Outcome, after: &Outcome) -> Direction {
    let by_order = |tighter: bool| match tighter {
        true => Direction::Tighter,
        false => Direction::Looser,
    };
    match (before, after) {
        (Outcome::Verdict(before), Outcome::Verdict(after)) => by_order(after > before),
        (Outcome::Mask(before), Outcome::Mask(after)) => {
            by_order(after.map(|mask| mask.strictness()) > before.map(|mask| mask.strictness()))
        }
        (Outcome::Limit(before), Outcome::Limit(after)) => {
            by_order(after.unwrap_or(u64::MAX) < before.unwrap_or(u64::MAX))
        }
        (Outcome::Approvals(before), Outcome::Approvals(after)) => {
            match (covers(after, before), covers(before, after)) {
                (true, false) => Direction::Tighter,
                (false, true) => Direction::Looser,
                _ => Direction::Other,
            }
        }
        (Outcome::Ends(_), Outcome::Ends(after)) => by_order(*after),
        (Outcome::Observed(_), _) => Direction::Observed,
        _ => Direction::Other,
    }
}

/// Whether who has met all of `demands` has met all of `others`: as many of the same people, in no more time, for no
/// longer.
fn covers(demands: &[Demand], others: &[Demand]) -> bool {
    others.iter().all(|other| {
        let same_group = demands
            .iter()
            .filter(|demand| demand.condition == other.condition);
        same_group.into_iter().any(|demand| {
            demand.quorum >= other.quorum
                && demand.within_seconds <= other.within_seconds
                && demand.stands_seconds <= other.stands_seconds
        })
    })
}

/// All changes in one word.
pub(super) fn relation(directions: &BTreeSet<Direction>, something_is_left: bool) -> Relation {
    if something_is_left {
        return Relation::NotAnalysed;
    }
    let has = |direction| directions.contains(&direction);
    match (
        has(Direction::Tighter),
        has(Direction::Looser),
        has(Direction::Other),
    ) {
        (true, false, false) => Relation::Tighter,
        (false, true, false) => Relation::Looser,
        (false, false, false) if directions.is_empty() => Relation::Equivalent,
        (false, false, false) => Relation::Observed,
        _ => Relation::Incomparable,
    }
}

impl Relation {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Equivalent => "equivalent",
            Relation::Observed => "observed",
            Relation::Tighter => "tighter",
            Relation::Looser => "looser",
            Relation::Incomparable => "incomparable",
            Relation::NotAnalysed => "not_analysed",
        }
    }
}

impl Direction {
    /// Whether more may happen, or it cannot be said.
    #[must_use]
    pub fn loosens(self) -> bool {
        matches!(self, Direction::Looser | Direction::Other)
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Tighter => "tighter",
            Direction::Looser => "looser",
            Direction::Other => "other",
            Direction::Observed => "observed",
        }
    }
}

/// In the order in which reports show outputs.
impl Output {
    /// The word for the kind of output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Output::Verdict => "verdict",
            Output::Approvals => "approvals",
            Output::Mask(_) => "mask",
            Output::Limit => "limit",
            Output::Ends => "session",
            Output::Observed(..) => "observed",
        }
    }
}
