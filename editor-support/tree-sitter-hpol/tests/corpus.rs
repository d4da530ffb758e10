//! The cases under `test/corpus`, in the form that `tree-sitter test` reads: a title between lines of `=`, a text, `---`,
//! and its tree.

use std::fs;
use std::path::Path;

use tree_sitter::Parser;

#[test]
fn every_case_has_the_tree_that_stands_below_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/corpus");
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_hpol::LANGUAGE.into())
        .unwrap();
    let mut pages: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    let (mut count, mut wrong) = (0, String::new());
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for (title, text, expected) in cases(&text) {
            count += 1;
            let tree = parser.parse(text, None).unwrap();
            let found = tree.root_node().to_sexp();
            if plain(expected) != plain(&found) {
                wrong += &format!("{}: {title}\n{found}\n\n", page.display());
            }
        }
    }
    assert!(wrong.is_empty(), "these have another tree:\n{wrong}");
    assert!(count >= 15, "only {count} cases were found");
}

fn cases(page: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut parts = page.split("==================\n").skip(1);
    std::iter::from_fn(move || {
        let title = parts.next()?.trim();
        let (text, tree) = parts.next()?.split_once("\n---\n").unwrap();
        Some((title, text, tree))
    })
}

/// A tree on one line.
fn plain(tree: &str) -> String {
    let words: Vec<&str> = tree.split_whitespace().collect();
    words.join(" ").replace(" )", ")")
}
