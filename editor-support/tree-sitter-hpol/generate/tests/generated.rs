//! What stands in `src` is what `grammar.js` generates.

use std::fs;
use std::path::Path;

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
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let there = tempfile::tempdir().unwrap();
    for file in ["grammar.js", "tree-sitter.json"] {
        fs::copy(here.join(file), there.path().join(file)).unwrap();
    }
    tree_sitter_hpol_generate::generate(there.path()).unwrap();
    for file in FILES {
        let read = |folder: &Path| fs::read_to_string(folder.join("src").join(file)).unwrap();
        assert!(
            read(&here) == read(there.path()),
            "src/{file} is not what grammar.js says; `cargo run` in `generate` writes it"
        );
    }
}
