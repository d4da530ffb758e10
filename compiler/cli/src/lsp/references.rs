//! Where else something is named: in all files, and in the one that is shown.

use hpol_hir::navigate::{Meaning, Place};
use lsp_types::{
    DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams, Location, ReferenceParams,
};

use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/references`.
pub(crate) fn references(
    view: &View,
    params: &ReferenceParams,
) -> Result<Option<Vec<Location>>, Refusal> {
    let position = params.text_document_position.position;
    let places = places(view, position, params.context.include_declaration);
    Ok(places.map(|places| view.locations(&places)))
}

/// Answers `textDocument/documentHighlight`.
pub(crate) fn highlights(
    view: &View,
    params: &DocumentHighlightParams,
) -> Result<Option<Vec<DocumentHighlight>>, Refusal> {
    let position = params.text_document_position_params.position;
    let lines = view.lines();
    let highlight = |place: Place| {
        (place.file == view.file).then(|| DocumentHighlight {
            range: lines.range(place.span),
            kind: Some(DocumentHighlightKind::TEXT),
        })
    };
    let places = places(view, position, true);
    Ok(places.map(|places| places.into_iter().filter_map(highlight).collect()))
}

fn places(view: &View, position: lsp_types::Position, declaration: bool) -> Option<Vec<Place>> {
    let mention = view.mention(position)?;
    let workspace = &view.workspace;
    Some(match workspace.meaning(&view.file, mention)? {
        Meaning::Item(symbol) => workspace.references(&symbol, declaration),
        Meaning::Parameter { of, name } => workspace.parameter_places(&of, &name),
        Meaning::Control(id) => workspace.control_places(id),
        Meaning::Fact(name) => workspace.fact_places(&name),
        Meaning::Word { .. } => return None,
    })
}
