//! The search for operations: goes through the classes of one fact after the other, and drops what can no longer matter. Ways
//! that leave the same are one, so that what is gone through is a diagram and not every operation. Bounded by a [`Budget`]:
//! what exceeds it has no answer, rather than the answer no.

use std::collections::HashSet;

use crate::cube::{Ask, AskSet, Cube};
use crate::space::{Axis, MISSING, Point, Space, Spot, UNKNOWN};

/// What holds of an operation, a bit each; the question says what they mean.
pub(crate) type Tags = u128;

/// How far a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Ways that are kept apart; each is some hundred bytes.
    pub states: usize,
    /// Clauses looked at, counted once for each way.
    pub effort: usize,
}

impl Default for Budget {
    /// Enough for some hundred rules that overlap a lot, and less than a second.
    fn default() -> Budget {
        Budget {
            states: 100_000,
            effort: 20_000_000,
        }
    }
}

/// The search was not finished within its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the search was not finished within its budget")]
pub struct OverBudget;

/// What one cube is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Where the cube holds, these hold.
    Tags(Tags),
    /// Only operations in the cube are looked for.
    Within,
    /// Only operations outside of it are.
    Without,
}

/// What is looked for.
pub(crate) trait Question {
    /// What is `settled`, in the form that is the same for all that means the same, given that of `open` more may come; and
    /// the tags that no longer make a difference.
    fn settle(&self, settled: Tags, open: Tags) -> (Tags, Tags) {
        let _ = open;
        (settled, settled)
    }

    /// Whether nothing of interest can come, `settled` being so and each of `open` undecided.
    fn hopeless(&self, settled: Tags, open: &[Tags]) -> bool;

    /// Whether an operation of which exactly these hold is of interest.
    fn wanted(&self, tags: Tags) -> bool;
}

/// An operation that was found, and what holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) tags: Tags,
    pub(crate) point: Point,
}

/// How many operations are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// One is enough.
    Any,
    /// One for each combination of tags that is of interest.
    EachKind,
}

/// A clause that can still hold, and which of its questions for some element are open.
type Live = (u32, u32);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    settled: Tags,
    axis: u32,
    within: Option<Element>,
    /// Cubes that the operation has to be in, and is not yet certain to be.
    owed: usize,
    live: Vec<Live>,
}

/// Where a set stands that is being gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Element {
    /// The next class to ask for.
    next: u32,
    /// Whether elements that nothing left mentions were asked for.
    others: bool,
}

/// A way from the start: the last step, and the way before it.
struct Way {
    before: Option<usize>,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    Class(u32, u32),
    Known(u32),
    Has(u32, u32),
}

/// Looks for operations of `space`.
pub(crate) fn search(
    space: &Space<'_>,
    cubes: &[(&Cube, Part)],
    question: &dyn Question,
    wanted: Wanted,
    budget: Budget,
) -> Result<Vec<Found>, OverBudget> {
    let mut search = Search {
        space,
        cubes,
        question,
        budget,
        effort: 0,
        seen: HashSet::new(),
        ways: Vec::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    search.run(wanted)?;
    Ok(search.found)
}

struct Search<'s, 'a> {
    space: &'s Space<'a>,
    cubes: &'s [(&'s Cube, Part)],
    question: &'s dyn Question,
    budget: Budget,
    effort: usize,
    seen: HashSet<State>,
    ways: Vec<Way>,
    /// States to go on from, and the way to them.
    stack: Vec<(State, usize)>,
    found: Vec<Found>,
}

impl Search<'_, '_> {
    fn run(&mut self, wanted: Wanted) -> Result<(), OverBudget> {
        let all = (0..).take(self.cubes.len());
        let owed = self.cubes.iter().filter(|(_, part)| *part == Part::Within);
        let start = State {
            owed: owed.count(),
            settled: 0,
            axis: 0,
            within: None,
            live: all.map(|cube| (cube, 0)).collect(),
        };
        self.ways.push(Way {
            before: None,
            step: Step::Start,
        });
        self.reach(start, 0)?;
        while let Some((state, way)) = self.stack.pop() {
            if wanted == Wanted::Any && !self.found.is_empty() {
                break;
            }
            if !self.seen.insert(state.clone()) {
                continue;
            }
            match state.live.is_empty() {
                true => self.end(state.settled, way),
                false => self.go_on(&state, way)?,
            }
        }
        Ok(())
    }

    /// Puts a state on the stack, unless it is settled, hopeless, or was reached before.
    fn reach(&mut self, state: State, way: usize) -> Result<(), OverBudget> {
        self.effort = self.effort.saturating_add(state.live.len() + 1);
        if self.effort > self.budget.effort || self.ways.len() > self.budget.states {
            return Err(OverBudget);
        }
        let Some(state) = self.settle(state) else {
            return Ok(());
        };
        if !self.seen.contains(&state) {
            self.stack.push((state, way));
        }
        Ok(())
    }

    /// An operation of which everything is certain.
    fn end(&mut self, tags: Tags, way: usize) {
        let known = self.found.iter().any(|found| found.tags == tags);
        if !known && self.question.wanted(tags) {
            let point = self.point(way);
            self.found.push(Found { tags, point });
        }
    }

