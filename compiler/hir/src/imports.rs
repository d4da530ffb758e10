//! Imports over all files: packages that import each other. What one import names is checked in `file`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hpol_syntax::ast::Item;
use hpol_syntax::code::Code;

use crate::database::{Inputs, ItemText, SourceFile, items, parsed};
use crate::diagnostic::{Diagnostic, Label};
use crate::file::{is_catalogue, scope};

/// Imports named in one diagnostic.
const MAX_LABELS: usize = 5;

/// Where a package imports another.
struct Import<'db> {
    file: SourceFile,
    item: ItemText<'db>,
    offset: u32,
}

/// From package to the packages that it imports, and one place where it does.
type Graph<'db> = BTreeMap<&'db str, BTreeMap<&'db str, Import<'db>>>;

/// The cycles among imports: each package is named in one of them at most.
pub(crate) fn cycles(db: &dyn salsa::Database, inputs: Inputs) -> Vec<Diagnostic> {
    let graph = graph(db, inputs);
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for package in graph.keys() {
        if named.contains(package) {
            continue;
        }
        if let Some(way) = way_back(&graph, package) {
            found.push(cycle(db, &graph, &way));
            named.extend(way);
        }
    }
    found
}

fn graph(db: &dyn salsa::Database, inputs: Inputs) -> Graph<'_> {
    let mut graph = Graph::new();
    for file in inputs.files(db) {
        let package = scope(db, *file).package(db);
        for (item, offset) in &items(db, *file).items {
            let Some(Item::Use(found)) = &parsed(db, *item).item else {
                continue;
            };
            if is_catalogue(found) {
                continue;
            }
            let imports = graph.entry(package).or_default();
            imports.entry(&found.path.node).or_insert(Import {
                file: *file,
                item: *item,
                offset: *offset,
            });
        }
    }
    graph
}

/// The shortest way from `package` back to itself, which stands first and is not repeated.
fn way_back<'db>(graph: &Graph<'db>, package: &'db str) -> Option<Vec<&'db str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = VecDeque::from([package]);
    while let Some(here) = next.pop_front() {
        for imported in graph.get(here).into_iter().flat_map(BTreeMap::keys) {
            if *imported == package {
                let mut way = vec![here];
                while let Some(earlier) = way.last().and_then(|last| before.get(last)) {
                    way.push(earlier);
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(imported) {
                before.insert(imported, here);
                next.push_back(imported);
            }
        }
    }
    None
}

fn cycle(db: &dyn salsa::Database, graph: &Graph<'_>, way: &[&str]) -> Diagnostic {
    let targets = way.iter().skip(1).chain(way.first());
    let steps = way.iter().zip(targets);
    let labels = steps.filter_map(|(from, to)| {
        let import = graph.get(from)?.get(to)?;
        let parsed = parsed(db, import.item);
        let start = (import.offset + parsed.start) as usize;
        let text = import.item.text(db).get(parsed.start as usize..)?;
        let line = text.lines().next().unwrap_or("").trim_end();
        Some(Label {
            file: import.file.path(db).to_owned(),
            span: start..start + line.len(),
            text: format!("`{from}` imports `{to}`"),
        })
    });
    let message = match way {
        [alone] => format!("package `{alone}` imports itself"),
        _ => format!(
            "packages import each other: {}",
            way.iter()
                .chain(way.first())
                .map(|package| format!("`{package}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    Diagnostic {
        code: Code::ImportCycle,
        severity: Code::ImportCycle.severity(),
        message,
        labels: labels.take(MAX_LABELS).collect(),
        help: Some(match way {
            [_] => "leave the import out: names of the own package need none".to_owned(),
            _ => "put what both need into a package of its own".to_owned(),
        }),
        fix: Vec::new(),
    }
}
