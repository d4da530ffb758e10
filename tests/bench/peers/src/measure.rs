//! Times one engine over a workload, after every decision of it was compared.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::workload::{Outcome, Workload};

/// Whole rounds over all requests go on until this much time was measured.
const MEASURED: Duration = Duration::from_secs(5);
const ROUNDS: usize = 200;

/// An engine with a workload loaded, and all of its requests prepared.
pub trait Peer {
    fn name(&self) -> String;

    /// Decides the request at `index`: what is timed. What comes out is kept for `outcome`.
    fn decide(&mut self, index: usize) -> Result<()>;

    /// What the last decision comes to.
    fn outcome(&self) -> Result<Outcome>;
}

#[derive(Serialize)]
pub struct Figures {
    engine: String,
    rules: usize,
    requests: usize,
    decisions: usize,
    as_expected: usize,
    p50_ns: u64,
    p99_ns: u64,
}

/// # Errors
/// An engine that cannot decide, or decides otherwise than the workload says.
pub fn measure(peer: &mut dyn Peer, workload: &Workload) -> Result<Figures> {
    let mut as_expected = 0;
    // This round also warms up.
    for (index, request) in workload.requests.iter().enumerate() {
        peer.decide(index)?;
        let outcome = peer.outcome()?;
        ensure!(
            outcome == request.expected,
            "{} decides request {} as {outcome:?}, expected is {:?}",
            peer.name(),
            request.id,
            request.expected
        );
        as_expected += 1;
    }
    let clock = clock();
    let mut samples = Vec::new();
    let mut measured = Duration::ZERO;
    for _ in 0..ROUNDS {
        for index in 0..workload.requests.len() {
            let started = Instant::now();
            peer.decide(index)?;
            let took = started.elapsed();
            measured += took;
            samples.push(nanoseconds(took).saturating_sub(clock));
        }
        if measured > MEASURED {
            break;
        }
    }
    samples.sort_unstable();
    let at = |percent: usize| samples[(samples.len() - 1) * percent / 100];
    Ok(Figures {
        engine: peer.name(),
        rules: workload.rules.len(),
        requests: workload.requests.len(),
        decisions: samples.len(),
        as_expected,
        p50_ns: at(50),
        p99_ns: at(99),
    })
}

/// What reading the clock twice takes, the median of many.
fn clock() -> u64 {
    let mut readings: Vec<u64> = (0..10_000)
        .map(|_| nanoseconds(Instant::now().elapsed()))
        .collect();
    readings.sort_unstable();
    readings[readings.len() / 2]
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
