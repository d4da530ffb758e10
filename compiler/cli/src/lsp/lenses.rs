//! What can be done with an item, written above it: run a test, show the diagram of a policy.

use hpol_hir::navigate::Kind;
use lsp_types::{CodeLens, CodeLensParams, Command};
use serde_json::json;

use super::commands::{RUN_TEST, SHOW_GRAPH};
use super::refusal::Refusal;
use super::view::View;

/// Answers `textDocument/codeLens`.
pub(crate) fn lenses(
    view: &View,
    params: &CodeLensParams,
) -> Result<Option<Vec<CodeLens>>, Refusal> {
    let lines = view.lines();
    let uri = params.text_document.uri.as_str();
    let lens = |symbol: hpol_hir::navigate::Symbol| {
        let (title, command, arguments) = match symbol.kind {
            Kind::Test => ("run test", RUN_TEST, vec![json!(uri), json!(symbol.name)]),
            Kind::Connection => (
                "show graph",
                SHOW_GRAPH,
                vec![json!(uri), json!(symbol.name)],
            ),
            _ => return None,
        };
        Some(CodeLens {
            range: lines.range(symbol.place),
            command: Some(Command::new(
                title.to_owned(),
                command.to_owned(),
                Some(arguments),
            )),
            data: None,
        })
    };
    let symbols = view.workspace.outline(&view.file).into_iter();
    Ok(Some(symbols.filter_map(lens).collect()))
}
