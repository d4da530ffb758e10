//! Detectors and maskers on bytes and values. Pure and streaming: no I/O, no async, no result held.
//!
//! A [`Masker`] is compiled once for a set of obligations. It hides whole values of classified columns, and what its
//! detectors find in free text; a [`Stream`] does the latter over a body that arrives in chunks, wherever they are cut.
//! Which values must be masked is decided elsewhere.

mod detector;
mod document;
mod input;
mod mask;
mod masker;
mod scan;
mod stream;
mod token;

pub use detector::Detector;
pub use document::{Document, NotJson};
pub use mask::REDACTED;
pub use masker::{BuildMasker, Entry, Masked, Masker};
pub use stream::{Stream, StreamKind};
pub use token::{MaskKey, WeakKey};
