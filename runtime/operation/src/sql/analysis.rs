//! What a text does, apart from the parameters of one run: the result of the walk, and its facts.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use super::lineage::Lineage;
use super::{Catalogue, NameUses, NamedTexts, SessionEffect, Verb};
use crate::{Class, Operation};

/// What the session knows that decides what names of a text mean.
#[derive(Debug, Clone, Default)]
pub struct SqlSession {
    /// The schemas of the search path in force, as `current_schemas(false)` gives them: existing schemas only, no
    /// `"$user"`. Without a catalogue a path of more than one schema leaves unqualified names undetermined.
    pub search_path: Vec<String>,
    /// The relations of the database, if known. With it, reads include what views read and the children of tables.
    pub catalogue: Option<Arc<Catalogue>>,
}

/// A set that may not be the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent<T: Ord> {
    /// What is known to be in it.
    pub known: BTreeSet<T>,
    /// Whether that is all. If not, the fact is unknown.
    pub complete: bool,
}

/// The encoding of a parameter's value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Format code 0.
    Text,
    /// Format code 1.
    Binary,
}

/// One parameter of a bound statement, `$1` first.
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    /// The type's oid from Parse, 0 where the server infers it.
    pub type_oid: u32,
    /// How the value is encoded.
    pub format: Format,
    /// The value as sent, `None` for NULL.
    pub value: Option<&'a [u8]>,
}

/// What a text does. Its Debug shows no literal.
#[derive(Clone)]
pub struct SqlAnalysis {
    pub(super) text: Box<str>,
    pub(super) masked: String,
    pub(super) verbs: Extent<Verb>,
    pub(super) reads: Extent<String>,
    pub(super) writes: Extent<String>,
    pub(super) functions: Extent<String>,
    pub(super) filtered: bool,
    pub(super) changes_within: bool,
    pub(super) statements: usize,
    pub(super) class: Class,
    pub(super) effects: Vec<SessionEffect>,
    pub(super) names: Arc<Names>,
    pub(super) lineage: Arc<Lineage>,
    /// The text with its literals left out, where all of this holds whatever they are.
    pub(super) shape: Option<Box<str>>,
}

/// What a text has to do with names of statements and cursors.
#[derive(Default)]
pub(super) struct Names {
    /// Where in the effects those of each statement end.
    pub(super) effect_ends: Vec<usize>,
    pub(super) uses: NameUses,
    /// What those stand for, as far as it was known.
    pub(super) named: NamedTexts,
}

impl std::fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Parameter");
        shown
            .field("type_oid", &self.type_oid)
            .field("format", &self.format);
        shown.field("bytes", &self.value.map(<[u8]>::len)).finish()
    }
}

impl std::fmt::Debug for SqlAnalysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlAnalysis")
            .field("masked", &self.masked)
            .finish_non_exhaustive()
    }
}

impl SqlAnalysis {
    /// The analysis of `text`, which differs from this one's in literals only, none of which was looked at.
    pub(super) fn of(&self, text: &str) -> SqlAnalysis {
        SqlAnalysis {
            text: text.into(),
            shape: None,
            ..self.clone()
        }
    }

