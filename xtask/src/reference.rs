//! Writes the pages of `lang-spec` that are made from what the compiler reads. The tests that hold them equal make them.

use anyhow::Result;

use crate::test::{cargo, root, run_step};

/// Writes the pages.
pub(crate) fn run() -> Result<()> {
    let mut pages = cargo(&root()?);
    pages
        .args(["test", "--locked", "-p", "hpol-hir", "--lib"])
        .arg("workspace::spec::reference")
        .env("HPOL_UPDATE_SPEC", "1");
    run_step("lang-spec/reference.md and lang-spec/facts.md", &mut pages)
}
