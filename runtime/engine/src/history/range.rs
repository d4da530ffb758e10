//! Numbers of which only the ends are certain, since facts can be unknown and operations in flight have no result yet.

use hpol_bundle::program::history::Measured;

/// What a history number can be: at least `low` and at most `high`. An end that nothing bounds is the end of `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// The least number that is possible.
    pub(crate) low: i64,
    /// The greatest.
    pub(crate) high: i64,
}

impl Range {
    /// Nothing was counted.
    pub(crate) const ZERO: Range = Range { low: 0, high: 0 };
    /// Nothing is known but that history does not go below zero.
    pub(crate) const UNKNOWN: Range = Range {
        low: 0,
        high: i64::MAX,
    };

    /// A number that is certain.
    pub(crate) fn exactly(number: i64) -> Range {
        Range {
            low: number,
            high: number,
        }
    }

    /// Anything from nothing to `number`.
    pub(crate) fn at_most(number: i64) -> Range {
        Range {
            low: 0,
            high: number,
        }
    }

    /// Both together. An end that leaves the numbers is not bounded any more.
    pub(crate) fn and(self, other: Range) -> Range {
        Range {
            low: self.low.saturating_add(other.low),
            high: self.high.saturating_add(other.high),
        }
    }
}

impl From<Range> for Measured {
    fn from(range: Range) -> Measured {
        Measured {
            least: range.low,
            greatest: range.high,
        }
    }
}

/// The sum of many ranges, none of them below zero, from which each can be taken out again: an end that nothing bounds
/// is counted and not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Total {
    low: u128,
    high: u128,
    unbounded: u64,
}

impl Total {
    pub(crate) fn add(&mut self, range: Range) {
        self.low = self.low.saturating_add(natural(range.low));
        match range.high {
            i64::MAX => self.unbounded = self.unbounded.saturating_add(1),
            high => self.high = self.high.saturating_add(natural(high)),
        }
    }

    /// Takes out what was added.
    pub(crate) fn remove(&mut self, range: Range) {
        self.low = self.low.saturating_sub(natural(range.low));
        match range.high {
            i64::MAX => self.unbounded = self.unbounded.saturating_sub(1),
            high => self.high = self.high.saturating_sub(natural(high)),
        }
    }

    pub(crate) fn is_nothing(self) -> bool {
        self == Total::default()
    }

    pub(crate) fn range(self) -> Range {
        let number = |sum: u128| i64::try_from(sum).unwrap_or(i64::MAX);
        Range {
            low: number(self.low),
            high: match self.unbounded {
                0 => number(self.high),
                _ => i64::MAX,
            },
        }
    }
}

fn natural(number: i64) -> u128 {
    u128::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_bounds_can_be_taken_out_again() {
        let mut total = Total::default();
        total.add(Range::exactly(3));
        total.add(Range::UNKNOWN);
        total.add(Range::at_most(2));
        assert_eq!(
            total.range(),
            Range {
                low: 3,
                high: i64::MAX
            }
        );
        total.remove(Range::UNKNOWN);
        assert_eq!(total.range(), Range { low: 3, high: 5 });
        total.add(Range::exactly(i64::MAX - 1));
        assert_eq!(
            total.range(),
            Range {
                low: i64::MAX,
                high: i64::MAX
            }
        );
        total.remove(Range::exactly(i64::MAX - 1));
        assert_eq!(total.range(), Range { low: 3, high: 5 });
    }
}
