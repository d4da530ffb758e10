//! Queries over all files: every diagnostic, the policy with its ids, the tests, and the program.

use std::collections::BTreeMap;

use hpol_bundle::policy::{self as tree, ClassId, GroupId, Policy, RuleId, Source};
use hpol_bundle::program::Program;
use hpol_bundle::program::lower::{LowerError, lower};
use hpol_syntax::code::{Code, Severity};
use hpol_syntax::span::Span;

use crate::check::check;
use crate::database::{Inputs, ItemText, Items, Scope, SourceFile, items, parsed};
use crate::declared::{self, Declaration};
use crate::diagnostic::{Diagnostic, Label};
use crate::file::{package_line, scope};
use crate::imports::cycles;
use crate::lowered::{Effect, Lowered};
use crate::own_facts::vocabulary;
use crate::symbols::qualify;
use crate::targets::disagreements;
use crate::test_case::TestCase;

/// Places named in one diagnostic.
const MAX_LABELS: usize = 5;

/// What is wrong, sorted by file and place; a broken name once, with every place it is used at.
#[salsa::tracked]
pub(crate) fn diagnostics(db: &dyn salsa::Database, inputs: Inputs) -> Vec<Diagnostic> {
    let of_files = inputs
        .files(db)
        .iter()
        .flat_map(|file| of_file(db, inputs, *file));
    let mut found: Vec<Diagnostic> = of_files.cloned().collect();
    found.extend(duplicates(db, inputs));
    found.extend(disagreements(db, inputs));
    found.extend(cycles(db, inputs));
    found.sort_by(|left, right| left.place().cmp(&right.place()));
    merge_names(found)
}

/// What is wrong with one file, its names known.
#[salsa::tracked]
fn of_file(db: &dyn salsa::Database, inputs: Inputs, file: SourceFile) -> Vec<Diagnostic> {
    let items = items(db, file);
    let path = file.path(db);
    let import = import_place(db, items);
    let mut found = Vec::new();
    let whole = items
        .problems
        .iter()
        .cloned()
        .chain(package_line(db, items));
    found.extend(whole.map(|problem| Diagnostic::of(&problem, path, 0, import)));
    let scope = scope(db, file);
    for (item, offset) in &items.items {
        let problems = parsed(db, *item)
            .problems
            .iter()
            .chain(&check(db, inputs, *item, scope).problems);
        found.extend(problems.map(|problem| Diagnostic::of(problem, path, *offset, import)));
    }
    found
}

/// Where a further `use` would stand: behind the last one, or behind the package line.
pub(crate) fn import_place(db: &dyn salsa::Database, items: &Items<'_>) -> u32 {
    let head = items.items.iter().rev();
    head.filter(|(item, _)| matches!(parsed(db, *item).keyword.as_str(), "package" | "use"))
        .map(|(item, offset)| Span::new(0, item.text(db).len()).shifted(*offset).end)
        .next()
        .unwrap_or(0)
}

/// The policy, unless something is wrong with it.
#[salsa::tracked]
pub(crate) fn policy(db: &dyn salsa::Database, inputs: Inputs) -> Option<Policy> {
    if diagnostics(db, inputs)
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        return None;
    }
    let mut parts = Parts::default();
    let mut whole = true;
    each_item(db, inputs, |place| {
        let lowered = &check(db, inputs, place.item, place.scope).lowered;
        match (place.name(db), lowered) {
            (Some(name), Some(lowered)) => parts.add(name, lowered, || place.source(db)),
            (_, None) => {
                whole &= matches!(parsed(db, place.item).keyword.as_str(), "package" | "use")
            }
            (None, Some(lowered)) => whole &= matches!(lowered, Lowered::Test(_)),
        }
    });
    // A rule that got lost without a word would be a block that got lost.
    if !whole {
        return None;
    }
    parts.policy()
}

/// The tests, in the order of files and places.
#[salsa::tracked]
pub(crate) fn test_cases(db: &dyn salsa::Database, inputs: Inputs) -> Vec<TestCase> {
    let mut tests = Vec::new();
    each_item(db, inputs, |place| {
        if let Some(Lowered::Test(test)) = &check(db, inputs, place.item, place.scope).lowered {
            tests.push(TestCase {
                source: place.source(db),
                ..(**test).clone()
            });
        }
    });
    tests
}

/// The decision graph; none where there is no policy.
#[salsa::tracked]
pub(crate) fn program(
    db: &dyn salsa::Database,
    inputs: Inputs,
) -> Result<Option<Program>, LowerError> {
    match policy(db, inputs) {
        Some(policy) => lower(policy, vocabulary(db, inputs)).map(Some),
        None => Ok(None),
    }
}

