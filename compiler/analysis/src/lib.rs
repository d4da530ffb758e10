//! Questions about whole policies: what can never happen, what changes nothing, how two policies differ.
//!
//! Works on the clauses and classes of the decision graph. What it finds comes with a witness, the facts of an operation that
//! shows it; what it cannot settle within its budget it says so. Finds no source text and prints nothing; the facts of a
//! witness can be given to the reference interpreter, which has to agree.

#![deny(missing_docs)]

pub mod compare;
pub mod examine;
pub mod words;

mod cube;
mod looks;
mod outcome;
mod sample;
mod schedules;
mod search;
mod space;
#[cfg(test)]
mod trial;

pub use looks::Given;
pub use outcome::{Demand, Outcome, Output};
pub use search::{Budget, OverBudget};
pub use words::Sentence;
