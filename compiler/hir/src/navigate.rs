//! Questions that an editor asks: what stands at a place, what it means, where else it is named, and what can come
//! next. Answers are places in files as they were given to the workspace; how they are shown is the caller's matter.

mod complete;
mod meaning;
mod rename;
mod symbol;

use std::ops::Range;

use hpol_bundle::policy::Claim;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_nist_mappings::{Catalogue, Control, ControlId, Mechanisms};
use hpol_syntax::ast::Item;
use hpol_syntax::span::Span;

pub use crate::roles::{Expected, Mention, Role};
pub use rename::RefuseRename;
pub use symbol::{Kind, Meaning, Place, Symbol};

use crate::check::check;
use crate::database::{ItemText, Scope, SourceFile, items, parsed};
use crate::declared;
use crate::file::scope;
use crate::lowered::Lowered;
use crate::own_facts::vocabulary;
use crate::roles::mentions;
use crate::symbols::{protocol_of, symbols};
use crate::workspace::Workspace;

/// An item where it stands.
#[derive(Clone, Copy)]
pub(crate) struct At<'db> {
    pub(crate) file: SourceFile,
    pub(crate) item: ItemText<'db>,
    pub(crate) offset: u32,
    pub(crate) scope: Scope<'db>,
}

impl Workspace {
    /// The paths of the files, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        Some(self.files.get(file)?.text(&self.database))
    }

    /// The facts that conditions of this policy can read: those that every policy can, and behind them its own.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        vocabulary(&self.database, self.inputs)
    }

    /// The controls that there are.
    #[must_use]
    pub fn catalogue(&self) -> &'static Catalogue {
        self.inputs.catalogue(&self.database)
    }

    /// What the gateway does for which control.
    #[must_use]
    pub fn mechanisms(&self) -> &'static Mechanisms {
        self.inputs.mechanisms(&self.database)
    }

    /// The items of a file, in order; those without a name that can be read are left out.
    #[must_use]
    pub fn outline(&self, file: &str) -> Vec<Symbol> {
        self.at(file).filter_map(|at| self.symbol_at(at)).collect()
    }

    /// The words of a file, in order, with places in the file.
    #[must_use]
    pub fn mentions(&self, file: &str) -> Vec<Mention> {
        let of_item = |at: At<'_>| {
            let mentions = mentions(&self.database, at.item).iter();
            mentions
                .map(move |mention| mention.shifted(at.offset))
                .collect::<Vec<_>>()
        };
        self.at(file).flat_map(of_item).collect()
    }

    /// The word at `offset` of a file, or that ends there.
    #[must_use]
    pub fn mention_at(&self, file: &str, offset: usize) -> Option<Mention> {
        let at = self.item_at(file, offset)?;
        let offset = u32::try_from(offset).ok()?;
        let mut found = mentions(&self.database, at.item)
            .iter()
            .map(|mention| mention.shifted(at.offset));
        found.rfind(|mention| mention.span.start <= offset && offset <= mention.span.end)
    }

    /// What can be written at `offset` of a file, with the place of the word that is being written there.
    #[must_use]
    pub fn expected(&self, file: &str, offset: usize) -> Option<(Expected, Range<usize>)> {
        complete::expected(self, file, offset)
    }

    /// The items that `role` can name in a file, each as it is written there.
    #[must_use]
    pub fn visible(&self, file: &str, role: Role) -> Vec<(String, Symbol)> {
        complete::visible(self, file, role)
    }

    /// Every place that names `symbol`; its declaration stands first where it is asked for.
    #[must_use]
    pub fn references(&self, symbol: &Symbol, declaration: bool) -> Vec<Place> {
        rename::references(self, symbol, declaration)
    }

    /// The edits that call `symbol` `name` everywhere.
    ///
    /// # Errors
    /// If it cannot be called so, or another name would come to mean something else.
    pub fn rename(&self, symbol: &Symbol, name: &str) -> Result<Vec<crate::Edit>, RefuseRename> {
        rename::rename(self, symbol, name)
    }

    /// Every place that reads a fact.
    #[must_use]
    pub fn fact_places(&self, fact: &str) -> Vec<Place> {
        let mut found = Vec::new();
        for (name, file) in &self.files {
            let text = file.text(&self.database);
            let all = self.mentions(name).into_iter();
            let reads = all
                .filter(|mention| mention.role == Role::Operand && mention.span.of(text) == fact);
            found.extend(reads.map(|mention| Place {
                file: name.clone(),
                span: bytes(mention.span),
            }));
        }
        found
    }

    /// Where the items of a file stand, in order, also those that cannot be read.
    #[must_use]
    pub fn items(&self, file: &str) -> Vec<Range<usize>> {
        let place = |at: At<'_>| {
            let start = at.offset as usize;
            start..start + at.item.text(&self.database).len()
        };
        self.at(file).map(place).collect()
    }

    /// What the item at a place is.
    #[must_use]
    pub fn kind_at(&self, file: &str, offset: usize) -> Option<Kind> {
        let at = self.item_at(file, offset)?;
        Kind::of(&parsed(&self.database, at.item).keyword)
    }

    /// The protocols of the connections that the rule or the test at a place names; none where it names none.
    #[must_use]
    pub fn protocols(&self, file: &str, offset: usize) -> Vec<Protocol> {
        let Some(at) = self.item_at(file, offset) else {
            return Vec::new();
        };
        let text = at.item.text(&self.database);
        let named = mentions(&self.database, at.item).iter();
        let connections = named.filter(|mention| mention.role == Role::Connection);
        let mut found: Vec<Protocol> = connections
            .filter_map(|mention| {
                let (_, full) = self.resolve(at.scope, mention.role, mention.span.of(text))?;
                protocol_of(symbols(&self.database, self.inputs), &full)
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// What the rule at a place claims, if it is right.
    #[must_use]
    pub fn claims(&self, file: &str, offset: usize) -> Vec<Claim> {
        let claims = || {
            let at = self.item_at(file, offset)?;
            match &check(&self.database, self.inputs, at.item, at.scope).lowered {
                Some(Lowered::Rule(rule)) => Some(rule.claims.clone()),
                _ => None,
            }
        };
        claims().unwrap_or_default()
    }

    /// The item of `kind` with a qualified name.
    #[must_use]
    pub fn symbol(&self, kind: Kind, name: &str) -> Option<Symbol> {
        let database = &self.database;
        self.files.values().find_map(|file| {
            let at = declared::find(database, *file, kind.space()?, name)?;
            self.symbol_at(self.nth(*file, at)?)
        })
    }

    /// What the catalogue says of a control.
    #[must_use]
    pub fn control(&self, id: ControlId) -> Option<&'static Control> {
        self.catalogue().lookup(&id)
    }

    pub(crate) fn at(&self, file: &str) -> impl Iterator<Item = At<'_>> {
        self.files
            .get(file)
            .copied()
            .into_iter()
            .flat_map(move |file| {
                let scope = scope(&self.database, file);
                let items = items(&self.database, file).items.iter();
                items.map(move |(item, offset)| At {
                    file,
                    item: *item,
                    offset: *offset,
                    scope,
                })
            })
    }

    fn nth(&self, file: SourceFile, index: u32) -> Option<At<'_>> {
        let (item, offset) = items(&self.database, file).items.get(index as usize)?;
        Some(At {
            file,
            item: *item,
            offset: *offset,
            scope: scope(&self.database, file),
        })
    }

    /// The last item that begins before `offset`.
    pub(crate) fn item_at(&self, file: &str, offset: usize) -> Option<At<'_>> {
        let file = *self.files.get(file)?;
        let items = &items(&self.database, file).items;
        let behind = items.partition_point(|(_, start)| *start as usize <= offset);
        self.nth(file, u32::try_from(behind.checked_sub(1)?).ok()?)
    }

    pub(crate) fn symbol_at(&self, at: At<'_>) -> Option<Symbol> {
        let parsed = parsed(&self.database, at.item);
        let kind = Kind::of(&parsed.keyword)?;
        let role = match kind {
            Kind::Test => Role::Text,
            Kind::Use => Role::Package,
            _ => Role::Declared,
        };
        let text = at.item.text(&self.database);
        let mentions = mentions(&self.database, at.item);
        let span = mentions.iter().find(|mention| mention.role == role)?.span;
        let written = span.of(text);
        let name = match kind {
            Kind::Package | Kind::Use => written.to_owned(),
            Kind::Test => written.trim_matches('"').to_owned(),
            _ => crate::symbols::qualify(at.scope.package(&self.database), written),
        };
        let title = match &parsed.item {
            Some(Item::Rule(rule)) => rule.title.as_ref().map(|title| title.node.clone()),
            _ => None,
        };
        let start = at.offset as usize;
        Some(Symbol {
            kind,
            name,
            file: at.file.path(&self.database).to_owned(),
            place: bytes(span.shifted(at.offset)),
            whole: start..start + text.len(),
            doc: parsed.doc.clone(),
            text: text.get(parsed.start as usize..).unwrap_or("").to_owned(),
            title,
        })
    }
}

impl Mention {
    fn shifted(self, offset: u32) -> Mention {
        Mention {
            span: self.span.shifted(offset),
            of: self.of.map(|span| span.shifted(offset)),
            ..self
        }
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

#[cfg(test)]
mod tests;
