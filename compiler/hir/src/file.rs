//! What belongs to a file as a whole: its package and its imports.

use hpol_syntax::ast::{Item, Use};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;
use hpol_syntax::words;

use crate::database::{Inputs, Items, Scope, SourceFile, items, parsed};

/// The only catalogue there is.
const CATALOGUE: &str = "nist.sp800_53r5";
const BASELINES: &[&str] = &["low", "moderate", "high", "privacy"];

/// The package and the imports of `file`.
#[salsa::tracked(returns(copy))]
pub(crate) fn scope(db: &dyn salsa::Database, file: SourceFile) -> Scope<'_> {
    let mut package = String::new();
    let mut imports = Vec::new();
    for (item, _) in &items(db, file).items {
        match &parsed(db, *item).item {
            Some(Item::Package(found)) if package.is_empty() => {
                package.clone_from(&found.name.node)
            }
            Some(Item::Use(found)) if !is_catalogue(found) => imports.push(found.path.node.clone()),
            _ => {}
        }
    }
    imports.sort();
    imports.dedup();
    Scope::new(db, package, imports)
}

/// The packages that there are, sorted.
#[salsa::tracked]
pub(crate) fn packages(db: &dyn salsa::Database, inputs: Inputs) -> Vec<String> {
    let mut names: Vec<String> = inputs
        .files(db)
        .iter()
        .map(|file| scope(db, *file).package(db).to_owned())
        .collect();
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// What is wrong with the package line of a file; places count from the file's first byte.
pub(crate) fn package_line(db: &dyn salsa::Database, items: &Items<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, (item, offset)) in items.items.iter().enumerate() {
        let parsed = parsed(db, *item);
        let start = parsed.start as usize;
        let line = item.text(db).get(start..).unwrap_or("");
        let length = line.find(['\n', '{']).unwrap_or(line.len());
        let span = Span::new(start, start + length).shifted(*offset);
        let is_package = parsed.keyword == "package";
        if index == 0 && !is_package {
            problems.push(
                Problem::new(
                    Code::PackageLine,
                    "the file does not say its package",
                    span,
                    "before this",
                )
                .help(
                    "begin the file with `package` and a name, such as `package orders.production`",
                ),
            );
        }
        if index > 0 && is_package {
            let message = "a second `package` line, or one that is not first";
            problems.push(
                Problem::new(
                    Code::PackageLine,
                    message,
                    span,
                    "not the first item of the file",
                )
                .help("a file belongs to one package; `package` stands first"),
            );
        }
        if let Some(Item::Package(package)) = &parsed.item
            && package.name.node.split('.').next() == Some("nist")
        {
            let message = format!(
                "`{}` is a name that the language keeps for itself",
                package.name.node
            );
            let problem = Problem::new(
                Code::ReservedName,
                message,
                package.name.span.shifted(*offset),
                "reserved",
            );
            problems
                .push(problem.help("control catalogues are called `nist`; choose another name"));
        }
    }
    problems
}

/// What is wrong with an import; places count from the item's first byte.
pub(crate) fn import(packages: &[String], found: &Use) -> Option<Problem> {
    let (path, span) = (&found.path.node, found.path.span);
    if path.split('.').next() == Some("nist") {
        if !is_catalogue(found) {
            let message = format!("there is no catalogue `{path}`");
            return Some(
                Problem::new(Code::UnknownCatalogue, message, span, "unknown").write(CATALOGUE),
            );
        }
        let baseline = found
            .baseline
            .as_ref()
            .filter(|baseline| !BASELINES.contains(&baseline.node.as_str()))?;
        let message = format!("there is no baseline `{}`", baseline.node);
        let help = format!("it is one of {}", words::list(BASELINES));
        return Some(
            Problem::new(Code::UnknownCatalogue, message, baseline.span, "unknown").help(help),
        );
    }
    if let Some(baseline) = &found.baseline {
        let message = "only the control catalogue has baselines";
        return Some(Problem::new(
            Code::UnknownCatalogue,
            message,
            baseline.span,
            "belongs to `nist.sp800_53r5`",
        ));
    }
    if packages.contains(path) {
        return None;
    }
    let problem = Problem::new(
        Code::UnknownPackage,
        format!("there is no package `{path}`"),
        span,
        "unknown",
    );
    Some(
        match words::nearest(path, packages.iter().map(String::as_str)) {
            Some(near) => problem.did_you_mean(near),
            None => problem,
        },
    )
}

/// Whether an import names the catalogue of controls, and no package.
pub(crate) fn is_catalogue(found: &Use) -> bool {
    found.path.node == CATALOGUE
}
