//! What is left of an output on the way down a diagram, in the form that is the same for all ways that leave the same.

use std::cell::Cell;
use std::cmp::Reverse;

use crate::decision::Verdict;
use crate::program::{ClassIndex, Clause, Plane, Program, Role, Row, Shard, Table, Values};

use super::lift::Lifts;
use super::{Leaf, Rest, Settled};

/// Clauses, a bit each.
pub(super) type Bits = Vec<u64>;

/// The clauses of a shard by what they mean for the states.
pub(super) struct Clauses<'p> {
    pub(super) shard: &'p Shard,
    /// Positions of tables, in the order in which they are asked.
    pub(super) order: Vec<u32>,
    /// For each place in the order: which clauses ask there.
    asks: Vec<Bits>,
    /// For each place in the order and the end: which clauses ask nothing from there on.
    done: Vec<Bits>,
    block: Bits,
    restricts: Bits,
    grants: Bits,
    lifts: Lifts,
    /// Words looked at so far.
    effort: Cell<usize>,
}

/// What is left to be decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// Whether the verdict is left, or whether a rule obliges.
    pub(super) verdict: bool,
    pub(super) settled: Settled,
    /// Place in the order of the next table.
    pub(super) level: usize,
    /// The clauses that can still hold.
    pub(super) live: Bits,
    /// Within a set.
    pub(super) set: Option<InSet>,
}

/// What is known of the set that is being asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct InSet {
    /// The next class to ask for.
    pub(super) class: ClassIndex,
    /// For each plane that asks for some element: the clauses that have found one, or need none.
    pub(super) hits: Vec<Bits>,
}

impl State {
    pub(super) fn new(verdict: bool, live: Bits) -> State {
        State {
            verdict,
            settled: Settled::default(),
            level: 0,
            live,
            set: None,
        }
    }

