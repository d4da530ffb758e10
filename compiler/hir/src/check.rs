//! Checks one item and lowers it. What an item means depends on its text, its scope, the names that exist and the
//! tables of facts and controls; on no place in a file.

mod before;
mod condition;
mod controls;
mod data;
mod effect;
mod exception;
mod form;
mod history;
mod json;
mod labels;
mod place;
mod predicate;
mod presence;
mod responsibility;
mod rule;
mod schedule;
mod size;
mod test;
mod test_subject;
mod value;

use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_syntax::ast::{Connection, Group, Item, Name};
use hpol_syntax::code::Code;
use hpol_syntax::limits::MAX_PROBLEMS_PER_ITEM;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;
use hpol_syntax::words;

use crate::database::{Inputs, ItemText, Scope, parsed};
use crate::file::{import, packages};
use crate::lowered::Lowered;
use crate::own_facts::vocabulary;
use crate::symbols::{Symbols, Table, protocol, qualify, resolve, symbols};
use condition::Reads;
pub use data::DETECTORS;
use size::Size;
pub use value::operators;

/// What came of checking one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    /// What it means, if it is right.
    pub(crate) lowered: Option<Lowered>,
    /// What is wrong with its meaning; what is wrong with its form stands with the parsed item.
    pub(crate) problems: Vec<Problem>,
}

/// Checks `item` where it stands in `scope`.
#[salsa::tracked]
pub(crate) fn check<'db>(
    db: &'db dyn salsa::Database,
    inputs: Inputs,
    item: ItemText<'db>,
    scope: Scope<'db>,
) -> Checked {
    let mut checker = Checker {
        db,
        inputs,
        scope,
        problems: Vec::new(),
        protocol_facts: Vec::new(),
        folded: Size::default(),
        parameters: Vec::new(),
        expanding: Vec::new(),
    };
    let lowered = parsed(db, item)
        .item
        .as_ref()
        .and_then(|item| checker.item(item));
    Checked {
        lowered,
        problems: checker.problems,
    }
}

/// The state of checking one item.
struct Checker<'db> {
    db: &'db dyn salsa::Database,
    inputs: Inputs,
    scope: Scope<'db>,
    problems: Vec<Problem>,
    /// The facts read so far that only one protocol has.
    protocol_facts: Vec<ProtocolFact>,
    /// How much the groups add to the condition at hand.
    folded: Size,
    /// The parameters of the predicate that is being defined.
    parameters: Vec<String>,
    /// The predicates that are being defined or expanded, from the outermost, by qualified name.
    expanding: Vec<String>,
}

/// A fact of one protocol, where a condition reads it.
struct ProtocolFact {
    protocol: Protocol,
    name: String,
    span: Span,
}

impl<'db> Checker<'db> {
    fn item(&mut self, item: &Item) -> Option<Lowered> {
        match item {
            Item::Package(_) => None,
            Item::Use(found) => {
                self.problems
                    .extend(import(packages(self.db, self.inputs), found));
                None
            }
            Item::Connection(connection) => self.connection(connection),
            Item::Group(group) => self.group(group),
            Item::Predicate(predicate) => self.definition(predicate),
            Item::Schedule(schedule) => self.schedule(schedule),
            Item::Data(data) => self.data(data),
            Item::Rule(rule) => self.rule(rule),
            Item::Responsibility(responsibility) => self.responsibility(responsibility),
            Item::Exception(exception) => self.exception(exception),
            Item::Test(test) => self.test(test),
        }
    }

    fn connection(&mut self, connection: &Connection) -> Option<Lowered> {
        if let Some(protocol) = protocol(&connection.protocol.node) {
            self.warn_of_observe(connection);
            return Some(Lowered::Connection {
                protocol,
                target: connection.target.node.clone(),
                observe: connection.observe.is_some(),
            });
        }
        let known: Vec<&str> = Protocol::ALL
            .iter()
            .map(|protocol| protocol.as_str())
            .collect();
        let word = &connection.protocol;
        self.report(
            Problem::new(
                Code::UnknownProtocol,
                format!("there is no protocol `{}`", word.node),
                word.span,
                "unknown",
            )
            .help(format!("this version speaks {}", words::list(&known))),
        );
        None
    }

    fn warn_of_observe(&mut self, connection: &Connection) {
        let Some(observe) = connection.observe else {
            return;
        };
        let message = format!("nothing is blocked on `{}`", connection.name.node);
        let label = "what would be blocked is only recorded";
        self.report(
            Problem::new(Code::ConnectionObserved, message, observe, label)
                .help("take `observe` out once the records show that the rules fit"),
        );
    }

    fn group(&mut self, group: &Group) -> Option<Lowered> {
        self.named_condition(&group.name);
        let condition = self.whole_condition(&group.condition, Reads::SubjectAlone)?;
        self.expanded("group", &group.name, condition)
            .map(Lowered::Group)
    }

    /// Reports a name by which a group or a predicate could not be used.
    fn named_condition(&mut self, name: &Name) {
        let full = qualify(self.scope.package(self.db), &name.node);
        let (message, label) = if words::RESERVED.contains(&name.node.as_str()) {
            let message = format!(
                "`{}` is a word that the language keeps for itself",
                name.node
            );
            (message, "reserved")
        } else if self.vocabulary().lookup(&full).is_some() {
            (format!("`{full}` is the name of a fact"), "a fact")
        } else {
            return;
        };
        self.report(
            Problem::new(Code::ReservedName, message, name.span, label).help("choose another name"),
        );
    }

    fn vocabulary(&self) -> &'db Vocabulary {
        vocabulary(self.db, self.inputs)
    }

    fn symbols(&self) -> &'db Symbols<'db> {
        symbols(self.db, self.inputs)
    }

    /// What `name` means, and its qualified form; nothing where that is wrong, which is then reported.
    fn lookup<'t, T>(
        &mut self,
        table: &'t Table<T>,
        name: &Name,
        kind: &str,
        others: &[&str],
    ) -> Option<(String, Option<&'t T>)> {
        if self.is_full() {
            return None;
        }
        resolve(self.db, self.scope, table, name, kind, others)
            .map_err(|problem| self.report(*problem))
            .ok()
    }

    /// Whether so much is wrong that nothing more is said; finding what was meant takes time.
    fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS_PER_ITEM
    }

    fn report(&mut self, problem: Problem) {
        if !self.is_full() {
            self.problems.push(problem);
        }
    }
}
