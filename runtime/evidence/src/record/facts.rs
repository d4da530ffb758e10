//! Facts of operations and results in records: what conditions over history need to count again after a restart.

use serde::{Deserialize, Serialize};

/// Facts, by their names in the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FactsRecord {
    /// Those that are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownFact>,
    /// Those that the operation does not have, although others of its protocol do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Those that could not be determined, and those that take too much room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A fact and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFact {
    /// Its name in the vocabulary.
    pub fact: String,
    /// What it is.
    pub value: FactValue,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A text, a name, or a word.
    Text(String),
    /// A set.
    Set(Vec<String>),
}
