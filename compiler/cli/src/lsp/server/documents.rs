//! What the editor tells of its files and folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::{
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, TextDocumentContentChangeEvent, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::dependencies;
use crate::exit::Failure;
use crate::lsp::position::Lines;
use crate::lsp::uri;

use super::Server;

/// A file that the editor has open.
#[derive(Debug)]
pub(super) struct Document {
    /// As the editor writes it.
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) text: String,
}

impl Server {
    /// Takes a notification about files or folders; others are none of ours.
    pub(super) fn document(&mut self, method: &str, params: Value) -> Result<(), Failure> {
        match method {
            "textDocument/didOpen" => self.with(method, params, Server::opened),
            "textDocument/didChange" => self.with(method, params, Server::edited),
            "textDocument/didClose" => self.with(method, params, Server::closed),
            "workspace/didChangeWatchedFiles" => self.with(method, params, Server::changed_on_disk),
            "workspace/didChangeWorkspaceFolders" => self.folders_changed(&params),
            _ => Ok(()),
        }
    }

    fn with<P: DeserializeOwned>(
        &mut self,
        method: &str,
        params: Value,
        take: fn(&mut Server, P) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match serde_json::from_value(params) {
            Ok(params) => take(self, params),
            Err(fault) => self.complain(vec![format!("`{method}` was passed over: {fault}")]),
        }
    }

    fn opened(&mut self, params: DidOpenTextDocumentParams) -> Result<(), Failure> {
        let document = params.text_document;
        let name = uri::name(&document.uri);
        self.projects.set(&name, &document.text);
        let (uri, version, text) = (document.uri, document.version, document.text);
        self.open.insert(name, Document { uri, version, text });
        self.opened_are_others();
        Ok(())
    }

    fn edited(&mut self, params: DidChangeTextDocumentParams) -> Result<(), Failure> {
        let name = uri::name(&params.text_document.uri);
        let Some(document) = self.open.get_mut(&name) else {
            return self.complain(vec![format!("`{name}` was changed and is not open")]);
        };
        for change in params.content_changes {
            document.apply(change);
        }
        document.version = params.text_document.version;
        self.projects.set(&name, &document.text);
        Ok(())
    }

    fn closed(&mut self, params: DidCloseTextDocumentParams) -> Result<(), Failure> {
        let name = uri::name(&params.text_document.uri);
        self.open.remove(&name);
        self.opened_are_others();
        let complaint = self.projects.read_again(&name);
        self.complain(complaint.into_iter().collect())
    }

    fn changed_on_disk(&mut self, params: DidChangeWatchedFilesParams) -> Result<(), Failure> {
        for change in params.changes {
            let name = uri::name(&change.uri);
            let path = Path::new(&name);
            let complaints = if path
                .file_name()
                .is_some_and(|file| file == dependencies::PROJECT)
            {
                let open = self.open_texts();
                self.projects.reload(path, &open)
            } else if self.open.contains_key(&name) {
                Vec::new()
            } else {
                self.projects.read_again(&name).into_iter().collect()
            };
            self.complain(complaints)?;
        }
        self.ask_again()
    }

    fn folders_changed(&mut self, params: &Value) -> Result<(), Failure> {
        for folder in folders(params.pointer("/event/removed")) {
            for file in self.projects.remove_folder(&folder) {
                self.tell(&file, &[])?;
            }
        }
        for folder in folders(params.pointer("/event/added")) {
            let open = self.open_texts();
            let complaints = self.projects.add_folder(&folder, &open);
            self.complain(complaints)?;
        }
        self.ask_again()
    }

    /// Has a client that asks for diagnostics ask again.
    fn ask_again(&mut self) -> Result<(), Failure> {
        match self.client.pulls && self.client.refreshes {
            true => self.call("workspace/diagnostic/refresh", json!(null)),
            false => Ok(()),
        }
    }

    fn open_texts(&self) -> BTreeMap<String, String> {
        let texts = self
            .open
            .iter()
            .map(|(name, document)| (name.clone(), document.text.clone()));
        texts.collect()
    }

    fn opened_are_others(&mut self) {
        let uris = self
            .open
            .iter()
            .map(|(name, document)| (name.clone(), document.uri.clone()));
        self.open_uris = Arc::new(uris.collect());
    }
}

impl Document {
    fn apply(&mut self, change: TextDocumentContentChangeEvent) {
        match change.range {
            None => self.text = change.text,
            Some(range) => {
                let bytes = Lines::new(&self.text).bytes(range);
                self.text.replace_range(bytes, &change.text);
            }
        }
    }
}

/// The paths of a list of folders.
pub(super) fn folders(list: Option<&Value>) -> Vec<PathBuf> {
    let list = list
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|folder| path_of(folder.get("uri")?))
        .collect()
}

/// The path that a URI names.
pub(super) fn path_of(uri: &Value) -> Option<PathBuf> {
    uri::path(&uri.as_str()?.parse().ok()?)
}
