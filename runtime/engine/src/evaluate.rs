//! Evaluation of tables: which clauses are left after the values of some facts.

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::program::{ClassIndex, Clause, Field, Program, Row, Shard, Table, Values};
use hpol_bundle::vocabulary::Phase;

use crate::history::{self, Numbers};

/// A sparse set of clauses: the words of a shard that matter, and what is left in them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Words {
    /// Which words of the shard, ascending.
    positions: Vec<u32>,
    /// What is left in each.
    bits: Vec<u64>,
}

impl Words {
    /// Every clause of `shard`.
    fn all(shard: &Shard) -> Words {
        let bits = |word: usize| match shard.len().saturating_sub(word * 64) {
            short @ 0..64 => (1 << short) - 1,
            _ => u64::MAX,
        };
        let words = shard.words();
        Words {
            positions: (0..words)
                .filter_map(|word| u32::try_from(word).ok())
                .collect(),
            bits: (0..words).map(bits).collect(),
        }
    }

    /// The clauses of some bits, which ascend.
    pub(crate) fn of(bits: &[u32]) -> Words {
        let mut words = Words::default();
        for bit in bits {
            let (position, bit) = (bit / 64, 1 << (bit % 64));
            match (words.positions.last(), words.bits.last_mut()) {
                (Some(last), Some(bits)) if *last == position => *bits |= bit,
                _ => {
                    words.positions.push(position);
                    words.bits.push(bit);
                }
            }
        }
        words
    }

    /// Drops the words in which nothing is left.
    fn compact(&mut self) {
        let left = self
            .positions
            .iter()
            .zip(&self.bits)
            .filter(|(_, bits)| **bits != 0);
        (self.positions, self.bits) = left.unzip();
    }

    /// Drops every word.
    fn clear(&mut self) {
        self.positions.clear();
        self.bits.clear();
    }

    /// How many words matter.
    pub(crate) fn len(&self) -> usize {
        self.bits.len()
    }

    /// The words that matter, and what is left in each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let positions = self.positions.iter().map(|position| *position as usize);
        positions.zip(self.bits.iter().copied())
    }

    /// The clauses left, ascending.
    pub(crate) fn clauses<'a>(
        &'a self,
        shard: &'a Shard,
    ) -> impl Iterator<Item = (usize, &'a Clause)> {
        self.positions
            .iter()
            .zip(&self.bits)
            .flat_map(move |(word, bits)| {
                let mut rest = *bits;
                std::iter::from_fn(move || {
                    let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                    rest &= rest - 1;
                    let bit = *word as usize * 64 + bit;
                    Some((bit, shard.clause(bit)?))
                })
            })
    }

    /// Those of the clauses left that hold by what happened before as well.
    pub(crate) fn clauses_given<'a>(
        &'a self,
        program: &Program,
        shard: &'a Shard,
        numbers: &mut impl Numbers,
    ) -> impl Iterator<Item = &'a Clause> {
        let asks = shard.has_looks();
        let holds = move |(bit, clause): &(usize, &Clause)| {
            !asks || history::holds(program, clause.role, shard.looks(*bit), numbers)
        };
        self.clauses(shard).filter(holds).map(|(_, clause)| clause)
    }

    /// Keeps what `row` keeps.
    fn keep(&mut self, row: Row<'_>) {
        merge(&self.positions, &mut self.bits, row, |left, row| left & row);
    }

    /// Keeps what is in `hits`, a word for each word that matters.
    fn keep_hits(&mut self, hits: &[u64]) {
        self.bits
            .iter_mut()
            .zip(hits)
            .for_each(|(left, hit)| *left &= hit);
    }
}

/// Room for an evaluation that begins with what a session left.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    words: Words,
    hits: Vec<u64>,
}

impl Room {
    /// With what beginning with `words`, of which some element can be asked for in `hits` words, needs.
    pub(crate) fn new(words: &Words, hits: usize) -> Room {
        Room {
            words: words.clone(),
            hits: vec![0; hits],
        }
    }

    /// What the facts of an operation, and of its result, leave of `words`.
    pub(crate) fn left_by_operation(
        &mut self,
        program: &Program,
        shard: &Shard,
        words: &Words,
        facts: &Facts,
    ) -> &Words {
        self.words.positions.clone_from(&words.positions);
        self.words.bits.clone_from(&words.bits);
        self.hits.resize(hits_needed(shard, words.len()), 0);
        let (words, hits) = (&mut self.words, &mut self.hits);
        narrow(program, shard, Read::Later, facts, words, hits);
        &self.words
    }
}

/// How many words of hits `shard` needs where `words` words matter.
pub(crate) fn hits_needed(shard: &Shard, words: usize) -> usize {
    let planes = shard
        .tables()
        .iter()
        .map(|table| table.some().len())
        .max()
        .unwrap_or(0);
    planes.saturating_mul(words)
}

