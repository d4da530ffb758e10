//! `on connections where env == "prod"`: the connections of the whole policy that a rule names by their labels. They are found when
//! the policy is compiled; a bundle knows their targets only.

use std::collections::BTreeSet;

use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::{self, On, Selection};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::{Span, Spanned};
use hpol_syntax::words;

use super::Checker;
use super::rule::Connections;
use crate::symbols::{ConnectionSymbol, declared};

impl Checker<'_> {
    /// The connections with the labels that `selection` asks for, in whatever package they stand.
    pub(super) fn selected(&mut self, selection: &Selection, span: Span) -> Option<Connections> {
        let symbols = self.symbols();
        let all: Vec<(&str, &ConnectionSymbol)> = declared(&symbols.connections).collect();
        self.known_labels(selection, &all)?;
        let chosen = all
            .into_iter()
            .filter(|(_, symbol)| chooses(selection, symbol));
        let found: Connections = chosen
            .map(|(full, symbol)| {
                let written = Spanned {
                    node: full.to_owned(),
                    span,
                };
                (written, full.to_owned(), symbol.clone())
            })
            .collect();
        if found.is_empty() {
            let problem = Problem::new(
                Code::NoConnection,
                "no connection has these labels",
                span,
                "applies nowhere",
            );
            self.report(
                problem.help("name labels that a connection has, or the connections themselves"),
            );
            return None;
        }
        Some(found)
    }

    /// Of connections that labels choose, those that can have what a rule or an exception reads, and the limit that
    /// stands at `limit`.
    pub(super) fn fitting(
        &mut self,
        on: Option<&On>,
        limit: Option<Span>,
        found: Option<Connections>,
    ) -> Option<Connections> {
        let Some(On::Labelled(selection)) = on else {
            return found;
        };
        let (protocol, why, place) = match (self.protocol_facts.first(), limit) {
            (Some(fact), _) => (fact.protocol, fact.name.clone(), fact.span),
            (None, Some(place)) => (Protocol::Postgres, "limit".to_owned(), place),
            (None, None) => return found,
        };
        let mut found = found?;
        found.retain(|(_, _, symbol)| symbol.protocol == protocol);
        if found.is_empty() {
            let spoken = protocol.as_str();
            let message =
                format!("no connection with these labels speaks {spoken}, as `{why}` needs");
            let problem = Problem::new(
                Code::OnContradicts,
                message,
                selection.span,
                "none of these",
            );
            let problem = problem.label(place, format!("of {spoken}"));
            self.report(problem.help("choose other labels, or make a rule for each protocol"));
            return None;
        }
        Some(found)
    }

    /// Reports labels and values that no connection has: with one of them misspelt, a rule would silently apply elsewhere.
    fn known_labels(
        &mut self,
        selection: &Selection,
        all: &[(&str, &ConnectionSymbol)],
    ) -> Option<()> {
        match selection {
            Selection::All(parts) | Selection::Any(parts) => {
                let known: Vec<Option<()>> = parts
                    .iter()
                    .map(|part| self.known_labels(part, all))
                    .collect();
                known.into_iter().collect()
            }
            Selection::Not(inner) => self.known_labels(inner, all),
            Selection::Has(label) => self.known_label(label, all).map(|_| ()),
            Selection::Is { label, values } => {
                let known = self.known_label(label, all)?;
                if values.is_empty() {
                    let message = format!("`{} in []` never decides anything", label.node);
                    let problem = Problem::new(Code::EmptyList, message, label.span, "empty list");
                    self.report(problem.help("name at least one value"));
                    return None;
                }
                let mut right = true;
                for value in values {
                    if known.contains(value.node.as_str()) {
                        continue;
                    }
                    right = false;
                    let message = format!("no connection has `{}` \"{}\"", label.node, value.node);
                    let problem = Problem::new(Code::UnknownLabel, message, value.span, "unknown");
                    self.report(match words::nearest(&value.node, known.iter().copied()) {
                        Some(near) => problem
                            .help(format!("did you mean \"{near}\"?"))
                            .replace(&format!("\"{near}\"")),
                        None => problem.help(format!(
                            "it is {}",
                            words::list(&known.iter().copied().collect::<Vec<_>>())
                        )),
                    });
                }
                right.then_some(())
            }
        }
    }

    /// The values that connections have for a label.
    fn known_label<'s>(
        &mut self,
        label: &ast::Name,
        all: &[(&str, &'s ConnectionSymbol)],
    ) -> Option<BTreeSet<&'s str>> {
        let labels = all.iter().flat_map(|(_, symbol)| &symbol.labels);
        let values: BTreeSet<&str> = labels
            .clone()
            .filter(|(known, _)| **known == label.node)
            .map(|(_, value)| value.as_str())
            .collect();
        if !values.is_empty() {
            return Some(values);
        }
        let message = format!("no connection has a label `{}`", label.node);
        let problem = Problem::new(Code::UnknownLabel, message, label.span, "unknown");
        let known: BTreeSet<&str> = labels.map(|(known, _)| known.as_str()).collect();
        self.report(match words::nearest(&label.node, known.iter().copied()) {
            Some(near) => problem.did_you_mean(near),
            None if known.is_empty() => problem.help(
                "give connections labels: `connection db = postgres \"db\" labels { env = \"prod\" }`",
            ),
            None => {
                let known: Vec<&str> = known.into_iter().collect();
                problem.help(format!("known are {}", words::list(&known)))
            }
        });
        None
    }
}

fn chooses(selection: &Selection, connection: &ConnectionSymbol) -> bool {
    match selection {
        Selection::All(parts) => parts.iter().all(|part| chooses(part, connection)),
        Selection::Any(parts) => parts.iter().any(|part| chooses(part, connection)),
        Selection::Not(inner) => !chooses(inner, connection),
        Selection::Has(label) => connection.labels.contains_key(&label.node),
        Selection::Is { label, values } => connection
            .labels
            .get(&label.node)
            .is_some_and(|value| values.iter().any(|wanted| wanted.node == *value)),
    }
}
