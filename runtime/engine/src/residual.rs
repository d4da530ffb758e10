//! What a session leaves of a shard, packed: the clauses that can still match, and of each fact of operations only the
//! constants that tell these clauses apart. Its size is that of what concerns the session, not that of the policy.
//!
//! Means exactly what the tables mean that it was made from; `build` makes it.

mod build;
mod texts;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::program::history::LookId;
use hpol_bundle::program::{Clause, Role};
use hpol_bundle::vocabulary::FactId;

use texts::Texts;

pub(crate) use build::build;

/// The clauses that are left, and the tables over them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Residual {
    /// Bit `i` is `clauses[i]`; in the order of the shard.
    clauses: Box<[Clause]>,
    /// Words of a set of clauses.
    words: usize,
    /// Words of room that the hits of the largest table take.
    hits: usize,
    /// One for each fact that a clause asks for; those that cost least come first.
    tables: Box<[Table]>,
    /// What the clauses ask of history, one behind the other.
    looks: Box<[LookId]>,
    /// Where those of each clause end; empty if none asks anything.
    look_ends: Box<[u32]>,
}

/// What the values of one fact keep.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    fact: FactId,
    values: Values,
    /// Set of the clauses that ask for the fact; the others are kept by every value.
    asks: Row,
    unknown: Row,
    missing: Row,
    /// The empty set.
    empty: Row,
    /// Words of a row.
    stride: usize,
    /// The rows, one behind the other. Each is a set of clauses for the plane that asks of every element, and one for
    /// each plane that asks for some element.
    cells: Box<[u64]>,
}

/// Where a row begins in the cells of its table.
type Row = u32;

/// From values to rows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    /// The rows of `false` and `true`.
    Bool(Row, Row),
    /// The row of the least numbers, and from where on another one follows.
    Int(Row, Box<[(i64, Row)]>),
    Text(Texts),
    Set(Texts),
}

/// Room for an evaluation: what is left, and what some element was found for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    left: Vec<u64>,
    hits: Vec<u64>,
}

impl Residual {
    /// With what evaluating needs.
    pub(crate) fn room(&self) -> Room {
        Room {
            left: vec![0; self.words],
            hits: vec![0; self.hits],
        }
    }

    /// Exceptions that can be in doubt, at most.
    pub(crate) fn doubts(&self) -> usize {
        let doubts = self.clauses.iter();
        doubts.filter(|clause| clause.role == Role::Doubt).count()
    }

    /// Bytes that it takes, without those of the allocator.
    pub(crate) fn bytes(&self) -> usize {
        let tables = self.tables.iter().map(Table::bytes);
        let looks = size_of_val(&*self.looks) + size_of_val(&*self.look_ends);
        (size_of_val(&*self.clauses) + looks).saturating_add(tables.sum())
    }

    /// How many clauses can still match.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.clauses.len()
    }

    /// What the clause at `index` asks of history.
    pub(crate) fn looks(&self, index: usize) -> impl Iterator<Item = LookId> {
        let end = |index: usize| self.look_ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        let looks = self.looks.get(start..end(index)).unwrap_or_default();
        looks.iter().copied()
    }

    /// The clauses that `facts` leave and their positions, ascending. Facts of the session are not read.
    pub(crate) fn left<'a>(
        &'a self,
        facts: &Facts,
        room: &'a mut Room,
    ) -> impl Iterator<Item = (usize, &'a Clause)> {
        let Room { left, hits } = room;
        left.clear();
        left.resize(self.words, u64::MAX);
        hits.resize(hits.len().max(self.hits), 0);
        for table in &self.tables {
            // Most facts need not be looked up, since what asks for them is out already.
            if table.is_asked(left) {
                table.narrow(facts.fact(table.fact), left, hits);
            }
        }
        // Bits behind the last clause are of no clause.
        clauses(&self.clauses, left)
    }
}

fn clauses<'a>(
    clauses: &'a [Clause],
    left: &'a [u64],
) -> impl Iterator<Item = (usize, &'a Clause)> {
    let chunks = clauses.chunks(64).zip(left).enumerate();
    chunks.flat_map(|(word, (clauses, bits))| {
        let mut rest = *bits;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some((word * 64 + bit, clauses.get(bit)?))
        })
    })
}

impl Table {
    fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Bool(..) => 0,
            Values::Int(_, starts) => size_of_val(&**starts),
            Values::Text(texts) | Values::Set(texts) => texts.bytes(),
        };
        size_of_val(self) + size_of_val(&*self.cells) + values
    }

    /// The cells of `row`, and those behind it.
    fn row(&self, row: Row) -> &[u64] {
        // INVARIANT: rows lie within the cells. One that did not would keep nothing.
        self.cells.get(row as usize..).unwrap_or_default()
    }

    fn is_asked(&self, left: &[u64]) -> bool {
        let asks = self.row(self.asks).iter();
        asks.zip(left).any(|(asks, left)| asks & left != 0)
    }

    fn narrow(&self, fact: &Fact, left: &mut [u64], hits: &mut [u64]) {
        match (fact, &self.values) {
            (Fact::Missing, _) => keep(left, self.row(self.missing)),
            (Fact::Known(Value::Bool(value)), Values::Bool(no, yes)) => {
                keep(left, self.row(if *value { *yes } else { *no }));
            }
            (Fact::Known(Value::Int(value)), Values::Int(first, starts)) => {
                let below = starts.partition_point(|(start, _)| start <= value);
                let last = below.checked_sub(1).and_then(|last| starts.get(last));
                keep(left, self.row(last.map_or(*first, |(_, row)| *row)));
            }
            (Fact::Known(Value::Text(value)), Values::Text(texts)) => {
                keep(left, self.row(texts.row(value)));
            }
            (Fact::Known(Value::Set(elements)), Values::Set(texts)) => {
                self.keep_set(elements, texts, left, hits);
            }
            // A value that is not of the fact's type tells no more than that something is wrong.
            (Fact::Unknown | Fact::Known(_), _) => keep(left, self.row(self.unknown)),
        }
    }

    fn keep_set(&self, elements: &[Box<str>], texts: &Texts, left: &mut [u64], hits: &mut [u64]) {
        let words = left.len();
        let empty = self.row(self.empty);
        keep(left, empty);
        let found = empty.get(words..self.stride).unwrap_or_default();
        let Some(hits) = hits.get_mut(..found.len()) else {
            // INVARIANT: does not happen with the room that `Residual` makes. Nothing left is blocked.
            return left.fill(0);
        };
        hits.copy_from_slice(found);
        for element in elements {
            let row = self.row(texts.row(element));
            keep(left, row);
            let some = row.get(words..).unwrap_or_default();
            hits.iter_mut()
                .zip(some)
                .for_each(|(hit, some)| *hit |= some);
        }
        hits.chunks_exact(words.max(1))
            .for_each(|hits| keep(left, hits));
    }
}

/// Keeps what `row` keeps; of a row that is too short, nothing behind its end.
fn keep(left: &mut [u64], row: &[u64]) {
    if row.len() < left.len() {
        return left.fill(0);
    }
    left.iter_mut()
        .zip(row)
        .for_each(|(left, row)| *left &= row);
}
