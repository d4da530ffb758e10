//! What a word means: the item, the fact, the control or the parameter that it names.

use hpol_nist_mappings::ControlId;
use hpol_syntax::ast::{Item, Name};
use hpol_syntax::span::{Span, Spanned};

use super::{At, Kind, Meaning, Mention, Role, Symbol};
use crate::database::{Scope, parsed};
use crate::file::packages;
use crate::symbols::{exceptions, find, rules, symbols};
use crate::workspace::Workspace;

impl Workspace {
    /// What a word of a file means, as [`Workspace::mention_at`] found it.
    #[must_use]
    pub fn meaning(&self, file: &str, mention: Mention) -> Option<Meaning> {
        let at = self.item_at(file, mention.span.start as usize)?;
        let text = at.file.text(&self.database);
        let word = mention.span.of(text);
        match mention.role {
            Role::Declared => self.symbol_at(at).map(Meaning::Item),
            Role::Text if parsed(&self.database, at.item).keyword == "test" => {
                let symbol = self.symbol_at(at)?;
                let span = mention.span.start as usize..mention.span.end as usize;
                (symbol.place == span).then_some(Meaning::Item(symbol))
            }
            Role::Control => {
                let id = ControlId::parse(&word.split_whitespace().collect::<String>()).ok()?;
                self.catalogue().lookup(&id).map(|_| Meaning::Control(id))
            }
            Role::Operand if self.vocabulary().lookup(word).is_some() => {
                Some(Meaning::Fact(word.to_owned()))
            }
            Role::Value | Role::Parameter => self.value(at, mention, word),
            Role::Package => self.package(word).map(Meaning::Item),
            role => self.named(at.scope, role, word).map(Meaning::Item),
        }
    }

    /// What a name in a condition is that is no fact: a group or a predicate.
    #[must_use]
    pub fn condition_kind(&self, file: &str, mention: Mention) -> Option<Kind> {
        let at = self.item_at(file, mention.span.start as usize)?;
        let word = mention.span.of(at.file.text(&self.database));
        self.resolve(at.scope, mention.role, word)
            .map(|(kind, _)| kind)
    }

    /// The parameters of the predicate `symbol`.
    #[must_use]
    pub fn parameters(&self, symbol: &Symbol) -> Vec<String> {
        let names = || {
            let at = self.item_at(&symbol.file, symbol.place.start)?;
            match &parsed(&self.database, at.item).item {
                Some(Item::Predicate(predicate)) => Some(
                    predicate
                        .parameters
                        .iter()
                        .map(|parameter| parameter.node.clone())
                        .collect(),
                ),
                _ => None,
            }
        };
        names().unwrap_or_default()
    }

    /// The qualified name that a word in a scope means.
    pub(crate) fn resolve(
        &self,
        scope: Scope<'_>,
        role: Role,
        word: &str,
    ) -> Option<(Kind, String)> {
        let database = &self.database;
        let name: Name = Spanned {
            node: word.to_owned(),
            span: Span::default(),
        };
        let symbols = symbols(database, self.inputs);
        let full = |found: Option<(String, Option<&_>)>| found.map(|(full, _)| full);
        match role {
            Role::Connection => {
                let (full, _) = find(database, scope, &symbols.connections, &name).ok()??;
                Some((Kind::Connection, full))
            }
            Role::Class => full(find(database, scope, &symbols.classes, &name).ok()?)
                .map(|full| (Kind::Class, full)),
            Role::Approvers => full(find(database, scope, &symbols.groups, &name).ok()?)
                .map(|full| (Kind::Group, full)),
            Role::Operand => {
                let predicate = find(database, scope, &symbols.predicates, &name).ok()?;
                match predicate {
                    Some((full, _)) => Some((Kind::Predicate, full)),
                    None => full(find(database, scope, &symbols.groups, &name).ok()?)
                        .map(|full| (Kind::Group, full)),
                }
            }
            Role::Rule => {
                let (full, _) =
                    find(database, scope, rules(database, self.inputs), &name).ok()??;
                Some((Kind::Rule, full))
            }
            Role::Exception => {
                let table = exceptions(database, self.inputs);
                let (full, _) = find(database, scope, table, &name).ok()??;
                Some((Kind::Exception, full))
            }
            Role::Schedule => {
                let (full, _) = find(database, scope, &symbols.schedules, &name).ok()??;
                Some((Kind::Schedule, full))
            }
            Role::Package => {
                let known = packages(database, self.inputs)
                    .iter()
                    .any(|package| package == word);
                known.then(|| (Kind::Package, word.to_owned()))
            }
            _ => None,
        }
    }

    fn named(&self, scope: Scope<'_>, role: Role, word: &str) -> Option<Symbol> {
        let (kind, name) = self.resolve(scope, role, word)?;
        self.symbol(kind, &name)
    }

    pub(super) fn package(&self, name: &str) -> Option<Symbol> {
        let lines = self
            .files
            .keys()
            .filter_map(|file| self.outline(file).into_iter().next());
        lines
            .into_iter()
            .find(|symbol| symbol.kind == Kind::Package && symbol.name == name)
    }

    fn value(&self, at: At<'_>, mention: Mention, word: &str) -> Option<Meaning> {
        let symbol = self.symbol_at(at)?;
        if symbol.kind == Kind::Predicate
            && self.parameters(&symbol).iter().any(|name| name == word)
        {
            return Some(Meaning::Parameter {
                of: symbol,
                name: word.to_owned(),
            });
        }
        let fact = mention.of?.of(at.file.text(&self.database));
        self.vocabulary().lookup(fact)?;
        Some(Meaning::Word {
            fact: fact.to_owned(),
            word: word.to_owned(),
        })
    }
}
