//! A sliding window over amounts, exact to the millisecond as long as its bound on memory lasts.
//!
//! Each millisecond in which something happened is an entry, and the running total makes reading cheap. When there are
//! too many entries, neighbours become one that knows its first and last millisecond only: where the window's edge cuts
//! through it, the amount is a range, and the upper end is never too low.

use std::collections::VecDeque;

use super::range::{Range, Total};

/// Entries of one window: 2 MiB at most.
pub const MAX_SPANS: usize = 1 << 16;

/// What happened from `first` to `last`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: i64,
    last: i64,
    amount: Range,
}

/// Amounts by their instants, none below zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spans {
    /// Ascending, none within another.
    spans: VecDeque<Span>,
    total: Total,
    bound: usize,
}

impl Default for Spans {
    fn default() -> Spans {
        Spans::bounded(MAX_SPANS)
    }
}

impl Spans {
    /// With at most `bound` entries, at least 2.
    pub(crate) fn bounded(bound: usize) -> Spans {
        Spans {
            spans: VecDeque::new(),
            total: Total::default(),
            bound: bound.max(2),
        }
    }

    /// Adds what happened at `at`; no earlier than anything that was added before.
    pub(crate) fn add(&mut self, at: i64, amount: Range) {
        if amount == Range::ZERO {
            return;
        }
        match self.spans.back_mut() {
            // One millisecond is in the window or not, so nothing is lost.
            Some(last) if last.last >= at => {
                self.total.remove(last.amount);
                last.amount = last.amount.and(amount);
                self.total.add(last.amount);
            }
            _ => {
                if self.spans.len() >= self.bound {
                    self.coarsen();
                }
                self.spans.push_back(Span {
                    first: at,
                    last: at,
                    amount,
                });
                self.total.add(amount);
            }
        }
    }

    /// Forgets what happened before `from`.
    pub(crate) fn expire(&mut self, from: i64) {
        while let Some(span) = self.spans.pop_front_if(|span| span.last < from) {
            self.total.remove(span.amount);
        }
    }

    /// What happened at `from` or later; what happened before has been forgotten.
    pub(crate) fn range(&self, from: i64) -> Range {
        match self.spans.front() {
            Some(cut) if cut.first < from => {
                let mut total = self.total;
                total.remove(cut.amount);
                total.add(Range::at_most(cut.amount.high));
                total.range()
            }
            _ => self.total.range(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Makes one of each two neighbours. Costs what as many additions cost that were made since the last time.
    fn coarsen(&mut self) {
        let mut coarse = VecDeque::with_capacity(self.spans.len() / 2 + 1);
        let mut total = Total::default();
        while let Some(mut span) = self.spans.pop_front() {
            if let Some(next) = self.spans.pop_front() {
                span.last = next.last;
                span.amount = span.amount.and(next.amount);
            }
            total.add(span.amount);
            coarse.push_back(span);
        }
        self.spans = coarse;
        self.total = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_closed_at_its_old_end() {
        let mut spans = Spans::default();
        for at in [10, 10, 11, 20] {
            spans.add(at, Range::exactly(1));
        }
        let mut from = |from| {
            spans.expire(from);
            spans.range(from)
        };
        assert_eq!(from(10), Range::exactly(4));
        assert_eq!(from(11), Range::exactly(2));
        assert_eq!(from(20), Range::exactly(1));
        assert_eq!(from(21), Range::ZERO);
        assert!(spans.is_empty());
    }

    /// Whatever the bound, the truth lies in the range, and within the bound there is no doubt.
    #[test]
    fn less_memory_never_hides_anything() {
        let events: Vec<(i64, i64)> = (0..4_000).map(|n| (n * n % 7 + n * 3, n % 5)).collect();
        let mut at = 0;
        let events: Vec<(i64, i64)> = events
            .into_iter()
            .map(|(time, amount)| {
                at = at.max(time);
                (at, amount)
            })
            .collect();
        for (bound, exact) in [(MAX_SPANS, true), (1_000, false), (16, false), (2, false)] {
            let mut spans = Spans::bounded(bound);
            let mut doubts = 0;
            for (index, (now, amount)) in events.iter().enumerate() {
                spans.add(*now, Range::exactly(*amount));
                let from = now - 6_000;
                spans.expire(from);
                let range = spans.range(from);
                let past = events.iter().take(index + 1);
                let truth: i64 = past.filter(|(at, _)| *at >= from).map(|(_, n)| n).sum();
                assert!(
                    range.low <= truth && truth <= range.high,
                    "{bound}: {range:?}, {truth}"
                );
                doubts += usize::from(range.low != range.high);
                assert!(spans.spans.len() <= bound);
            }
            assert_eq!(doubts == 0, exact, "{bound}: {doubts}");
        }
    }
}
