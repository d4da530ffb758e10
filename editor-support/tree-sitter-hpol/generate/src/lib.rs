//! From `grammar.js` to the C of the parser. Needs Node.js, which reads the grammar.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tree_sitter_generate::{ABI_VERSION_MAX, OptLevel, generate_parser_in_directory};

/// Writes what `folder/grammar.js` says into `folder/src`.
///
/// # Errors
/// Where Node.js is not there, or the grammar is wrong or doubtful.
pub fn generate(folder: &Path) -> Result<()> {
    let mut warnings = Vec::new();
    generate_parser_in_directory(
        folder,
        None::<&Path>,
        None::<&Path>,
        ABI_VERSION_MAX,
        None,
        Some("node"),
        true,
        OptLevel::default(),
        &mut warnings,
    )
    .context("Node.js reads the grammar; `cargo xtask setup` installs it")?;
    ensure!(warnings.is_empty(), "{warnings:?}");
    Ok(())
}
