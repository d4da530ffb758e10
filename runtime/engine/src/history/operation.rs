//! One operation before its history: read, begun, and ended.

use std::sync::Arc;

use hpol_bundle::facts::Facts;
use hpol_bundle::policy::history::Scope;
use hpol_bundle::program::history::{HistoryId, HistoryKey, Measured};

use super::Numbers;
use super::ledger::Ledger;
use super::monitors::{Contribution, Keys, Monitors};
use crate::filters::Looked;

/// The two histories that an operation belongs to.
#[derive(Debug)]
pub struct Whose<'a> {
    /// That of its subject.
    pub subject: &'a mut Ledger,
    /// That of its session.
    pub session: &'a mut Ledger,
}

impl Whose<'_> {
    fn of(&mut self, scope: Scope) -> &mut Ledger {
        match scope {
            Scope::Subject => self.subject,
            Scope::Session => self.session,
        }
    }

    /// Moves both clocks forward, and tells what time it is then.
    pub fn tick(&mut self, now: i64) -> i64 {
        let subject = self.subject.tick(now);
        subject.max(self.session.tick(now))
    }
}

/// The history of an operation at the moment when it is decided.
#[derive(Debug)]
pub struct Moment<'a, 'w, S> {
    /// What is measured.
    pub monitors: &'a Monitors,
    /// What was noted so far; its clock stands at the moment.
    pub whose: &'a mut Whose<'w>,
    /// Which measurements look at the operation, the facts of whose result are unknown.
    pub looked: &'a Looked,
    /// The facts of the operation.
    pub facts: &'a Facts,
    /// Since when, in milliseconds, everything is known that a measurement is about.
    pub since: S,
}

impl<S: Fn(HistoryKey) -> i64> Numbers for Moment<'_, '_, S> {
    fn number(&mut self, history: HistoryId) -> Measured {
        let Some(monitor) = self.monitors.get(history) else {
            return Measured::UNKNOWN;
        };
        let counted = self.looked.counted(history);
        let own = counted.and_then(|counted| monitor.own(self.facts, counted));
        let ledger = self.whose.of(monitor.scope);
        // What began when this was not measured may be anything until it ends.
        let since = match ledger.flies_all(monitor.key, self.monitors.measured()) {
            true => (self.since)(monitor.key),
            false => i64::MAX,
        };
        ledger.number(monitor, since, own)
    }
}

/// What an operation in flight adds to the histories it belongs to; it is ended in the same ones.
#[derive(Debug)]
#[must_use = "what is in flight counts until it ends"]
pub struct InFlight {
    parts: Vec<(Scope, HistoryKey, Contribution)>,
    measured: Keys,
}

impl Monitors {
    /// Notes that an operation is in flight; from here on it counts. `looked` was found with the facts of its result
    /// unknown, which `facts` say too.
    pub fn begin(&self, whose: &mut Whose<'_>, looked: &Looked, facts: &Facts) -> InFlight {
        let parts = looked.iter().filter_map(|(id, counted)| {
            let monitor = self.get(id)?;
            let part = monitor.contribution(facts, counted);
            whose.of(monitor.scope).begin(monitor, self.bound(), &part);
            Some((monitor.scope, monitor.key, part))
        });
        let parts = parts.collect();
        for ledger in [&mut *whose.subject, &mut *whose.session] {
            ledger.take_off(self.measured());
        }
        InFlight {
            parts,
            measured: Arc::clone(self.measured()),
        }
    }

    /// Notes that an operation has ended, at the time of the ledgers' clock. `looked` was found with the facts of its
    /// result, which `facts` have too.
    pub fn ended(&self, whose: &mut Whose<'_>, looked: &Looked, facts: &Facts) {
        for (id, counted) in looked.iter() {
            if let Some(monitor) = self.get(id) {
                let part = monitor.contribution(facts, counted);
                whose.of(monitor.scope).add(monitor, self.bound(), &part);
            }
        }
    }
}

impl InFlight {
    /// Takes what is in flight out of the histories it was begun in.
    pub fn take_out(self, whose: &mut Whose<'_>) {
        for (scope, key, part) in &self.parts {
            whose.of(*scope).end(*key, part);
        }
        for ledger in [&mut *whose.subject, &mut *whose.session] {
            ledger.land(&self.measured);
        }
    }
}
