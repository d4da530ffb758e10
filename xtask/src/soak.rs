//! Long runs: what the tests do for seconds, done until the time is up. Every round has a new seed, which it prints; a short
//! run does less in its one round.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::test::{cargo, root, run_step, target};
use crate::{fuzz, setup};

/// The seconds that a whole round is meant for.
const ROUND_SECONDS: u64 = 600;

/// Random pairs in a whole round.
const CASES: u64 = 1_000_000;

/// Decisions on random traces of history in a whole round: 100,000 traces of 50.
const TRACES: u64 = 5_000_000;

/// Random pairs of policies that are compared in a whole round.
const PAIRS: u64 = 10_000;

/// With fewer not every kind of difference comes up, which the test asks for.
const FEWEST_PAIRS: u64 = 150;

/// Random sequences of PostgreSQL messages in a whole round.
const PIPELINES: u64 = 1_000;

/// Crashes in a whole round.
const CRASHES: u64 = 100;

/// MiB of the large result in a whole round.
const RESULT_MIB: u64 = 1_024;

/// Repeats the differential runs, the comparison of random policies, the random pipelines, the crashes under load, the large
/// result and the fuzzing for at least `seconds`.
pub(crate) fn run(seconds: u64) -> Result<()> {
    setup::ensure(&setup::ALL)?;
    let root = root()?;
    run_step(
        "programs",
        cargo(&root).args(["build", "--locked", "-p", "hpol-cli", "-p", "hpol-gateway"]),
    )?;
    let started = Instant::now();
    let first = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for seed in first.. {
        round(&root, seed, seconds, started)?;
        if started.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    println!("== soaked for {} s", started.elapsed().as_secs());
    Ok(())
}

/// One round of everything.
fn round(root: &Path, seed: u64, seconds: u64, started: Instant) -> Result<()> {
    let amount = |whole: u64| (whole * seconds.min(ROUND_SECONDS) / ROUND_SECONDS).max(1);
    let step = |what: &str, command: &mut Command| {
        let elapsed = started.elapsed().as_secs();
        run_step(&format!("{what} ({elapsed} s of {seconds} s)"), command)
    };

    for (name, whole) in [("differential", CASES), ("history", TRACES)] {
        let cases = amount(whole);
        let mut differential = test(root, "hpol-engine", &["--test", name]);
        differential
            .arg("--release")
            .env("HPOL_DIFFERENTIAL_SEED", seed.to_string())
            .env("HPOL_DIFFERENTIAL_CASES", cases.to_string());
        let what = format!("oracle against engine, {name}: {cases} cases, seed {seed}");
        step(&what, shown(&mut differential))?;
    }

    let pairs = amount(PAIRS).max(FEWEST_PAIRS);
    let mut analysis = test(root, "hpol-analysis", &["--lib"]);
    analysis
        .arg("--release")
        .env("HPOL_ANALYSIS_SEED", seed.to_string())
        .env("HPOL_ANALYSIS_CASES", pairs.to_string());
    let what = format!("oracle against analysis: {pairs} policies and pairs, seed {seed}");
    step(&what, &mut analysis)?;

    let pipelines = amount(PIPELINES);
    let mut random = test(root, "hpol-postgres", &["--test", "random_pipelines"]);
    random
        .env("HPOL_PIPELINES_SEED", seed.to_string())
        .env("HPOL_PIPELINES", pipelines.to_string());
    let what = format!("{pipelines} random pipelines, seed {seed}");
    step(&what, shown(&mut random))?;

    let crashes = amount(CRASHES);
    let mut crash = test(root, "hpol-suite", &["--test", "crash"]);
    crash.env("HPOL_CRASHES", crashes.to_string());
    let what = format!("{crashes} crashes under load");
    step(&what, shown(&mut crash))?;

    let mib = amount(RESULT_MIB);
    let mut memory = test(root, "hpol-suite", &["--test", "memory"]);
    memory.env("HPOL_RESULT_MIB", mib.to_string());
    step(&format!("a result of {mib} MiB"), shown(&mut memory))?;

    // Half of the time is for what no generator thinks of.
    fuzz::run(root, &target(root), seconds / 2)
}

fn test(root: &Path, package: &str, which: &[&str]) -> Command {
    let mut command = cargo(root);
    command.args(["test", "--locked", "-p", package]);
    command.args(which);
    command
}

/// With what the tests print on their way.
fn shown(command: &mut Command) -> &mut Command {
    command.args(["--", "--nocapture"])
}
