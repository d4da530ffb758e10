//! Coverage-guided fuzzing: builds `tests/fuzz/coverage` with libFuzzer's counters and gives each target its share of time.
//! Needs a C++ compiler, for libFuzzer itself.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::test::{cargo, run_step};

/// What makes the compiler count edges and record comparisons for libFuzzer (LLVM, "SanitizerCoverage"), on a stable
/// toolchain.
const COUNTERS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// No input may take longer.
const SECONDS_PER_INPUT: u32 = 20;

/// Memory that a target may take, in MB.
const MEMORY_MB: u32 = 2_048;

/// Runs every target under libFuzzer, for about `seconds` in all. Inputs that reached something new stay in the target
/// folder, so that the next run begins with them; one that fails is written beside them.
pub(crate) fn run(root: &Path, target: &Path, seconds: u64) -> Result<()> {
    let triple = host()?;
    let folder = target.join("fuzz");
    let corpus = folder.join("corpus");
    std::fs::create_dir_all(&corpus)?;
    let seeds = [
        "run",
        "--locked",
        "--quiet",
        "-p",
        "hpol-fuzz",
        "--example",
        "seeds",
        "--",
    ];
    let written = cargo(root).args(seeds).arg(&corpus).output()?;
    ensure!(
        written.status.success(),
        "seeds: {}",
        String::from_utf8_lossy(&written.stderr)
    );
    let names = String::from_utf8(written.stdout)?;
    let names: Vec<&str> = names.lines().collect();
    let mut build = cargo(root);
    build
        .args([
            "build",
            "--locked",
            "--release",
            "--target",
            &triple,
            "--manifest-path",
        ])
        .arg(root.join("tests/fuzz/coverage/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", COUNTERS.join(" "));
    run_step("fuzz targets with coverage counters", &mut build)?;
    let program = folder.join(&triple).join("release/hpol-fuzz-coverage");
    let share = seconds / u64::try_from(names.len().max(1))?;
    for name in names {
        let mut fuzz = Command::new(&program);
        fuzz.env("HPOL_FUZZ_TARGET", name)
            .arg(corpus.join(name))
            .arg(format!("-artifact_prefix={}/{name}-", folder.display()))
            .arg(format!("-max_total_time={}", share.max(1)))
            .arg(format!("-timeout={SECONDS_PER_INPUT}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .args(["-max_len=16384", "-print_final_stats=1", "-verbosity=0"]);
        run_step(&format!("fuzzing {name} for {share} s"), &mut fuzz)?;
    }
    Ok(())
}

/// The platform's name. Built for it by name, build scripts do not get the counters.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let version = String::from_utf8(output.stdout)?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: "));
    triple
        .map(str::to_owned)
        .ok_or_else(|| anyhow::anyhow!("`rustc -vV` names no host"))
}
