//! What is wrong, for the protocol: pushed after each change to clients that do not ask, and answered to those that do.

use std::collections::BTreeMap;

use hpol_hir::{Code, Severity};
use lsp_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity,
    DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, NumberOrString, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
    WorkspaceDiagnosticParams, WorkspaceDocumentDiagnosticReport,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};
use serde_json::json;

use super::position::Lines;
use super::refusal::Refusal;
use super::view::View;

/// What is wrong with a policy, by file. Files with nothing are left out.
pub(crate) type ByFile = BTreeMap<String, Vec<Diagnostic>>;

/// Answers `textDocument/diagnostic`.
pub(crate) fn of_file(
    view: &View,
    params: &DocumentDiagnosticParams,
) -> Result<DocumentDiagnosticReportResult, Refusal> {
    let items = by_file(view, Some(&view.file))
        .remove(&view.file)
        .unwrap_or_default();
    let result_id = digest(&items);
    let report = if params.previous_result_id.as_ref() == Some(&result_id) {
        let unchanged_document_diagnostic_report = UnchangedDocumentDiagnosticReport { result_id };
        DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report,
        })
    } else {
        let full_document_diagnostic_report = FullDocumentDiagnosticReport {
            result_id: Some(result_id),
            items,
        };
        DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
            related_documents: None,
            full_document_diagnostic_report,
        })
    };
    Ok(DocumentDiagnosticReportResult::Report(report))
}

/// The part of the answer to `workspace/diagnostic` that one policy gives.
pub(crate) fn of_all(
    view: &View,
    params: &WorkspaceDiagnosticParams,
) -> Vec<WorkspaceDocumentDiagnosticReport> {
    let mut found = by_file(view, None);
    let mut reports = Vec::new();
    for file in view.workspace.files() {
        let items = found.remove(file).unwrap_or_default();
        let Some(uri) = view.uri(file) else { continue };
        let result_id = digest(&items);
        let known = params
            .previous_result_ids
            .iter()
            .find(|known| known.uri == uri);
        reports.push(match known {
            Some(known) if known.value == result_id => {
                WorkspaceDocumentDiagnosticReport::Unchanged(
                    WorkspaceUnchangedDocumentDiagnosticReport {
                        uri,
                        version: None,
                        unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport {
                            result_id,
                        },
                    },
                )
            }
            _ => WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                uri,
                version: None,
                full_document_diagnostic_report: FullDocumentDiagnosticReport {
                    result_id: Some(result_id),
                    items,
                },
            }),
        });
    }
    reports
}

/// What is wrong with the policy, or with one of its files.
pub(crate) fn by_file(view: &View, only: Option<&str>) -> ByFile {
    let mut found = ByFile::new();
    let mut lines: BTreeMap<String, Lines<'_>> = BTreeMap::new();
    for diagnostic in view.workspace.diagnostics() {
        let Some(first) = diagnostic.labels.first() else {
            continue;
        };
        if only.is_some_and(|only| only != first.file) {
            continue;
        }
        for label in &diagnostic.labels {
            if let (false, Some(text)) = (
                lines.contains_key(&label.file),
                view.workspace.text(&label.file),
            ) {
                lines.insert(label.file.clone(), Lines::new(text));
            }
        }
        if let Some(shown) = shown(view, &lines, &diagnostic) {
            found.entry(first.file.clone()).or_default().push(shown);
        }
    }
    found
}

/// The address of the page of a code; the editor's extension shows it.
pub(crate) fn page(code: Code) -> Option<Uri> {
    format!("hpol-explain:/{code}.md").parse().ok()
}

fn shown(
    view: &View,
    lines: &BTreeMap<String, Lines<'_>>,
    diagnostic: &hpol_hir::Diagnostic,
) -> Option<Diagnostic> {
    let (first, others) = diagnostic.labels.split_first()?;
    let range = lines.get(&first.file)?.range(first.span.clone());
    let related = others.iter().filter_map(|label| {
        Some(DiagnosticRelatedInformation {
            location: lsp_types::Location::new(
                view.uri(&label.file)?,
                lines.get(&label.file)?.range(label.span.clone()),
            ),
            message: label.text.clone(),
        })
    });
    let related: Vec<DiagnosticRelatedInformation> = related.collect();
    let message = match &diagnostic.help {
        Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    Some(Diagnostic {
        range,
        severity: Some(match diagnostic.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(diagnostic.code.as_str().to_owned())),
        code_description: view
            .explains
            .then(|| page(diagnostic.code))
            .flatten()
            .map(|href| CodeDescription { href }),
        source: Some("hpol".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: None,
        data: Some(
            json!({ "label": first.text, "help": diagnostic.help, "fixed": !diagnostic.fix.is_empty() }),
        ),
    })
}

/// Names a state of the diagnostics of one file.
fn digest(items: &[Diagnostic]) -> String {
    let text = serde_json::to_vec(items).unwrap_or_default();
    hpol_bundle::digest::hex(&hpol_bundle::digest::sha256(&text))
}
