//! One target of `hpol-fuzz` under libFuzzer, named by `HPOL_FUZZ_TARGET`. The rest of the command line is
//! libFuzzer's.

#![no_main]

use std::sync::LazyLock;

use hpol_fuzz::{Target, target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("HPOL_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("HPOL_FUZZ_TARGET names no target: `{name}`"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
