//! `hpol bench`: how long decisions take, measured in this process. Says nothing about a gateway around them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::Facts;
use hpol_bundle::program::Program;
use hpol_engine::{Scratch, SessionGraph};
use serde::Serialize;

use crate::allocations;
use crate::compiled::{Compiled, Origin};
use crate::exit::{Failure, Outcome};
use crate::requests::Requests;
use crate::terminal::Terminal;

/// Decisions to time where no number of rounds is given.
const DECISIONS: usize = 500_000;
/// Readings of the clock that its own cost is taken from.
const CLOCK_READINGS: usize = 10_000;

/// Measure how long decisions take
#[derive(Debug, Args)]
#[command(after_help = "\
Requests are lines as `hpol eval` reads them. Sessions are opened before, one for all requests with the same facts of \
subject and connection; then the requests are decided round after round, in order. Use a release build on a quiet machine.

Example:
  hpol bench policy.hpolb --requests requests.jsonl")]
pub(crate) struct Bench {
    #[command(flatten)]
    origin: Origin,
    /// File with the requests; `-` for standard input
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,
    /// Times that all requests are decided [default: until half a million decisions]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was measured; a format, documented in `docs/cli.md`. Times are nanoseconds.
#[derive(Debug, Serialize)]
struct Figures {
    rules: usize,
    requests: usize,
    sessions: usize,
    decisions: usize,
    /// What was done to get the policy.
    steps_ns: BTreeMap<&'static str, u64>,
    /// Opening a session: evaluating what depends on the session's facts only.
    open_ns: Spread,
    /// Each decision timed on its own, less what reading the clock takes.
    decision_ns: Spread,
    /// Whole rounds timed, by the number of their decisions: what decisions take one after the other.
    mean_ns: u64,
    clock_ns: u64,
    allocations: Allocations,
    verdicts: BTreeMap<&'static str, usize>,
}

/// How often memory was asked for.
#[derive(Debug, Clone, Copy, Serialize)]
struct Allocations {
    /// For opening all sessions.
    open: usize,
    /// For deciding every request once, in sessions that decided before.
    decisions: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Spread {
    p50: u64,
    p99: u64,
}

/// The requests, each with the session it belongs to.
struct Load {
    sessions: Vec<SessionGraph>,
    operations: Vec<(usize, Facts)>,
    open: Vec<u64>,
    /// How often memory was asked for while sessions were opened.
    allocations: usize,
}

impl Bench {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Some(compiled) = self.origin.load(terminal)? else {
            return Ok(Outcome::Findings);
        };
        let load = self.open_sessions(&compiled)?;
        if load.operations.is_empty() {
            terminal.note(format_args!("there are no requests to decide"))?;
            return Ok(Outcome::Findings);
        }
        let figures = self.measure(&compiled, load);
        if self.json {
            terminal.json(&figures)?;
        } else {
            figures.print(terminal)?;
        }
        Ok(Outcome::Clean)
    }

    fn open_sessions(&self, compiled: &Compiled) -> Result<Load, Failure> {
        let mut requests = Requests::open(&self.requests, &compiled.vocabulary)?;
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut load = Load {
            sessions: Vec::new(),
            operations: Vec::new(),
            open: Vec::new(),
            allocations: 0,
        };
        while let Some(request) = requests.next()? {
            let key = format!("{:?}{:?}", request.kind, request.session);
            let session = *known.entry(key).or_insert_with(|| {
                let before = allocations::so_far();
                let started = Instant::now();
                let session =
                    hpol_engine::specialise(&compiled.program, request.kind, &request.session);
                load.open.push(nanoseconds(started.elapsed()));
                load.allocations += allocations::so_far().saturating_sub(before);
                load.sessions.push(session);
                load.sessions.len() - 1
            });
            load.operations.push((session, request.operation));
        }
        Ok(load)
    }

