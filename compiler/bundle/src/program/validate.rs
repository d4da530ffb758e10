//! Checks a program that comes out of a file: every index, length and order that the engine relies on.

use crate::policy::history::{History, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS};
use crate::policy::{Policy, Unread};
use crate::vocabulary::{FactType, Phase, Protocol, Scalar, Vocabulary};

use super::history::Look;
use super::lower::measurable;
use super::{ClassIndex, Field, Plane, Program, Role, Shard, Texts, Values};

/// A program whose tables do not fit together, or not to its policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidProgram {
    /// What does not fit.
    pub what: &'static str,
}

impl Program {
    /// Checks that the engine can evaluate the program: all indices within bounds, all lengths and orders as they must
    /// be, all facts of the type and phase that `vocabulary` says.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn validate<C>(
        &self,
        policy: &Policy<C>,
        vocabulary: &Vocabulary,
    ) -> Result<(), InvalidProgram> {
        require(
            self.rules() == policy.rules.len(),
            "the graph is of another number of rules",
        )?;
        require(
            self.shards.len() == Protocol::ALL.len(),
            "the graph has another number of shards",
        )?;
        require(
            self.fields
                .is_sorted_by(|left, right| left.fact < right.fact),
            "the fields of the graph are not in order",
        )?;
        self.fields
            .iter()
            .try_for_each(|field| field.validate(vocabulary))?;
        self.histories
            .iter()
            .try_for_each(|history| validate_history(history, vocabulary))?;
        let mut keys = self.history_keys.clone();
        keys.sort_unstable();
        keys.dedup();
        require(
            keys.len() == self.histories.len() && self.history_keys.len() == keys.len(),
            "measurements of history cannot be told apart",
        )?;
        self.validate_looks()?;
        let lifted = policy.exceptions.iter().map(|exception| exception.rule);
        require(
            lifted.eq(self.exceptions.iter().copied())
                && self
                    .exceptions
                    .iter()
                    .all(|rule| (rule.0 as usize) < self.rules()),
            "the graph has other exceptions",
        )?;
        for shard in &self.shards {
            shard.validate(&self.fields, |role| match role {
                Role::Member | Role::Counts | Role::MayCount => 0,
                Role::Exception | Role::Doubt => policy.exceptions.len(),
                _ => policy.rules.len(),
            })?;
            let mut fields = shard
                .tables
                .iter()
                .map(|table| self.fields.get(table.field()));
            require(
                fields.all(|field| field.is_some_and(|field| field.phase != Phase::Result)),
                "a rule reads a result outside of history",
            )?;
        }
        self.groups.validate(&self.fields, |role| match role {
            Role::Member => policy.groups.len(),
            _ => 0,
        })?;
        self.filters.validate(&self.fields, |role| match role {
            Role::Counts | Role::MayCount => self.histories.len(),
            _ => 0,
        })?;
        require(
            !self.groups.has_looks() && !self.filters.has_looks(),
            "history is asked where it cannot be",
        )
    }

    fn validate_looks(&self) -> Result<(), InvalidProgram> {
        require(
            self.looks.is_sorted_by(|left, right| left < right),
            "the looks at history are not in order",
        )?;
        let there = |look: &Look| (look.history.0 as usize) < self.histories.len();
        require(
            self.looks.iter().all(there),
            "a look is at no measurement of history",
        )?;
        let mut looking = self.shards.iter().flat_map(|shard| &shard.looking);
        require(
            looking.all(|looking| (looking.look.0 as usize) < self.looks.len()),
            "a clause looks at nothing",
        )
    }
}

fn validate_history(
    history: &History<Unread>,
    vocabulary: &Vocabulary,
) -> Result<(), InvalidProgram> {
    require(
        (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&history.window_seconds),
        "a window of history is too short or too long",
    )?;
    let fits = history.measure.fact().is_none_or(|id| {
        let fact = vocabulary.fact(id);
        fact.is_some_and(|fact| measurable(history.measure, &fact.ty))
    });
    require(
        fits,
        "a measurement of history is of a fact of another type",
    )
}

