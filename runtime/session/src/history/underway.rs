//! One operation before the history of its subject and its session: read and begun in one step, and ended.

use std::sync::{Arc, Mutex};

use hpol_bundle::facts::Facts;
use hpol_bundle::program::history::HistoryKey;
use hpol_engine::history::{InFlight, Ledger, Moment, Monitors, Whose};
use hpol_engine::{Looked, SessionGraph};

use super::{Released, Shared, lock};
use crate::policy::InForce;

/// The ledgers of a session: that of its subject, and its own.
#[derive(Debug, Clone)]
pub(crate) struct Both {
    pub(crate) subject: Shared,
    pub(crate) session: Shared,
}

/// What an operation is, as history sees it.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) in_force: &'a InForce,
    pub(crate) graph: &'a SessionGraph,
    /// Facts of session and operation, those of the result unknown.
    pub(crate) facts: &'a Facts,
    pub(crate) now: i64,
}

/// An operation that counts although it has not ended. Dropped, it has never happened.
#[derive(Debug)]
pub(crate) struct Underway {
    both: Both,
    part: Option<InFlight>,
}

/// An operation that is under way, with what has to be known when it ends.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) underway: Underway,
    /// The policy that let it through: the facts and classes are as that one names them.
    pub(crate) judged_by: Arc<InForce>,
    /// Of session and operation.
    pub(crate) facts: Facts,
    pub(crate) released: Released,
}

impl Both {
    /// Of a session that begins `now`.
    pub(crate) fn new(subject: Shared, now: i64) -> Both {
        Both {
            subject,
            session: Arc::new(Mutex::new(Ledger::beginning(now))),
        }
    }

    /// Lets `decide` read history, and begins the operation if it says so: one step, so that what is asked for at the same
    /// time is decided with this operation in flight, or this one with that.
    pub(crate) fn decide(
        &self,
        read: &Read<'_>,
        since: impl Fn(HistoryKey) -> i64,
        decide: impl FnOnce(&mut Moment<'_, '_, &dyn Fn(HistoryKey) -> i64>) -> bool,
    ) -> Option<Underway> {
        let mut looked = Looked::default();
        looked.look(&read.in_force.bundle().program, read.graph, read.facts);
        let monitors = read.in_force.monitors();
        let since: &dyn Fn(HistoryKey) -> i64 = &since;
        self.locked(|whose| {
            whose.tick(read.now);
            let begin = decide(&mut Moment {
                monitors,
                whose,
                looked: &looked,
                facts: read.facts,
                since,
            });
            begin.then(|| Underway {
                both: self.clone(),
                part: Some(monitors.begin(whose, &looked, read.facts)),
            })
        })
    }

    /// Always the subject before the session.
    fn locked<T>(&self, act: impl FnOnce(&mut Whose<'_>) -> T) -> T {
        let (mut subject, mut session) = (lock(&self.subject), lock(&self.session));
        act(&mut Whose {
            subject: &mut subject,
            session: &mut session,
        })
    }
}

impl Underway {
    /// Notes that the operation has ended, by the measurements of the policy that is in force now: what was put in force
    /// while it was under way counts it too.
    pub(crate) fn ended(mut self, monitors: &Monitors, looked: &Looked, facts: &Facts, now: i64) {
        let part = self.part.take();
        self.both.locked(|whose| {
            whose.tick(now);
            if let Some(part) = part {
                part.take_out(whose);
            }
            monitors.ended(whose, looked, facts);
        });
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            self.both.locked(|whose| part.take_out(whose));
        }
    }
}
