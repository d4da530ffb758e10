//! History at the door: whose ledgers there are, since when something is known, and which operations are under way.
//!
//! How things are measured is `hpol_engine::history`'s. Reading and beginning an operation is one step under one lock, so
//! that of operations that are asked for at the same time each counts for the others.

pub(crate) mod facts;
mod recall;
mod released;
mod underway;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use hpol_bundle::program::history::HistoryKey;
use hpol_engine::history::{Ledger, Monitors};

use crate::principal::Principal;

pub use recall::{Recalled, Remembered};
pub use released::Told;
pub(crate) use released::{End, Released, Watch, facts_of, not_known_yet, remembered, watches};
pub(crate) use underway::{Both, Counted, Read, Underway};

/// Subjects with a history at a time; some hundred bytes each, and what their windows hold.
pub const MAX_SUBJECTS: usize = 1 << 16;

/// Sweeping begins with so many subjects.
const FIRST_SWEEP: usize = 64;

/// What is not known at all is not known at any time.
const NEVER: i64 = i64::MAX;

/// A ledger that several sessions note in.
pub(crate) type Shared = Arc<Mutex<Ledger>>;

/// Issuer and id: a subject is unique within its issuer only.
type Identity = (String, String);

/// The histories of all subjects.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    subjects: Mutex<Subjects>,
    /// Since when, in milliseconds, everything is known that a measurement of the policy in force is about.
    since: ArcSwap<HashMap<HistoryKey, i64>>,
}

#[derive(Debug, Default)]
struct Subjects {
    known: HashMap<Identity, Shared>,
    /// With so many subjects the next sweep is due.
    sweep_at: usize,
    /// When somebody's history was forgotten for want of room: of whom none is kept, nothing is known before.
    forgotten: Option<i64>,
}

impl Histories {
    /// The ledger of a subject.
    pub(crate) fn of(&self, principal: &Principal, now: i64) -> Shared {
        self.of_identity(&principal.issuer, &principal.id, now)
    }

    fn of_identity(&self, issuer: &str, id: &str, now: i64) -> Shared {
        let identity = (issuer.to_owned(), id.to_owned());
        let mut subjects = lock(&self.subjects);
        if let Some(known) = subjects.known.get(&identity) {
            return Arc::clone(known);
        }
        subjects.make_room(now, &self.since.load());
        let ledger = match subjects.forgotten {
            Some(forgotten) => Ledger::since(forgotten),
            None => Ledger::default(),
        };
        let fresh = Arc::new(Mutex::new(ledger));
        subjects.known.insert(identity, Arc::clone(&fresh));
        fresh
    }

    /// Notes that `monitors` come into force now: of what was not measured so far, nothing is known before.
    pub(crate) fn measure(&self, monitors: &Monitors, now: i64) {
        let mut since = HashMap::clone(&self.since.load());
        for key in monitors.keys() {
            let known = since.entry(key).or_insert(now);
            // A reading of the log that did not come to its end.
            if *known == NEVER {
                *known = now;
            }
        }
        self.since.store(Arc::new(since));
    }

    /// Notes that what `monitors` are about is being read from the log: it is kept, and nothing is known for certain yet.
    fn reads(&self, monitors: &Monitors) {
        self.knows(monitors, NEVER);
    }

    /// Notes that nothing but `monitors` is in force any more: what is measured again later begins anew.
    pub(crate) fn measure_only(&self, monitors: &Monitors) {
        let mut since = HashMap::clone(&self.since.load());
        let kept: HashSet<HistoryKey> = monitors.keys().collect();
        since.retain(|key, _| kept.contains(key));
        self.since.store(Arc::new(since));
    }

    /// Notes that all is known that `monitors` are about since `since`.
    fn knows(&self, monitors: &Monitors, since: i64) {
        let since = monitors.keys().map(|key| (key, since)).collect();
        self.since.store(Arc::new(since));
    }

    /// Since when everything is known that a measurement is about.
    pub(crate) fn since(&self) -> impl Fn(HistoryKey) -> i64 + use<> {
        let since = self.since.load_full();
        move |key| since.get(&key).copied().unwrap_or(NEVER)
    }
}

impl Subjects {
    /// Forgets histories of which nothing is left, and where that makes no room, some that are idle.
    fn make_room(&mut self, now: i64, measured: &HashMap<HistoryKey, i64>) {
        if self.known.len() < self.sweep_at.max(FIRST_SWEEP) {
            return;
        }
        self.known.retain(|_, ledger| {
            is_shared(ledger) || !lock(ledger).sweep(now, |key| measured.contains_key(&key))
        });
        if self.known.len() >= MAX_SUBJECTS {
            self.known.retain(|_, ledger| is_shared(ledger));
            self.forgotten = Some(now);
            tracing::warn!(
                subjects = MAX_SUBJECTS,
                "too many subjects have a history; that of those without a session is forgotten"
            );
        }
        self.sweep_at = self.known.len().saturating_mul(2);
    }
}

/// Whether a session, or an operation under way, has it.
fn is_shared(ledger: &Shared) -> bool {
    Arc::strong_count(ledger) > 1
}

/// A panic while a ledger is locked leaves it as good as before or with too much in it, never with too little.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
