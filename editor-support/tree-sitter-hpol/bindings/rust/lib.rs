//! The tree-sitter language of hpol: the parser that is generated from `grammar.js`, and the queries beside it. What a
//! text means is the matter of the compiler, which has a parser of its own.

use tree_sitter_language::LanguageFn;

#[expect(unsafe_code, reason = "the parser is C")]
unsafe extern "C" {
    fn tree_sitter_hpol() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
#[expect(
    unsafe_code,
    reason = "the function is the one that the generated parser exports for this"
)]
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_hpol) };

/// How words are coloured.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
/// What is folded.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");
/// How lines are indented.
pub const INDENTS_QUERY: &str = include_str!("../../queries/indents.scm");
/// Where text of another language stands.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");
/// What an outline lists.
pub const TAGS_QUERY: &str = include_str!("../../queries/tags.scm");
