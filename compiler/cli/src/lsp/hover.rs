//! What a word is, where the pointer rests on it.

use std::fmt::Write;

use hpol_bundle::policy::Claim;
use hpol_bundle::vocabulary::{Fact, FactType, Phase, Scalar, Vocabulary};
use hpol_hir::ControlId;
use hpol_hir::navigate::{Kind, Meaning, Mention, Role, Symbol};
use lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::refusal::Refusal;
use super::view::View;

/// Lines of an item that are shown.
const MAX_LINES: usize = 16;

/// Answers `textDocument/hover`.
pub(crate) fn hover(view: &View, params: &HoverParams) -> Result<Option<Hover>, Refusal> {
    let position = params.text_document_position_params.position;
    let shown = || {
        let mention = view.mention(position)?;
        let value = of_mention(view, mention)?;
        Some(Hover {
            contents: HoverContents::Markup(markdown(value)),
            range: Some(view.lines().span(mention.span)),
        })
    };
    Ok(shown())
}

pub(crate) fn markdown(value: String) -> MarkupContent {
    MarkupContent {
        kind: MarkupKind::Markdown,
        value,
    }
}

fn of_mention(view: &View, mention: Mention) -> Option<String> {
    let workspace = &view.workspace;
    if mention.role == Role::Keyword {
        return keyword(mention.span.of(view.text()));
    }
    Some(match workspace.meaning(&view.file, mention)? {
        Meaning::Item(symbol) => item(&symbol),
        Meaning::Fact(name) => fact(
            workspace.vocabulary().lookup(&name)?.1,
            workspace.vocabulary(),
        ),
        Meaning::Word { fact, word } => value(workspace.vocabulary().lookup(&fact)?.1, &word),
        Meaning::Control(id) => {
            let claims = workspace.claims(&view.file, mention.span.start as usize);
            control(
                view,
                id,
                claims.iter().find(|claim| claim.control == id.oscal()),
            )?
        }
        Meaning::Parameter { of, name } => {
            format!("`{name}`: a parameter of the predicate `{}`", of.name)
        }
    })
}

/// An item, as far as it says what it is.
pub(crate) fn item(symbol: &Symbol) -> String {
    let mut shown = String::new();
    let lines = symbol.text.lines().count();
    let text: Vec<&str> = symbol.text.lines().take(MAX_LINES).collect();
    let _ = write!(shown, "```hpol\n{}\n", text.join("\n"));
    if lines > MAX_LINES {
        shown.push_str("// ...\n");
    }
    shown.push_str("```\n");
    if !matches!(symbol.kind, Kind::Package | Kind::Use) {
        let _ = write!(shown, "\n{} `{}`\n", word(symbol.kind), symbol.name);
    }
    if !symbol.doc.is_empty() {
        let _ = write!(shown, "\n{}\n", symbol.doc);
    }
    shown
}

/// What an item is called.
pub(crate) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Class => "data class",
        kind => kind.keyword(),
    }
}

/// A fact: what it says, when it is known, and what it can be.
pub(crate) fn fact(fact: &Fact, vocabulary: &Vocabulary) -> String {
    let mut shown = format!("```hpol\n{}: {}\n```\n", fact.name, fact.ty);
    let phase = match fact.phase {
        Phase::Session => "known when the session opens",
        Phase::Operation => "known for each operation",
        Phase::Result => "known when there is a result",
    };
    let protocol = fact
        .protocol
        .map_or("any protocol", |protocol| protocol.as_str());
    let absent = if fact.optional { ", can be absent" } else { "" };
    let _ = write!(shown, "\n{}\n\n{protocol}, {phase}{absent}\n", fact.doc);
    if let Some(words) = words(fact, vocabulary) {
        let _ = write!(shown, "\nOne of `{}`\n", words.join("`, `"));
    }
    let _ = write!(shown, "\n```hpol\nwhen {}\n```\n", fact.example);
    shown
}

/// The words that a fact can be, if there is a list.
pub(crate) fn words<'v>(fact: &Fact, vocabulary: &'v Vocabulary) -> Option<&'v [String]> {
    let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
    match scalar {
        Scalar::Enum(list) => vocabulary.words(list),
        _ => None,
    }
}

fn value(fact: &Fact, word: &str) -> String {
    format!("`{word}`: a value of `{}`\n\n{}\n", fact.name, fact.doc)
}

