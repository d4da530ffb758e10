//! Names: what each package declares, and how a name in an item is resolved. Holds no places, so that moving text
//! changes nothing here.

use std::collections::BTreeMap;

use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::{Connection, Effect, Item, Name};
use hpol_syntax::code::Code;
use hpol_syntax::problem::{Fix, Problem};
use hpol_syntax::words;

use crate::database::{Inputs, ItemText, Scope, SourceFile, items, parsed};
use crate::file::scope;

/// What is declared, by qualified name.
pub(crate) type Table<T> = BTreeMap<String, Declared<T>>;

/// A declaration.
#[derive(Debug, Clone, PartialEq, Eq, salsa::SalsaValue)]
pub(crate) struct Declared<T> {
    /// The package that declares it. The qualified name alone does not tell: `a.b.c` may be `b.c` of `a`.
    package: String,
    /// `None` where the declaration is broken: that is reported there, and not again wherever the name is used.
    symbol: Option<T>,
}

/// Names listed where no known one is near.
const MAX_LISTED: usize = 8;

/// What rules, groups and data classes can name.
#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]
pub(crate) struct Symbols<'db> {
    pub(crate) connections: Table<ConnectionSymbol>,
    pub(crate) groups: Table<(ItemText<'db>, Scope<'db>)>,
    pub(crate) predicates: Table<(ItemText<'db>, Scope<'db>)>,
    pub(crate) schedules: Table<()>,
    pub(crate) classes: Table<(ItemText<'db>, Scope<'db>)>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionSymbol {
    pub(crate) protocol: Protocol,
    pub(crate) target: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// A rule, as far as tests and exceptions can be wrong about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuleSymbol {
    /// What it does, or would do.
    pub(crate) effect: EffectKind,
    pub(crate) observe: bool,
}

impl RuleSymbol {
    /// What it does.
    pub(crate) fn does(self) -> EffectKind {
        match self.observe {
            true => EffectKind::Observed,
            false => self.effect,
        }
    }
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EffectKind {
    Allow,
    Block,
    RequireApproval,
    RequireJustification,
    Mask,
    Limit,
    /// Whatever it does, it is only observed.
    Observed,
}

/// The names that rules can use.
#[salsa::tracked]
pub(crate) fn symbols(db: &dyn salsa::Database, inputs: Inputs) -> Symbols<'_> {
    let mut symbols = Symbols::default();
    for file in inputs.files(db) {
        let found = symbols_of(db, *file);
        join(&mut symbols.connections, &found.connections);
        join(&mut symbols.groups, &found.groups);
        join(&mut symbols.predicates, &found.predicates);
        join(&mut symbols.schedules, &found.schedules);
        join(&mut symbols.classes, &found.classes);
    }
    symbols
}

/// The names of one file that rules can use.
#[salsa::tracked]
fn symbols_of(db: &dyn salsa::Database, file: SourceFile) -> Symbols<'_> {
    let mut symbols = Symbols::default();
    let scope = scope(db, file);
    for (item, _) in &items(db, file).items {
        let parsed = parsed(db, *item);
        let Some(name) = &parsed.name else { continue };
        let package = scope.package(db);
        match parsed.keyword.as_str() {
            "connection" => insert(
                &mut symbols.connections,
                package,
                name,
                connection(parsed.item.as_ref()),
            ),
            "group" => {
                let group = matches!(parsed.item, Some(Item::Group(_))).then_some((*item, scope));
                insert(&mut symbols.groups, package, name, group);
            }
            "predicate" => {
                let predicate =
                    matches!(parsed.item, Some(Item::Predicate(_))).then_some((*item, scope));
                insert(&mut symbols.predicates, package, name, predicate);
            }
            "schedule" => {
                let whole = matches!(parsed.item, Some(Item::Schedule(_))).then_some(());
                insert(&mut symbols.schedules, package, name, whole);
            }
            "data" => {
                let class = is_whole_class(parsed.item.as_ref()).then_some((*item, scope));
                insert(&mut symbols.classes, package, name, class);
            }
            _ => {}
        }
    }
    symbols
}

/// The rules that tests can name.
#[salsa::tracked]
pub(crate) fn rules(db: &dyn salsa::Database, inputs: Inputs) -> Table<RuleSymbol> {
    let mut rules = Table::default();
    for file in inputs.files(db) {
        join(&mut rules, rules_of(db, *file));
    }
    rules
}

