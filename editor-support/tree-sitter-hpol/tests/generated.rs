//! What stands in `src` is what `grammar.js` generates.

use std::fs;
use std::path::Path;

use tree_sitter_generate::{ABI_VERSION_MAX, OptLevel, generate_parser_in_directory};

const FILES: [&str; 6] = [
    "grammar.json",
    "node-types.json",
    "parser.c",
    "tree_sitter/alloc.h",
    "tree_sitter/array.h",
    "tree_sitter/parser.h",
];

#[test]
fn the_parser_is_what_the_grammar_generates() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let there = tempfile::tempdir().unwrap();
    let mut warnings = Vec::new();
    for file in ["grammar.js", "tree-sitter.json"] {
        fs::copy(here.join(file), there.path().join(file)).unwrap();
    }
    generate_parser_in_directory(
        there.path(),
        None::<&Path>,
        None::<&Path>,
        ABI_VERSION_MAX,
        None,
        Some("node"),
        true,
        OptLevel::default(),
        &mut warnings,
    )
    .expect("Node.js reads the grammar; `cargo xtask setup` installs it");
    assert_eq!(warnings, []);
    for file in FILES {
        let read = |folder: &Path| fs::read_to_string(folder.join("src").join(file)).unwrap();
        assert!(
            read(here) == read(there.path()),
            "src/{file} is not what grammar.js says; `cargo run -p tree-sitter-hpol --example generate` writes it"
        );
    }
}
