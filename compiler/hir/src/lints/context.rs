//! What lints look at: the items of a policy, and what is asked of them again and again.

use std::collections::{BTreeMap, BTreeSet};

use hpol_bundle::policy::Policy;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_syntax::ast::{Condition, Item, Rule, Test, Who};
use hpol_syntax::parse::Parsed;
use hpol_syntax::span::Span;

use crate::test_case::TestCase;

/// Everything that lints look at.
pub(crate) struct Context<'a> {
    pub(crate) items: Vec<Linted<'a>>,
    /// The text of each file.
    pub(crate) texts: BTreeMap<&'a str, &'a str>,
    pub(crate) policy: &'a Policy,
    pub(crate) tests: &'a [TestCase],
    pub(crate) vocabulary: &'a Vocabulary,
}

/// One item.
pub(crate) struct Linted<'a> {
    pub(crate) path: &'a str,
    pub(crate) package: &'a str,
    /// Where it begins in its file.
    pub(crate) offset: u32,
    /// Where a further import would stand in its file.
    pub(crate) import: u32,
    pub(crate) text: &'a str,
    pub(crate) parsed: &'a Parsed,
    /// The names that it writes, dots and all.
    pub(crate) words: Vec<&'a str>,
    /// Where the comments directly above it and behind it on its line stand in the file.
    pub(crate) around: Vec<Span>,
}

impl<'a> Context<'a> {
    /// The rules, each with the index of its item.
    pub(super) fn rules(&self) -> impl Iterator<Item = (usize, &Rule)> {
        let items = self.items.iter().enumerate();
        items.filter_map(|(index, item)| Some((index, item.rule()?)))
    }

    /// The rule of a qualified name.
    pub(super) fn rule_named(&self, name: &str) -> Option<(usize, &Rule)> {
        self.rules().find(|(index, rule)| {
            self.items
                .get(*index)
                .is_some_and(|item| item.qualified(&rule.name.node) == name)
        })
    }

    /// The packages, each once.
    pub(super) fn packages(&self) -> BTreeSet<&'a str> {
        self.items.iter().map(|item| item.package).collect()
    }

    /// The baseline that a package is to meet.
    pub(super) fn baseline(&self, package: &str) -> Option<&str> {
        let own = self.items.iter().filter(|item| item.package == package);
        let mut imports = own.filter_map(|item| match &item.parsed.item {
            Some(Item::Use(import)) => import.baseline.as_ref(),
            _ => None,
        });
        imports.next().map(|baseline| baseline.node.as_str())
    }

    /// Whether another item writes the name that the item of this index declares.
    pub(super) fn names(&self, index: usize, name: &str) -> bool {
        let Some(declared) = self.items.get(index) else {
            return true;
        };
        let full = declared.qualified(name);
        let others = self
            .items
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        others.flat_map(|(_, item)| &item.words).any(|word| {
            // A name may be written with a part of its package.
            *word == name || full.ends_with(&format!(".{word}")) || *word == full
        })
    }
}

impl Linted<'_> {
    pub(super) fn rule(&self) -> Option<&Rule> {
        match &self.parsed.item {
            Some(Item::Rule(rule)) => Some(rule),
            _ => None,
        }
    }

    pub(super) fn test(&self) -> Option<&Test> {
        match &self.parsed.item {
            Some(Item::Test(test)) => Some(test),
            _ => None,
        }
    }

    /// The name that the item declares, as written.
    pub(super) fn declared(&self) -> Option<(String, Span)> {
        let name = match self.parsed.item.as_ref()? {
            Item::Connection(item) => &item.name,
            Item::Group(item) => &item.name,
            Item::Predicate(item) => &item.name,
            Item::Data(item) => &item.name,
            Item::Rule(item) => &item.name,
            Item::Schedule(item) => &item.name,
            Item::Exception(item) => &item.name,
            _ => return None,
        };
        Some((name.node.clone(), name.span))
    }

    pub(super) fn qualified(&self, name: &str) -> String {
        format!("{}.{name}", self.package)
    }

    /// The conditions of the item, each from its root.
    pub(super) fn conditions(&self) -> Vec<&Condition> {
        match &self.parsed.item {
            Some(Item::Group(group)) => vec![&group.condition],
            Some(Item::Predicate(predicate)) => vec![&predicate.condition],
            Some(Item::Rule(rule)) => all(rule.who.as_ref(), [&rule.when, &rule.unless]),
            Some(Item::Exception(exception)) => {
                all(exception.who.as_ref(), [&exception.when, &exception.unless])
            }
            _ => Vec::new(),
        }
    }
}

/// The conditions of `who`, `when` and `unless`.
fn all<'a>(who: Option<&'a Who>, clauses: [&'a Option<Condition>; 2]) -> Vec<&'a Condition> {
    let who = match who {
        None | Some(Who::Everyone(_)) => None,
        Some(Who::EveryoneExcept(condition) | Who::Those(condition)) => Some(condition),
    };
    who.into_iter()
        .chain(clauses.into_iter().flatten())
        .collect()
}
