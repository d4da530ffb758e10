//! The parser's tree in a form that one walk can visit whole: nodes by name with all their fields.
//!
//! Made through the Serialize of the parser's own types, so no field can be forgotten. Fields with their default value
//! are left out. What nodes mean is not known here.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::ser::{self, Serialize};

mod serializer;

/// A node or a value of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// A node of the grammar.
    Node(Node),
    /// A list of nodes.
    List(Vec<Tree>),
    /// A name or literal.
    Text(String),
    /// A number, or a member of an enum of the grammar.
    Int(i64),
    /// A flag that is set or not.
    Bool(bool),
    /// The value of a literal of the text.
    Literal(Literal),
    /// Nothing, as an element of a list.
    Absent,
}

/// The value of a literal, which knows whether anybody has looked at it: what was found without looking is found again in
/// every text that differs in nothing else.
#[derive(Debug)]
pub(super) struct Literal {
    value: Box<Tree>,
    /// Where the grammar says it begins in the text, in bytes.
    location: i64,
    read: AtomicBool,
}

impl Literal {
    fn new(value: Tree, location: i64) -> Literal {
        Literal {
            value: Box::new(value),
            location,
            read: AtomicBool::new(false),
        }
    }

    fn read(&self) -> &Tree {
        self.read.store(true, Ordering::Relaxed);
        &self.value
    }
}

impl Clone for Literal {
    fn clone(&self) -> Literal {
        Literal::new(self.read().clone(), self.location)
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        self.read() == other.read()
    }
}

/// What a tree has that a text can spell in another way without being another tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Literals {
    /// Where the grammar says that each begins.
    pub(super) locations: Vec<i64>,
    /// Whether the value of one was looked at.
    pub(super) read: bool,
    /// Whether there are options of a command, which hold values that are no literals to the grammar.
    pub(super) options: bool,
}

/// A node of the grammar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The name of its type, as the parser's protobuf has it in Rust: `SelectStmt`, `AExpr`.
    pub(super) kind: &'static str,
    /// Its fields that are not default.
    pub(super) fields: Vec<(&'static str, Tree)>,
}

/// The tree of `value`, which is a message of the parser's.
///
/// # Errors
/// For types that the parser's messages do not hold.
pub(super) fn tree(value: &impl Serialize) -> Result<Tree, Unsupported> {
    value.serialize(serializer::Serializer)
}

/// A type that the parser's messages do not hold.
#[derive(Debug, thiserror::Error)]
#[error("unsupported type")]
pub(super) struct Unsupported;

impl ser::Error for Unsupported {
    fn custom<T: std::fmt::Display>(_: T) -> Unsupported {
        Unsupported
    }
}

impl Tree {
    /// The node, if it is one.
    pub(super) fn node(&self) -> Option<&Node> {
        match self {
            Tree::Node(node) => Some(node),
            _ => None,
        }
    }

    /// The node, if it is one of `kind`.
    pub(super) fn of_kind(&self, kind: &str) -> Option<&Node> {
        self.node().filter(|node| node.kind == kind)
    }

    /// The elements of a list; of a node that is the grammar's list, its items; nothing for others.
    pub(super) fn items(&self) -> &[Tree] {
        match self {
            Tree::List(items) => items,
            Tree::Node(node) if node.kind == "List" => node.list("items"),
            _ => &[],
        }
    }

    /// Whether it holds nothing.
    fn is_default(&self) -> bool {
        match self {
            Tree::List(items) => items.is_empty(),
            Tree::Text(text) => text.is_empty(),
            Tree::Int(number) => *number == 0,
            Tree::Bool(flag) => !flag,
            Tree::Absent => true,
            Tree::Node(_) | Tree::Literal(_) => false,
        }
    }

    /// How many nodes it has.
    pub(super) fn nodes(&self) -> usize {
        match self {
            Tree::Node(node) => {
                let fields = node.fields.iter().map(|(_, value)| value.nodes());
                fields.fold(1, usize::saturating_add)
            }
            Tree::List(items) => items.iter().map(Tree::nodes).fold(0, usize::saturating_add),
            _ => 0,
        }
    }

    /// Adds the literals in it, and whether a walk has looked at their values.
    pub(super) fn literals(&self, found: &mut Literals) {
        match self {
            Tree::Literal(literal) => {
                found.locations.push(literal.location);
                found.read |= literal.read.load(Ordering::Relaxed);
            }
            Tree::Node(node) => {
                found.options |= node.kind == "DefElem";
                node.fields
                    .iter()
                    .for_each(|(_, value)| value.literals(found));
            }
            Tree::List(items) => items.iter().for_each(|item| item.literals(found)),
            Tree::Text(_) | Tree::Int(_) | Tree::Bool(_) | Tree::Absent => {}
        }
    }
}

impl Node {
    /// The value of a field that is not default.
    pub(super) fn get(&self, field: &str) -> Option<&Tree> {
        self.fields
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value)
    }

    /// The node in a field.
    pub(super) fn child(&self, field: &str) -> Option<&Node> {
        self.get(field)?.node()
    }

    /// The elements of a list in a field.
    pub(super) fn list(&self, field: &str) -> &[Tree] {
        match self.get(field) {
            Some(Tree::List(items)) => items,
            _ => &[],
        }
    }

    /// The value in a field; of a literal, which is then known to have been looked at.
    fn value(&self, field: &str) -> Option<&Tree> {
        match self.get(field) {
            Some(Tree::Literal(literal)) => Some(literal.read()),
            other => other,
        }
    }

    /// The text in a field, empty where it is default.
    pub(super) fn text(&self, field: &str) -> &str {
        match self.value(field) {
            Some(Tree::Text(text)) => text,
            _ => "",
        }
    }

    /// The number in a field, zero where it is default.
    pub(super) fn int(&self, field: &str) -> i64 {
        match self.value(field) {
            Some(Tree::Int(number)) => *number,
            _ => 0,
        }
    }

    /// The flag in a field.
    pub(super) fn flag(&self, field: &str) -> bool {
        matches!(self.get(field), Some(Tree::Bool(true)))
    }

    /// The texts of a list of String nodes in a field, such as the parts of a dotted name.
    pub(super) fn names(&self, field: &str) -> Vec<&str> {
        names(self.list(field))
    }
}

/// The texts of String nodes among `items`.
pub(super) fn names(items: &[Tree]) -> Vec<&str> {
    items
        .iter()
        .filter_map(|item| Some(item.of_kind("String")?.text("sval")))
        .collect()
}
