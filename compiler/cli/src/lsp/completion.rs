//! What can be written at a place: words of the language, names, facts, their values, and controls by number and title.

mod snippets;

use hpol_bundle::vocabulary::{Derived, Fact, FactType, Phase, Scalar};
use hpol_hir::navigate::{Expected, Kind, Role, Symbol};
use hpol_syntax::words;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionParams, CompletionResponse, CompletionTextEdit,
    Documentation, InsertTextFormat, TextEdit,
};

use super::hover;
use super::refusal::Refusal;
use super::view::View;

/// The place that is completed.
struct Place<'v> {
    view: &'v View,
    /// What the completion replaces.
    range: lsp_types::Range,
    offset: usize,
}

/// Answers `textDocument/completion`.
pub(crate) fn completion(
    view: &View,
    params: &CompletionParams,
) -> Result<Option<CompletionResponse>, Refusal> {
    let lines = view.lines();
    let offset = lines.offset(params.text_document_position.position);
    let Some((expected, word)) = view.workspace.expected(&view.file, offset) else {
        return Ok(None);
    };
    let place = Place {
        view,
        range: lines.range(word),
        offset,
    };
    Ok(Some(CompletionResponse::Array(place.items(expected))))
}

impl Place<'_> {
    fn items(&self, expected: Expected) -> Vec<CompletionItem> {
        match expected {
            Expected::Item => snippets::ITEMS
                .iter()
                .map(|(word, text)| self.snippet(word, text))
                .collect(),
            Expected::Clause(keyword) => self.clauses(keyword),
            Expected::Words(list) => list.iter().map(|word| self.keyword(word)).collect(),
            Expected::Connection => self.names(Role::Connection),
            Expected::Approvers => self.names(Role::Approvers),
            Expected::Class => self.names(Role::Class),
            Expected::Rule => {
                let built_in = ["default_deny", "gateway"].map(|word| self.keyword(word));
                self.names(Role::Rule).into_iter().chain(built_in).collect()
            }
            Expected::Exception => self.names(Role::Exception),
            Expected::Schedule => self.names(Role::Schedule),
            Expected::Package => {
                let catalogue = self.plain("nist.sp800_53r5", CompletionItemKind::MODULE);
                std::iter::once(catalogue)
                    .chain(self.names(Role::Package))
                    .collect()
            }
            Expected::Control => self.controls(),
            Expected::Protocol => {
                let protocols = hpol_bundle::vocabulary::Protocol::ALL.into_iter();
                protocols
                    .map(|protocol| self.plain(protocol.as_str(), CompletionItemKind::ENUM_MEMBER))
                    .collect()
            }
            Expected::Detector => {
                let detectors = hpol_hir::DETECTORS.iter();
                detectors
                    .map(|word| self.plain(word, CompletionItemKind::ENUM_MEMBER))
                    .collect()
            }
            Expected::Method => {
                let methods = self
                    .view
                    .workspace
                    .vocabulary()
                    .words("http_method")
                    .unwrap_or(&[])
                    .iter();
                methods
                    .map(|word| self.plain(word, CompletionItemKind::ENUM_MEMBER))
                    .collect()
            }
            Expected::Condition { subject } => self.conditions(subject),
            Expected::Test { of } => self.tests(of),
            Expected::Value {
                of,
                argument,
                listed,
            } => self.values(of, argument, listed),
            Expected::Joint(keyword) => {
                let joints = ["and", "or"].map(|word| self.keyword(word));
                joints.into_iter().chain(self.clauses(keyword)).collect()
            }
            Expected::Free => Vec::new(),
        }
    }

    fn clauses(&self, keyword: &str) -> Vec<CompletionItem> {
        words::clauses(keyword)
            .iter()
            .filter(|word| !words::FOREIGN_CLAUSES.contains(word))
            .map(|word| self.keyword(word))
            .collect()
    }

    /// Facts, groups and predicates.
    fn conditions(&self, subject: bool) -> Vec<CompletionItem> {
        let protocols = self.view.workspace.protocols(&self.view.file, self.offset);
        let vocabulary = self.view.workspace.vocabulary();
        let fits = |fact: &&Fact| match fact.protocol {
            Some(protocol) => !subject && (protocols.is_empty() || protocols.contains(&protocol)),
            None => !subject || fact.name.starts_with("subject."),
        };
        let facts = vocabulary
            .iter()
            .map(|(_, fact)| fact)
            // Schedules are offered behind `during`.
            .filter(|fact| !matches!(fact.derived, Some(Derived::During(_))))
            .filter(fits)
            .map(|fact| self.fact(fact));
        let keywords: &[&str] = if subject {
            &["everyone", "not"]
        } else {
            &[
                "not", "has", "during", "earlier", "never", "count", "sum", "distinct",
            ]
        };
        self.names(Role::Operand)
            .into_iter()
            .chain(facts)
            .chain(keywords.iter().map(|word| self.keyword(word)))
            .collect()
    }

    /// A fact; those that are known first stand first.
    fn fact(&self, fact: &Fact) -> CompletionItem {
        let phase = match fact.phase {
            Phase::Session => '1',
            Phase::Operation => '2',
            Phase::Result => '3',
        };
        CompletionItem {
            detail: Some(fact.ty.to_string()),
            documentation: Some(Documentation::MarkupContent(hover::markdown(hover::fact(
                fact,
                self.view.workspace.vocabulary(),
            )))),
            sort_text: Some(format!("{phase}{}", fact.name)),
            ..self.plain(&fact.name, CompletionItemKind::PROPERTY)
        }
    }

    /// The tests that fit the type of a fact.
    fn tests(&self, of: hpol_syntax::span::Span) -> Vec<CompletionItem> {
        let name = of.of(self.view.text());
        let Some((_, fact)) = self.view.workspace.vocabulary().lookup(name) else {
            return ["and", "or"].map(|word| self.keyword(word)).into();
        };
        let joints: &[&str] = match &fact.ty {
            FactType::Scalar(Scalar::Bool) => &["and", "or"],
            _ => &[],
        };
        let words = joints.iter().chain(hpol_hir::operators(&fact.ty));
        words.map(|word| self.keyword(word)).collect()
    }

    fn values(
        &self,
        of: hpol_syntax::span::Span,
        argument: Option<usize>,
        listed: bool,
    ) -> Vec<CompletionItem> {
        let name = of.of(self.view.text());
        let vocabulary = self.view.workspace.vocabulary();
        let fact = vocabulary.lookup(name).filter(|_| argument.is_none());
        let Some((_, fact)) = fact else {
            return Vec::new();
        };
        let mut items: Vec<CompletionItem> = match &fact.ty {
            FactType::Scalar(Scalar::Bool) => {
                ["true", "false"].map(|word| self.keyword(word)).into()
            }
            _ => {
                let words = hover::words(fact, vocabulary).unwrap_or(&[]).iter();
                words
                    .map(|word| self.plain(word, CompletionItemKind::ENUM_MEMBER))
                    .collect()
            }
        };
        if !listed && matches!(fact.ty, FactType::Set(_)) && self.before().ends_with("has") {
            items.extend(["any", "all"].map(|word| self.keyword(word)));
        }
        items
    }

    /// What stands before the word, without blanks.
    fn before(&self) -> &str {
        let before = self.view.text().get(..self.offset).unwrap_or("");
        before
            .trim_end_matches(|char: char| char.is_ascii_alphanumeric() || char == '_')
            .trim_end()
    }

    fn names(&self, role: Role) -> Vec<CompletionItem> {
        let visible = self.view.workspace.visible(&self.view.file, role);
        visible
            .iter()
            .map(|(written, symbol)| self.name(written, symbol))
            .collect()
    }

    fn name(&self, written: &str, symbol: &Symbol) -> CompletionItem {
        let kind = match symbol.kind {
            Kind::Package | Kind::Use => CompletionItemKind::MODULE,
            Kind::Connection => CompletionItemKind::INTERFACE,
            Kind::Group => CompletionItemKind::CLASS,
            Kind::Predicate => CompletionItemKind::FUNCTION,
            Kind::Class => CompletionItemKind::STRUCT,
            Kind::Schedule => CompletionItemKind::CONSTANT,
            Kind::Rule | Kind::Exception | Kind::Test => CompletionItemKind::METHOD,
        };
        CompletionItem {
            detail: Some(
                symbol
                    .title
                    .clone()
                    .unwrap_or_else(|| hover::word(symbol.kind).to_owned()),
            ),
            documentation: Some(Documentation::MarkupContent(hover::markdown(hover::item(
                symbol,
            )))),
            sort_text: Some(format!("0{written}")),
            ..self.plain(written, kind)
        }
    }

    /// Controls, found by number and by title.
    fn controls(&self) -> Vec<CompletionItem> {
        let active = self
            .view
            .workspace
            .catalogue()
            .iter()
            .filter(|control| !control.withdrawn);
        active
            .enumerate()
            .map(|(index, control)| {
                let id = control.id.to_string();
                CompletionItem {
                    detail: Some(control.title.to_owned()),
                    filter_text: Some(format!("{id} {}", control.title)),
                    sort_text: Some(format!("{index:04}")),
                    ..self.plain(&id, CompletionItemKind::REFERENCE)
                }
            })
            .collect()
    }

    fn keyword(&self, word: &str) -> CompletionItem {
        CompletionItem {
            sort_text: Some(format!("9{word}")),
            ..self.plain(word, CompletionItemKind::KEYWORD)
        }
    }

    fn snippet(&self, word: &str, text: &str) -> CompletionItem {
        if !self.view.snippets {
            return self.keyword(word);
        }
        CompletionItem {
            kind: Some(CompletionItemKind::SNIPPET),
            insert_text_format: Some(InsertTextFormat::SNIPPET),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(
                self.range,
                text.to_owned(),
            ))),
            ..self.keyword(word)
        }
    }

    fn plain(&self, label: &str, kind: CompletionItemKind) -> CompletionItem {
        CompletionItem {
            label: label.to_owned(),
            kind: Some(kind),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(
                self.range,
                label.to_owned(),
            ))),
            ..CompletionItem::default()
        }
    }
}
