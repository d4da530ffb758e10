//! What a question is asked about: one state of the policy, and the file that it concerns.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_hir::navigate::{Mention, Place};
use hpol_hir::{Edit, Workspace};
use lsp_types::{Location, TextEdit, Uri, WorkspaceEdit};

use super::position::Lines;
use super::uri;

/// How the client itself wrote the URIs of the files that it has open, by the workspace's names.
pub(crate) type OpenUris = Arc<BTreeMap<String, Uri>>;

/// One state of a policy, and a file of it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) workspace: Workspace,
    pub(crate) file: String,
    pub(crate) open: OpenUris,
    /// Whether the client puts the cursor into what it inserts.
    pub(crate) snippets: bool,
    /// Whether the client opens `hpol-explain:` addresses.
    pub(crate) explains: bool,
}

impl View {
    /// The text of the file.
    pub(crate) fn text(&self) -> &str {
        self.workspace.text(&self.file).unwrap_or("")
    }

    pub(crate) fn lines(&self) -> Lines<'_> {
        Lines::new(self.text())
    }

    /// The word at a position of the file, and the byte that the position is.
    pub(crate) fn mention(&self, position: lsp_types::Position) -> Option<Mention> {
        self.workspace
            .mention_at(&self.file, self.lines().offset(position))
    }

    pub(crate) fn uri(&self, file: &str) -> Option<Uri> {
        self.open.get(file).cloned().or_else(|| uri::uri(file))
    }

    pub(crate) fn location(&self, file: &str, bytes: std::ops::Range<usize>) -> Option<Location> {
        let lines = Lines::new(self.workspace.text(file)?);
        Some(Location::new(self.uri(file)?, lines.range(bytes)))
    }

    /// The places, the lines of each file counted once.
    pub(crate) fn locations(&self, places: &[Place]) -> Vec<Location> {
        let mut lines: BTreeMap<&str, Lines<'_>> = BTreeMap::new();
        let mut located = Vec::with_capacity(places.len());
        for place in places {
            let (Some(text), Some(uri)) = (self.workspace.text(&place.file), self.uri(&place.file))
            else {
                continue;
            };
            let lines = lines.entry(&place.file).or_insert_with(|| Lines::new(text));
            located.push(Location::new(uri, lines.range(place.span.clone())));
        }
        located
    }

    /// The edits of files as the protocol has them.
    #[expect(
        clippy::mutable_key_type,
        reason = "lsp-types keys changes by its own URI type, which nothing changes here"
    )]
    pub(crate) fn changes(&self, edits: &[Edit]) -> WorkspaceEdit {
        let mut changes: std::collections::HashMap<Uri, Vec<TextEdit>> =
            std::collections::HashMap::new();
        let mut lines: BTreeMap<&str, Lines<'_>> = BTreeMap::new();
        for edit in edits {
            let (Some(text), Some(uri)) = (self.workspace.text(&edit.file), self.uri(&edit.file))
            else {
                continue;
            };
            let lines = lines
                .entry(edit.file.as_str())
                .or_insert_with(|| Lines::new(text));
            let change = TextEdit::new(lines.range(edit.span.clone()), edit.text.clone());
            changes.entry(uri).or_default().push(change);
        }
        WorkspaceEdit::new(changes)
    }
}