    /// How many clauses are left.
    pub(super) fn clauses(&self) -> usize {
        self.live
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Leaves the rest to bits. Within a set that set is asked again as a whole, which changes nothing.
    pub(super) fn rest(&self) -> Rest {
        let bits = (0..).zip(&self.live).flat_map(|(word, bits)| {
            (0..64_u32)
                .filter(move |bit| bits & (1 << bit) != 0)
                .map(move |bit| word * 64 + bit)
        });
        Rest {
            verdict: self.verdict,
            settled: self.settled,
            // INVARIANT: a shard has at most as many tables as a vocabulary has facts.
            from: u32::try_from(self.level).unwrap_or(u32::MAX),
            clauses: bits.collect(),
        }
    }
}

impl<'p> Clauses<'p> {
    pub(super) fn of(program: &Program, shard: &'p Shard) -> Clauses<'p> {
        let asks: Vec<Bits> = shard
            .tables
            .iter()
            .map(|table| asks(table, shard))
            .collect();
        let order = order(program, shard, &asks);
        let in_order: Vec<Bits> = order
            .iter()
            .filter_map(|table| asks.get(*table as usize).cloned())
            .collect();
        // What asks history as well is never certain by the tables alone, and is left to bits.
        let mut without_looks = all(shard);
        for looking in &shard.looking {
            if let Some(word) = without_looks.get_mut(looking.bit as usize / 64) {
                *word &= !(1 << (looking.bit % 64));
            }
        }
        let mut done = vec![without_looks];
        for asks in in_order.iter().rev() {
            let mut less = done.last().cloned().unwrap_or_default();
            less.iter_mut()
                .zip(asks)
                .for_each(|(done, asks)| *done &= !asks);
            done.push(less);
        }
        done.reverse();
        let of_roles = |roles: &[Role]| of(shard, |clause| roles.contains(&clause.role));
        Clauses {
            order,
            asks: in_order,
            done,
            block: of_roles(&[Role::Block]),
            restricts: of_roles(&[Role::ApprovalRestricts]),
            grants: of_roles(&[Role::ApprovalGrants, Role::Allow]),
            lifts: Lifts::of(program, shard),
            effort: Cell::new(0),
            shard,
        }
    }

    /// Words looked at so far.
    pub(super) fn effort(&self) -> usize {
        self.effort.get()
    }

    /// Counts that as many sets of clauses were looked at.
    pub(super) fn look(&self, sets: usize) {
        let words = sets.saturating_mul(self.shard.words().saturating_add(1));
        self.effort.set(self.effort.get().saturating_add(words));
    }

    /// The table that is asked at `level`, and its position in the shard.
    pub(super) fn table(&self, level: usize) -> Option<(u32, &'p Table)> {
        let position = *self.order.get(level)?;
        Some((position, self.shard.tables.get(position as usize)?))
    }

    /// The leaf that `state` has come to, or the state at the next question that matters.
    pub(super) fn settle(&self, mut state: State) -> Result<Leaf, State> {
        if let Some(set) = state.set.take() {
            match self.next_class(&state, set) {
                Ok(set) => {
                    state.set = Some(set);
                    return Err(state);
                }
                Err(hits) => {
                    hits.iter().for_each(|hits| keep(&mut state.live, hits));
                    state.level += 1;
                }
            }
        }
        if let Some(done) = self.done.get(state.level) {
            self.lifts.settle(&mut state.live, done);
        }
        let leaf = if state.verdict {
            self.verdict(&mut state).map(Leaf::Verdict)
        } else {
            self.obliges(&state).map(Leaf::Obliges)
        };
        if let Some(leaf) = leaf {
            return Ok(leaf);
        }
        while let Some(asks) = self.asks.get(state.level)
            && !meet(asks, &state.live)
        {
            state.level += 1;
        }
        Err(state)
    }

    /// The verdict, if it is certain; takes what is certain out of what is left.
    fn verdict(&self, state: &mut State) -> Option<Verdict> {
        let State { settled, live, .. } = state;
        let mut done = self.done.get(state.level).cloned().unwrap_or_default();
        self.lifts.open(live, &mut done);
        let certain = |of: &Bits, live: &Bits| {
            let words = of.iter().zip(live).zip(&done);
            words
                .into_iter()
                .any(|((of, live), done)| of & live & done != 0)
        };
        if certain(&self.block, live) {
            return Some(Verdict::Block);
        }
        for (settled, of) in [
            (&mut settled.restricts, &self.restricts),
            (&mut settled.grants, &self.grants),
        ] {
            *settled |= certain(of, live);
            if *settled {
                live.iter_mut().zip(of).for_each(|(live, of)| *live &= !of);
            }
        }
        match settled {
            Settled { grants: false, .. } if !meet(&self.grants, live) => Some(Verdict::Block),
            _ if meet(&self.block, live) => None,
            Settled {
                grants: true,
                restricts: true,
            } => Some(Verdict::RequireApproval),
            Settled { grants: true, .. } if !meet(&self.restricts, live) => Some(Verdict::Allow),
            Settled { .. } => None,
        }
    }

    fn obliges(&self, state: &State) -> Option<bool> {
        let mut done = self.done.get(state.level)?.clone();
        self.lifts.open(&state.live, &mut done);
        if meet(&done, &state.live) {
            return Some(true);
        }
        (state.clauses() == 0).then_some(false)
    }

    /// Within a set: the next class that makes a difference, or what was found where none does.
    fn next_class(&self, state: &State, mut set: InSet) -> Result<InSet, Vec<Bits>> {
        for hits in &mut set.hits {
            hits.iter_mut()
                .zip(&state.live)
                .for_each(|(hit, live)| *hit |= !live);
        }
        let Some((_, table)) = self.table(state.level) else {
            return Err(set.hits);
        };
        let classes = u32::try_from(table.every.ends.len()).unwrap_or(u32::MAX);
        let matters = |class: &ClassIndex| {
            self.look(1 + table.some.len());
            let out = any(table.every.row(*class), &state.live, |row, live| {
                live & !row
            });
            let mut planes = table.some.iter().zip(&set.hits);
            out || planes.any(|(plane, hits)| any(plane.row(*class), hits, |row, hit| row & !hit))
        };
        match (set.class.0..classes).map(ClassIndex).find(matters) {
            Some(class) => Ok(InSet { class, ..set }),
            None => Err(set.hits),
        }
    }
}

/// Scalars first, those that most clauses ask for before others, then those with fewer classes; sets last.
fn order(program: &Program, shard: &Shard, asks: &[Bits]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(shard.tables.len()).collect();
    order.sort_by_key(|position| {
        let table = shard.tables.get(*position as usize);
        let field = table.and_then(|table| program.fields.get(table.field()));
        let set = field.is_some_and(|field| matches!(field.values, Values::Set(_)));
        let asked = asks.get(*position as usize).map_or(0, |asks| count(asks));
        let classes = field.map_or(0, |field| field.values.classes());
        (set, Reverse(asked), classes, *position)
    });
    order
}

/// The clauses that some value of the table's fact does not keep.
fn asks(table: &Table, shard: &Shard) -> Bits {
    let mut kept = all(shard);
    for plane in std::iter::once(&table.every).chain(&table.some) {
        keep(&mut kept, &plane.base);
        keep(&mut kept, &plane.empty);
        for difference in &plane.differences {
            if let Some(word) = kept.get_mut(difference.word as usize) {
                *word &= difference.bits;
            }
        }
    }
    let mut asks = all(shard);
    asks.iter_mut()
        .zip(&kept)
        .for_each(|(all, kept)| *all &= !kept);
    asks
}

/// The clauses of which `which` holds.
pub(super) fn of(shard: &Shard, which: impl Fn(&Clause) -> bool) -> Bits {
    let word = |clauses: &[Clause]| {
        let bits = clauses.iter().enumerate();
        bits.filter(|(_, clause)| which(clause))
            .fold(0, |word, (bit, _)| word | 1 << bit)
    };
    shard.clauses.chunks(64).map(word).collect()
}

fn all(shard: &Shard) -> Bits {
    of(shard, |_| true)
}

fn count(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

pub(super) fn meet(left: &[u64], right: &[u64]) -> bool {
    left.iter()
        .zip(right)
        .any(|(left, right)| left & right != 0)
}

fn keep(bits: &mut [u64], row: &[u64]) {
    bits.iter_mut()
        .zip(row)
        .for_each(|(bits, row)| *bits &= row);
}

/// Whether `combine` leaves anything of a row and `bits`.
fn any(row: Row<'_>, bits: &[u64], combine: impl Fn(u64, u64) -> u64) -> bool {
    let mut left = false;
    each(row, |word, row| {
        left |= combine(row, bits.get(word).copied().unwrap_or(0)) != 0;
    });
    left
}

/// Calls `each` with the words of `row`.
fn each(row: Row<'_>, mut each: impl FnMut(usize, u64)) {
    let mut differences = row.differences.iter().peekable();
    for (word, base) in row.base.iter().enumerate() {
        let difference = differences.next_if(|difference| difference.word as usize == word);
        each(word, difference.map_or(*base, |difference| difference.bits));
    }
}

/// Keeps what `class` keeps in `plane`.
pub(super) fn keep_class(bits: &mut Bits, plane: &Plane, class: ClassIndex) {
    each(plane.row(class), |word, row| {
        if let Some(bits) = bits.get_mut(word) {
            *bits &= row;
        }
    });
}

/// Adds what `class` keeps in `plane`.
pub(super) fn add_class(bits: &mut Bits, plane: &Plane, class: ClassIndex) {
    each(plane.row(class), |word, row| {
        if let Some(bits) = bits.get_mut(word) {
            *bits |= row;
        }
    });
}
