//! Brings together what lints look at: each item with its text, its names and the comments around it.

use hpol_syntax::lex;
use hpol_syntax::span::Span;

use super::Linted;
use crate::assemble::import_place;
use crate::database::{Inputs, SourceFile, items, parsed};
use crate::file::scope;

/// Every item of every file, in order.
pub(crate) fn gather(db: &dyn salsa::Database, inputs: Inputs) -> Vec<Linted<'_>> {
    let files = inputs.files(db);
    files.iter().flat_map(|file| of_file(db, *file)).collect()
}

fn of_file(db: &dyn salsa::Database, file: SourceFile) -> Vec<Linted<'_>> {
    let found = items(db, file);
    let (path, text) = (file.path(db), file.text(db));
    let import = import_place(db, found);
    let mut linted: Vec<Linted<'_>> = Vec::new();
    let mut end = 0;
    for (item, offset) in &found.items {
        let gap = Span {
            start: end,
            end: *offset,
        };
        let (behind, above) = around(text, gap);
        if let Some(before) = linted.last_mut() {
            before.around.extend(behind);
        }
        let own = item.text(db);
        linted.push(Linted {
            path,
            package: scope(db, file).package(db),
            offset: *offset,
            import,
            text: own,
            parsed: parsed(db, *item),
            words: names(own),
            around: above,
        });
        end = Span::new(0, own.len()).shifted(*offset).end;
    }
    let (behind, _) = around(
        text,
        Span {
            start: end,
            end: Span::new(0, text.len()).end,
        },
    );
    if let Some(last) = linted.last_mut() {
        last.around.extend(behind);
    }
    linted
}

/// Of the comments between two items those on the line of the first, and those directly above the second.
fn around(text: &str, gap: Span) -> (Vec<Span>, Vec<Span>) {
    let between = gap.of(text);
    let comments = lex::comments(between);
    let first_line = between.find('\n').unwrap_or(between.len());
    let is_behind = |span: &Span| gap.start > 0 && (span.start as usize) < first_line;
    let behind = comments.iter().copied().filter(is_behind);
    let mut above = Vec::new();
    let mut below = between.len();
    for span in comments.iter().rev().filter(|span| !is_behind(span)) {
        let breaks = between
            .get(span.end as usize..below)
            .unwrap_or("")
            .matches('\n')
            .count();
        if breaks != 1 {
            break;
        }
        above.push(span.shifted(gap.start));
        below = span.start as usize;
    }
    above.reverse();
    (behind.map(|span| span.shifted(gap.start)).collect(), above)
}

/// The names that a text writes: words, and words that dots join.
fn names(text: &str) -> Vec<&str> {
    let mut names: Vec<Span> = Vec::new();
    let mut joined = false;
    for token in lex::tokens(text) {
        let dot = token.kind == lex::Kind::Other && token.span.of(text) == ".";
        let last = names.last_mut().filter(|last| last.end == token.span.start);
        match last {
            Some(last) if dot || joined => {
                last.end = token.span.end;
                joined = dot;
            }
            _ => {
                joined = false;
                if token.kind == lex::Kind::Word {
                    names.push(token.span);
                }
            }
        }
    }
    names.into_iter().map(|span| span.of(text)).collect()
}
