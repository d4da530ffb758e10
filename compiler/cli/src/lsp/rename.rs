//! Another name for an item, everywhere at once, or the reason why not.

use hpol_hir::navigate::Meaning;
use lsp_types::{PrepareRenameResponse, RenameParams, TextDocumentPositionParams, WorkspaceEdit};

use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/prepareRename`: what would be renamed.
pub(crate) fn prepare(
    view: &View,
    params: &TextDocumentPositionParams,
) -> Result<Option<PrepareRenameResponse>, Refusal> {
    let mention = view
        .mention(params.position)
        .ok_or(Refusal::NothingToRename)?;
    let (placeholder, span) = match view.workspace.meaning(&view.file, mention) {
        Some(Meaning::Item(symbol)) => {
            view.workspace.rename(&symbol, "name_for_trying")?;
            let text = view.workspace.text(&symbol.file).unwrap_or("");
            let name = text.get(symbol.place.clone()).unwrap_or("").to_owned();
            // A name with its package before it keeps the package.
            let length = u32::try_from(name.len()).unwrap_or(0);
            let start = mention
                .span
                .end
                .saturating_sub(length)
                .max(mention.span.start);
            (name, start..mention.span.end)
        }
        Some(Meaning::Parameter { name, .. }) => (name, mention.span.start..mention.span.end),
        _ => return Err(Refusal::NothingToRename),
    };
    let range = view.lines().range(span.start as usize..span.end as usize);
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder {
        range,
        placeholder,
    }))
}

/// Answers `textDocument/rename`.
pub(crate) fn rename(view: &View, params: &RenameParams) -> Result<Option<WorkspaceEdit>, Refusal> {
    let position = params.text_document_position.position;
    let mention = view.mention(position).ok_or(Refusal::NothingToRename)?;
    let name = params.new_name.as_str();
    let edits = match view.workspace.meaning(&view.file, mention) {
        Some(Meaning::Item(symbol)) => view.workspace.rename(&symbol, name)?,
        Some(Meaning::Parameter { of, name: old }) => {
            view.workspace.rename_parameter(&of, &old, name)?
        }
        _ => return Err(Refusal::NothingToRename),
    };
    Ok(Some(view.changes(&edits)))
}