/// The rules of one file.
#[salsa::tracked]
fn rules_of(db: &dyn salsa::Database, file: SourceFile) -> Table<RuleSymbol> {
    let mut rules = Table::default();
    let scope = scope(db, file);
    for (item, _) in &items(db, file).items {
        let parsed = parsed(db, *item);
        if let ("rule", Some(name)) = (parsed.keyword.as_str(), &parsed.name) {
            insert(
                &mut rules,
                scope.package(db),
                name,
                effect(parsed.item.as_ref()),
            );
        }
    }
    rules
}

/// The exceptions that tests can name.
#[salsa::tracked]
pub(crate) fn exceptions(db: &dyn salsa::Database, inputs: Inputs) -> Table<()> {
    let mut exceptions = Table::default();
    for file in inputs.files(db) {
        join(&mut exceptions, exceptions_of(db, *file));
    }
    exceptions
}

/// The exceptions of one file.
#[salsa::tracked]
fn exceptions_of(db: &dyn salsa::Database, file: SourceFile) -> Table<()> {
    let mut exceptions = Table::default();
    let scope = scope(db, file);
    for (item, _) in &items(db, file).items {
        let parsed = parsed(db, *item);
        if let ("exception", Some(name)) = (parsed.keyword.as_str(), &parsed.name) {
            let whole = matches!(parsed.item, Some(Item::Exception(_))).then_some(());
            insert(&mut exceptions, scope.package(db), name, whole);
        }
    }
    exceptions
}

/// What all packages declare, by qualified name, where the declaration is right.
pub(crate) fn declared<T>(table: &Table<T>) -> impl Iterator<Item = (&str, &T)> {
    table
        .iter()
        .filter_map(|(full, declared)| Some((full.as_str(), declared.symbol.as_ref()?)))
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
/// The problem that it is unknown, ambiguous or not imported; `others` are further names that could have been meant.
pub(crate) fn resolve<'t, T>(
    db: &dyn salsa::Database,
    scope: Scope<'_>,
    table: &'t Table<T>,
    name: &Name,
    kind: &str,
    others: &[&str],
) -> Result<(String, Option<&'t T>), Box<Problem>> {
    match find(db, scope, table, name)? {
        Some(found) => Ok(found),
        None => Err(Box::new(unknown(db, scope, table, name, kind, others))),
    }
}

/// Finds what `name` means in a scope, if anything.
///
/// # Errors
/// The problem that it is ambiguous or not imported.
pub(crate) fn find<'t, T>(
    db: &dyn salsa::Database,
    scope: Scope<'_>,
    table: &'t Table<T>,
    name: &Name,
) -> Result<Option<(String, Option<&'t T>)>, Box<Problem>> {
    let (package, imports) = (scope.package(db), scope.imports(db));
    let visible =
        |declared: &Declared<T>| declared.package == package || imports.contains(&declared.package);
    // Declarations are found by their full name, and only in the package that is meant: `a.b.c` may be `b.c` of `a`.
    let own = (package, qualify(package, &name.node));
    let short = imports.iter().filter_map(|import| {
        let rest = behind_last_word(import, &name.node)?;
        Some((import.as_str(), qualify(import, rest)))
    });
    let mut found: Vec<(String, &'t Declared<T>)> = Vec::new();
    let full = table.get(&name.node).filter(|declared| visible(declared));
    let full = full.map(|declared| (declared.package.as_str(), name.node.clone()));
    for (home, candidate) in std::iter::once(own).chain(full).chain(short) {
        match table.get(&candidate) {
            Some(declared)
                if declared.package == home
                    && found.iter().all(|(known, _)| *known != candidate) =>
            {
                found.push((candidate, declared));
            }
            _ => {}
        }
    }
    match found.as_slice() {
        [(_, first), (_, second), ..] => {
            let (first, second) = (&first.package, &second.package);
            Err(Box::new(ambiguous(name, package, first, second)))
        }
        [(full, declared)] => Ok(Some((full.clone(), declared.symbol.as_ref()))),
        [] => match table.get(&name.node) {
            Some(other) => Err(Box::new(not_imported(name, &other.package))),
            None => Ok(None),
        },
    }
}

/// What stands behind the last word of the package `import` in `name`: `dbas` of `people.dbas` for `shared.people`.
fn behind_last_word<'n>(import: &str, name: &'n str) -> Option<&'n str> {
    let last = import.rsplit('.').next()?;
    name.strip_prefix(last)?.strip_prefix('.')
}

/// The names of `table` that can be used in a scope, as they are written there.
pub(crate) fn names<'t, T>(
    db: &'t dyn salsa::Database,
    scope: Scope<'t>,
    table: &'t Table<T>,
) -> impl Iterator<Item = &'t str> + Clone {
    let (package, imports) = (scope.package(db), scope.imports(db));
    table
        .iter()
        .filter_map(move |(full, declared)| match declared.package == package {
            true => full.strip_prefix(package)?.strip_prefix('.').or(Some(full)),
            false => imports
                .contains(&declared.package)
                .then(|| short(full, &declared.package)),
        })
}

