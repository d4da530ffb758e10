//! Makes a residual: takes the clauses that are left out of a shard, and the rows of its tables over them. Classes that
//! the clauses left cannot tell apart become one.

use std::collections::HashMap;

use hpol_bundle::program::history::LookId;
use hpol_bundle::program::{self, ClassIndex, Field, Plane, Program, Shard, Table};
use hpol_bundle::vocabulary::Phase;

use super::texts::{Texts, TextsBuilder};
use super::{Residual, Row, Values};
use crate::evaluate::Words;

/// The residual of the clauses `left` of `shard`, over the facts of operations and their results; `None` if it would take more than
/// `limit` bytes.
pub(crate) fn build(
    program: &Program,
    shard: &Shard,
    left: &Words,
    limit: usize,
) -> Option<Residual> {
    let kept = Kept::of(shard, left);
    let mut tables = Vec::new();
    for table in shard.tables() {
        match program.fields().get(table.field()) {
            Some(field) if field.phase != Phase::Session => {
                tables.extend(self::table(table, field, &kept, limit).ok()?);
            }
            _ => {}
        }
    }
    tables.sort_by_key(cost);
    let hits = tables
        .iter()
        .map(|table: &super::Table| table.stride.saturating_sub(kept.words));
    let (looks, look_ends) = looks(shard, left);
    let residual = Residual {
        looks,
        look_ends,
        hits: hits.max().unwrap_or(0),
        words: kept.words,
        clauses: left.clauses(shard).map(|(_, clause)| *clause).collect(),
        tables: tables.into(),
    };
    (residual.bytes() <= limit).then_some(residual)
}

/// What the clauses left ask of history, and where that of each ends.
fn looks(shard: &Shard, left: &Words) -> (Box<[LookId]>, Box<[u32]>) {
    let (mut looks, mut ends) = (Vec::new(), Vec::new());
    if shard.has_looks() {
        for (bit, _) in left.clauses(shard) {
            looks.extend(shard.looks(bit));
            // INVARIANT: far fewer than 2^32, since bundles are smaller than that.
            ends.push(u32::try_from(looks.len()).unwrap_or(u32::MAX));
        }
    }
    if looks.is_empty() {
        ends.clear();
    }
    (looks.into(), ends.into())
}

/// The rows of a table would take more than they may.
struct TooLarge;

/// Tables with a greater cost are looked at later. Of texts of the same kind the order is that of the facts.
fn cost(table: &super::Table) -> u8 {
    match &table.values {
        Values::Bool(..) => 0,
        Values::Int(..) => 1,
        Values::Text(_) => 2,
        Values::Set(_) => 3,
    }
}

/// Where the clauses that are left stand among themselves.
struct Kept {
    /// For each word of the shard: which of its clauses are left, and the new bit of the first.
    slots: Vec<(u64, usize)>,
    /// How many clauses are left.
    clauses: usize,
    /// Words of a set of them.
    words: usize,
}

impl Kept {
    fn of(shard: &Shard, left: &Words) -> Kept {
        let mut slots = vec![(0, 0); shard.words()];
        let mut clauses = 0_usize;
        for (word, bits) in left.iter() {
            if let Some(slot) = slots.get_mut(word) {
                *slot = (bits, clauses);
            }
            clauses += bits.count_ones() as usize;
        }
        Kept {
            slots,
            clauses,
            words: clauses.div_ceil(64),
        }
    }

    /// All clauses left that have a bit in `word`.
    fn all(&self, word: usize) -> u64 {
        match self.clauses.saturating_sub(word.saturating_mul(64)) {
            short @ 0..64 => (1 << short) - 1,
            _ => u64::MAX,
        }
    }

    /// Calls `each` with the new bits of those clauses left whose old bits are in `bits` of `word`.
    fn each(&self, word: usize, bits: u64, mut each: impl FnMut(usize)) {
        let Some((left, first)) = self.slots.get(word) else {
            return;
        };
        let mut rest = bits & left;
        while rest != 0 {
            let below = (rest & rest.wrapping_neg()) - 1;
            each(first + (left & below).count_ones() as usize);
            rest &= rest - 1;
        }
    }

    /// The clauses left out of `words` of the shard.
    fn pack(&self, words: &[u64]) -> Vec<u64> {
        let mut packed = vec![0; self.words];
        for (word, bits) in words.iter().enumerate() {
            self.each(word, *bits, |bit| flip(&mut packed, bit));
        }
        packed
    }
}

fn flip(words: &mut [u64], bit: usize) {
    if let Some(word) = words.get_mut(bit / 64) {
        *word ^= 1 << (bit % 64);
    }
}

