//! Titles of controls behind their numbers.

use hpol_hir::navigate::{Meaning, Role};
use lsp_types::{InlayHint, InlayHintLabel, InlayHintParams};

use super::refusal::Refusal;
use super::view::View;

/// Characters of a title that are shown; the rest is in the hover.
const MAX_TITLE: usize = 40;

/// Answers `textDocument/inlayHint`.
pub(crate) fn hints(
    view: &View,
    params: &InlayHintParams,
) -> Result<Option<Vec<InlayHint>>, Refusal> {
    let lines = view.lines();
    let asked = lines.bytes(params.range);
    let mentions = view.workspace.mentions(&view.file).into_iter();
    let shown = mentions.filter(|mention| {
        mention.role == Role::Control
            && asked.start <= mention.span.start as usize
            && mention.span.end as usize <= asked.end
    });
    let hints = shown.filter_map(|mention| {
        let Some(Meaning::Control(id)) = view.workspace.meaning(&view.file, mention) else {
            return None;
        };
        let title = view.workspace.control(id)?.title;
        Some(InlayHint {
            position: lines.position(mention.span.end as usize),
            label: InlayHintLabel::String(short(title)),
            kind: None,
            text_edits: None,
            tooltip: None,
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
    });
    Ok(Some(hints.collect()))
}

fn short(title: &str) -> String {
    // The part behind the bar is the enhancement's own.
    let title = title.rsplit(" | ").next().unwrap_or(title);
    if title.chars().count() <= MAX_TITLE {
        return title.to_owned();
    }
    let cut: String = title.chars().take(MAX_TITLE).collect();
    format!("{}…", cut.trim_end())
}