/// Where the lines of a file end.
#[salsa::tracked]
fn line_breaks(db: &dyn salsa::Database, file: SourceFile) -> Vec<u32> {
    let breaks = file
        .text(db)
        .bytes()
        .zip(0..)
        .filter(|(byte, _)| *byte == b'\n');
    breaks.map(|(_, place)| place).collect()
}

/// An item where it stands.
pub(crate) struct Place<'db> {
    file: SourceFile,
    item: ItemText<'db>,
    offset: u32,
    scope: Scope<'db>,
}

impl<'db> Place<'db> {
    fn name(&self, db: &'db dyn salsa::Database) -> Option<String> {
        parsed(db, self.item)
            .name
            .as_deref()
            .map(|name| qualify(self.scope.package(db), name))
    }

    /// The line on which the item begins.
    pub(crate) fn label(&self, db: &'db dyn salsa::Database, text: &str) -> Label {
        let start = parsed(db, self.item).start;
        let span = headline(self.item.text(db), start).shifted(self.offset);
        Label {
            file: self.file.path(db).to_owned(),
            span: span.start as usize..span.end as usize,
            text: text.to_owned(),
        }
    }

    fn source(&self, db: &'db dyn salsa::Database) -> Source {
        let breaks = line_breaks(db, self.file);
        let line = |offset: usize| {
            let lines = breaks.partition_point(|place| (*place as usize) < offset);
            u32::try_from(lines + 1).unwrap_or(u32::MAX)
        };
        let length = self.item.text(db).len();
        let start = self.offset as usize;
        let keyword = start + parsed(db, self.item).start as usize;
        Source {
            file: self.file.path(db).to_owned(),
            line: line(keyword),
            end_line: line(start + length),
        }
    }
}

fn each_item<'db>(
    db: &'db dyn salsa::Database,
    inputs: Inputs,
    mut visit: impl FnMut(&Place<'db>),
) {
    for file in inputs.files(db) {
        let scope = scope(db, *file);
        for (item, offset) in &items(db, *file).items {
            visit(&Place {
                file: *file,
                item: *item,
                offset: *offset,
                scope,
            });
        }
    }
}

/// The parts of a policy by qualified name, from which ids follow.
#[derive(Default)]
struct Parts {
    connections: BTreeMap<String, tree::Connection>,
    groups: BTreeMap<String, tree::Group>,
    classes: BTreeMap<String, tree::DataClass>,
    rules: BTreeMap<String, (crate::lowered::Rule, Source)>,
    exceptions: BTreeMap<String, (crate::lowered::Exception, Source)>,
    responsibilities: Vec<tree::Responsibility>,
}

impl Parts {
    fn add(&mut self, name: String, lowered: &Lowered, source: impl FnOnce() -> Source) {
        match lowered {
            Lowered::Connection {
                protocol,
                target,
                observe,
            } => {
                let connection = tree::Connection {
                    name: name.clone(),
                    protocol: *protocol,
                    target: target.clone(),
                    observe: *observe,
                };
                self.connections.insert(name, connection);
            }
            Lowered::Group(condition) => {
                let group = tree::Group {
                    name: name.clone(),
                    condition: condition.clone(),
                };
                self.groups.insert(name, group);
            }
            Lowered::Class {
                columns,
                json,
                detectors,
            } => {
                let class = tree::DataClass {
                    name: name.clone(),
                    columns: columns.clone(),
                    json: json.clone(),
                    detectors: detectors.clone(),
                };
                self.classes.insert(name, class);
            }
            Lowered::Rule(rule) => {
                self.rules.insert(name, ((**rule).clone(), source()));
            }
            Lowered::Responsibility(found) => {
                let (who, because) = (found.who.clone(), found.because.clone());
                let source = source();
                let of = |control: &String| tree::Responsibility {
                    control: control.clone(),
                    who: who.clone(),
                    because: because.clone(),
                    source: source.clone(),
                };
                self.responsibilities.extend(found.controls.iter().map(of));
            }
            Lowered::Exception(exception) => {
                let exception = (**exception).clone();
                self.exceptions.insert(name, (exception, source()));
            }
            Lowered::Schedule | Lowered::Predicate | Lowered::Test(_) => {}
        }
    }