    /// What is left of `state` once everything certain is taken out; `None` if nothing of interest is.
    fn settle(&self, mut state: State) -> Option<State> {
        let (mut open, mut owed) = (0, 0);
        let mut still = Vec::with_capacity(state.live.len());
        for (cube, pending) in std::mem::take(&mut state.live) {
            let (of, part) = self.cubes.get(cube as usize)?;
            let done = pending == 0 && of.last().is_none_or(|last| last < state.axis);
            match (part, done) {
                (Part::Tags(tags), true) => state.settled |= tags,
                (Part::Within, true) => state.owed = state.owed.checked_sub(1)?,
                (Part::Without, true) => return None,
                (Part::Tags(tags), false) => {
                    open |= tags;
                    still.push((cube, pending));
                }
                (part, false) => {
                    owed += usize::from(*part == Part::Within);
                    still.push((cube, pending));
                }
            }
        }
        if owed != state.owed {
            return None;
        }
        let (settled, idle) = self.question.settle(state.settled, open);
        state.settled = settled;
        let mut tags_open = Vec::new();
        still.retain(|(cube, _)| match self.cubes.get(*cube as usize) {
            Some((_, Part::Tags(tags))) if tags & !idle == 0 => false,
            Some((_, Part::Tags(tags))) => {
                tags_open.push(tags & !idle);
                true
            }
            _ => true,
        });
        if self.question.hopeless(settled, &tags_open) {
            return None;
        }
        state.live = still;
        Some(state)
    }

    fn go_on(&mut self, state: &State, way: usize) -> Result<(), OverBudget> {
        let Some(axis) = self.space.axes.get(state.axis as usize) else {
            return Ok(());
        };
        match state.within {
            Some(element) => self.element(state, element, axis, way),
            None if !self.is_asked(state) => self.reach(next_axis(state, state.live.clone()), way),
            None if axis.set => self.set(state, axis, way),
            None => self.class(state, axis, way),
        }
    }

    fn ask(&self, live: &Live, axis: u32) -> Option<&Ask> {
        self.cubes.get(live.0 as usize)?.0.ask(axis)
    }

    fn is_asked(&self, state: &State) -> bool {
        state
            .live
            .iter()
            .any(|live| self.ask(live, state.axis).is_some())
    }

    /// Asks for the class of a single value.
    fn class(&mut self, state: &State, axis: &Axis<'_>, way: usize) -> Result<(), OverBudget> {
        let mut mentioned: Vec<u32> = Vec::new();
        for live in &state.live {
            if let Some(Ask::One(kept)) = self.ask(live, state.axis) {
                mentioned.extend(&kept.named);
            }
        }
        mentioned.sort_unstable();
        mentioned.dedup();
        let is_mentioned = |class: &u32| mentioned.binary_search(class).is_ok();
        let other = axis.single().find(|class| !is_mentioned(class));
        let mut classes: Vec<u32> = axis
            .single()
            .filter(|class| is_mentioned(class) || Some(*class) == other)
            .collect();
        // The last one is gone on from first: what is known before what is not.
        classes.reverse();
        for class in classes {
            let kept = |live: &&Live| match self.ask(live, state.axis) {
                Some(Ask::One(kept)) => kept.keeps(class),
                Some(Ask::Set(_)) => false,
                None => true,
            };
            let live = state.live.iter().filter(kept).copied().collect();
            let way = self.step(way, Step::Class(state.axis, class));
            self.reach(next_axis(state, live), way)?;
        }
        Ok(())
    }

    /// Asks whether a set is unknown, missing or known.
    fn set(&mut self, state: &State, axis: &Axis<'_>, way: usize) -> Result<(), OverBudget> {
        for class in [UNKNOWN, MISSING] {
            if !axis.possible(class) {
                continue;
            }
            let kept = |live: &&Live| match self.ask(live, state.axis) {
                Some(Ask::Set(set)) if class == UNKNOWN => set.unknown,
                Some(Ask::Set(set)) => set.missing,
                Some(Ask::One(_)) => false,
                None => true,
            };
            let live = state.live.iter().filter(kept).copied().collect();
            let way = self.step(way, Step::Class(state.axis, class));
            self.reach(next_axis(state, live), way)?;
        }
        if !axis.can_be_known() {
            return Ok(());
        }
        let begin = |live: &Live| match self.ask(live, state.axis) {
            Some(Ask::Set(set)) => set.known.then_some((live.0, all_of(set))),
            Some(Ask::One(_)) => None,
            None => Some(*live),
        };
        let live = state.live.iter().filter_map(begin).collect();
        let way = self.step(way, Step::Known(state.axis));
        let state = State {
            within: Some(Element {
                next: crate::cube::number(hpol_bundle::program::ClassIndex::FIRST),
                others: false,
            }),
            live,
            ..state.clone()
        };
        self.reach(state, way)
    }

