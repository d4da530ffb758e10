//! Where an item is declared.

use hpol_hir::navigate::Meaning;
use lsp_types::{GotoDefinitionParams, GotoDefinitionResponse};

use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/definition`.
pub(crate) fn definition(
    view: &View,
    params: &GotoDefinitionParams,
) -> Result<Option<GotoDefinitionResponse>, Refusal> {
    let position = params.text_document_position_params.position;
    let found = || {
        let mention = view.mention(position)?;
        let (file, place) = match view.workspace.meaning(&view.file, mention)? {
            Meaning::Item(symbol) => (symbol.file, symbol.place),
            Meaning::Parameter { of, name } => {
                let place = view
                    .workspace
                    .parameter_places(&of, &name)
                    .into_iter()
                    .next()?;
                (place.file, place.span)
            }
            Meaning::Fact(_) | Meaning::Word { .. } | Meaning::Control(_) => return None,
        };
        view.location(&file, place)
    };
    Ok(found().map(GotoDefinitionResponse::Scalar))
}
