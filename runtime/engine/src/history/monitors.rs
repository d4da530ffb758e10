//! What a program measures: one monitor for each measurement that some rule reads, and what one operation adds to it.

use std::collections::HashSet;
use std::sync::Arc;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::history::{Measure, Own, Scope};
use hpol_bundle::program::Program;
use hpol_bundle::program::history::{HistoryId, HistoryKey};

use super::range::Range;
use super::spans::MAX_SPANS;
use super::values::{self, Found, MAX_VALUE_BYTES, values_of};
use crate::filters::Counted;

/// Entries of all windows of one ledger: 128 MiB, where every measurement of the policy was busy all the time.
pub const MAX_LEDGER_SPANS: usize = 1 << 22;
/// Entries that each window may have all the same.
pub const MIN_SPANS: usize = 64;

/// The measurements of one program.
#[derive(Debug, Clone, Default)]
pub struct Monitors {
    monitors: Vec<Monitor>,
    measured: Keys,
}

/// What a program measures: shared with the operations that are in flight under it.
pub(crate) type Keys = Arc<HashSet<HistoryKey>>;

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Monitor {
    /// The same in every program that measures the same.
    pub(crate) key: HistoryKey,
    pub(crate) window: i64,
    pub(crate) scope: Scope,
    own: Own,
    measure: Measure,
}

/// What one operation adds to a measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contribution {
    Amount(Range),
    Values(Found),
}

/// What the operation that is being decided adds to a measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnPart<'a> {
    Amount(Range),
    Values(values::Own<'a>),
}

impl Monitors {
    /// Those of `program`.
    #[must_use]
    pub fn new(program: &Program) -> Monitors {
        let histories = program.histories().iter().zip(program.history_keys());
        let monitors = histories.map(|(history, key)| Monitor {
            key: *key,
            window: i64::try_from(history.window_seconds.saturating_mul(1_000)).unwrap_or(i64::MAX),
            scope: history.scope,
            own: history.own,
            measure: history.measure,
        });
        Monitors {
            monitors: monitors.collect(),
            measured: Arc::new(program.history_keys().iter().copied().collect()),
        }
    }

    /// Whether nothing is measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.monitors.is_empty()
    }

    /// How many measurements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.monitors.len()
    }

    /// The longest window in milliseconds; zero if nothing is measured.
    #[must_use]
    pub fn longest_window(&self) -> i64 {
        self.monitors
            .iter()
            .map(|monitor| monitor.window)
            .max()
            .unwrap_or(0)
    }

    /// The keys of the measurements.
    pub fn keys(&self) -> impl Iterator<Item = HistoryKey> {
        self.monitors.iter().map(|monitor| monitor.key)
    }

    pub(crate) fn measured(&self) -> &Keys {
        &self.measured
    }

    /// Entries that a window may have, so that one ledger is bounded however many measurements there are.
    pub(crate) fn bound(&self) -> usize {
        (MAX_LEDGER_SPANS / self.monitors.len().max(1)).clamp(MIN_SPANS, MAX_SPANS)
    }

    pub(crate) fn get(&self, id: HistoryId) -> Option<&Monitor> {
        self.monitors.get(id.0 as usize)
    }
}

impl Monitor {
    /// Whether different values are counted, and not amounts.
    pub(crate) fn counts_values(&self) -> bool {
        matches!(self.measure, Measure::Distinct(_))
    }

    /// What an operation with `facts` adds, of which it is known whether it counts.
    pub(crate) fn contribution(&self, facts: &Facts, counted: Counted) -> Contribution {
        match self.measure {
            Measure::Count => Contribution::Amount(amount(1, counted)),
            Measure::Sum(fact) => Contribution::Amount(sum(facts.fact(fact), counted)),
            Measure::Distinct(fact) => Contribution::Values(found(facts.fact(fact), counted)),
        }
    }

    /// What the operation itself adds that is being decided; nothing where it is not looked at. Allocates nothing.
    pub(crate) fn own<'a>(&self, facts: &'a Facts, counted: Counted) -> Option<OwnPart<'a>> {
        if self.own == Own::Apart {
            return None;
        }
        Some(match self.measure {
            Measure::Count => OwnPart::Amount(amount(1, counted)),
            Measure::Sum(fact) => OwnPart::Amount(sum(facts.fact(fact), counted)),
            Measure::Distinct(fact) => {
                let fact = facts.fact(fact);
                OwnPart::Values(values::Own {
                    certain: counted == Counted::Certainly,
                    fact,
                    unnamed: unnamed(fact),
                })
            }
        })
    }
}

fn amount(number: i64, counted: Counted) -> Range {
    match counted {
        Counted::Certainly => Range::exactly(number),
        Counted::Perhaps => Range::at_most(number),
    }
}

fn sum(fact: &Fact, counted: Counted) -> Range {
    match fact {
        Fact::Missing => Range::ZERO,
        Fact::Known(Value::Int(number)) => amount((*number).max(0), counted),
        // A value that is not of the fact's type tells no more than that something is wrong.
        Fact::Unknown | Fact::Known(_) => Range::UNKNOWN,
    }
}

/// How many values there may be that nobody can tell.
fn unnamed(fact: &Fact) -> i64 {
    match fact {
        Fact::Missing | Fact::Known(Value::Text(_) | Value::Set(_)) => 0,
        Fact::Unknown | Fact::Known(Value::Bool(_) | Value::Int(_)) => i64::MAX,
    }
}

fn found(fact: &Fact, counted: Counted) -> Found {
    let mut named: Vec<Arc<str>> = Vec::new();
    let mut unnamed = unnamed(fact);
    for value in values_of(fact) {
        if value.len() > MAX_VALUE_BYTES {
            unnamed = unnamed.saturating_add(1);
        } else {
            named.push(Arc::from(value.as_ref()));
        }
    }
    named.sort_unstable();
    named.dedup();
    Found {
        certain: counted == Counted::Certainly,
        named: named.into(),
        unnamed,
    }
}
