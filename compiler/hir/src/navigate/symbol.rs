//! What an editor is told of items: what they are, where they stand, and what a word means.

use std::ops::Range;

use hpol_nist_mappings::ControlId;

use crate::declared;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The package line.
    Package,
    /// An import.
    Use,
    /// A connection.
    Connection,
    /// A group.
    Group,
    /// A predicate.
    Predicate,
    /// A class of data.
    Class,
    /// A rule.
    Rule,
    /// An exception.
    Exception,
    /// A schedule.
    Schedule,
    /// A test.
    Test,
}

/// An item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// What it is.
    pub kind: Kind,
    /// Its name with the package; for a package line and an import what stands there.
    pub name: String,
    /// The file.
    pub file: String,
    /// Where its name stands, in bytes of the file.
    pub place: Range<usize>,
    /// Where all of it stands, with its documentation.
    pub whole: Range<usize>,
    /// Its documentation, lines joined.
    pub doc: String,
    /// Its text without the documentation.
    pub text: String,
    /// The title of a rule.
    pub title: Option<String>,
}

/// What a word means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// An item.
    Item(Symbol),
    /// A fact of the vocabulary, by name.
    Fact(String),
    /// A value of a fact that has a list of them: the list, and the word.
    Word {
        /// The fact's name.
        fact: String,
        /// The word.
        word: String,
    },
    /// A control of the catalogue.
    Control(ControlId),
    /// A parameter of the predicate that it stands in.
    Parameter {
        /// The predicate.
        of: Symbol,
        /// Its name.
        name: String,
    },
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Bytes of its text.
    pub span: Range<usize>,
}

impl Kind {
    pub(super) fn of(keyword: &str) -> Option<Kind> {
        Some(match keyword {
            "package" => Kind::Package,
            "use" => Kind::Use,
            "connection" => Kind::Connection,
            "group" => Kind::Group,
            "predicate" => Kind::Predicate,
            "data" => Kind::Class,
            "rule" => Kind::Rule,
            "exception" => Kind::Exception,
            "schedule" => Kind::Schedule,
            "test" => Kind::Test,
            _ => return None,
        })
    }

    /// The word that begins such an item.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Kind::Package => "package",
            Kind::Use => "use",
            Kind::Connection => "connection",
            Kind::Group => "group",
            Kind::Predicate => "predicate",
            Kind::Class => "data",
            Kind::Rule => "rule",
            Kind::Exception => "exception",
            Kind::Schedule => "schedule",
            Kind::Test => "test",
        }
    }

    pub(crate) fn space(self) -> Option<&'static str> {
        declared::space(self.keyword())
    }
}
