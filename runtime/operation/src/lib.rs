//! What an operation is, per protocol: bytes that a client asks for, turned into facts a policy can judge.
//!
//! Pure: no I/O, no clock, no async. Adapters call it on live traffic and `hpol test` on the operations of tests, so both
//! judge the same facts.

pub mod http;
pub mod sql;

use hpol_bundle::facts::Facts;
use hpol_bundle::vocabulary::Protocol;

/// One thing a session asks for, ready to be judged. Session facts (subject, connection) are added by the session.
#[derive(Clone, PartialEq, Eq)]
pub struct Operation {
    /// The protocol it was asked in.
    pub protocol: Protocol,
    /// The operation-phase facts.
    pub facts: Facts,
    /// How durable its record must be before it takes effect.
    pub class: Class,
    /// Exactly what will run, for the approver's eyes and never for the log.
    pub exact: String,
    /// The same with literals and other values left out, for the log.
    pub masked: String,
    /// SHA-256 over everything that decides what will run: text and parameters, or method, host, target, headers that
    /// matter and body. An approval binds to it.
    pub digest: [u8; 32],
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not `exact`, which is never for a log.
        let mut shown = f.debug_struct("Operation");
        shown
            .field("protocol", &self.protocol)
            .field("facts", &self.facts)
            .field("class", &self.class);
        shown.field("masked", &self.masked).finish_non_exhaustive()
    }
}

/// What the operation can do to the upstream, which decides when its record must be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Changes nothing: the record is durable before the end of its result is released.
    Read,
    /// May change something: the intent is durable before a byte goes upstream.
    Write,
}