    /// Asks whether a set has an element of the next class that makes a difference.
    fn element(
        &mut self,
        state: &State,
        element: Element,
        axis: &Axis<'_>,
        way: usize,
    ) -> Result<(), OverBudget> {
        let Some((class, after)) = self.next_class(state, element, axis) else {
            let live = state.live.iter().filter(|live| live.1 == 0);
            return self.reach(next_axis(state, live.copied().collect()), way);
        };
        let yes = state.live.iter().filter_map(|live| {
            let Some(Ask::Set(set)) = self.ask(live, state.axis) else {
                return Some(*live);
            };
            let hit = (0..).zip(&set.some).filter(|(_, some)| some.keeps(class));
            let hits = hit.fold(0, |hits, (bit, _)| hits | 1_u32 << bit);
            set.every.keeps(class).then_some((live.0, live.1 & !hits))
        });
        let yes: Vec<Live> = yes.collect();
        let to = |live| State {
            within: Some(after),
            live,
            ..state.clone()
        };
        let has = self.step(way, Step::Has(state.axis, class));
        self.reach(to(yes), has)?;
        // Last, and so gone on from first: the smaller set.
        self.reach(to(state.live.clone()), way)
    }

    /// The next class of elements that makes a difference, and where the set stands after it.
    fn next_class(
        &self,
        state: &State,
        element: Element,
        axis: &Axis<'_>,
    ) -> Option<(u32, Element)> {
        let asks: Vec<(&AskSet, u32)> = state
            .live
            .iter()
            .filter_map(|live| match self.ask(live, state.axis) {
                Some(Ask::Set(set)) => Some((set, live.1)),
                _ => None,
            })
            .collect();
        let matters = |class: u32| {
            asks.iter().any(|(set, pending)| {
                let hits = |(bit, some): (u32, &crate::cube::Kept)| {
                    pending & 1 << bit != 0 && some.keeps(class)
                };
                !set.every.keeps(class) || (0..).zip(&set.some).any(hits)
            })
        };
        let mut mentioned: Vec<u32> = Vec::new();
        for (set, pending) in &asks {
            mentioned.extend(&set.every.named);
            let open = (0..)
                .zip(&set.some)
                .filter(|(bit, _)| pending & 1 << bit != 0);
            mentioned.extend(open.flat_map(|(_, some)| &some.named));
        }
        mentioned.sort_unstable();
        mentioned.dedup();
        if !element.others {
            let other = axis
                .known()
                .find(|class| *class >= element.next && mentioned.binary_search(class).is_err());
            if let Some(class) = other.filter(|class| matters(*class)) {
                let after = Element {
                    others: true,
                    ..element
                };
                return Some((class, after));
            }
        }
        let class = mentioned
            .into_iter()
            .find(|class| *class >= element.next && axis.possible(*class) && matters(*class))?;
        let after = Element {
            next: class.saturating_add(1),
            ..element
        };
        Some((class, after))
    }

    fn step(&mut self, before: usize, step: Step) -> usize {
        self.ways.push(Way {
            before: Some(before),
            step,
        });
        self.ways.len() - 1
    }

    /// The operation at the end of `way`; what was not asked is plain.
    fn point(&self, way: usize) -> Point {
        let mut point = self.space.plain();
        let mut next = self.ways.get(way);
        let mut elements: Vec<(u32, u32)> = Vec::new();
        while let Some(Way { before, step }) = next {
            match step {
                Step::Class(axis, class) => put(&mut point, *axis, Spot::Class(*class)),
                Step::Known(axis) => put(&mut point, *axis, Spot::Set(Vec::new())),
                Step::Has(axis, class) => elements.push((*axis, *class)),
                Step::Start => {}
            }
            next = before.and_then(|before| self.ways.get(before));
        }
        elements.sort_unstable();
        for (axis, class) in elements {
            if let Some(Spot::Set(classes)) = point.get_mut(axis as usize) {
                classes.push(class);
            }
        }
        point
    }
}

fn put(point: &mut Point, axis: u32, spot: Spot) {
    if let Some(slot) = point.get_mut(axis as usize) {
        *slot = spot;
    }
}

fn next_axis(state: &State, live: Vec<Live>) -> State {
    State {
        settled: state.settled,
        owed: state.owed,
        axis: state.axis.saturating_add(1),
        within: None,
        live,
    }
}

/// A bit for each question for some element.
fn all_of(set: &AskSet) -> u32 {
    (0..)
        .take(set.some.len())
        .fold(0, |all, bit: u32| all | 1 << bit)
}

/// Whether an operation is in a cube.
pub(crate) fn holds(cube: &Cube, point: &Point) -> bool {
    let at = |axis: u32| point.get(axis as usize);
    cube.asks.iter().all(|(axis, ask)| match (ask, at(*axis)) {
        (Ask::One(kept), Some(Spot::Class(class))) => kept.keeps(*class),
        (Ask::Set(set), Some(Spot::Class(class))) => {
            (*class == UNKNOWN && set.unknown) || (*class == MISSING && set.missing)
        }
        (Ask::Set(set), Some(Spot::Set(classes))) => {
            let all = classes.iter().all(|class| set.every.keeps(*class));
            let any = |some: &crate::cube::Kept| classes.iter().any(|class| some.keeps(*class));
            set.known && all && set.some.iter().all(any)
        }
        _ => false,
    })
}