impl Field {
    fn validate(&self, vocabulary: &Vocabulary) -> Result<(), InvalidProgram> {
        let fact = vocabulary.fact(self.fact).ok_or(InvalidProgram {
            what: "the graph reads a fact that is not there",
        })?;
        require(
            fact.phase == self.phase,
            "the graph reads a fact in another phase",
        )?;
        match (&self.values, &fact.ty) {
            (Values::Bool, FactType::Scalar(Scalar::Bool)) => Ok(()),
            (Values::Int(bounds), FactType::Scalar(Scalar::Int)) => require(
                bounds.0.is_sorted_by(|left, right| left < right),
                "the bounds of a field are not in order",
            ),
            (
                Values::Text(texts),
                FactType::Scalar(
                    Scalar::String
                    | Scalar::Path
                    | Scalar::Address
                    | Scalar::Name
                    | Scalar::Enum(_)
                    | Scalar::Class,
                ),
            )
            | (Values::Set(texts), FactType::Set(_)) => texts.validate(),
            _ => require(false, "the graph reads a fact of another type"),
        }
    }
}

impl Texts {
    fn validate(&self) -> Result<(), InvalidProgram> {
        let equal = self.equal.is_sorted_by(|left, right| left < right);
        let prefixes = self
            .prefixes
            .is_sorted_by(|left, right| left.text < right.text);
        let parents = (0..)
            .zip(&self.prefixes)
            .all(|(index, prefix)| prefix.parent <= index);
        require(
            equal && prefixes && parents,
            "the texts of a field are not in order",
        )
    }
}

impl Shard {
    fn validate(
        &self,
        fields: &[Field],
        owners: impl Fn(Role) -> usize,
    ) -> Result<(), InvalidProgram> {
        require(
            self.clauses.is_sorted(),
            "the clauses of the graph are not in order",
        )?;
        let owned = self
            .clauses
            .iter()
            .all(|clause| (clause.owner as usize) < owners(clause.role));
        require(owned, "a clause of the graph belongs to nothing")?;
        let ordered = self.looking.is_sorted_by(|left, right| left < right);
        let last = self.looking.last();
        let inside = last.is_none_or(|last| (last.bit as usize) < self.len());
        require(
            ordered && inside,
            "what clauses ask of history is not in order",
        )?;
        require(
            self.tables
                .is_sorted_by(|left, right| left.field < right.field),
            "the tables of the graph are not in order",
        )?;
        for table in &self.tables {
            let field = fields.get(table.field()).ok_or(InvalidProgram {
                what: "a table is of no field",
            })?;
            let single = !matches!(field.values, Values::Set(_));
            require(
                !single || table.some.is_empty(),
                "a table asks for elements of a single value",
            )?;
            for plane in std::iter::once(&table.every).chain(&table.some) {
                plane.validate(self.words(), field.values.classes())?;
            }
        }
        Ok(())
    }
}

impl Plane {
    fn validate(&self, words: usize, classes: usize) -> Result<(), InvalidProgram> {
        let lengths =
            self.base.len() == words && self.empty.len() == words && self.ends.len() == classes;
        require(lengths, "a plane has another size than its table")?;
        let covered = self
            .ends
            .last()
            .is_some_and(|end| *end as usize == self.differences.len());
        require(
            covered && self.ends.is_sorted(),
            "the rows of a plane are not in order",
        )?;
        let rows = (0..)
            .take(classes)
            .map(|class| self.row(ClassIndex(class)).differences);
        for row in rows {
            let ordered = row.is_sorted_by(|left, right| left.word < right.word);
            let inside = row.last().is_none_or(|last| (last.word as usize) < words);
            require(ordered && inside, "a row of a plane is not in order")?;
        }
        Ok(())
    }
}

fn require(holds: bool, what: &'static str) -> Result<(), InvalidProgram> {
    if holds {
        Ok(())
    } else {
        Err(InvalidProgram { what })
    }
}
