//! The vocabulary: every fact a condition can read, with type, phase, protocol and documentation.
//!
//! The built-in vocabulary is `lang-spec/vocabulary.toml`; tools may load another. Fact values stand in [`crate::facts`].

mod derived;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use derived::{Derived, MAX_CLAIMS, MAX_SCHEDULES, during};

/// Index of a fact in its vocabulary; dense from zero, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FactId(pub u16);

impl FactId {
    /// The position of the fact, for indexing tables laid out by fact.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// PostgreSQL frontend/backend protocol 3.
    Postgres,
    /// HTTP/1.1.
    Http,
}

impl Protocol {
    /// Every protocol, in the order of the variants.
    pub const ALL: [Protocol; 2] = [Protocol::Postgres, Protocol::Http];

    /// The word for the protocol in policies, configuration and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Postgres => "postgres",
            Protocol::Http => "http",
        }
    }
}

/// When the value of a fact is known. A rule may read facts of its phase and of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Constant from the moment the session opens: subject and connection.
    Session,
    /// What one operation asks for.
    Operation,
    /// What came back; known when it has been released, and read by history only.
    Result,
}

/// The type of a single value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scalar {
    /// True or false.
    Bool,
    /// A signed 64-bit number.
    Int,
    /// Any text, written in quotes.
    String,
    /// The path of a request, written in quotes: segments behind `/`.
    Path,
    /// An internet address, written bare; its value is the text of [`crate::address`].
    Address,
    /// A dotted name such as `public.orders`, written bare, or in quotes where its parts need them.
    Name,
    /// One word out of a closed list of the vocabulary, written bare.
    Enum(String),
    /// The name of a data class of the policy, written bare; its value is the qualified one.
    Class,
}

/// The type of a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FactType {
    /// One value.
    Scalar(Scalar),
    /// An unordered set of values.
    Set(Scalar),
}

/// What a number counts; its literals have such units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bytes: `10MB`, `512KiB`.
    Bytes,
    /// Seconds: `15m`.
    Seconds,
}

/// One entry of the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The dotted name that conditions use, such as `sql.verbs`.
    pub name: String,
    /// The type of its values.
    pub ty: FactType,
    /// What it counts, if it is a number of something.
    pub unit: Option<Unit>,
    /// When it is known.
    pub phase: Phase,
    /// The protocol whose operations carry it; `None` for facts of every session.
    pub protocol: Option<Protocol>,
    /// Whether an operation of the protocol can lack it.
    pub optional: bool,
    /// One sentence of documentation.
    pub doc: String,
    /// A condition that reads it, valid in a policy.
    pub example: String,
    /// What it is, where the policy brings it itself.
    pub derived: Option<Derived>,
}

/// Every fact and every closed list of words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    facts: Vec<Fact>,
    enums: BTreeMap<String, Vec<String>>,
}

/// Why a vocabulary file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ParseVocabulary {
    /// Not the TOML that is expected.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A type that is not one of `bool`, `int`, `string`, `path`, `address`, `name`, `enum NAME`, `set of ...`.
    #[error("fact `{fact}` has unknown type `{ty}`")]
    Type {
        /// The fact.
        fact: String,
        /// What stands there as its type.
        ty: String,
    },
    /// A list that no `[enum]` entry defines.
    #[error("fact `{fact}` names unknown enum `{name}`")]
    Enum {
        /// The fact.
        fact: String,
        /// The list it names.
        name: String,
    },
    /// Two facts of one name.
    #[error("fact `{fact}` is defined twice")]
    Duplicate {
        /// The fact.
        fact: String,
    },
    /// A schedule of a policy that no compiler writes.
    #[error("a schedule is not sound")]
    Schedule,
    /// More facts than a decision can report on.
    #[error("a vocabulary holds at most {limit} facts")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fact: Vec<Entry>,
    #[serde(default, rename = "enum")]
    enums: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    unit: Option<Unit>,
    phase: Phase,
    protocol: Option<Protocol>,
    #[serde(default)]
    optional: bool,
    doc: String,
    example: String,
}

impl Vocabulary {
    /// Facts in one vocabulary, those that a policy brings itself among them; a set of facts has a bit for each.
    pub const MAX_FACTS: usize = 128;