    /// The text, as given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with every literal replaced by `?` and comments left out.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.masked
    }

    /// What the statements do, in every part of them; not complete where they run code that is not known.
    #[must_use]
    pub fn verbs(&self) -> &Extent<Verb> {
        &self.verbs
    }

    /// The relations read, as `schema.name`.
    #[must_use]
    pub fn reads(&self) -> &Extent<String> {
        &self.reads
    }

    /// The relations changed, created, altered or dropped, as `schema.name`.
    #[must_use]
    pub fn writes(&self) -> &Extent<String> {
        &self.writes
    }

    /// The functions called by name, as `schema.name`.
    #[must_use]
    pub fn functions(&self) -> &Extent<String> {
        &self.functions
    }

    /// Whether every UPDATE and DELETE that is known of has a WHERE that names a column of its target, or is that of a
    /// cursor, and every MERGE that updates or deletes an ON that does. The fact is unknown where verbs or writes are.
    #[must_use]
    pub fn filtered(&self) -> bool {
        self.filtered
    }

    /// Whether a query within a statement may change rows, as in WITH or under EXPLAIN ANALYZE, which the end of the
    /// statement does not count.
    #[must_use]
    pub fn changes_within(&self) -> bool {
        self.changes_within
    }

    /// Whether `other` is of the same text but for literals, so that [`SqlAnalysis::exposure`] is the same for both. Where it
    /// is not said to be, it may be so all the same.
    #[must_use]
    pub fn mentions_the_same(&self, other: &SqlAnalysis) -> bool {
        Arc::ptr_eq(&self.lineage, &other.lineage)
    }

    /// How many statements the text holds; zero for an empty query.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.statements
    }

    /// Why the rows of its result cannot be cut to a number; `None` where they can.
    #[must_use]
    pub fn cannot_limit(&self) -> Option<&'static str> {
        let several = self.statements > 1;
        several.then_some("the text holds several statements; send them one by one")
    }

    /// Why nothing can be hidden in what comes of it later, on channels that it listens to; `None` where it does not listen
    /// or `searched`, where detectors look into everything.
    #[must_use]
    pub fn cannot_mask_notified(&self, searched: bool) -> Option<&'static str> {
        let mut effects = self.effects.iter();
        let listens = effects.any(|effect| matches!(effect, SessionEffect::Listen { .. }));
        (listens && !searched)
            .then_some("what is notified has no columns, and no detector looks for the class")
    }

    /// [`Class::Read`] where nothing can change: SELECT and the like with known harmless functions, SHOW, SET, EXPLAIN,
    /// and transaction control. COMMIT is a read too: what it makes permanent was recorded as a write when it was asked
    /// for. COMMIT PREPARED and ROLLBACK PREPARED act on transactions of other sessions and are writes.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// What changes in the session, in order.
    #[must_use]
    pub fn effects(&self) -> &[SessionEffect] {
        &self.effects
    }

    /// What changes in the session by the statement at `index`, in order.
    #[must_use]
    pub fn statement_effects(&self, index: usize) -> &[SessionEffect] {
        let ends = &self.names.effect_ends;
        let start = index.checked_sub(1).and_then(|before| ends.get(before));
        let end = ends.get(index).copied().unwrap_or_default();
        self.effects
            .get(start.copied().unwrap_or_default()..end)
            .unwrap_or_default()
    }

    /// The names of prepared statements and cursors that the text uses and does not make itself. Where
    /// [`Analyser::analyse_named`](super::Analyser::analyse_named) was not told what they stand for, facts are unknown.
    #[must_use]
    pub fn uses(&self) -> &NameUses {
        &self.names.uses
    }

    /// The operation of running the text with `parameters`, which are empty for a simple query. Facts the vocabulary
    /// does not have are left out.
    #[must_use]
    pub fn operation(&self, parameters: &[Parameter<'_>], vocabulary: &Vocabulary) -> Operation {
        Operation {
            protocol: Protocol::Postgres,
            facts: self.facts(vocabulary),
            class: self.class,
            exact: self.exact(parameters),
            masked: self.masked.clone(),
            digest: self.digest(parameters),
        }
    }

    fn facts(&self, vocabulary: &Vocabulary) -> Facts {
        let mut facts = Facts::new();
        let mut set = |name: &str, fact: Fact| {
            if let Some((id, _)) = vocabulary.lookup(name) {
                facts.set(id, fact);
            }
        };
        set("sql.verbs", extent_fact(&self.verbs, |verb| verb.as_str()));
        set("sql.reads", extent_fact(&self.reads, String::as_str));
        set("sql.writes", extent_fact(&self.writes, String::as_str));
        set(
            "sql.functions",
            extent_fact(&self.functions, String::as_str),
        );
        // What cannot be told may be an UPDATE without a filter.
        let determined = self.verbs.complete && self.writes.complete;
        let filtered = if determined {
            Fact::Known(Value::Bool(self.filtered))
        } else {
            Fact::Unknown
        };
        set("sql.filtered", filtered);
        set(
            "sql.statements",
            i64::try_from(self.statements)
                .map_or(Fact::Unknown, |count| Fact::Known(Value::Int(count))),
        );
        facts
    }

    fn exact(&self, parameters: &[Parameter<'_>]) -> String {
        let mut exact = self.text.to_string();
        for (kind, name, named) in self.names.named.all() {
            // On one line, so that a query cannot pass itself off as something else.
            let _ = write!(exact, "\n-- {kind} {name} = {:?}", &*named.exact);
        }
        for (index, parameter) in parameters.iter().enumerate() {
            // Writing to a String does not fail.
            let _ = write!(exact, "\n-- ${} = {}", index + 1, Shown(parameter));
        }
        exact
    }

    fn digest(&self, parameters: &[Parameter<'_>]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        part(b"hpol sql operation 1");
        part(self.text.as_bytes());
        part(&(parameters.len() as u64).to_be_bytes());
        for parameter in parameters {
            part(&parameter.type_oid.to_be_bytes());
            part(match parameter.format {
                Format::Text => b"text",
                Format::Binary => b"binary",
            });
            match parameter.value {
                Some(value) => {
                    part(b"value");
                    part(value);
                }
                None => part(b"null"),
            }
        }
        for (kind, name, named) in self.names.named.all() {
            part(kind.as_bytes());
            part(name.as_bytes());
            part(&named.digest);
        }
        let mut out = [0; 32];
        // SHA-256 is 32 bytes long, so both are of one length.
        out.copy_from_slice(context.finish().as_ref());
        out
    }
}

fn extent_fact<T: Ord>(extent: &Extent<T>, word: impl Fn(&T) -> &str) -> Fact {
    if extent.complete {
        Fact::Known(Value::Set(
            extent.known.iter().map(|item| word(item).into()).collect(),
        ))
    } else {
        Fact::Unknown
    }
}

/// A parameter for the approver's eyes: on one line, so that a value cannot pass itself off as another parameter.
struct Shown<'a, 'b>(&'a Parameter<'b>);

impl std::fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(value) = self.0.value else {
            return f.write_str("NULL");
        };
        match (self.0.format, std::str::from_utf8(value)) {
            (Format::Text, Ok(text)) => write!(f, "{text:?}")?,
            (format, text) => {
                f.write_str("0x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                if format == Format::Binary {
                    readings(f, value, text.ok())?;
                }
            }
        }
        match self.0.type_oid {
            0 => Ok(()),
            oid => write!(f, " (type {oid})"),
        }
    }
}

/// What bytes in binary format may mean, since nobody approves hexadecimal digits. Drivers often leave the type to the
/// server, so every reading that fits is shown beside the bytes, which alone count.
fn readings(f: &mut std::fmt::Formatter<'_>, value: &[u8], text: Option<&str>) -> std::fmt::Result {
    let integer = match *value {
        [a, b] => Some(i64::from(i16::from_be_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_be_bytes([a, b, c, d]))),
        [a, b, c, d, e, g, h, i] => Some(i64::from_be_bytes([a, b, c, d, e, g, h, i])),
        _ => None,
    };
    if let Some(integer) = integer {
        write!(f, ", as an integer {integer}")?;
    }
    match text.filter(|text| !text.is_empty() && !text.contains('\0')) {
        Some(text) => write!(f, ", as text {text:?}"),
        None => Ok(()),
    }
}
