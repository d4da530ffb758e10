//! The parameters of the predicate whose values are being written.

use hpol_hir::navigate::{Expected, Kind, Meaning};
use lsp_types::{
    Documentation, ParameterInformation, ParameterLabel, SignatureHelp, SignatureHelpParams,
    SignatureInformation,
};

use super::hover::markdown;
use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/signatureHelp`.
pub(crate) fn signature(
    view: &View,
    params: &SignatureHelpParams,
) -> Result<Option<SignatureHelp>, Refusal> {
    let position = params.text_document_position_params.position;
    let found = || {
        let offset = view.lines().offset(position);
        let (expected, _) = view.workspace.expected(&view.file, offset)?;
        let Expected::Value {
            of,
            argument: Some(argument),
            ..
        } = expected
        else {
            return None;
        };
        let mention = view.workspace.mention_at(&view.file, of.start as usize)?;
        let Some(Meaning::Item(symbol)) = view.workspace.meaning(&view.file, mention) else {
            return None;
        };
        let parameters =
            (symbol.kind == Kind::Predicate).then(|| view.workspace.parameters(&symbol))?;
        let active = u32::try_from(argument).ok();
        let information = SignatureInformation {
            label: format!("{}({})", of.of(view.text()), parameters.join(", ")),
            documentation: (!symbol.doc.is_empty())
                .then(|| Documentation::MarkupContent(markdown(symbol.doc.clone()))),
            parameters: Some(
                parameters
                    .into_iter()
                    .map(|name| ParameterInformation {
                        label: ParameterLabel::Simple(name),
                        documentation: None,
                    })
                    .collect(),
            ),
            active_parameter: active,
        };
        Some(SignatureHelp {
            signatures: vec![information],
            active_signature: Some(0),
            active_parameter: active,
        })
    };
    Ok(found())
}
