//! The settled style, as `hpol fmt` writes it. A file that cannot be read keeps its look.

use hpol_syntax::format::{Unformatted, format};
use lsp_types::{DocumentFormattingParams, TextEdit};

use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/formatting`.
pub(crate) fn formatting(
    view: &View,
    _: &DocumentFormattingParams,
) -> Result<Option<Vec<TextEdit>>, Refusal> {
    let text = view.text();
    match format(text) {
        Ok(settled) => Ok(Some(edit(view, text, &settled).into_iter().collect())),
        Err(Unformatted::Broken) => Ok(None),
        Err(fault @ Unformatted::Meaning) => Err(Refusal::Unsound {
            why: fault.to_string(),
        }),
    }
}

/// The edit of the lines from the first to the last that differ, so that the cursor stays where nothing changes.
fn edit(view: &View, before: &str, after: &str) -> Option<TextEdit> {
    let same = |left: &str, right: &str| (left == right).then_some(left.len());
    let first: usize = before
        .split_inclusive('\n')
        .zip(after.split_inclusive('\n'))
        .map_while(|(left, right)| same(left, right))
        .sum();
    let (old, new) = (before.get(first..)?, after.get(first..)?);
    if old.is_empty() && new.is_empty() {
        return None;
    }
    let last: usize = old
        .split_inclusive('\n')
        .rev()
        .zip(new.split_inclusive('\n').rev())
        .map_while(|(left, right)| same(left, right))
        .sum();
    let range = view.lines().range(first..before.len() - last);
    let text = new.get(..new.len() - last)?;
    Some(TextEdit::new(range, text.to_owned()))
}
