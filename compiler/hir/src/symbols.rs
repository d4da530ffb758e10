//! Names: what each package declares, and how a name in an item is resolved. Holds no places, so that moving text
//! changes nothing here.

use std::collections::BTreeMap;

use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::{Effect, Item, Name};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::words;

use crate::database::{Inputs, ItemText, Scope, items, parsed};
use crate::file::scope;

/// What is declared, by qualified name. `None` where the declaration is broken: that is reported there, and not again
/// wherever the name is used.
pub(crate) type Table<T> = BTreeMap<String, Option<T>>;

/// What rules, groups and data classes can name.
#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]
pub(crate) struct Symbols<'db> {
    pub(crate) connections: Table<ConnectionSymbol>,
    pub(crate) groups: Table<(ItemText<'db>, Scope<'db>)>,
    pub(crate) classes: Table<ClassSymbol>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionSymbol {
    pub(crate) protocol: Protocol,
    pub(crate) target: String,
}

/// A data class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassSymbol {
    pub(crate) has_columns: bool,
    pub(crate) has_detectors: bool,
}

/// What a rule does, as far as a test can be wrong about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EffectKind {
    Allow,
    Block,
    RequireApproval,
    Mask,
}

/// The names that rules can use.
#[salsa::tracked]
pub(crate) fn symbols(db: &dyn salsa::Database, inputs: Inputs) -> Symbols<'_> {
    let mut symbols = Symbols::default();
    for file in inputs.files(db) {
        let scope = scope(db, *file);
        for (item, _) in &items(db, *file).items {
            let parsed = parsed(db, *item);
            let Some(name) = &parsed.name else { continue };
            let name = qualify(scope.package(db), name);
            match parsed.keyword.as_str() {
                "connection" => insert(
                    &mut symbols.connections,
                    name,
                    connection(parsed.item.as_ref()),
                ),
                "group" => {
                    let group =
                        matches!(parsed.item, Some(Item::Group(_))).then_some((*item, scope));
                    insert(&mut symbols.groups, name, group);
                }
                "data" => insert(&mut symbols.classes, name, class(parsed.item.as_ref())),
                _ => {}
            }
        }
    }
    symbols
}

/// The rules that tests can name.
#[salsa::tracked]
pub(crate) fn rules(db: &dyn salsa::Database, inputs: Inputs) -> Table<EffectKind> {
    let mut rules = Table::default();
    for file in inputs.files(db) {
        let scope = scope(db, *file);
        for (item, _) in &items(db, *file).items {
            let parsed = parsed(db, *item);
            if let ("rule", Some(name)) = (parsed.keyword.as_str(), &parsed.name) {
                insert(
                    &mut rules,
                    qualify(scope.package(db), name),
                    effect(parsed.item.as_ref()),
                );
            }
        }
    }
    rules
}

/// `package.name`.
pub(crate) fn qualify(package: &str, name: &str) -> String {
    if package.is_empty() {
        name.to_owned()
    } else {
        format!("{package}.{name}")
    }
}

/// Finds what `name` means in a scope.
///
/// # Errors
/// No name, or the problem that it is unknown; `others` are further names that could have been meant.
pub(crate) fn resolve<'t, T>(
    db: &dyn salsa::Database,
    scope: Scope<'_>,
    table: &'t Table<T>,
    name: &Name,
    kind: &str,
    others: &[&str],
) -> Result<(String, Option<&'t T>), Box<Problem>> {
    let (package, imports) = (scope.package(db), scope.imports(db));
    let visible = |full: &str| {
        full.strip_prefix(package)
            .is_some_and(|rest| rest.starts_with('.'))
            || imports.iter().any(|import| {
                full.strip_prefix(import.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
            })
    };
    let own = qualify(package, &name.node);
    if let Some(found) = table.get(&own) {
        return Ok((own, found.as_ref()));
    }
    if let Some(found) = table.get(&name.node) {
        if visible(&name.node) {
            return Ok((name.node.clone(), found.as_ref()));
        }
        let home = name.node.rsplit_once('.').map_or("", |(home, _)| home);
        let message = format!(
            "`{}` belongs to a package that this file does not import",
            name.node
        );
        let problem = Problem::new(Code::NotImported, message, name.span, "not imported");
        return Err(Box::new(
            problem.help(format!("add `use {home}` at the top of the file")),
        ));
    }
    let seen = table.keys().filter(|full| visible(full)).map(|full| {
        full.strip_prefix(package)
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(full.as_str())
    });
    let problem = Problem::new(
        Code::UnknownName,
        format!("there is no {kind} `{}`", name.node),
        name.span,
        "unknown",
    );
    Err(Box::new(
        match words::nearest(&name.node, seen.clone().chain(others.iter().copied())) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => match seen.take(8).collect::<Vec<_>>() {
                known if known.is_empty() => problem,
                known => problem.help(format!("known here: {}", words::list(&known))),
            },
        },
    ))
}

fn insert<T>(table: &mut Table<T>, name: String, value: Option<T>) {
    table.entry(name).or_insert(value);
}

fn connection(item: Option<&Item>) -> Option<ConnectionSymbol> {
    let Some(Item::Connection(connection)) = item else {
        return None;
    };
    let protocol = protocol(&connection.protocol.node)?;
    Some(ConnectionSymbol {
        protocol,
        target: connection.target.node.clone(),
    })
}

/// The protocol that a policy calls `word`.
pub(crate) fn protocol(word: &str) -> Option<Protocol> {
    Protocol::ALL
        .into_iter()
        .find(|protocol| protocol.as_str() == word)
}

fn class(item: Option<&Item>) -> Option<ClassSymbol> {
    let Some(Item::Data(data)) = item else {
        return None;
    };
    data.complete.then_some(ClassSymbol {
        has_columns: !data.columns.is_empty(),
        has_detectors: !data.detectors.is_empty(),
    })
}

fn effect(item: Option<&Item>) -> Option<EffectKind> {
    let Some(Item::Rule(rule)) = item else {
        return None;
    };
    let [effect] = rule.effects.as_slice() else {
        return None;
    };
    Some(match effect.node {
        Effect::Allow => EffectKind::Allow,
        Effect::Block { .. } => EffectKind::Block,
        Effect::RequireApproval { .. } => EffectKind::RequireApproval,
        Effect::Mask { .. } => EffectKind::Mask,
    })
}
