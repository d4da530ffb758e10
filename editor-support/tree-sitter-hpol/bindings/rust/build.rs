//! Compiles the parser and the part of its scanner that is written by hand.

fn main() {
    println!("cargo:rerun-if-changed=src");
    cc::Build::new()
        .std("c11")
        .include("src")
        .file("src/parser.c")
        .file("src/scanner.c")
        .flag_if_supported("-Wno-unused")
        .compile("tree-sitter-hpol");
}
