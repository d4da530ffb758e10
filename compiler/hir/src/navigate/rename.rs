//! Where an item is named, and giving it another name without changing what any other name means.

use hpol_syntax::limits::MAX_NAME_BYTES;
use hpol_syntax::words;

use crate::database::parsed;
use crate::diagnostic::Edit;
use crate::roles::{Mention, Role, mentions};
use crate::symbols::qualify;
use crate::workspace::Workspace;

use super::{At, Kind, Meaning, Place, Symbol, bytes};

/// Why an item keeps its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefuseRename {
    /// Not a name.
    #[error("`{name}` is not a name: letters, digits and `_`, not beginning with a digit")]
    Form {
        /// What was asked for.
        name: String,
    },
    /// A word of the language, or a fact.
    #[error("`{name}` is a word that the language keeps for itself")]
    Reserved {
        /// What was asked for.
        name: String,
    },
    /// The package declares it already.
    #[error("`{name}` is declared already")]
    Taken {
        /// What was asked for.
        name: String,
    },
    /// A name elsewhere would mean something else.
    #[error("`{written}` in `{file}` would then mean something else")]
    Captures {
        /// What stands there.
        written: String,
        /// The file.
        file: String,
    },
    /// An item without a name of its own.
    #[error("{what} cannot be renamed here")]
    Nameless {
        /// Which.
        what: &'static str,
    },
}

/// Every place that names `symbol`.
pub(super) fn references(workspace: &Workspace, symbol: &Symbol, declaration: bool) -> Vec<Place> {
    let own = declaration.then(|| Place {
        file: symbol.file.clone(),
        span: symbol.place.clone(),
    });
    let others = uses(workspace, symbol)
        .into_iter()
        .map(|(at, mention)| Place {
            file: at.file.path(&workspace.database).to_owned(),
            span: bytes(mention.span.shifted(at.offset)),
        });
    own.into_iter().chain(others).collect()
}

/// The edits that call `symbol` `name`.
pub(super) fn rename(
    workspace: &Workspace,
    symbol: &Symbol,
    name: &str,
) -> Result<Vec<Edit>, RefuseRename> {
    let package = package_of(workspace, symbol)?;
    let old = symbol.name.strip_prefix(&package).unwrap_or(&symbol.name);
    let old = old.strip_prefix('.').unwrap_or(old);
    if old == name {
        return Ok(Vec::new());
    }
    let full = qualify(&package, name);
    allowed(workspace, symbol.kind, name, &full)?;
    captures(workspace, symbol, &package, old, name)?;
    let edit = |file: &str, span: std::ops::Range<usize>, text: &str| Edit {
        file: file.to_owned(),
        span,
        text: text.to_owned(),
    };
    let mut edits = vec![edit(&symbol.file, symbol.place.clone(), name)];
    for (at, mention) in uses(workspace, symbol) {
        let written = mention.span.of(at.item.text(&workspace.database));
        let text = renamed(written, old, name);
        let span = bytes(mention.span.shifted(at.offset));
        edits.push(edit(at.file.path(&workspace.database), span, &text));
    }
    Ok(edits)
}

fn package_of(workspace: &Workspace, symbol: &Symbol) -> Result<String, RefuseRename> {
    let what = match symbol.kind {
        Kind::Package | Kind::Use => "a package",
        Kind::Test => "a test",
        _ => {
            let at = workspace.item_at(&symbol.file, symbol.place.start);
            return Ok(at.map_or_else(String::new, |at| {
                at.scope.package(&workspace.database).to_owned()
            }));
        }
    };
    Err(RefuseRename::Nameless { what })
}