/// The shortest way to write the name `full` of the imported `package`: `people.dbas` for `shared.people.dbas`.
pub(crate) fn short<'n>(full: &'n str, package: &str) -> &'n str {
    match package.rsplit_once('.') {
        Some((outer, _)) => full
            .strip_prefix(outer)
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(full),
        None => full,
    }
}

fn unknown<T>(
    db: &dyn salsa::Database,
    scope: Scope<'_>,
    table: &Table<T>,
    name: &Name,
    kind: &str,
    others: &[&str],
) -> Problem {
    let seen = names(db, scope, table);
    let problem = Problem::new(
        Code::UnknownName,
        format!("there is no {kind} `{}`", name.node),
        name.span,
        "unknown",
    );
    match words::nearest(&name.node, seen.clone().chain(others.iter().copied())) {
        Some(near) => problem.did_you_mean(near),
        None => match seen.take(MAX_LISTED).collect::<Vec<_>>() {
            known if known.is_empty() => problem,
            known => problem.help(format!("known here: {}", words::list(&known))),
        },
    }
}

fn ambiguous(name: &Name, package: &str, first: &str, second: &str) -> Problem {
    let message = format!("`{}` could mean two things", name.node);
    let (label, help) = match first == package {
        true => (
            format!("of `{first}`, or of the imported `{second}`"),
            format!("rename the one of `{first}`, or take out the import"),
        ),
        false => (
            format!("of the imported `{first}` or `{second}`"),
            "write the whole name of the package".to_owned(),
        ),
    };
    Problem::new(Code::AmbiguousName, message, name.span, label).help(help)
}

fn not_imported(name: &Name, home: &str) -> Problem {
    let message = format!(
        "`{}` belongs to a package that this file does not import",
        name.node
    );
    Problem::new(Code::NotImported, message, name.span, "not imported")
        .help(format!("add `use {home}` at the top of the file"))
        .fix(Fix::Import(home.to_owned()))
}

fn insert<T>(table: &mut Table<T>, package: &str, name: &str, symbol: Option<T>) {
    table
        .entry(qualify(package, name))
        .or_insert_with(|| Declared {
            package: package.to_owned(),
            symbol,
        });
}

/// Adds what a file declares; of two declarations of one name the first counts.
fn join<T: Clone>(table: &mut Table<T>, found: &Table<T>) {
    for (name, declared) in found {
        if !table.contains_key(name) {
            table.insert(name.clone(), declared.clone());
        }
    }
}

fn connection(item: Option<&Item>) -> Option<ConnectionSymbol> {
    let Some(Item::Connection(connection)) = item else {
        return None;
    };
    let protocol = protocol(&connection.protocol.node)?;
    Some(ConnectionSymbol {
        protocol,
        target: connection.target.node.clone(),
        labels: labels(connection),
    })
}

/// The labels of a connection.
pub(crate) fn labels(connection: &Connection) -> BTreeMap<String, String> {
    let labels = connection.labels.iter();
    labels
        .map(|label| (label.name.node.clone(), label.value.node.clone()))
        .collect()
}

/// The protocol of the connection with a qualified name.
pub(crate) fn protocol_of(symbols: &Symbols<'_>, name: &str) -> Option<Protocol> {
    let declared = symbols.connections.get(name)?;
    declared
        .symbol
        .as_ref()
        .map(|connection| connection.protocol)
}

/// The protocol that a policy calls `word`.
pub(crate) fn protocol(word: &str) -> Option<Protocol> {
    Protocol::ALL
        .into_iter()
        .find(|protocol| protocol.as_str() == word)
}

fn is_whole_class(item: Option<&Item>) -> bool {
    matches!(item, Some(Item::Data(data)) if data.complete)
}

fn effect(item: Option<&Item>) -> Option<RuleSymbol> {
    let Some(Item::Rule(rule)) = item else {
        return None;
    };
    let [effect] = rule.effects.as_slice() else {
        return None;
    };
    let effect = match effect.node {
        Effect::Allow { .. } => EffectKind::Allow,
        Effect::Limit { .. } => EffectKind::Limit,
        Effect::Block { .. } => EffectKind::Block,
        Effect::RequireApproval { .. } => EffectKind::RequireApproval,
        Effect::RequireJustification { .. } => EffectKind::RequireJustification,
        Effect::Mask { .. } => EffectKind::Mask,
    };
    Some(RuleSymbol {
        effect,
        observe: rule.observe.is_some(),
    })
}
