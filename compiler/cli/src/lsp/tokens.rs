//! Colours by meaning: what each word is, for editors that colour by it.

use hpol_hir::navigate::{Kind, Mention, Role};
use lsp_types::{
    SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensLegend,
    SemanticTokensParams, SemanticTokensRangeParams, SemanticTokensRangeResult,
    SemanticTokensResult,
};

use super::refusal::Refusal;
use super::view::View;

const TYPES: &[SemanticTokenType] = &[
    SemanticTokenType::KEYWORD,
    SemanticTokenType::OPERATOR,
    SemanticTokenType::COMMENT,
    SemanticTokenType::STRING,
    SemanticTokenType::NUMBER,
    SemanticTokenType::NAMESPACE,
    SemanticTokenType::INTERFACE,
    SemanticTokenType::CLASS,
    SemanticTokenType::FUNCTION,
    SemanticTokenType::STRUCT,
    SemanticTokenType::METHOD,
    SemanticTokenType::PROPERTY,
    SemanticTokenType::ENUM_MEMBER,
    SemanticTokenType::PARAMETER,
    SemanticTokenType::DECORATOR,
    SemanticTokenType::TYPE,
];

const MODIFIERS: &[SemanticTokenModifier] = &[
    SemanticTokenModifier::DECLARATION,
    SemanticTokenModifier::DOCUMENTATION,
];
const DECLARATION: u32 = 1;
const DOCUMENTATION: u32 = 2;

/// The kinds of words, in the order in which answers count them.
pub(crate) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: TYPES.to_vec(),
        token_modifiers: MODIFIERS.to_vec(),
    }
}

/// Answers `textDocument/semanticTokens/full`.
pub(crate) fn full(
    view: &View,
    _: &SemanticTokensParams,
) -> Result<Option<SemanticTokensResult>, Refusal> {
    Ok(Some(SemanticTokensResult::Tokens(tokens(view, None))))
}

/// Answers `textDocument/semanticTokens/range`.
pub(crate) fn range(
    view: &View,
    params: &SemanticTokensRangeParams,
) -> Result<Option<SemanticTokensRangeResult>, Refusal> {
    Ok(Some(SemanticTokensRangeResult::Tokens(tokens(
        view,
        Some(params.range),
    ))))
}

fn tokens(view: &View, range: Option<lsp_types::Range>) -> SemanticTokens {
    let lines = view.lines();
    let asked = range.map(|range| lines.bytes(range));
    let (mut line, mut column) = (0, 0);
    let mut data = Vec::new();
    for mention in view.workspace.mentions(&view.file) {
        let outside = asked.as_ref().is_some_and(|asked| {
            (mention.span.end as usize) < asked.start || mention.span.start as usize > asked.end
        });
        let Some((ty, modifiers)) = (!outside).then(|| kind(view, mention)).flatten() else {
            continue;
        };
        let place = lines.span(mention.span);
        // A token stands on one line (LSP 3.17, "Semantic Tokens").
        let Some(index) = TYPES
            .iter()
            .position(|known| *known == ty)
            .filter(|_| place.start.line == place.end.line)
        else {
            continue;
        };
        let below = place.start.line - line;
        data.push(SemanticToken {
            delta_line: below,
            delta_start: if below == 0 {
                place.start.character - column
            } else {
                place.start.character
            },
            length: place.end.character - place.start.character,
            token_type: u32::try_from(index).unwrap_or(0),
            token_modifiers_bitset: modifiers,
        });
        (line, column) = (place.start.line, place.start.character);
    }
    SemanticTokens {
        result_id: None,
        data,
    }
}

fn kind(view: &View, mention: Mention) -> Option<(SemanticTokenType, u32)> {
    let plain = |ty: SemanticTokenType| Some((ty, 0));
    match mention.role {
        Role::Keyword | Role::Baseline => plain(SemanticTokenType::KEYWORD),
        Role::Operator => plain(SemanticTokenType::OPERATOR),
        Role::Doc => Some((SemanticTokenType::COMMENT, DOCUMENTATION)),
        Role::Text => plain(SemanticTokenType::STRING),
        Role::Number => plain(SemanticTokenType::NUMBER),
        Role::Package => plain(SemanticTokenType::NAMESPACE),
        Role::Connection => plain(SemanticTokenType::INTERFACE),
        Role::Approvers => plain(SemanticTokenType::CLASS),
        Role::Class => plain(SemanticTokenType::STRUCT),
        Role::Rule | Role::Exception | Role::Schedule => plain(SemanticTokenType::METHOD),
        Role::Value | Role::Method | Role::Place => plain(SemanticTokenType::ENUM_MEMBER),
        Role::Parameter => Some((SemanticTokenType::PARAMETER, DECLARATION)),
        Role::Control => plain(SemanticTokenType::DECORATOR),
        Role::Protocol | Role::Detector => plain(SemanticTokenType::TYPE),
        Role::Declared => {
            let offset = mention.span.start as usize;
            let item = view.workspace.kind_at(&view.file, offset)?;
            Some((declared(item), DECLARATION))
        }
        Role::Operand => {
            let word = mention.span.of(view.text());
            if view.workspace.vocabulary().lookup(word).is_some() {
                return plain(SemanticTokenType::PROPERTY);
            }
            match view.workspace.condition_kind(&view.file, mention) {
                Some(Kind::Predicate) => plain(SemanticTokenType::FUNCTION),
                _ => plain(SemanticTokenType::CLASS),
            }
        }
        Role::Unknown => None,
    }
}

fn declared(kind: Kind) -> SemanticTokenType {
    match kind {
        Kind::Package | Kind::Use => SemanticTokenType::NAMESPACE,
        Kind::Connection => SemanticTokenType::INTERFACE,
        Kind::Group => SemanticTokenType::CLASS,
        Kind::Predicate => SemanticTokenType::FUNCTION,
        Kind::Class => SemanticTokenType::STRUCT,
        Kind::Rule | Kind::Exception | Kind::Schedule | Kind::Test => SemanticTokenType::METHOD,
    }
}
