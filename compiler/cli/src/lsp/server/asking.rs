//! Hands the client's questions to the workers, each with a snapshot of what it is about.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lsp_types::request::{
    ExecuteCommand, Request, WorkspaceDiagnosticRequest, WorkspaceSymbolRequest,
};
use lsp_types::{
    ExecuteCommandParams, Uri, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult,
    WorkspaceSymbolResponse,
};
use serde_json::Value;

use crate::lsp::commands::{self, Done};
use crate::lsp::questions::{self, answer};
use crate::lsp::refusal::Refusal;
use crate::lsp::view::View;
use crate::lsp::{diagnostics, symbols, uri};

use super::{Event, Server};

/// An answer, and what the user is told besides.
type Told = (Value, Option<(bool, String)>);

impl Server {
    /// Has a question answered.
    ///
    /// # Errors
    /// If it is none, or about nothing.
    pub(super) fn ask(&mut self, id: &Value, method: &str, params: Value) -> Result<(), Refusal> {
        match method {
            WorkspaceSymbolRequest::METHOD => {
                let views = self.views();
                self.submit(id, move || of_all_symbols(&views, params));
            }
            WorkspaceDiagnosticRequest::METHOD => {
                let views = self.views();
                self.submit(id, move || of_all_diagnostics(&views, params));
            }
            ExecuteCommand::METHOD => return self.execute(id, params),
            _ => {
                let question =
                    questions::of_file(method).ok_or_else(|| Refusal::UnknownMethod {
                        method: method.to_owned(),
                    })?;
                let uri = params
                    .pointer("/textDocument/uri")
                    .and_then(Value::as_str)
                    .unwrap_or("");
                let view = self.view(uri)?;
                self.submit(id, move || Ok((question(&view, params)?, None)));
            }
        }
        Ok(())
    }

    fn execute(&mut self, id: &Value, params: Value) -> Result<(), Refusal> {
        let ExecuteCommandParams {
            command, arguments, ..
        } = serde_json::from_value(params).map_err(|fault| Refusal::Parameters {
            method: ExecuteCommand::METHOD.to_owned(),
            why: fault.to_string(),
        })?;
        let arguments: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
        let (uri, argument) = match (command.as_str(), arguments.as_slice()) {
            (commands::EXPLAIN, [code]) => {
                let code = (*code).to_owned();
                let quiet = self.client.explains;
                self.submit(id, move || {
                    let done =
                        commands::explain(&code, quiet).ok_or(Refusal::Command { command })?;
                    Ok((done.result, done.message))
                });
                return Ok(());
            }
            (_, [uri, argument]) => (*uri, (*argument).to_owned()),
            _ => return Err(Refusal::Command { command }),
        };
        let view = self.view(uri)?;
        self.submit(id, move || {
            let Done { result, message } =
                commands::run(&view.workspace, &command, &view.file, &argument)?;
            Ok((result, message))
        });
        Ok(())
    }

    fn submit(
        &mut self,
        id: &Value,
        work: impl FnOnce() -> Result<Told, Refusal> + Send + 'static,
    ) {
        let taken_back = Arc::new(AtomicBool::new(false));
        self.pending.insert(id.to_string(), Arc::clone(&taken_back));
        let (id, events) = (id.clone(), self.events.clone());
        self.workers.submit(Box::new(move || {
            let told = match taken_back.load(Ordering::Relaxed) {
                true => Err(Refusal::TakenBack),
                false => attempt(work),
            };
            let told = match taken_back.load(Ordering::Relaxed) {
                true => Err(Refusal::TakenBack),
                false => told,
            };
            let (result, message) = match told {
                Ok((result, message)) => (Ok(result), message),
                Err(refusal) => (Err(refusal), None),
            };
            let _ = events.send(Event::Answered {
                id,
                result,
                message,
            });
        }));
    }

    /// The policy that a file belongs to, as it is now.
    fn view(&mut self, address: &str) -> Result<View, Refusal> {
        let unknown = || Refusal::UnknownFile {
            uri: address.to_owned(),
        };
        let file = address
            .parse::<Uri>()
            .map(|uri| uri::name(&uri))
            .map_err(|_| unknown())?;
        let project = self.projects.of(&file).ok_or_else(unknown)?;
        project.workspace.text(&file).ok_or_else(unknown)?;
        let workspace = project.workspace.clone();
        Ok(self.view_of(workspace, file))
    }

    fn views(&self) -> Vec<View> {
        let workspaces = self
            .projects
            .iter()
            .map(|(_, project)| project.workspace.clone());
        workspaces
            .map(|workspace| self.view_of(workspace, String::new()))
            .collect()
    }

    fn view_of(&self, workspace: hpol_hir::Workspace, file: String) -> View {
        View {
            workspace,
            file,
            open: Arc::clone(&self.open_uris),
            snippets: self.client.snippets,
            explains: self.client.explains,
        }
    }
}

/// Does `work` unless an edit comes in between. A fault is answered, and ends nothing else.
fn attempt(work: impl FnOnce() -> Result<Told, Refusal>) -> Result<Told, Refusal> {
    match catch_unwind(AssertUnwindSafe(|| hpol_hir::attempt(work))) {
        Ok(Ok(told)) => told,
        Ok(Err(cancelled)) => Err(cancelled.into()),
        Err(_) => Err(Refusal::Fault),
    }
}

fn of_all_symbols(views: &[View], params: Value) -> Result<Told, Refusal> {
    let found = answer::<WorkspaceSymbolRequest>(params, |params| {
        let found = views
            .iter()
            .flat_map(|view| symbols::of_all(view, &params.query));
        Ok(Some(WorkspaceSymbolResponse::Flat(found.collect())))
    })?;
    Ok((found, None))
}

fn of_all_diagnostics(views: &[View], params: Value) -> Result<Told, Refusal> {
    let found = answer::<WorkspaceDiagnosticRequest>(params, |params| {
        let items = views
            .iter()
            .flat_map(|view| diagnostics::of_all(view, params))
            .collect();
        Ok(WorkspaceDiagnosticReportResult::Report(
            WorkspaceDiagnosticReport { items },
        ))
    })?;
    Ok((found, None))
}