/// Which facts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Those of the session.
    Session,
    /// All others.
    Later,
    /// All.
    All,
}

impl Read {
    fn reads(self, phase: Phase) -> bool {
        match self {
            Read::Session => phase == Phase::Session,
            Read::Later => phase != Phase::Session,
            Read::All => true,
        }
    }
}

/// The clauses of `shard` that the facts which are read leave. Allocates.
pub(crate) fn left(program: &Program, shard: &Shard, read: Read, facts: &Facts) -> Words {
    let mut words = Words::all(shard);
    let mut hits = vec![0; hits_needed(shard, words.len())];
    narrow(program, shard, read, facts, &mut words, &mut hits);
    words.compact();
    words
}

/// Keeps the clauses that the value of `field` keeps. Allocates.
pub(crate) fn keep(table: &Table, field: &Field, facts: &Facts, words: &mut Words) {
    let mut hits = vec![0; table.some().len().saturating_mul(words.len())];
    narrow_by(table, field, facts, words, &mut hits);
}

/// Keeps the clauses that the facts which are read keep.
fn narrow(
    program: &Program,
    shard: &Shard,
    read: Read,
    facts: &Facts,
    words: &mut Words,
    hits: &mut [u64],
) {
    for table in shard.tables() {
        match program.fields().get(table.field()) {
            Some(field) if read.reads(field.phase) => {
                narrow_by(table, field, facts, words, hits);
            }
            Some(_) => {}
            // INVARIANT: does not happen in a program that was lowered or validated. Nothing left is blocked.
            None => words.clear(),
        }
    }
}

/// Keeps the clauses that the value of `field` keeps.
fn narrow_by(table: &Table, field: &Field, facts: &Facts, words: &mut Words, hits: &mut [u64]) {
    match (facts.fact(field.fact), &field.values) {
        (Fact::Missing, _) => keep_class(table, ClassIndex::MISSING, words),
        (Fact::Known(Value::Bool(value)), Values::Bool) => {
            words.keep(table.every().row(Values::of_bool(*value)))
        }
        (Fact::Known(Value::Int(value)), Values::Int(bounds)) => {
            words.keep(table.every().row(bounds.class(*value)))
        }
        (Fact::Known(Value::Text(value)), Values::Text(texts)) => {
            words.keep(table.every().row(texts.class(value)))
        }
        (Fact::Known(Value::Set(elements)), Values::Set(texts)) => {
            keep_set(
                table,
                elements.iter().map(|element| texts.class(element)),
                words,
                hits,
            );
        }
        // A value that is not of the fact's type tells no more than that something is wrong.
        (Fact::Unknown | Fact::Known(_), _) => keep_class(table, ClassIndex::UNKNOWN, words),
    }
}

/// The same class in every plane: the fact as a whole is missing or unknown.
fn keep_class(table: &Table, class: ClassIndex, words: &mut Words) {
    words.keep(table.every().row(class));
    table
        .some()
        .iter()
        .for_each(|plane| words.keep(plane.row(class)));
}

fn keep_set(
    table: &Table,
    elements: impl Iterator<Item = ClassIndex>,
    words: &mut Words,
    hits: &mut [u64],
) {
    if hits.len() < table.some().len().saturating_mul(words.len()) {
        // INVARIANT: does not happen with the room that `hits_needed` says. Nothing left is blocked.
        return words.clear();
    }
    let width = words.len().max(1);
    words.keep(table.every().empty());
    for (plane, hits) in table.some().iter().zip(hits.chunks_exact_mut(width)) {
        hits.fill(0);
        merge(&words.positions, hits, plane.empty(), |hit, row| hit | row);
    }
    for class in elements {
        words.keep(table.every().row(class));
        for (plane, hits) in table.some().iter().zip(hits.chunks_exact_mut(width)) {
            merge(&words.positions, hits, plane.row(class), |hit, row| {
                hit | row
            });
        }
    }
    for (_, hits) in table.some().iter().zip(hits.chunks_exact(width)) {
        words.keep_hits(hits);
    }
}

/// Combines each word with the word of `row` at its position.
fn merge(positions: &[u32], bits: &mut [u64], row: Row<'_>, combine: impl Fn(u64, u64) -> u64) {
    let mut differences = row.differences.iter().peekable();
    for (position, bits) in positions.iter().zip(bits) {
        while differences
            .next_if(|difference| difference.word < *position)
            .is_some()
        {}
        let word = match differences.peek() {
            Some(difference) if difference.word == *position => difference.bits,
            _ => row.base.get(*position as usize).copied().unwrap_or(0),
        };
        *bits = combine(*bits, word);
    }
}
