//! What happened before: the number that a history condition tests, counted anew from everything that is known.

use std::collections::BTreeSet;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
#[cfg(feature = "generate")]
use serde::{Deserialize, Serialize};

use crate::{Truth, truth};

/// An operation that was let through, or the one that is being decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "generate", derive(Serialize, Deserialize))]
pub struct Past {
    /// Who asked for it; different for different issuers.
    pub subject: Box<str>,
    /// In which session.
    pub session: u64,
    /// When it ended, in milliseconds; `None` while it is in flight.
    pub ended_ms: Option<i64>,
    /// The facts of session, operation and result. What is not known yet is unknown.
    pub facts: Facts,
}

/// When an operation is decided, and what came before.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The time, in milliseconds.
    pub now_ms: i64,
    /// The operation that is being decided, as history sees it: the facts of its result are unknown.
    pub own: &'a Past,
    /// The operations that were let through before, of all subjects.
    pub past: &'a [Past],
}

pub(crate) fn truth_of_history(test: &HistoryTest, moment: Moment<'_>) -> Truth {
    let (least, greatest) = number(&test.history, moment);
    if test.at_least <= least && greatest <= test.at_most {
        Truth::True
    } else if greatest < test.at_least || test.at_most < least {
        Truth::False
    } else {
        Truth::Unknown
    }
}

/// The least and the greatest number that is possible.
#[must_use]
pub fn number(history: &History, moment: Moment<'_>) -> (i64, i64) {
    let own = (history.own == Own::Counts).then_some(moment.own);
    let looked_at: Vec<(Truth, &Facts)> = moment
        .past
        .iter()
        .filter(|past| is_of_scope(history.scope, past, moment.own))
        .filter(|past| is_in_window(history.window_seconds, past, moment.now_ms))
        .chain(own)
        .map(|past| (truth(&history.filter, &past.facts, None), &past.facts))
        .collect();
    let at_least = |least: Truth| {
        let found = looked_at.iter().filter(move |(truth, _)| *truth >= least);
        found.map(|(_, facts)| *facts)
    };
    let (certain, possible) = (at_least(Truth::True), at_least(Truth::Unknown));
    match history.measure {
        Measure::Count => (length(certain.count()), length(possible.count())),
        Measure::Sum(fact) => (
            sum(certain.map(|facts| facts.fact(fact)), 0),
            sum(possible.map(|facts| facts.fact(fact)), i64::MAX),
        ),
        Measure::Distinct(fact) => (
            distinct(certain.map(|facts| facts.fact(fact)), 0),
            distinct(possible.map(|facts| facts.fact(fact)), i64::MAX),
        ),
    }
}

fn is_of_scope(scope: Scope, past: &Past, own: &Past) -> bool {
    match scope {
        Scope::Subject => past.subject == own.subject,
        Scope::Session => past.session == own.session,
    }
}

/// What is in flight is in every window. What ended exactly when the window opens is in it.
fn is_in_window(seconds: u64, past: &Past, now_ms: i64) -> bool {
    let window_ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    past.ended_ms
        .is_none_or(|ended_ms| ended_ms >= now_ms.saturating_sub(window_ms))
}

/// The sum of what is above zero; an unknown number counts as `unknown`.
fn sum<'a>(facts: impl Iterator<Item = &'a Fact>, unknown: i64) -> i64 {
    let numbers = facts.map(|fact| match fact {
        Fact::Missing => 0,
        Fact::Known(Value::Int(number)) => (*number).max(0),
        Fact::Unknown | Fact::Known(_) => unknown,
    });
    numbers.fold(0, i64::saturating_add)
}

/// How many different texts there are; one that is unknown could be as many as `unknown`.
fn distinct<'a>(facts: impl Iterator<Item = &'a Fact>, unknown: i64) -> i64 {
    let mut texts = BTreeSet::new();
    let mut more = 0;
    for fact in facts {
        match fact {
            Fact::Missing => {}
            Fact::Known(Value::Text(text)) => texts.extend([text]),
            Fact::Known(Value::Set(elements)) => texts.extend(elements),
            Fact::Unknown | Fact::Known(_) => more = unknown,
        }
    }
    length(texts.len()).saturating_add(more)
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
