//! The history of one subject, or of one session: a window for each measurement that something was added to.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use hpol_bundle::program::history::{HistoryKey, Measured};

use super::monitors::{Contribution, Keys, Monitor, OwnPart};
use super::range::{Range, Total};
use super::spans::Spans;
use super::values::Values;

/// The history of one subject, or of one session. Its clock only goes forward: what happens at an earlier time than
/// something that was noted before counts as having happened at that time.
#[derive(Debug, Default)]
pub struct Ledger {
    now: i64,
    /// What time it is elsewhere, where that is not what everything here is noted at.
    clock: i64,
    /// Nothing is known of what happened before.
    since: Option<i64>,
    /// When it began, if nothing happened before.
    begun: Option<i64>,
    windows: HashMap<HistoryKey, Window, BuildHasherDefault<ByKey>>,
    /// Operations in flight, by what is measured of them: one entry for each program that some began under.
    flying: Vec<(Keys, u64)>,
}

#[derive(Debug)]
struct Window {
    length: i64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Amounts { spans: Spans, flying: Total },
    Values(Box<Values>),
}

impl Ledger {
    /// A history of which nothing is known before `since`, in milliseconds: every number whose window reaches further
    /// back has no upper end.
    #[must_use]
    pub fn since(since: i64) -> Ledger {
        Ledger {
            since: Some(since),
            ..Ledger::default()
        }
    }

    /// The history of what begins now, at `begun` in milliseconds, before which nothing happened.
    #[must_use]
    pub fn beginning(begun: i64) -> Ledger {
        Ledger {
            begun: Some(begun),
            ..Ledger::default()
        }
    }

    /// Moves the clock forward to `now`, and tells what time it is then.
    pub fn tick(&mut self, now: i64) -> i64 {
        self.clock = now;
        self.now = self.now.max(now);
        self.now
    }

    /// The number that `monitor` gives now, with the part of the operation that is being decided.
    pub(crate) fn number(
        &mut self,
        monitor: &Monitor,
        since: i64,
        own: Option<OwnPart<'_>>,
    ) -> Measured {
        let from = self.now.saturating_sub(monitor.window);
        let mut range = match (self.windows.get_mut(&monitor.key), own) {
            (Some(window), own) => window.range(from, own),
            (None, None) => Range::ZERO,
            (None, Some(OwnPart::Amount(amount))) => amount,
            (None, Some(OwnPart::Values(own))) => Values::default().range(from, Some(own)),
        };
        // What is measured since before the beginning is known from the beginning on, and there is nothing before. Not in
        // the same millisecond: nobody knows which was first.
        let whole = self.begun.is_some_and(|begun| since < begun);
        let since = if whole { i64::MIN } else { since };
        let since = self.since.map_or(since, |own| own.max(since));
        // Where the clock was ahead, less time has passed since then than the ledger says.
        let reached = self.now.min(self.clock).saturating_sub(monitor.window);
        if reached < since {
            range.high = i64::MAX;
        }
        range.into()
    }

    /// Notes that one more operation is in flight, of which nothing but `measured` is in the windows.
    pub(crate) fn take_off(&mut self, measured: &Keys) {
        match self
            .flying
            .iter_mut()
            .find(|(of, _)| Arc::ptr_eq(of, measured))
        {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.flying.push((Arc::clone(measured), 1)),
        }
    }

    /// Notes that one of those is not in flight any more.
    pub(crate) fn land(&mut self, measured: &Keys) {
        for (_, count) in self
            .flying
            .iter_mut()
            .filter(|(of, _)| Arc::ptr_eq(of, measured))
        {
            *count = count.saturating_sub(1);
        }
        self.flying.retain(|(_, count)| *count > 0);
    }

    /// Whether the window called `key`, one of `measured`, has all that is in flight.
    pub(crate) fn flies_all(&self, key: HistoryKey, measured: &Keys) -> bool {
        let mut flying = self.flying.iter();
        flying.all(|(of, _)| Arc::ptr_eq(of, measured) || of.contains(&key))
    }

    /// Adds what is in flight.
    pub(crate) fn begin(&mut self, monitor: &Monitor, bound: usize, part: &Contribution) {
        self.window(monitor, bound).begin(part);
    }

