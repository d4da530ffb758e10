//! Settles the style of a policy file. Works on the tokens, since the tree has no comments, and takes from the tree where
//! clauses and the parts of a condition begin. What it writes is read again before it is handed out; see [`same`].
//!
//! How a file looks is written down in `docs/cli.md`; the width is [`WIDTH`].

mod align;
mod item;
mod layout;
mod pieces;
mod same;
mod write;

use crate::parse::parse;
use crate::split::{Stretch, split};
use pieces::{Piece, Pieces};
use write::Writer;

/// Columns of a line, beyond which conditions and lists are broken. Texts in quotes and comments are never broken.
pub const WIDTH: usize = 120;

/// Columns of one level.
const INDENT: usize = 4;

/// Why a file keeps the look it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unformatted {
    /// It cannot be read; the diagnostics say why.
    #[error("the file has errors")]
    Broken,
    /// What the formatter wrote would not mean what the file means, which is a fault of the formatter.
    #[error("the formatted text would not mean the same; please report it")]
    Meaning,
}

/// `text` in the settled style. A text that is in it already comes back unchanged.
///
/// # Errors
/// If the file cannot be read, or if the formatted text would not have the same items, words and comments.
pub fn format(text: &str) -> Result<String, Unformatted> {
    let (stretches, problems) = split(text);
    if !problems.is_empty() {
        return Err(Unformatted::Broken);
    }
    let parsed = stretches.iter().map(|stretch| parse(&stretch.text));
    let keywords: Vec<Keyword> = parsed
        .zip(&stretches)
        .map(|(parsed, stretch)| {
            parsed.problems.is_empty().then_some(Keyword {
                place: stretch.offset.saturating_add(parsed.start),
                word: parsed.keyword,
            })
        })
        .collect::<Option<_>>()
        .ok_or(Unformatted::Broken)?;
    let written = file(text, &stretches, &keywords);
    match same::same(text, &written) {
        true => Ok(written),
        false => Err(Unformatted::Meaning),
    }
}

/// The word that begins an item, and where it stands in the file.
struct Keyword {
    place: u32,
    word: String,
}

fn file(text: &str, stretches: &[Stretch], keywords: &[Keyword]) -> String {
    let Pieces { pieces, last } = pieces::pieces(text);
    let ranges: Vec<&[Piece<'_>]> = keywords
        .iter()
        .enumerate()
        .map(|(index, keyword)| {
            let start = pieces.partition_point(|piece| piece.start < keyword.place);
            let end = keywords.get(index + 1).map_or(pieces.len(), |next| {
                pieces.partition_point(|piece| piece.start < next.place)
            });
            pieces.get(start..end).unwrap_or(&[])
        })
        .collect();
    let padding = align::padding(keywords, &ranges);
    let mut writer = Writer::default();
    for (index, (keyword, range)) in keywords.iter().zip(&ranges).enumerate() {
        let before = index.checked_sub(1).and_then(|before| keywords.get(before));
        let apart = before.is_some_and(|before| {
            before.word != keyword.word || has_clauses(&keyword.word) || keyword.word == "package"
        });
        let (Some(first), Some(stretch)) = (range.first(), stretches.get(index)) else {
            continue;
        };
        writer.between_items(first, apart);
        let layout = layout::layout(&stretch.text, stretch.offset, &keyword.word);
        let pads = padding.get(index).copied().unwrap_or_default();
        item::write(&mut writer, range, &layout, pads);
    }
    writer.end(&last);
    writer.finish()
}

fn has_clauses(word: &str) -> bool {
    crate::parse::entry(word).is_some_and(|(_, clauses)| clauses.is_some())
}

#[cfg(test)]
mod tests;
