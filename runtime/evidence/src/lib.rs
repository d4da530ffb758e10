//! The audit log: records, their canonical form, the Merkle log that seals them, and offline verification.
//!
//! Needs no gateway and knows no policy engine: an auditor's machine runs it alone.

pub mod record;
