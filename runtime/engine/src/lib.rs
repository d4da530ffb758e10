//! Decides: a pure function of a program and facts.
//!
//! No I/O, no clock, no panic, and on the way of an operation no allocation. What an operation's facts are is found out
//! elsewhere, and so is what a decision leads to.

#![deny(missing_docs)]

mod dag;
mod decide;
mod evaluate;
mod filters;
pub mod history;
mod residual;
mod specialise;

use hpol_bundle::facts::Facts;
use hpol_bundle::policy::GroupId;
use hpol_bundle::program::Program;

pub use dag::{Outcome, outcome, outcome_given, verdict};
pub use decide::{Scratch, decide, decide_given, decide_once, decide_once_given};
pub use filters::{Counted, Looked};
pub use specialise::{Residuals, SessionGraph, specialise};

/// Whether the subject described by `facts` belongs to `group`; definitely, so that an unknown makes nobody a member. Allocates.
#[must_use]
pub fn is_member(program: &Program, group: GroupId, facts: &Facts) -> bool {
    let shard = program.groups();
    let words = evaluate::left(program, shard, evaluate::Read::All, facts);
    words
        .clauses(shard)
        .any(|(_, clause)| clause.owner == group.0)
}