    /// Ends what was in flight: it has never happened.
    pub(crate) fn end(&mut self, key: HistoryKey, part: &Contribution) {
        if let Some(window) = self.windows.get_mut(&key) {
            window.end(part);
        }
    }

    /// Adds what has happened, now.
    pub(crate) fn add(&mut self, monitor: &Monitor, bound: usize, part: &Contribution) {
        let now = self.now;
        let window = self.window(monitor, bound);
        window.expire(now);
        window.add(now, part);
    }

    fn window(&mut self, monitor: &Monitor, bound: usize) -> &mut Window {
        let new = || Window::new(monitor, bound);
        self.windows.entry(monitor.key).or_insert_with(new)
    }

    /// Forgets what lies outside of all windows, and the windows of measurements that `keep` does not know any more.
    /// Whether nothing is left.
    pub fn sweep(&mut self, now: i64, keep: impl Fn(HistoryKey) -> bool) -> bool {
        let now = self.tick(now);
        self.windows.retain(|key, window| {
            window.expire(now);
            keep(*key) && !window.is_empty()
        });
        self.windows.is_empty()
    }
}

impl Window {
    fn new(monitor: &Monitor, bound: usize) -> Window {
        Window {
            length: monitor.window,
            content: match monitor.counts_values() {
                true => Content::Values(Box::new(Values::bounded(bound))),
                false => Content::Amounts {
                    spans: Spans::bounded(bound),
                    flying: Total::default(),
                },
            },
        }
    }

    fn range(&mut self, from: i64, own: Option<OwnPart<'_>>) -> Range {
        match (&mut self.content, own) {
            (Content::Amounts { spans, flying }, own) => {
                spans.expire(from);
                let range = spans.range(from).and(flying.range());
                match own {
                    None => range,
                    Some(OwnPart::Amount(own)) => range.and(own),
                    // INVARIANT: one measurement is of one kind.
                    Some(OwnPart::Values(_)) => Range::UNKNOWN,
                }
            }
            (Content::Values(values), own) => {
                values.expire(from);
                match own {
                    None => values.range(from, None),
                    Some(OwnPart::Values(own)) => values.range(from, Some(own)),
                    Some(OwnPart::Amount(_)) => Range::UNKNOWN,
                }
            }
        }
    }

    fn begin(&mut self, part: &Contribution) {
        match (&mut self.content, part) {
            (Content::Amounts { flying, .. }, Contribution::Amount(amount)) => flying.add(*amount),
            (Content::Values(values), Contribution::Values(found)) => values.begin(found),
            // INVARIANT: one measurement is of one kind.
            (Content::Amounts { .. }, Contribution::Values(_))
            | (Content::Values(_), Contribution::Amount(_)) => {}
        }
    }

    fn end(&mut self, part: &Contribution) {
        match (&mut self.content, part) {
            (Content::Amounts { flying, .. }, Contribution::Amount(amount)) => {
                flying.remove(*amount);
            }
            (Content::Values(values), Contribution::Values(found)) => values.end(found),
            (Content::Amounts { .. }, Contribution::Values(_))
            | (Content::Values(_), Contribution::Amount(_)) => {}
        }
    }

    fn add(&mut self, at: i64, part: &Contribution) {
        match (&mut self.content, part) {
            (Content::Amounts { spans, .. }, Contribution::Amount(amount)) => {
                spans.add(at, *amount);
            }
            (Content::Values(values), Contribution::Values(found)) => values.add(at, found),
            (Content::Amounts { .. }, Contribution::Values(_))
            | (Content::Values(_), Contribution::Amount(_)) => {}
        }
    }

    fn expire(&mut self, now: i64) {
        let from = now.saturating_sub(self.length);
        match &mut self.content {
            Content::Amounts { spans, .. } => spans.expire(from),
            Content::Values(values) => values.expire(from),
        }
    }

    fn is_empty(&self) -> bool {
        match &self.content {
            Content::Amounts { spans, flying } => spans.is_empty() && flying.is_nothing(),
            Content::Values(values) => values.is_empty(),
        }
    }
}

/// Keys are digests, so that they need no more mixing.
#[derive(Debug, Default)]
struct ByKey(u64);

impl Hasher for ByKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }
}
