//! The one door: every operation of every protocol is judged, approved, recorded and given leave here and nowhere else.
//!
//! An adapter turns bytes into an [`Operation`](hpol_operation::Operation), hands it with the bytes to
//! [`session::Session::request`], and can reach the bytes again only through the [`permit::Permit`] that the door mints.
//! Owns no socket, no file and no clock: those come in through [`ports`].

#![deny(missing_docs)]

pub mod approvals;
pub mod claims;
pub mod door;
pub mod history;
pub mod hold;
mod judgement;
pub mod justified;
pub mod masking;
mod obligations;
pub mod permit;
mod pipeline;
pub mod policy;
pub mod ports;
pub mod principal;
mod records;
pub mod refusal;
pub mod session;

pub use hpol_bundle::justification::{Justification, NoJustification};
pub use hpol_bundle::vocabulary::{Protocol, Vocabulary};
pub use hpol_evidence::record::{DecisionRecord, Finding, OperationResult, Vote};
