//! The audit log: records, their canonical form, the Merkle log that seals them, and offline verification.
//!
//! Needs no gateway and knows no policy engine: an auditor's machine runs it alone. No async; the log has one thread of
//! its own.

#![deny(missing_docs)]

pub mod by_control;
pub mod canonical;
pub mod checkpoint;
pub mod files;
mod frame;
pub mod key;
pub mod log;
pub mod merkle;
mod notes;
pub mod reader;
pub mod record;
mod recovery;
pub mod salt;
mod segment;
pub mod verify;
mod walk;
