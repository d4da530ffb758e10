//! The `hpol` command, run in a folder.

use std::path::Path;
use std::process::{Command, Output};

/// How `hpol` with `arguments` ends in `folder`.
pub(crate) fn hpol(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hpol"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// What it printed.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
