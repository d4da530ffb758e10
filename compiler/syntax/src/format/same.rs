//! Whether two texts are the same policy with the same comments: what the formatter has to show before its text is used.

use pest::Parser;

use super::pieces::pieces;
use crate::grammar::{Grammar, Rule};
use crate::parse::{Parsed, entry, parse};
use crate::split::split;

/// Whether `written` has the items of `text`: each with the same tree, words and documentation, commas at the end of lists
/// aside; and the same comments in the same order.
pub(super) fn same(text: &str, written: &str) -> bool {
    let ((before, _), (after, problems)) = (split(text), split(written));
    problems.is_empty()
        && before.len() == after.len()
        && comments(text) == comments(written)
        && before
            .iter()
            .zip(&after)
            .all(|(before, after)| same_item(&before.text, &after.text))
}

fn same_item(before: &str, after: &str) -> bool {
    let (first, second) = (parse(before), parse(after));
    let head = |parsed: &Parsed| {
        (
            parsed.doc.clone(),
            parsed.keyword.clone(),
            parsed.name.clone(),
        )
    };
    second.problems.is_empty()
        && head(&first) == head(&second)
        && shape(before, &first.keyword) == shape(after, &second.keyword)
}

/// The tree as the grammar sees it: each node's kind, and the text of those without parts. The compiler builds its tree
/// from these alone.
fn shape<'t>(text: &'t str, keyword: &str) -> Option<Vec<(Rule, &'t str)>> {
    let (rule, _) = entry(keyword)?;
    let pairs = Grammar::parse(rule, text).ok()?;
    let nodes = pairs.flatten().filter(|pair| pair.as_rule() != Rule::COMMA);
    let node = nodes.map(|pair| {
        // `for` looks ahead to the word behind it, over the gap.
        let text = pair.as_str().trim();
        let leaf = pair.as_rule();
        match pair.into_inner().next() {
            // One word to the grammar, with a gap of any width in it.
            None if leaf == Rule::NEXT_DAY => (leaf, ""),
            None => (leaf, text),
            Some(_) => (leaf, ""),
        }
    });
    Some(node.collect())
}

/// Every comment and every line of documentation, without what cannot be seen at its end.
fn comments(text: &str) -> Vec<&str> {
    let all = pieces(text);
    let inside = all.pieces.into_iter().flat_map(|piece| piece.comments);
    inside.chain(all.last).map(|comment| comment.text).collect()
}
