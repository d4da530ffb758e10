//! Long runs: what the tests do for seconds, done until the time is up. Every round has a new seed, which it prints.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::test::{cargo, root, run_step, target};
use crate::{fuzz, setup};

/// Random pairs in one round.
const CASES_PER_ROUND: u32 = 1_000_000;

/// Random sequences of PostgreSQL messages in one round.
const PIPELINES_PER_ROUND: u32 = 1_000;

/// Crashes in one round.
const CRASHES_PER_ROUND: u32 = 100;

/// Repeats the differential run, the random pipelines, the crashes under load and the fuzzing for at least `seconds`.
pub(crate) fn run(seconds: u64) -> Result<()> {
    setup::ensure(&setup::ALL)?;
    let root = root()?;
    run_step(
        "programs",
        cargo(&root).args(["build", "--locked", "-p", "hpol-cli", "-p", "hpol-gateway"]),
    )?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs();
    for seed in first.. {
        let mut differential = cargo(&root);
        differential.args([
            "test",
            "--locked",
            "--release",
            "-p",
            "hpol-engine",
            "--test",
            "differential",
        ]);
        differential.env("HPOL_DIFFERENTIAL_SEED", seed.to_string());
        differential.env("HPOL_DIFFERENTIAL_CASES", CASES_PER_ROUND.to_string());
        run_step(
            &format!("oracle against engine, seed {seed}"),
            &mut differential,
        )?;
        let mut pipelines = cargo(&root);
        pipelines.args(["test", "--locked", "-p", "hpol-postgres"]);
        pipelines.args(["--test", "random_pipelines"]);
        pipelines.env("HPOL_PIPELINES_SEED", seed.to_string());
        pipelines.env("HPOL_PIPELINES", PIPELINES_PER_ROUND.to_string());
        run_step(&format!("random pipelines, seed {seed}"), &mut pipelines)?;
        let mut crashes = cargo(&root);
        crashes.args(["test", "--locked", "-p", "hpol-suite", "--test", "crash"]);
        crashes.env("HPOL_CRASHES", CRASHES_PER_ROUND.to_string());
        run_step(
            &format!("{CRASHES_PER_ROUND} crashes under load"),
            &mut crashes,
        )?;
        // Half of the time is for what no generator thinks of.
        fuzz::run(&root, &target(&root), seconds / 2)?;
        if Instant::now() >= end {
            break;
        }
    }
    Ok(())
}
