//! Which method is answered by whom.

use lsp_types::request::{
    CodeActionRequest, CodeLensRequest, Completion, DocumentDiagnosticRequest,
    DocumentHighlightRequest, DocumentSymbolRequest, FoldingRangeRequest, Formatting,
    GotoDefinition, HoverRequest, InlayHintRequest, PrepareRenameRequest, References, Rename,
    Request, SelectionRangeRequest, SemanticTokensFullRequest, SemanticTokensRangeRequest,
    SignatureHelpRequest,
};
use serde_json::Value;

use super::refusal::Refusal;
use super::view::View;
use super::{
    actions, completion, definition, diagnostics, folding, formatting, hints, hover, lenses,
    references, rename, selection, signature, symbols, tokens,
};

/// Answers a question about one file.
pub(crate) type OfFile = fn(&View, Value) -> Result<Value, Refusal>;

macro_rules! questions {
    ($($request:ty => $answer:path,)*) => {
        /// Who answers `method`, if it is about one file.
        pub(crate) fn of_file(method: &str) -> Option<OfFile> {
            match method {
                $(<$request as Request>::METHOD => Some(|view, params| {
                    answer::<$request>(params, |params| $answer(view, params))
                }),)*
                _ => None,
            }
        }
    };
}

questions! {
    CodeActionRequest => actions::actions,
    CodeLensRequest => lenses::lenses,
    Completion => completion::completion,
    DocumentDiagnosticRequest => diagnostics::of_file,
    DocumentHighlightRequest => references::highlights,
    DocumentSymbolRequest => symbols::of_file,
    FoldingRangeRequest => folding::folding,
    Formatting => formatting::formatting,
    GotoDefinition => definition::definition,
    HoverRequest => hover::hover,
    InlayHintRequest => hints::hints,
    PrepareRenameRequest => rename::prepare,
    References => references::references,
    Rename => rename::rename,
    SelectionRangeRequest => selection::selection,
    SemanticTokensFullRequest => tokens::full,
    SemanticTokensRangeRequest => tokens::range,
    SignatureHelpRequest => signature::signature,
}

/// Reads the parameters of `R` and writes its result.
pub(crate) fn answer<R: Request>(
    params: Value,
    answer: impl FnOnce(&R::Params) -> Result<R::Result, Refusal>,
) -> Result<Value, Refusal> {
    let params = serde_json::from_value(params).map_err(|fault| Refusal::Parameters {
        method: R::METHOD.to_owned(),
        why: fault.to_string(),
    })?;
    serde_json::to_value(answer(&params)?).map_err(|_| Refusal::Fault)
}
