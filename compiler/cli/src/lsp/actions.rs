//! What can be done about a diagnostic: the edit that mends it, and its page.

use hpol_hir::{Diagnostic, Edit};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Command,
    NumberOrString,
};
use serde_json::json;

use super::commands::EXPLAIN;
use super::refusal::Refusal;
use super::view::View;

/// Mends all that can be mended without a choice.
pub(crate) const FIX_ALL: CodeActionKind = CodeActionKind::SOURCE_FIX_ALL;

/// Answers `textDocument/codeAction`.
pub(crate) fn actions(
    view: &View,
    params: &CodeActionParams,
) -> Result<Option<CodeActionResponse>, Refusal> {
    let asked = view.lines().bytes(params.range);
    let wanted = |kind: &CodeActionKind| {
        let only = params.context.only.as_ref();
        only.is_none_or(|only| {
            only.iter()
                .any(|asked| kind.as_str().starts_with(asked.as_str()))
        })
    };
    let of_file: Vec<Diagnostic> = view
        .workspace
        .diagnostics()
        .into_iter()
        .filter(|diagnostic| {
            diagnostic
                .labels
                .iter()
                .any(|label| label.file == view.file)
        })
        .collect();
    let mut actions = Vec::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        let here = of_file.iter().filter(|diagnostic| {
            let mut labels = diagnostic.labels.iter();
            labels.any(|label| {
                label.file == view.file
                    && label.span.start <= asked.end
                    && asked.start <= label.span.end
            })
        });
        for diagnostic in here {
            actions.extend(fix(view, params, diagnostic).map(CodeActionOrCommand::CodeAction));
            actions.push(explain(diagnostic));
        }
    }
    let every: Vec<Edit> = apart(of_file.iter().flat_map(|diagnostic| &diagnostic.fix));
    if wanted(&FIX_ALL) && !every.is_empty() {
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: "mend all that can be mended without a choice".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(view.changes(&every)),
            ..CodeAction::default()
        }));
    }
    Ok(Some(actions))
}

fn fix(view: &View, params: &CodeActionParams, diagnostic: &Diagnostic) -> Option<CodeAction> {
    if diagnostic.fix.is_empty() {
        return None;
    }
    let same = |shown: &&lsp_types::Diagnostic| {
        shown.code == Some(NumberOrString::String(diagnostic.code.as_str().to_owned()))
    };
    let shown: Vec<lsp_types::Diagnostic> = params
        .context
        .diagnostics
        .iter()
        .filter(same)
        .cloned()
        .collect();
    Some(CodeAction {
        title: title(&diagnostic.fix),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: (!shown.is_empty()).then_some(shown),
        edit: Some(view.changes(&diagnostic.fix)),
        is_preferred: Some(true),
        ..CodeAction::default()
    })
}

fn title(edits: &[Edit]) -> String {
    let text = edits.first().map_or("", |edit| edit.text.trim());
    let places = match edits.len() {
        0 | 1 => String::new(),
        more => format!(" at {more} places"),
    };
    match text {
        "" => format!("take it out{places}"),
        text => format!("write `{text}`{places}"),
    }
}

fn explain(diagnostic: &Diagnostic) -> CodeActionOrCommand {
    let code = diagnostic.code.as_str();
    let title = format!("explain {code}");
    let command = Command::new(title.clone(), EXPLAIN.to_owned(), Some(vec![json!(code)]));
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        command: Some(command),
        ..CodeAction::default()
    })
}

/// The edits that touch no other, each once.
fn apart<'e>(edits: impl Iterator<Item = &'e Edit>) -> Vec<Edit> {
    let mut all: Vec<&Edit> = edits.collect();
    all.sort_by(|left, right| {
        (&left.file, left.span.start, left.span.end).cmp(&(
            &right.file,
            right.span.start,
            right.span.end,
        ))
    });
    let mut kept: Vec<Edit> = Vec::new();
    for edit in all {
        let clear = kept.last().is_none_or(|last| {
            last.file != edit.file
                || last.span.end < edit.span.start
                || last.span.end == edit.span.start && last.span != edit.span
        });
        if clear {
            kept.push(edit.clone());
        }
    }
    kept
}
