//! What happened before, measured as it happens: one monitor for each measurement that a program reads, one ledger for
//! each subject and each session.
//!
//! Whose ledger it is, what time it is, and how a ledger comes back after a restart is found out elsewhere.

mod ledger;
mod monitors;
mod operation;
mod range;
mod spans;
mod values;

use hpol_bundle::program::history::{HistoryId, LookId, Measured};
use hpol_bundle::program::{Program, Role};

pub use ledger::Ledger;
pub use monitors::{MAX_LEDGER_SPANS, MIN_SPANS, Monitors};
pub use operation::{InFlight, Moment, Whose};
pub use spans::MAX_SPANS;
pub use values::{MAX_VALUE_BYTES, MAX_VALUES};

/// Tells the numbers that clauses look at. Asked only for clauses that everything else leaves.
pub trait Numbers {
    /// The number that the measurement called `history` gives.
    fn number(&mut self, history: HistoryId) -> Measured;
}

/// Nothing is known of what happened before, not even that nothing did. Never widens access.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unheard;

impl Numbers for Unheard {
    fn number(&mut self, _: HistoryId) -> Measured {
        Measured::UNKNOWN
    }
}

/// Whether a clause of `role` holds as far as its `looks` are concerned.
pub(crate) fn holds(
    program: &Program,
    role: Role,
    mut looks: impl Iterator<Item = LookId>,
    numbers: &mut impl Numbers,
) -> bool {
    looks.all(|id| {
        let look = program.looks().get(id.0 as usize);
        let holds = look.and_then(|look| look.holds(numbers.number(look.history)));
        holds.unwrap_or(role.unknown_holds())
    })
}
