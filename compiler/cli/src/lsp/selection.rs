//! Selecting more and more: the word, its line, what the brackets around hold, the item, the file.

use std::ops::Range;

use lsp_types::{SelectionRange, SelectionRangeParams};

use super::position::Lines;
use super::refusal::Refusal;
use super::view::View;

/// Most stretches around one place; policies have a tenth of it.
const NESTED: usize = 64;

/// Answers `textDocument/selectionRange`.
pub(crate) fn selection(
    view: &View,
    params: &SelectionRangeParams,
) -> Result<Option<Vec<SelectionRange>>, Refusal> {
    let lines = view.lines();
    let selections = params.positions.iter().map(|position| {
        let offset = lines.offset(*position);
        nested(&lines, &around(view, offset), offset)
    });
    Ok(Some(selections.collect()))
}

/// Stretches around a place, in no order.
fn around(view: &View, offset: usize) -> Vec<Range<usize>> {
    let text = view.text();
    let mut found = Vec::from([Range {
        start: 0,
        end: text.len(),
    }]);
    if let Some(mention) = view.workspace.mention_at(&view.file, offset) {
        found.push(mention.span.start as usize..mention.span.end as usize);
    }
    let before = text.get(..offset).unwrap_or("");
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = text
        .get(offset..)
        .and_then(|rest| rest.find('\n'))
        .map_or(text.len(), |length| offset + length);
    let written = text.get(line..end).unwrap_or("");
    found.push(line + written.len() - written.trim_start().len()..line + written.trim_end().len());
    let item = view
        .workspace
        .items(&view.file)
        .into_iter()
        .find(|item| item.start <= offset && offset <= item.end);
    if let Some(item) = item {
        found.extend(brackets(text, &item));
        found.push(item);
    }
    found
}

/// What each pair of brackets of an item holds, and the pair with it.
fn brackets(text: &str, item: &Range<usize>) -> Vec<Range<usize>> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for token in hpol_syntax::lex::tokens(text.get(item.clone()).unwrap_or("")) {
        let start = item.start + token.span.start as usize;
        match token.kind {
            hpol_syntax::lex::Kind::Open(_) => open.push(start),
            hpol_syntax::lex::Kind::Close(_) => {
                if let Some(before) = open.pop() {
                    found.push(before + 1..start);
                    found.push(before..start + 1);
                }
            }
            _ => {}
        }
    }
    found
}

/// The stretches that hold `offset`, each inside of the next.
fn nested(lines: &Lines<'_>, found: &[Range<usize>], offset: usize) -> SelectionRange {
    let mut holding: Vec<&Range<usize>> = found
        .iter()
        .filter(|range| range.start <= offset && offset <= range.end)
        .collect();
    // The innermost: each is a link more of a chain that is gone through by recursion, here and in the editor.
    holding.sort_by_key(|range| range.len());
    holding.truncate(NESTED);
    holding.reverse();
    let mut selection: Option<(SelectionRange, &Range<usize>)> = None;
    for range in holding {
        if let Some((_, outer)) = &selection
            && (range == *outer || range.start < outer.start || range.end > outer.end)
        {
            continue;
        }
        let inner = SelectionRange {
            range: lines.range(range.clone()),
            parent: selection.map(|(outer, _)| Box::new(outer)),
        };
        selection = Some((inner, range));
    }
    selection.map_or_else(
        || SelectionRange {
            range: lines.range(offset..offset),
            parent: None,
        },
        |(selection, _)| selection,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_without_end_leave_the_innermost() {
        let deep = 200_000;
        let text = format!("{}x{}", "(".repeat(deep), ")".repeat(deep));
        let found: Vec<Range<usize>> = (0..deep).map(|level| level..text.len() - level).collect();
        let mut next = Some(nested(&Lines::new(&text), &found, deep));
        let mut levels = 0;
        while let Some(selection) = next {
            levels += 1;
            next = selection.parent.map(|parent| *parent);
        }
        assert_eq!(levels, NESTED);
    }
}
