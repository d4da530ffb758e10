//! Writes the parser of the folder above.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    tree_sitter_hpol_generate::generate(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}