/// A control: its title and baselines, and what stands behind the claim, or could.
pub(crate) fn control(view: &View, id: ControlId, claim: Option<&Claim>) -> Option<String> {
    let control = view.workspace.control(id)?;
    let mut shown = format!("**{id}** {}\n", control.title);
    if control.withdrawn {
        let moved: Vec<String> = control
            .moved_to
            .iter()
            .map(|id| format!("`{id}`"))
            .collect();
        let _ = match moved.is_empty() {
            true => write!(shown, "\nwithdrawn\n"),
            false => write!(shown, "\nwithdrawn; now in {}\n", moved.join(", ")),
        };
    }
    let baselines: Vec<&str> = [
        (control.low, "low"),
        (control.moderate, "moderate"),
        (control.high, "high"),
        (control.privacy, "privacy"),
    ]
    .into_iter()
    .filter_map(|(holds, name)| holds.then_some(name))
    .collect();
    let _ = match baselines.is_empty() {
        true => write!(shown, "\nin no baseline\n"),
        false => write!(shown, "\nbaselines: {}\n", baselines.join(", ")),
    };
    match claim {
        Some(claim) => claimed(view, id, claim, &mut shown),
        None => able(view, id, &mut shown),
    }
    Some(shown)
}

/// What stands behind a claim.
fn claimed(view: &View, id: ControlId, claim: &Claim, shown: &mut String) {
    let table = view.workspace.mechanisms();
    if let Some(because) = &claim.because {
        let _ = write!(
            shown,
            "\nThis rule claims it with a reason of its own: {because}\n"
        );
        return;
    }
    let strength = claim.strength.as_str();
    let name = table
        .get(&claim.mechanism)
        .map_or(claim.mechanism.as_str(), |mechanism| mechanism.name);
    let _ = write!(shown, "\nThis rule **{strength}** it by *{name}*\n");
    if let Some(mapping) = table.claim(&claim.mechanism, &id) {
        let _ = write!(
            shown,
            "\n{}\n\nShown by: {}\n",
            mapping.rationale, mapping.artefact
        );
    }
}

/// Which mechanisms could carry a claim.
fn able(view: &View, id: ControlId, shown: &mut String) {
    let table = view.workspace.mechanisms();
    let mut lines: Vec<String> = table
        .for_control(&id)
        .filter_map(|mapping| {
            let name = table.get(mapping.mechanism)?.name;
            Some(format!("- {} by *{name}*\n", mapping.strength.as_str()))
        })
        .collect();
    lines.sort();
    if !lines.is_empty() {
        let _ = write!(shown, "\nThe gateway\n{}", lines.concat());
    }
}

/// The first paragraph of the page of a construct.
fn keyword(word: &str) -> Option<String> {
    let page = page(word)?;
    let mut parts = page
        .split("\n\n")
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let title = parts.next()?.trim_start_matches('#').trim();
    let prose = |part: &&str| !part.starts_with("```") && !part.starts_with('|');
    let first = parts.find(prose).unwrap_or("");
    Some(format!("**{title}**\n\n{first}\n"))
}

/// The page of the construct that a word begins.
fn page(word: &str) -> Option<&'static str> {
    Some(match word {
        "package" | "use" => include_str!("../../../../lang-spec/constructs/file.md"),
        "connection" => include_str!("../../../../lang-spec/constructs/connection.md"),
        "group" => include_str!("../../../../lang-spec/constructs/group.md"),
        "predicate" => include_str!("../../../../lang-spec/constructs/predicate.md"),
        "data" => include_str!("../../../../lang-spec/constructs/data.md"),
        "responsibility" => include_str!("../../../../lang-spec/constructs/responsibility.md"),
        "schedule" => include_str!("../../../../lang-spec/constructs/schedule.md"),
        "rule" => include_str!("../../../../lang-spec/constructs/rule.md"),
        "exception" => include_str!("../../../../lang-spec/constructs/exception.md"),
        "test" => include_str!("../../../../lang-spec/constructs/test.md"),
        "satisfies" => include_str!("../../../../lang-spec/constructs/satisfies.md"),
        "when" | "unless" => include_str!("../../../../lang-spec/constructs/condition.md"),
        "allow" => include_str!("../../../../lang-spec/constructs/allow.md"),
        "block" => include_str!("../../../../lang-spec/constructs/block.md"),
        "require" => {
            include_str!("../../../../lang-spec/constructs/require-approval.md")
        }
        "justification" => {
            include_str!("../../../../lang-spec/constructs/require-justification.md")
        }
        "mask" => include_str!("../../../../lang-spec/constructs/mask.md"),
        "limit" => include_str!("../../../../lang-spec/constructs/limit.md"),
        "observe" => include_str!("../../../../lang-spec/constructs/observe.md"),
        _ => return None,
    })
}
