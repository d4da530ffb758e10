//! What can be folded: items, rows of imports, and rows of comments.

use lsp_types::{FoldingRange, FoldingRangeKind, FoldingRangeParams};

use super::position::Lines;
use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/foldingRange`.
pub(crate) fn folding(
    view: &View,
    _: &FoldingRangeParams,
) -> Result<Option<Vec<FoldingRange>>, Refusal> {
    let text = view.text();
    let lines = view.lines();
    let mut found: Vec<FoldingRange> = view
        .workspace
        .items(&view.file)
        .into_iter()
        .filter_map(|bytes| of_item(&lines, text, bytes))
        .collect();
    found.extend(rows(text, "//", &FoldingRangeKind::Comment));
    found.extend(rows(text, "use ", &FoldingRangeKind::Imports));
    found.sort_by_key(|range| (range.start_line, range.end_line));
    Ok(Some(found))
}

/// An item from the line of its keyword on.
fn of_item(lines: &Lines<'_>, text: &str, bytes: std::ops::Range<usize>) -> Option<FoldingRange> {
    let item = text.get(bytes.clone())?;
    let docs: usize = item
        .split_inclusive('\n')
        .take_while(|line| line.starts_with("///"))
        .map(str::len)
        .sum();
    let (start, end) = (
        lines.position(bytes.start + docs).line,
        lines.position(bytes.end).line,
    );
    // The closing brace stays in sight.
    let end = if item.ends_with('}') {
        end.saturating_sub(1)
    } else {
        end
    };
    (end > start).then(|| range(start, end, None))
}

/// Rows of lines that begin with `prefix`.
fn rows(text: &str, prefix: &str, kind: &FoldingRangeKind) -> Vec<FoldingRange> {
    let mut found = Vec::new();
    let mut first: Option<u32> = None;
    let numbered = (0_u32..).zip(text.lines().map(Some).chain([None]));
    for (number, line) in numbered {
        let belongs = line.is_some_and(|line| line.trim_start().starts_with(prefix));
        match (belongs, first) {
            (true, None) => first = Some(number),
            (false, Some(start)) => {
                if number - start > 1 {
                    found.push(range(start, number - 1, Some(kind.clone())));
                }
                first = None;
            }
            _ => {}
        }
    }
    found
}

fn range(start_line: u32, end_line: u32, kind: Option<FoldingRangeKind>) -> FoldingRange {
    FoldingRange {
        start_line,
        end_line,
        kind,
        ..FoldingRange::default()
    }
}
