//! Columns of items that stand in lines directly below each other: the `=` of connections and groups.

use super::Keyword;
use super::pieces::Piece;

/// Widths of the name and of the word behind the `=`; 0 where nothing is aligned.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pads {
    pub(super) name: usize,
    pub(super) protocol: usize,
}

/// The widths for each item.
pub(super) fn padding(keywords: &[Keyword], ranges: &[&[Piece<'_>]]) -> Vec<Pads> {
    let mut pads = vec![Pads::default(); keywords.len()];
    let mut start = 0;
    while start < keywords.len() {
        let mut end = start + 1;
        while end < keywords.len() && follows(keywords, ranges, end) {
            end += 1;
        }
        let run = ranges.get(start..end).unwrap_or(&[]);
        let widest = |index: usize| {
            let widths = run.iter().filter_map(|range| range.get(index));
            widths.map(|piece| piece.text.len()).max().unwrap_or(0)
        };
        let connections = keywords
            .get(start)
            .is_some_and(|keyword| keyword.word == "connection");
        let found = Pads {
            name: widest(1),
            protocol: if connections { widest(3) } else { 0 },
        };
        if end > start + 1 {
            pads.iter_mut()
                .take(end)
                .skip(start)
                .for_each(|pads| *pads = found);
        }
        start = end;
    }
    pads
}

/// Whether the item of this index stands directly below the one before, and is of its kind.
fn follows(keywords: &[Keyword], ranges: &[&[Piece<'_>]], index: usize) -> bool {
    let (Some(before), Some(keyword)) = (keywords.get(index - 1), keywords.get(index)) else {
        return false;
    };
    let Some(range) = ranges.get(index) else {
        return false;
    };
    let aligned = |range: &[Piece<'_>]| range.get(2).is_some_and(|piece| piece.text == "=");
    let close = range
        .first()
        .is_some_and(|first| !first.blank && first.comments.iter().all(|comment| comment.trailing));
    before.word == keyword.word
        && matches!(keyword.word.as_str(), "connection" | "group")
        && close
        && aligned(range)
        && ranges.get(index - 1).is_some_and(|range| aligned(range))
}
