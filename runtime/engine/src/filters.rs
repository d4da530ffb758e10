//! Which measurements look at an operation: their filters are clauses over the same tables as those of rules, so that all
//! of them are evaluated at once.

use hpol_bundle::facts::Facts;
use hpol_bundle::program::history::HistoryId;
use hpol_bundle::program::{Clause, Program, Role};

use crate::evaluate::{self, Read};
use crate::residual;
use crate::specialise::{Rest, SessionGraph};

/// How an operation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The measurement looks at it.
    Certainly,
    /// Nobody can tell, since a fact is unknown or not known yet.
    Perhaps,
}

/// The measurements that look at one operation. Memory is used again for the next.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// By the ids of measurements.
    counted: Vec<Option<Counted>>,
    /// Those that are not `None`.
    touched: Vec<HistoryId>,
    packed: residual::Room,
    wide: evaluate::Room,
}

impl Looked {
    /// Finds the measurements that look at an operation of `session` with `facts`: those of the operation, and those of
    /// its result, unknown where it has none yet. What was found before is forgotten.
    ///
    /// Allocates nothing once there is room. A session that was specialised for another program is looked at by nothing.
    pub fn look(&mut self, program: &Program, session: &SessionGraph, facts: &Facts) {
        self.clear();
        if program.histories().is_empty() || session.fingerprint != program.fingerprint() {
            return;
        }
        self.counted.resize(program.histories().len(), None);
        let (counted, touched) = (&mut self.counted, &mut self.touched);
        match &*session.filters {
            Rest::Packed(residual) => {
                let left = residual.left(facts, &mut self.packed);
                left.for_each(|(_, clause)| note(counted, touched, clause));
            }
            Rest::Wide { left, .. } => {
                let shard = program.filters();
                let left = self.wide.left_by_operation(program, shard, left, facts);
                left.clauses(shard)
                    .for_each(|(_, clause)| note(counted, touched, clause));
            }
        }
    }

    /// As [`Looked::look`], for an operation that belongs to no session: on the facts of session, operation and result
    /// together. Allocates.
    pub fn look_once(&mut self, program: &Program, facts: &Facts) {
        self.clear();
        self.counted.resize(program.histories().len(), None);
        let shard = program.filters();
        let left = evaluate::left(program, shard, Read::All, facts);
        for (_, clause) in left.clauses(shard) {
            note(&mut self.counted, &mut self.touched, clause);
        }
    }

    fn clear(&mut self) {
        for id in self.touched.drain(..) {
            if let Some(counted) = self.counted.get_mut(id.0 as usize) {
                *counted = None;
            }
        }
    }

    /// How the operation counts for a measurement, if it does.
    #[must_use]
    pub fn counted(&self, history: HistoryId) -> Option<Counted> {
        self.counted.get(history.0 as usize).copied().flatten()
    }

    /// The measurements that look at the operation.
    pub fn iter(&self) -> impl Iterator<Item = (HistoryId, Counted)> {
        let touched = self.touched.iter();
        touched.filter_map(|id| Some((*id, self.counted(*id)?)))
    }
}

/// What certainly counts comes before what perhaps does.
fn note(counted: &mut [Option<Counted>], touched: &mut Vec<HistoryId>, clause: &Clause) {
    let id = HistoryId(clause.owner);
    let Some(slot) = counted.get_mut(clause.owner as usize) else {
        return;
    };
    if slot.is_none() {
        touched.push(id);
        *slot = Some(match clause.role {
            Role::Counts => Counted::Certainly,
            _ => Counted::Perhaps,
        });
    }
}