/// The table of one fact; none if nothing that is left asks for the fact.
fn table(
    table: &Table,
    field: &Field,
    kept: &Kept,
    limit: usize,
) -> Result<Option<super::Table>, TooLarge> {
    let planes: Vec<&Plane> = std::iter::once(table.every()).chain(table.some()).collect();
    let mut rows = Rows::new(&planes, kept);
    let mut of_classes: Vec<Row> = Vec::with_capacity(field.values.classes());
    for class in field.values.indices() {
        of_classes.push(rows.of_class(&planes, class, kept));
        if size_of_val(&*rows.cells) > limit {
            return Err(TooLarge);
        }
    }
    let row = |class: ClassIndex| of_classes.get(class.index()).copied().unwrap_or(0);
    let (unknown, missing) = (
        rows.of_all_planes(row(ClassIndex::UNKNOWN)),
        rows.of_all_planes(row(ClassIndex::MISSING)),
    );
    let empty: Vec<u64> = planes
        .iter()
        .flat_map(|plane| kept.pack(plane.empty().base))
        .collect();
    let empty = rows.push(&empty);
    let asks = rows.asks(kept);
    let nobody_asks = rows.cells.get(asks as usize..).unwrap_or_default();
    if nobody_asks.iter().all(|word| *word == 0) {
        return Ok(None);
    }
    Ok(Some(super::Table {
        fact: field.fact,
        values: values(&field.values, row),
        asks,
        unknown,
        missing,
        empty,
        stride: rows.stride,
        cells: rows.cells.into(),
    }))
}

/// The values of a field, without the constants that make no difference to `row`.
fn values(values: &program::Values, row: impl Fn(ClassIndex) -> Row) -> Values {
    match values {
        program::Values::Bool => Values::Bool(
            row(program::Values::of_bool(false)),
            row(program::Values::of_bool(true)),
        ),
        program::Values::Int(bounds) => {
            let first = row(ClassIndex::FIRST);
            let mut starts: Vec<(i64, Row)> = bounds
                .starts()
                .map(|(start, class)| (start, row(class)))
                .collect();
            let mut before = first;
            starts.retain(|(_, row)| std::mem::replace(&mut before, *row) != *row);
            Values::Int(first, starts.into())
        }
        program::Values::Text(texts) => Values::Text(self::texts(texts, row)),
        program::Values::Set(texts) => Values::Set(self::texts(texts, row)),
    }
}

fn texts(texts: &program::Texts, row: impl Fn(ClassIndex) -> Row) -> Texts {
    let mut builder = TextsBuilder::new(row(ClassIndex::FIRST));
    for (text, class) in texts.prefixes() {
        builder.prefix(text, row(class));
    }
    let without_prefixes = texts.prefixes().len() == 0;
    for (text, class) in texts.equal() {
        let by_prefix = if without_prefixes {
            ClassIndex::FIRST
        } else {
            texts.class_by_prefix(text)
        };
        builder.equal(text, row(class), row(by_prefix));
    }
    builder.finish()
}

/// Rows while they are collected, each kept once.
struct Rows {
    stride: usize,
    /// Words of one plane.
    words: usize,
    cells: Vec<u64>,
    /// By the bits of all planes that differ from the first row.
    known: HashMap<Vec<usize>, Row>,
}

impl Rows {
    /// The first row is what the first value class keeps in the shard's tables.
    fn new(planes: &[&Plane], kept: &Kept) -> Rows {
        let base = planes.iter().flat_map(|plane| {
            // Of any class, since they share it.
            kept.pack(plane.row(ClassIndex::FIRST).base)
        });
        let cells: Vec<u64> = base.collect();
        Rows {
            stride: cells.len(),
            words: kept.words,
            cells,
            known: HashMap::new(),
        }
    }

    fn of_class(&mut self, planes: &[&Plane], class: ClassIndex, kept: &Kept) -> Row {
        let mut flips = Vec::new();
        for (index, plane) in planes.iter().enumerate() {
            let row = plane.row(class);
            for difference in row.differences {
                let word = difference.word as usize;
                let base = row.base.get(word).copied().unwrap_or(0);
                let first = index * self.words * 64;
                kept.each(word, difference.bits ^ base, |bit| flips.push(first + bit));
            }
        }
        if flips.is_empty() {
            return 0;
        }
        if let Some(known) = self.known.get(&flips) {
            return *known;
        }
        let mut cells = self.cells.get(..self.stride).unwrap_or_default().to_vec();
        flips.iter().for_each(|bit| flip(&mut cells, *bit));
        let row = self.push(&cells);
        self.known.insert(flips, row);
        row
    }

    /// A row whose first plane is what all planes of `row` keep: for a fact that is unknown or missing as a whole.
    fn of_all_planes(&mut self, row: Row) -> Row {
        let start = row as usize;
        let mut cells = self
            .cells
            .get(start..start.saturating_add(self.stride))
            .unwrap_or_default()
            .to_vec();
        let (first, others) = cells.split_at_mut(self.words.min(self.stride));
        for other in others.chunks_exact(self.words.max(1)) {
            super::keep(first, other);
        }
        self.push(&cells)
    }

    /// The clauses that some row does not keep in some plane.
    fn asks(&mut self, kept: &Kept) -> Row {
        let mut asks = vec![0; self.stride];
        for (index, cell) in self.cells.iter().enumerate() {
            let word = index.checked_rem(self.words).unwrap_or(0);
            if let Some(asks) = asks.get_mut(word) {
                *asks |= kept.all(word) & !cell;
            }
        }
        self.push(&asks)
    }

    fn push(&mut self, cells: &[u64]) -> Row {
        // INVARIANT: far fewer than 2^32, since residuals are smaller than the tables they are made from.
        let row = Row::try_from(self.cells.len()).unwrap_or(Row::MAX);
        self.cells.extend_from_slice(cells);
        row
    }
}
