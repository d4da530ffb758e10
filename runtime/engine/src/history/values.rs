//! A sliding window over values, for counting different ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hpol_bundle::facts::{Fact, Value};

use super::range::{Range, Total};
use super::spans::Spans;

/// Different values that one window tells apart. Further ones count as possibly new.
pub const MAX_VALUES: usize = 1 << 14;
/// Bytes of a value that is told apart; a longer one counts as possibly new.
pub const MAX_VALUE_BYTES: usize = 256;

/// Values that one operation adds to a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Whether they certainly count.
    pub(crate) certain: bool,
    /// Those that are told apart.
    pub(crate) named: Arc<[Arc<str>]>,
    /// How many there may be beside them.
    pub(crate) unnamed: i64,
}

/// Values that the operation has which is being decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    pub(crate) certain: bool,
    pub(crate) fact: &'a Fact,
    pub(crate) unnamed: i64,
}

impl<'a> Own<'a> {
    /// Each of them once.
    fn values(self) -> impl Iterator<Item = &'a str> {
        let elements = values_of(self.fact);
        let distinct = elements.is_sorted_by(|left, right| left < right);
        let values = elements.iter().enumerate();
        let first = move |(index, value): &(usize, _)| {
            distinct || !elements.iter().take(*index).any(|before| before == *value)
        };
        values.filter(first).map(|(_, value)| value.as_ref())
    }
}

/// The values of a fact that is a text or a set of texts.
pub(crate) fn values_of(fact: &Fact) -> &[Box<str>] {
    match fact {
        Fact::Known(Value::Text(value)) => std::slice::from_ref(value),
        Fact::Known(Value::Set(elements)) => elements,
        Fact::Known(Value::Bool(_) | Value::Int(_)) | Fact::Missing | Fact::Unknown => &[],
    }
}

/// Different values by their instants.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    certain: Present,
    possible: Present,
    /// Values that are not told apart: each may be a new one.
    unnamed: Spans,
    /// The same of operations in flight.
    flying: Total,
}

impl Default for Values {
    fn default() -> Values {
        Values::bounded(MAX_VALUES)
    }
}

impl Values {
    /// With at most `bound` entries that are told apart, and as many of others.
    pub(crate) fn bounded(bound: usize) -> Values {
        Values {
            certain: Present::bounded(bound),
            possible: Present::bounded(bound),
            unnamed: Spans::bounded(bound),
            flying: Total::default(),
        }
    }

    /// Adds what happened at `at`; no earlier than anything that was added before.
    pub(crate) fn add(&mut self, at: i64, found: &Found) {
        let mut unnamed = found.unnamed;
        for value in found.named.iter() {
            if !self.possible.add(value, at) {
                unnamed = unnamed.saturating_add(1);
            } else if found.certain {
                self.certain.add(value, at);
            }
        }
        self.unnamed.add(at, Range::at_most(unnamed));
    }

    /// Adds what is in flight.
    pub(crate) fn begin(&mut self, found: &Found) {
        self.flying.add(Range::at_most(found.unnamed));
        for value in found.named.iter() {
            self.possible.fly(value);
            if found.certain {
                self.certain.fly(value);
            }
        }
    }

    /// Takes out what was in flight.
    pub(crate) fn end(&mut self, found: &Found) {
        self.flying.remove(Range::at_most(found.unnamed));
        for value in found.named.iter() {
            self.possible.land(value);
            if found.certain {
                self.certain.land(value);
            }
        }
    }

    /// Forgets what happened before `from`.
    pub(crate) fn expire(&mut self, from: i64) {
        self.certain.expire(from);
        self.possible.expire(from);
        self.unnamed.expire(from);
    }

    /// How many different values there are at `from` or later, with those of `own`; what happened before has been
    /// forgotten.
    pub(crate) fn range(&self, from: i64, own: Option<Own<'_>>) -> Range {
        let mut range = Range {
            low: count(self.certain.len()),
            high: count(self.possible.len()),
        };
        if let Some(own) = own {
            let new = |present: &Present| {
                count(own.values().filter(|value| !present.holds(value)).count())
            };
            range.high = range.high.saturating_add(new(&self.possible));
            if own.certain {
                range.low = range.low.saturating_add(new(&self.certain));
            }
            range = range.and(Range::at_most(own.unnamed));
        }
        range.and(self.unnamed.range(from)).and(self.flying.range())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.possible.len() == 0 && self.unnamed.is_empty() && self.flying.is_nothing()
    }
}

fn count(values: usize) -> i64 {
    i64::try_from(values).unwrap_or(i64::MAX)
}

/// The values that are there, in flight or since when.
#[derive(Debug, Clone)]
struct Present {
    /// Values that it has room for.
    bound: usize,
    values: HashMap<Arc<str>, Seen>,
    /// When each was seen, ascending; entries of values that were seen again later mean nothing any more.
    order: VecDeque<(i64, Arc<str>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// When last, of operations that have ended.
    last: Option<i64>,
    /// Operations in flight that have it.
    flying: u32,
}

impl Present {
    fn bounded(bound: usize) -> Present {
        Present {
            bound: bound.min(MAX_VALUES),
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn holds(&self, value: &str) -> bool {
        self.values.contains_key(value)
    }

    /// Adds `value`; `false` if there is no room for another one.
    fn add(&mut self, value: &Arc<str>, at: i64) -> bool {
        let full = self.values.len() >= self.bound;
        if full && !self.values.contains_key(value) {
            return false;
        }
        let seen = self.values.entry(Arc::clone(value)).or_default();
        if seen.last != Some(at) {
            seen.last = Some(at);
            self.order.push_back((at, Arc::clone(value)));
            self.compact();
        }
        true
    }

    /// What is in flight always has room: it is bounded by the operations in flight.
    fn fly(&mut self, value: &Arc<str>) {
        let seen = self.values.entry(Arc::clone(value)).or_default();
        seen.flying = seen.flying.saturating_add(1);
    }

    fn land(&mut self, value: &Arc<str>) {
        if let Some(seen) = self.values.get_mut(value) {
            seen.flying = seen.flying.saturating_sub(1);
            if seen.flying == 0 && seen.last.is_none() {
                self.values.remove(value);
            }
        }
    }

    fn expire(&mut self, from: i64) {
        while let Some((at, value)) = self.order.pop_front_if(|(at, _)| *at < from) {
            let Some(seen) = self.values.get_mut(&value) else {
                continue;
            };
            if seen.last == Some(at) {
                seen.last = None;
                if seen.flying == 0 {
                    self.values.remove(&value);
                }
            }
        }
    }

    /// Keeps the order in proportion to the values. Costs what as many additions cost that were made since the last time.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.values.len() + 64 {
            let values = &self.values;
            self.order
                .retain(|(at, value)| values.get(value).is_some_and(|seen| seen.last == Some(*at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the bound, the truth lies in the range.
    #[test]
    fn values_beyond_the_bound_may_be_new_ones() {
        let mut values = Values::bounded(4);
        for number in 0..20_i64 {
            values.add(
                number,
                &Found {
                    certain: true,
                    named: [Arc::from(format!("{number}"))].into(),
                    unnamed: 0,
                },
            );
        }
        assert_eq!(values.possible.len(), 4);
        assert_eq!(values.certain.len(), 4);
        let range = values.range(0, None);
        assert_eq!((range.low, range.high), (4, 20));
    }
}