/// Whether an item of `kind` can be called `name`.
fn allowed(workspace: &Workspace, kind: Kind, name: &str, full: &str) -> Result<(), RefuseRename> {
    let parts: Vec<&str> = name.split('.').collect();
    let is_word = |part: &&str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && part
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    let dotted = kind == Kind::Class || parts.len() == 1;
    if !parts.iter().all(is_word) || !dotted || name.len() > MAX_NAME_BYTES {
        return Err(RefuseRename::Form {
            name: name.to_owned(),
        });
    }
    let condition = matches!(kind, Kind::Group | Kind::Predicate);
    let reserved =
        words::RESERVED.contains(&name) || matches!(name, "any" | "default_deny" | "gateway");
    if reserved || condition && workspace.vocabulary().lookup(full).is_some() {
        return Err(RefuseRename::Reserved {
            name: name.to_owned(),
        });
    }
    match workspace.symbol(kind, full) {
        Some(_) => Err(RefuseRename::Taken {
            name: full.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether a name that means something else, or nothing, would come to mean the renamed item, or two things.
fn captures(
    workspace: &Workspace,
    symbol: &Symbol,
    package: &str,
    old: &str,
    name: &str,
) -> Result<(), RefuseRename> {
    let full = qualify(package, name);
    let short = crate::symbols::short(&full, package);
    for file in workspace.files() {
        for at in workspace.at(file) {
            let text = at.item.text(&workspace.database);
            if !text.contains(name) {
                continue;
            }
            let own = at.scope.package(&workspace.database) == package;
            let sees = own
                || at
                    .scope
                    .imports(&workspace.database)
                    .iter()
                    .any(|import| import == package);
            let hit = mentions(&workspace.database, at.item)
                .iter()
                .find(|mention| {
                    let written = mention.span.of(text);
                    let fact = mention.role == Role::Operand
                        && workspace.vocabulary().lookup(written).is_some();
                    names(symbol.kind, mention.role)
                        && !fact
                        && (own && written == name || sees && (written == full || written == short))
                });
            if let Some(mention) = hit {
                return Err(RefuseRename::Captures {
                    written: mention.span.of(text).to_owned(),
                    file: file.to_owned(),
                });
            }
        }
    }
    clashes(workspace, symbol, old, name)
}

/// A use whose new form means another item already.
fn clashes(
    workspace: &Workspace,
    symbol: &Symbol,
    old: &str,
    name: &str,
) -> Result<(), RefuseRename> {
    for (at, mention) in uses(workspace, symbol) {
        let written = renamed(
            mention.span.of(at.item.text(&workspace.database)),
            old,
            name,
        );
        if let Some((_, found)) = workspace.resolve(at.scope, mention.role, &written)
            && found != symbol.name
        {
            return Err(RefuseRename::Captures {
                written,
                file: at.file.path(&workspace.database).to_owned(),
            });
        }
    }
    Ok(())
}

/// What is written in place of `written`, which names an item called `old`, with its package before it or without.
fn renamed(written: &str, old: &str, name: &str) -> String {
    format!("{}{name}", written.strip_suffix(old).unwrap_or(""))
}

/// The mentions of `symbol`, each with the item it stands in; the declaration is none.
fn uses<'w>(workspace: &'w Workspace, symbol: &Symbol) -> Vec<(At<'w>, Mention)> {
    let last = symbol.name.rsplit('.').next().unwrap_or(&symbol.name);
    let mut found = Vec::new();
    for file in workspace.files() {
        for at in workspace.at(file) {
            let text = at.item.text(&workspace.database);
            if !text.contains(last) || parsed(&workspace.database, at.item).keyword == "package" {
                continue;
            }
            for mention in mentions(&workspace.database, at.item) {
                let means = || {
                    let meaning = workspace.resolve(at.scope, mention.role, mention.span.of(text));
                    meaning == Some((symbol.kind, symbol.name.clone()))
                };
                let is_fact = mention.role == Role::Operand
                    && workspace
                        .vocabulary()
                        .lookup(mention.span.of(text))
                        .is_some();
                if names(symbol.kind, mention.role)
                    && mention.span.of(text).ends_with(last)
                    && !is_fact
                    && means()
                {
                    found.push((at, *mention));
                }
            }
        }
    }
    found
}

/// Whether a word in such a place can name an item of `kind`.
fn names(kind: Kind, role: Role) -> bool {
    match kind {
        Kind::Package => role == Role::Package,
        Kind::Connection => role == Role::Connection,
        Kind::Group => matches!(role, Role::Operand | Role::Approvers),
        Kind::Predicate => role == Role::Operand,
        Kind::Class => role == Role::Class,
        Kind::Rule => role == Role::Rule,
        Kind::Exception => role == Role::Exception,
        Kind::Schedule => role == Role::Schedule,
        Kind::Use | Kind::Test => false,
    }
}

impl Workspace {
    /// The edits that call a parameter of the predicate `of` `name`, within it.
    ///
    /// # Errors
    /// If it cannot be called so.
    pub fn rename_parameter(
        &self,
        of: &Symbol,
        parameter: &str,
        name: &str,
    ) -> Result<Vec<Edit>, RefuseRename> {
        allowed(self, Kind::Predicate, name, name)?;
        let Some(at) = self.item_at(&of.file, of.place.start) else {
            return Ok(Vec::new());
        };
        let text = at.item.text(&self.database);
        let written = |mention: &&Mention| matches!(mention.role, Role::Value | Role::Parameter);
        let all = mentions(&self.database, at.item).iter().filter(written);
        if all.clone().any(|mention| mention.span.of(text) == name) {
            return Err(RefuseRename::Captures {
                written: name.to_owned(),
                file: of.file.clone(),
            });
        }
        Ok(all
            .filter(|mention| mention.span.of(text) == parameter)
            .map(|mention| Edit {
                file: of.file.clone(),
                span: bytes(mention.span.shifted(at.offset)),
                text: name.to_owned(),
            })
            .collect())
    }

    /// Every place of a parameter within its predicate.
    #[must_use]
    pub fn parameter_places(&self, of: &Symbol, parameter: &str) -> Vec<Place> {
        let Some(at) = self.item_at(&of.file, of.place.start) else {
            return Vec::new();
        };
        let text = at.item.text(&self.database);
        mentions(&self.database, at.item)
            .iter()
            .filter(|mention| {
                matches!(mention.role, Role::Value | Role::Parameter)
                    && mention.span.of(text) == parameter
            })
            .map(|mention| Place {
                file: of.file.clone(),
                span: bytes(mention.span.shifted(at.offset)),
            })
            .collect()
    }

    /// Every place that claims or cites a control.
    #[must_use]
    pub fn control_places(&self, id: hpol_nist_mappings::ControlId) -> Vec<Place> {
        let mut found = Vec::new();
        for file in self.files() {
            for mention in self.mentions(file) {
                if mention.role == Role::Control
                    && self.meaning(file, mention) == Some(Meaning::Control(id))
                {
                    found.push(Place {
                        file: file.to_owned(),
                        span: bytes(mention.span),
                    });
                }
            }
        }
        found
    }
}
