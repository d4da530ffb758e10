//! Every target for a moment: its seeds, then as many changed ones as it says (`HPOL_FUZZ_CASES` times as many for longer
//! runs). An input that fails is written to the target folder and named, to be run again by `HPOL_FUZZ_INPUT`.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use fastrand::Rng;
use hpol_fuzz::mutate;
use hpol_fuzz::{TARGETS, Target, target};

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

/// Runs one target; the seed of its changes is the same each time unless `HPOL_FUZZ_SEED` says otherwise.
fn short(name: &str) {
    let target = target(name).unwrap();
    if let Some(path) = std::env::var_os("HPOL_FUZZ_INPUT") {
        return (target.run)(&std::fs::read(path).unwrap());
    }
    let seeds = (target.seeds)();
    for (index, seed) in seeds.iter().enumerate() {
        fed(target, seed, &format!("seed {index}"));
    }
    let mut rng = Rng::with_seed(setting("HPOL_FUZZ_SEED").unwrap_or(2026));
    let cases = u64::from(target.short) * setting("HPOL_FUZZ_CASES").unwrap_or(1);
    for case in 0..cases {
        let input = mutate::input(&seeds, &mut rng);
        fed(target, &input, &format!("case {case}"));
    }
}

fn fed(target: &Target, input: &[u8], which: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("{}.input", target.name));
        std::fs::write(&path, input).unwrap();
        eprintln!(
            "{}: {which} fails; the input is in {}",
            target.name,
            path.display()
        );
        resume_unwind(panic);
    }
}

/// One test a target, so that they run side by side and fail apart.
macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            short(stringify!($name));
        })*

        #[test]
        fn every_target_has_a_test() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(TARGETS.map(|target| target.name), tested);
        }
    };
}

tests! {
    postgres_frontend
    postgres_backend
    postgres_startup
    bundle_file
    bundle_payload
    policy
    format
    sql
    http_request
    http_adapter
    record_reader
    masking_stream
}
