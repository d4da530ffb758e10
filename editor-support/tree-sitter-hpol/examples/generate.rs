//! Writes what is generated from `grammar.js` into `src`: `cargo run -p tree-sitter-hpol --example generate`. It needs
//! Node.js, which reads the grammar.

use std::path::Path;

use tree_sitter_generate::{ABI_VERSION_MAX, OptLevel, generate_parser_in_directory};

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    generate_parser_in_directory(
        folder,
        None::<&Path>,
        None::<&Path>,
        ABI_VERSION_MAX,
        None,
        Some("node"),
        true,
        OptLevel::default(),
        &mut found,
    )?;
    for warning in &found {
        eprintln!("warning: {warning}");
    }
    Ok(())
}
