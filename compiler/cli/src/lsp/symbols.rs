//! The items of a file, and of all files.

use hpol_hir::navigate::{Kind, Symbol};
use lsp_types::{
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, SymbolInformation, SymbolKind,
};

use super::refusal::Refusal;
use super::view::View;

/// Items named in one answer; nobody reads more.
const MAX_FOUND: usize = 512;

/// Answers `textDocument/documentSymbol`.
pub(crate) fn of_file(
    view: &View,
    _: &DocumentSymbolParams,
) -> Result<Option<DocumentSymbolResponse>, Refusal> {
    let lines = view.lines();
    let symbols = view.workspace.outline(&view.file).into_iter();
    let named = symbols.filter(|symbol| symbol.kind != Kind::Use);
    let symbols = named.map(|symbol| {
        #[expect(deprecated, reason = "the struct has the field still")]
        DocumentSymbol {
            name: written(view, &symbol),
            detail: symbol.title,
            kind: kind(symbol.kind),
            tags: None,
            deprecated: None,
            range: lines.range(symbol.whole),
            selection_range: lines.range(symbol.place),
            children: None,
        }
    });
    Ok(Some(DocumentSymbolResponse::Nested(symbols.collect())))
}

/// The items of all files whose name or title holds the letters of `query` in their order.
pub(crate) fn of_all(view: &View, query: &str) -> Vec<SymbolInformation> {
    let files = view.workspace.files();
    let symbols = files.flat_map(|file| view.workspace.outline(file));
    let found = symbols.filter(|symbol| {
        symbol.kind != Kind::Use
            && (fits(&symbol.name, query)
                || symbol
                    .title
                    .as_ref()
                    .is_some_and(|title| fits(title, query)))
    });
    let information = found.filter_map(|symbol| {
        let location = view.location(&symbol.file, symbol.place.clone())?;
        #[expect(deprecated, reason = "the struct has the field still")]
        Some(SymbolInformation {
            kind: kind(symbol.kind),
            name: symbol.name,
            tags: None,
            deprecated: None,
            location,
            container_name: symbol.title,
        })
    });
    information.take(MAX_FOUND).collect()
}

fn written(view: &View, symbol: &Symbol) -> String {
    let written = view
        .text()
        .get(symbol.place.clone())
        .unwrap_or("")
        .trim_matches('"');
    match written {
        // Clients refuse a symbol without a name.
        "" => symbol.kind.keyword().to_owned(),
        written => written.to_owned(),
    }
}

/// What such an item looks like in a list.
fn kind(kind: Kind) -> SymbolKind {
    match kind {
        Kind::Package | Kind::Use => SymbolKind::PACKAGE,
        Kind::Connection => SymbolKind::INTERFACE,
        Kind::Group => SymbolKind::CLASS,
        Kind::Predicate => SymbolKind::FUNCTION,
        Kind::Class => SymbolKind::STRUCT,
        Kind::Rule => SymbolKind::METHOD,
        Kind::Exception => SymbolKind::METHOD,
        Kind::Schedule => SymbolKind::CONSTANT,
        Kind::Test => SymbolKind::EVENT,
    }
}

fn fits(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query
        .chars()
        .flat_map(char::to_lowercase)
        .all(|wanted| letters.any(|letter| letter == wanted))
}