    fn measure(&self, compiled: &Compiled, mut load: Load) -> Figures {
        let requests = load.operations.len();
        let rounds = self
            .rounds
            .map_or_else(|| DECISIONS.div_ceil(requests).clamp(1, 1_000), usize::from);
        let program = &compiled.program;
        let mut decision = Decision::with_capacity(compiled.policy.rules.len());
        let mut scratch = Scratch::default();
        // The first round also warms up.
        let verdicts = load.verdicts(program, &mut scratch, &mut decision);
        let before = allocations::so_far();
        load.decide(|session, facts| {
            hpol_engine::decide(program, session, facts, &mut scratch, &mut decision);
            black_box(&decision);
        });
        let allocations = Allocations {
            open: load.allocations,
            decisions: allocations::so_far().saturating_sub(before),
        };
        let clock = clock();
        let mut samples = Vec::with_capacity(requests.saturating_mul(rounds));
        for _ in 0..rounds {
            load.decide(|session, facts| {
                let started = Instant::now();
                hpol_engine::decide(program, session, facts, &mut scratch, &mut decision);
                let took = nanoseconds(started.elapsed());
                black_box(&decision);
                samples.push(took.saturating_sub(clock));
            });
        }
        let started = Instant::now();
        for _ in 0..rounds {
            load.decide(|session, facts| {
                hpol_engine::decide(program, session, facts, &mut scratch, &mut decision);
                black_box(&decision);
            });
        }
        let decisions = u64::try_from(samples.len()).unwrap_or(u64::MAX);
        let mean_ns = nanoseconds(started.elapsed())
            .checked_div(decisions)
            .unwrap_or_default();
        let steps = compiled.steps.iter();
        Figures {
            rules: compiled.policy.rules.len(),
            requests,
            sessions: load.sessions.len(),
            decisions: samples.len(),
            steps_ns: steps
                .map(|(step, took)| (*step, nanoseconds(*took)))
                .collect(),
            open_ns: spread(&mut load.open),
            decision_ns: spread(&mut samples),
            mean_ns,
            clock_ns: clock,
            allocations,
            verdicts,
        }
    }
}

impl Load {
    /// Calls `decide` with the session and the facts of each request, in order.
    fn decide(&self, mut decide: impl FnMut(&SessionGraph, &Facts)) {
        for (session, facts) in &self.operations {
            if let Some(session) = self.sessions.get(*session) {
                decide(session, facts);
            }
        }
    }

    fn verdicts(
        &self,
        program: &Program,
        scratch: &mut Scratch,
        decision: &mut Decision,
    ) -> BTreeMap<&'static str, usize> {
        let mut verdicts = BTreeMap::new();
        self.decide(|session, facts| {
            hpol_engine::decide(program, session, facts, scratch, decision);
            let word = match decision.verdict {
                Verdict::Allow => "allow",
                Verdict::RequireApproval => "require_approval",
                Verdict::Block => "block",
            };
            *verdicts.entry(word).or_default() += 1;
        });
        verdicts
    }
}

impl Figures {
    fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let Figures {
            rules,
            requests,
            sessions,
            decisions,
            ..
        } = self;
        terminal.line(format_args!(
            "{rules} rules, {requests} requests in {sessions} sessions, {decisions} decisions"
        ))?;
        for (step, took) in &self.steps_ns {
            terminal.line(format_args!("  {step:10} {} us", took / 1_000))?;
        }
        let Spread { p50, p99 } = self.open_ns;
        terminal.line(format_args!("  session    p50 {p50} ns  p99 {p99} ns"))?;
        let Spread { p50, p99 } = self.decision_ns;
        terminal.line(format_args!(
            "  decision   p50 {p50} ns  p99 {p99} ns  mean {} ns",
            self.mean_ns
        ))?;
        terminal.line(format_args!(
            "  the clock's {} ns are taken off each decision",
            self.clock_ns
        ))?;
        let Allocations { open, decisions } = self.allocations;
        terminal.line(format_args!(
            "  allocations: {decisions} in deciding {requests} requests, {open} in opening {sessions} sessions"
        ))?;
        Ok(())
    }
}

/// What reading the clock twice takes, the median of many.
fn clock() -> u64 {
    let mut readings: Vec<u64> = (0..CLOCK_READINGS)
        .map(|_| nanoseconds(Instant::now().elapsed()))
        .collect();
    spread(&mut readings).p50
}

fn spread(samples: &mut [u64]) -> Spread {
    samples.sort_unstable();
    let at = |percent: usize| {
        let last = samples.len().saturating_sub(1);
        samples
            .get(last.saturating_mul(percent) / 100)
            .copied()
            .unwrap_or_default()
    };
    Spread {
        p50: at(50),
        p99: at(99),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_that_were_seen() {
        let mut samples: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(spread(&mut samples), Spread { p50: 100, p99: 198 });
        assert_eq!(spread(&mut [7]), Spread { p50: 7, p99: 7 });
        assert_eq!(spread(&mut []), Spread { p50: 0, p99: 0 });
    }
}
