//! What can be written at a place, and the names that can be used there.

use std::ops::Range;

use crate::file::packages;
use crate::roles::{Expected, Role, expected as expected_behind};
use crate::symbols::{exceptions, names, rules, symbols};
use crate::workspace::Workspace;

use super::{Kind, Symbol};

/// Bytes read before the place. An item longer than this is no longer written by hand.
const MAX_BEFORE: usize = 64 * 1024;

/// What can be written at `offset`, and the word that stands there, up to its end.
pub(super) fn expected(
    workspace: &Workspace,
    file: &str,
    offset: usize,
) -> Option<(Expected, Range<usize>)> {
    let text = workspace.text(file)?;
    let before = text.get(..offset)?;
    let is_part =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-' | '(');
    let mut start = before.rfind(|char| !is_part(char)).map_or(0, |place| {
        place
            + before
                .get(place..)
                .and_then(|rest| rest.chars().next())
                .map_or(1, char::len_utf8)
    });
    // Only a control has a parenthesis and a dash inside.
    let word = before.get(start..)?;
    if let Some(place) = word.rfind(['(', '-'])
        && !is_control(word)
    {
        start += place + 1;
    }
    let column_0 = start == 0 || before.get(..start)?.ends_with('\n');
    let from = match workspace.item_at(file, start) {
        Some(at) if (at.offset as usize) < start => at.offset as usize,
        _ => start,
    };
    let shift =
        |span: hpol_syntax::span::Span| span.shifted(u32::try_from(from).unwrap_or(u32::MAX));
    if start - from > MAX_BEFORE {
        return None;
    }
    let read = text.get(from..start)?;
    if in_text_or_comment(read) {
        return None;
    }
    let found = match column_0 {
        true => Expected::Item,
        false => expected_behind(read),
    };
    let found = match found {
        Expected::Test { of } => Expected::Test { of: shift(of) },
        Expected::Value {
            of,
            argument,
            listed,
        } => Expected::Value {
            of: shift(of),
            argument,
            listed,
        },
        other => other,
    };
    Some((found, start..offset))
}

/// The items that `role` can name in a file, each as it is written there.
pub(super) fn visible(workspace: &Workspace, file: &str, role: Role) -> Vec<(String, Symbol)> {
    let Some(source) = workspace.files.get(file) else {
        return Vec::new();
    };
    let database = &workspace.database;
    let scope = crate::file::scope(database, *source);
    let symbols = symbols(database, workspace.inputs);
    let written: Vec<String> = match role {
        Role::Connection => own(names(database, scope, &symbols.connections)),
        Role::Class => own(names(database, scope, &symbols.classes)),
        Role::Approvers => own(names(database, scope, &symbols.groups)),
        Role::Operand => own(names(database, scope, &symbols.groups).chain(names(
            database,
            scope,
            &symbols.predicates,
        ))),
        Role::Rule => own(names(database, scope, rules(database, workspace.inputs))),
        Role::Exception => own(names(
            database,
            scope,
            exceptions(database, workspace.inputs),
        )),
        Role::Schedule => own(names(database, scope, &symbols.schedules)),
        Role::Package => packages(database, workspace.inputs).clone(),
        _ => Vec::new(),
    };
    let named = |written: String| {
        let (kind, full) = workspace.resolve(scope, role, &written)?;
        let symbol = match kind {
            Kind::Package => workspace.package(&full)?,
            kind => workspace.symbol(kind, &full)?,
        };
        Some((written, symbol))
    };
    written.into_iter().filter_map(named).collect()
}

fn own<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    names.map(str::to_owned).collect()
}

fn is_control(word: &str) -> bool {
    let mut parts = word.splitn(2, '-');
    let family = parts.next().unwrap_or("");
    family.len() == 2
        && family.chars().all(|char| char.is_ascii_alphabetic())
        && parts.next().is_some_and(|rest| {
            rest.chars()
                .all(|char| char.is_ascii_digit() || char == '(')
        })
}

/// Whether the text ends inside of quotes or a comment.
fn in_text_or_comment(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or("");
    let (mut quoted, mut escaped, mut slash) = (false, false, false);
    for char in line.chars() {
        match char {
            '"' if !escaped => quoted = !quoted,
            '/' if slash && !quoted => return true,
            _ => {}
        }
        escaped = quoted && char == '\\' && !escaped;
        slash = char == '/';
    }
    quoted
}
