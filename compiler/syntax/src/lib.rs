//! Text to tree: splits a file into items, parses each on its own, and says what is wrong with it. Parsing never fails.
//! What names and types mean is the matter of `hpol-hir`.

pub mod ast;
pub mod code;
pub mod format;
mod grammar;
pub mod lex;
pub mod limits;
pub mod parse;
pub mod problem;
pub mod span;
pub mod split;
pub mod units;
pub mod words;
