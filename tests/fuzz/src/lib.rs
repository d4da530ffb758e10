//! Fuzz targets: one for each decoder of bytes that somebody else wrote. A target panics where what it holds does not.
//!
//! `tests/short.rs` runs every target for a moment on mutated seeds, with every run of the tests. The package under
//! `coverage` runs one target under libFuzzer for as long as one likes; `cargo xtask soak` does so for each.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a target fails by panicking"
)]

pub mod mutate;
mod targets;

/// What one decoder holds for any bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// Feeds it; panics where something does not hold.
    pub run: fn(&[u8]),
    /// Inputs that get far, to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Inputs of the short run: fewer where one takes longer.
    pub short: u32,
}

/// Every target.
pub const TARGETS: [Target; 12] = [
    targets::frames::FRONTEND,
    targets::frames::BACKEND,
    targets::frames::STARTUP,
    targets::bundle::FILE,
    targets::bundle::PAYLOAD,
    targets::policy::POLICY,
    targets::format::FORMAT,
    targets::facts::SQL,
    targets::facts::HTTP,
    targets::http::ADAPTER,
    targets::records::READER,
    targets::masking::STREAM,
];

/// The target called `name`.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