    /// The vocabulary of this version of hpol.
    #[must_use]
    pub fn builtin() -> &'static Vocabulary {
        static BUILTIN: OnceLock<Vocabulary> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            #[expect(
                clippy::expect_used,
                reason = "the file is part of the program and a test parses it"
            )]
            Vocabulary::parse(include_str!("../../../lang-spec/vocabulary.toml"))
                .expect("built-in vocabulary parses")
        })
    }

    /// Reads a vocabulary file.
    ///
    /// # Errors
    /// What is not TOML of the expected shape, and what [`ParseVocabulary`] lists.
    pub fn parse(text: &str) -> Result<Vocabulary, ParseVocabulary> {
        let file: File = toml::from_str(text)?;
        if file.fact.len() > Self::MAX_FACTS {
            return Err(ParseVocabulary::TooMany {
                limit: Self::MAX_FACTS,
            });
        }
        let mut facts: Vec<Fact> = Vec::with_capacity(file.fact.len());
        for entry in file.fact {
            if facts.iter().any(|known| known.name == entry.name) {
                return Err(ParseVocabulary::Duplicate { fact: entry.name });
            }
            let ty = written::parse(&entry.name, &entry.ty, &file.enums)?;
            facts.push(Fact {
                name: entry.name,
                ty,
                unit: entry.unit,
                phase: entry.phase,
                protocol: entry.protocol,
                optional: entry.optional,
                doc: entry.doc,
                example: entry.example,
                derived: None,
            });
        }
        Ok(Vocabulary {
            facts,
            enums: file.enums,
        })
    }

    /// Checks what [`Vocabulary::parse`] ensures, for one that comes out of another file.
    ///
    /// # Errors
    /// Too many facts, two facts of one name, a list of words that is not there.
    pub fn validate(&self) -> Result<(), ParseVocabulary> {
        if self.facts.len() > Self::MAX_FACTS {
            return Err(ParseVocabulary::TooMany {
                limit: Self::MAX_FACTS,
            });
        }
        if !self.has_sound_schedules() {
            return Err(ParseVocabulary::Schedule);
        }
        let mut names = BTreeSet::new();
        for fact in &self.facts {
            if !names.insert(&fact.name) {
                return Err(ParseVocabulary::Duplicate {
                    fact: fact.name.clone(),
                });
            }
            let (FactType::Scalar(scalar) | FactType::Set(scalar)) = &fact.ty;
            match scalar {
                Scalar::Enum(name) if !self.enums.contains_key(name) => {
                    return Err(ParseVocabulary::Enum {
                        fact: fact.name.clone(),
                        name: name.clone(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The entry of `id`, if the vocabulary has it.
    #[must_use]
    pub fn fact(&self, id: FactId) -> Option<&Fact> {
        self.facts.get(id.index())
    }

    /// The fact called `name`.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<(FactId, &Fact)> {
        self.iter().find(|(_, fact)| fact.name == name)
    }

    /// All facts with their ids, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (FactId, &Fact)> {
        self.facts.iter().enumerate().map(|(index, fact)| {
            #[expect(clippy::cast_possible_truncation, reason = "at most MAX_FACTS")]
            (FactId(index as u16), fact)
        })
    }

    /// How many facts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there is no fact at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The words of the closed list `name`.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<&[String]> {
        self.enums.get(name).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_parses_and_names_are_found() {
        let vocabulary = Vocabulary::builtin();
        let (id, fact) = vocabulary.lookup("sql.verbs").unwrap();
        assert_eq!(fact.ty, FactType::Set(Scalar::Enum("sql_verb".into())));
        assert_eq!(vocabulary.fact(id).unwrap().name, "sql.verbs");
    }

    #[test]
    fn unknown_types_and_duplicates_are_refused() {
        let entry = |name: &str, ty: &str| {
            format!(
                "[[fact]]\nname = \"{name}\"\ntype = \"{ty}\"\nphase = \"session\"\ndoc = \"\"\nexample = \"\"\n"
            )
        };
        assert!(matches!(
            Vocabulary::parse(&entry("a", "float")),
            Err(ParseVocabulary::Type { .. })
        ));
        assert!(matches!(
            Vocabulary::parse(&entry("a", "enum e")),
            Err(ParseVocabulary::Enum { .. })
        ));
        let twice = entry("a", "int") + &entry("a", "int");
        assert!(matches!(
            Vocabulary::parse(&twice),
            Err(ParseVocabulary::Duplicate { .. })
        ));
    }
}