    /// None only if an effect or an exception names what is not there, which the checker excludes.
    fn policy(self) -> Option<Policy> {
        let groups: BTreeMap<&str, u32> = self.groups.keys().map(String::as_str).zip(0..).collect();
        let classes: BTreeMap<&str, u32> =
            self.classes.keys().map(String::as_str).zip(0..).collect();
        let ids: BTreeMap<String, u32> = self.rules.keys().cloned().zip(0..).collect();
        let mut rules = Vec::with_capacity(self.rules.len());
        for (name, (rule, source)) in self.rules {
            let effect = match rule.effect {
                Effect::Allow { rows } => tree::Effect::Allow { rows },
                Effect::Limit { rows } => tree::Effect::Limit { rows },
                Effect::Block {
                    message,
                    terminates,
                } => tree::Effect::Block {
                    message,
                    terminates,
                },
                Effect::RequireApproval {
                    quorum,
                    group,
                    within_seconds,
                    stands_seconds,
                } => tree::Effect::RequireApproval {
                    quorum,
                    group: GroupId(*groups.get(group.as_str())?),
                    within_seconds,
                    stands_seconds,
                },
                Effect::RequireJustification { reviewers, given } => {
                    tree::Effect::RequireJustification {
                        reviewers: GroupId(*groups.get(reviewers.as_str())?),
                        given,
                    }
                }
                Effect::Mask { class, mask } => tree::Effect::Mask {
                    class: ClassId(*classes.get(class.as_str())?),
                    mask,
                },
            };
            rules.push(tree::Rule {
                name,
                title: rule.title,
                because: rule.because,
                claims: rule.claims,
                condition: rule.condition,
                effect,
                observe: rule.observe,
                source,
            });
        }
        let mut exceptions = Vec::with_capacity(self.exceptions.len());
        for (name, (exception, source)) in self.exceptions {
            exceptions.push(tree::Exception {
                name,
                rule: RuleId(*ids.get(&exception.rule)?),
                condition: exception.condition,
                because: exception.because,
                owner: exception.owner,
                until: exception.until,
                source,
            });
        }
        let mut responsibilities = self.responsibilities;
        responsibilities.sort();
        responsibilities.dedup();
        Some(Policy {
            connections: self.connections.into_values().collect(),
            groups: self.groups.into_values().collect(),
            classes: self.classes.into_values().collect(),
            rules,
            exceptions,
            responsibilities,
        })
    }
}

/// Names that are defined more than once.
fn duplicates(db: &dyn salsa::Database, inputs: Inputs) -> Vec<Diagnostic> {
    let again = |(first, second): &(Declaration, Declaration)| {
        let kind = parsed(db, place(db, *second)?.item).keyword.as_str();
        let name = declared::name(db, *second)?;
        Some(Diagnostic {
            code: Code::DefinedTwice,
            severity: Severity::Error,
            message: format!("{kind} `{name}` is defined twice"),
            labels: vec![
                place(db, *second)?.label(db, "defined again"),
                place(db, *first)?.label(db, "first here"),
            ],
            help: Some("rename one of them".to_owned()),
            fix: Vec::new(),
        })
    };
    declared::duplicates(db, inputs)
        .iter()
        .filter_map(again)
        .collect()
}

/// Where a declaration stands.
pub(crate) fn place<'db>(db: &'db dyn salsa::Database, at: Declaration) -> Option<Place<'db>> {
    let (item, offset) = items(db, at.file).items.get(at.index as usize)?;
    Some(Place {
        file: at.file,
        item: *item,
        offset: *offset,
        scope: scope(db, at.file),
    })
}

/// The line on which an item begins, from its keyword on.
fn headline(text: &str, start: u32) -> Span {
    let start = start as usize;
    let rest = text.get(start..).unwrap_or("");
    let line = rest
        .lines()
        .next()
        .unwrap_or("")
        .trim_end_matches(|char: char| char == '{' || char.is_whitespace());
    Span::new(start, start + line.len())
}

/// Joins what is wrong with one name at several places: it is one mistake.
fn merge_names(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut merged: Vec<Diagnostic> = Vec::with_capacity(found.len());
    let mut by_message: BTreeMap<String, usize> = BTreeMap::new();
    for diagnostic in found {
        if !matches!(
            diagnostic.code,
            Code::UnknownName | Code::NotImported | Code::UnknownControl
        ) {
            merged.push(diagnostic);
            continue;
        }
        let known = by_message
            .get(&diagnostic.message)
            .and_then(|index| merged.get_mut(*index));
        match known {
            Some(first) => {
                let room = MAX_LABELS.saturating_sub(first.labels.len());
                if !first.fix.is_empty() {
                    for edit in diagnostic.fix {
                        if !first.fix.contains(&edit) {
                            first.fix.push(edit);
                        }
                    }
                }
                first
                    .labels
                    .extend(diagnostic.labels.into_iter().take(room));
            }
            None => {
                by_message.insert(diagnostic.message.clone(), merged.len());
                merged.push(diagnostic);
            }
        }
    }
    merged
}
