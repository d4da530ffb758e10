//! What colours a file before the language server answers knows every word of the grammar.

use std::collections::BTreeSet;

const GRAMMAR: &str = include_str!("../../../lang-spec/grammar/hpol.pest");
const COLOURS: &str = include_str!("../../../editor-support/vscode/syntaxes/hpol.tmLanguage.json");

#[test]
fn every_word_of_the_grammar_has_a_colour() {
    let coloured: BTreeSet<&str> = COLOURS
        .split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .collect();
    // A word is a rule of its own: `WHEN = @{ "when" ~ !word_rest }`.
    let words = GRAMMAR.lines().filter_map(|line| {
        let (rule, rest) = line.split_once("= @{ \"")?;
        let is_word = |char: char| char.is_ascii_uppercase() || char == '_' || char == ' ';
        let word = rest.split('"').next()?;
        rule.chars().all(is_word).then_some(word)
    });
    let words: Vec<&str> = words.collect();
    assert!(words.len() > 90, "{}", words.len());
    let plain: Vec<&str> = words
        .into_iter()
        .filter(|word| !coloured.contains(word))
        .collect();
    assert_eq!(plain, Vec::<&str>::new());
}
