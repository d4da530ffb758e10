//! Tree to meaning: names, types, controls and effects are checked, and what is right becomes the typed policy of
//! `hpol-bundle`. Incremental: an edit checks again only the items it touches. Does no I/O.

mod assemble;
mod check;
mod database;
mod declared;
mod diagnostic;
mod file;
mod imports;
mod lints;
mod lowered;
pub mod navigate;
mod own_facts;
mod roles;
#[cfg(test)]
mod samples;
mod schedule;
mod symbols;
mod targets;
mod test_case;
mod workspace;

pub use check::{DETECTORS, operators};
pub use diagnostic::{Diagnostic, Edit, Label};
pub use hpol_nist_mappings::ControlId;
pub use hpol_syntax::code::{Code, Severity};
pub use lints::{ALLOWED_BY_DEFAULT, Lints, Unsettled};
pub use test_case::{
    Expectation, MAX_TIMES, TestBefore, TestCase, TestConnection, TestOperation, TestSubject,
    test_time,
};
pub use workspace::{Cancelled, HasErrors, Workspace, attempt};
