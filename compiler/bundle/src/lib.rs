//! The contract between the compiler and the runtime.
//!
//! Owns the vocabulary (which facts exist), the typed policy tree, the decision graph lowered from it, the shape of a
//! decision, and the signed bundle file that carries them. Imports nothing else of the project. Does no I/O.

#![deny(missing_docs)]

pub mod address;
pub mod bundle;
pub mod claims;
pub mod decision;
pub mod digest;
pub mod facts;
pub mod justification;
pub mod policy;
pub mod program;
pub mod schedule;
pub mod signature;
pub mod vocabulary;
