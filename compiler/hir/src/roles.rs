//! What each word of an item is there for, read from its tokens alone: so it is known in an item that is broken, and at
//! a place where the next word is still missing. What a name means is the matter of `names`.

mod reader;
mod units;

use hpol_syntax::span::Span;

use crate::database::ItemText;
use reader::Reader;

/// What a word is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A word of the language.
    Keyword,
    /// An operator made of signs.
    Operator,
    /// A line of documentation.
    Doc,
    /// A text in quotes.
    Text,
    /// A number or a duration.
    Number,
    /// The name that the item declares.
    Declared,
    /// A connection.
    Connection,
    /// A group of approvers.
    Approvers,
    /// A fact, a group or a predicate in a condition.
    Operand,
    /// A fact's value, or a parameter that stands for one.
    Value,
    /// The name of a parameter where it is declared.
    Parameter,
    /// A class of data.
    Class,
    /// A rule.
    Rule,
    /// An exception.
    Exception,
    /// A schedule.
    Schedule,
    /// A package or a catalogue.
    Package,
    /// A baseline of the catalogue.
    Baseline,
    /// A control.
    Control,
    /// The protocol of a connection.
    Protocol,
    /// A detector of a data class.
    Detector,
    /// A column or a place in JSON documents.
    Place,
    /// A method of HTTP.
    Method,
    /// Something in a place where nothing is known to belong.
    Unknown,
}

/// A word, and what it is there for. The span counts from where its text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mention {
    /// Where it stands.
    pub span: Span,
    /// What it is there for.
    pub role: Role,
    /// For a value: the name of the fact that it is compared with, or of the predicate that it is given to.
    pub of: Option<Span>,
}

/// What can be written at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// A word that begins an item.
    Item,
    /// A word that begins a clause, of an item with this keyword.
    Clause(&'static str),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A connection.
    Connection,
    /// A group of approvers.
    Approvers,
    /// A condition: facts, groups, predicates; only of the subject where it is `who` or a group.
    Condition {
        /// Whether it is about the subject alone.
        subject: bool,
    },
    /// A test of the fact that stands before.
    Test {
        /// The fact.
        of: Span,
    },
    /// A value of a fact, or of a predicate's parameter.
    Value {
        /// The fact or the predicate.
        of: Span,
        /// Which of the predicate's parameters; `None` for a fact.
        argument: Option<usize>,
        /// Whether a bracket is open.
        listed: bool,
    },
    /// What joins two tests, or the next clause of an item with this keyword.
    Joint(&'static str),
    /// A class of data.
    Class,
    /// A rule.
    Rule,
    /// An exception.
    Exception,
    /// A schedule.
    Schedule,
    /// A package or the catalogue.
    Package,
    /// A control.
    Control,
    /// A protocol.
    Protocol,
    /// A detector.
    Detector,
    /// A method of HTTP.
    Method,
    /// Something that only the author knows.
    Free,
}

/// The words of an item.
#[salsa::tracked]
pub(crate) fn mentions<'db>(db: &'db dyn salsa::Database, item: ItemText<'db>) -> Vec<Mention> {
    read(item.text(db)).mentions
}

/// What can be written behind `text`, which begins with an item and may be empty.
pub(crate) fn expected(text: &str) -> Expected {
    read(text).expected()
}

fn read(text: &str) -> Reader<'_> {
    let mut reader = Reader::new(text);
    for unit in units::units(text) {
        reader.read(&unit);
    }
    reader
}

#[cfg(test)]
mod tests;
