//! From one operation to all that are like it: the conditions that it takes, and no more.

use std::collections::BTreeMap;

use crate::cube::{Ask, AskSet, Cube, Kept};
use crate::outcome::Differs;
use crate::search::{Budget, Found, Part, Question, Tags, Wanted, holds, search};
use crate::space::{Axis, MISSING, Point, Space, Spot, UNKNOWN};
use crate::words::{self, Sentence};

use super::{MAX_REGIONS, Region, Scope};
use crate::examine::Witness;

/// How often it is asked whether a region can be wider. What is not asked leaves it narrower than it could be, and right.
const CHECKS: usize = 300;
/// How far each of these goes.
const CHECK: Budget = Budget {
    states: 4_000,
    effort: 400_000,
};

/// The regions of which the same comes as of one operation.
pub(super) struct Regions {
    pub(super) tags: Tags,
    pub(super) regions: Vec<Region>,
}

/// The regions of all operations of which the same comes as of `first`, and whether there are more.
pub(super) fn regions(
    scope: &Scope<'_, '_>,
    differs: &Differs,
    parts: &[(&Cube, Part)],
    first: Found,
) -> (Regions, bool) {
    let exactly = Exactly {
        differs,
        tags: first.tags,
    };
    let mut regions = Vec::new();
    let mut known: Vec<Cube> = Vec::new();
    let mut next = Some(first.point);
    let mut more = false;
    while let Some(point) = next.take() {
        if regions.len() >= MAX_REGIONS {
            more = true;
            break;
        }
        let wide = Widening::new(scope.space, parts, &exactly).widen(&point);
        let witness = plainest(scope.space, parts, &exactly, &known, point);
        regions.push(Region {
            when: wide.words(scope.space),
            witness: Witness {
                kind: scope.space.kind,
                facts: scope.facts(&witness),
                given: scope.space.given(&witness),
                says: words::of_point(scope.space, &witness),
            },
        });
        known.push(wide.cube());
        let mut rest = parts.to_vec();
        rest.extend(known.iter().map(|cube| (cube, Part::Without)));
        match search(scope.space, &rest, &exactly, Wanted::Any, scope.pair.budget) {
            Ok(mut found) => next = found.pop().map(|found| found.point),
            Err(_) => more = true,
        }
    }
    let tags = first.tags;
    (Regions { tags, regions }, more)
}

/// Operations of which exactly this comes.
struct Exactly<'d> {
    differs: &'d Differs,
    tags: Tags,
}

impl Question for Exactly<'_> {
    fn settle(&self, settled: Tags, open: Tags) -> (Tags, Tags) {
        self.differs.settle(settled, open)
    }

    fn hopeless(&self, settled: Tags, open: &[Tags]) -> bool {
        self.differs.hopeless(settled, open)
    }

    fn wanted(&self, tags: Tags) -> bool {
        tags == self.tags
    }
}

/// Operations of which something else comes.
struct Else<'d>(&'d Exactly<'d>);

impl Question for Else<'_> {
    fn settle(&self, settled: Tags, open: Tags) -> (Tags, Tags) {
        self.0.settle(settled, open)
    }

    fn hopeless(&self, _: Tags, _: &[Tags]) -> bool {
        false
    }

    fn wanted(&self, tags: Tags) -> bool {
        tags != self.0.tags
    }
}

/// The operation with everything plain that can be, of which the same comes.
fn plainest(
    space: &Space<'_>,
    parts: &[(&Cube, Part)],
    exactly: &Exactly<'_>,
    known: &[Cube],
    mut point: Point,
) -> Point {
    let same = |point: &Point| {
        let mut settled = 0;
        for (cube, part) in parts {
            match (part, holds(cube, point)) {
                (Part::Tags(tags), true) => settled |= tags,
                (Part::Within, false) | (Part::Without, true) => return false,
                _ => {}
            }
        }
        exactly.settle(settled, 0).0 == exactly.tags && !known.iter().any(|cube| holds(cube, point))
    };
    for (index, plain) in space.plain().into_iter().enumerate() {
        let mut tries = vec![plain];
        if let Some(Spot::Set(classes)) = point.get(index) {
            let fewer = |leave_out: u32| {
                Spot::Set(
                    classes
                        .iter()
                        .copied()
                        .filter(|class| *class != leave_out)
                        .collect(),
                )
            };
            tries.extend(classes.iter().map(|class| fewer(*class)));
        }
        for spot in tries {
            let mut plainer = point.clone();
            if let Some(slot) = plainer.get_mut(index) {
                *slot = spot;
            }
            if same(&plainer) {
                point = plainer;
            }
        }
    }
    point
}

/// What is asked of each axis; nothing of those that are not there.
#[derive(Debug, Clone, Default)]
struct Wide(BTreeMap<u32, Ask>);

impl Wide {
    fn cube(&self) -> Cube {
        Cube::of(
            self.0
                .iter()
                .map(|(axis, ask)| (*axis, ask.clone()))
                .collect(),
        )
    }

    fn words(&self, space: &Space<'_>) -> Vec<Sentence> {
        let said = self.0.iter().filter_map(|(place, ask)| {
            let axis = space.axes.get(*place as usize)?;
            Some(match ask {
                Ask::One(kept) => words::of_classes(axis, kept),
                Ask::Set(set) => words::of_set(axis, set),
            })
        });
        said.collect()
    }
}

struct Widening<'s, 'a> {
    space: &'s Space<'a>,
    parts: &'s [(&'s Cube, Part)],
    exactly: &'s Exactly<'s>,
    checks: usize,
}

impl<'s, 'a> Widening<'s, 'a> {
    fn new(
        space: &'s Space<'a>,
        parts: &'s [(&'s Cube, Part)],
        exactly: &'s Exactly<'s>,
    ) -> Widening<'s, 'a> {
        Widening {
            space,
            parts,
            exactly,
            checks: 0,
        }
    }

    /// The conditions that leave nothing but operations of which the same comes as of `point`.
    fn widen(mut self, point: &Point) -> Wide {
        let mut wide = Wide::default();
        for (place, (axis, spot)) in (0..).zip(self.space.axes.iter().zip(point)) {
            let asked = self
                .parts
                .iter()
                .any(|(cube, part)| *part != Part::Within && cube.ask(place).is_some());
            if asked {
                wide.0.insert(place, exact(axis, spot));
            }
        }
        for place in wide.0.keys().copied().collect::<Vec<_>>() {
            let mut free = wide.clone();
            free.0.remove(&place);
            if self.is_uniform(&free) {
                wide = free;
            }
        }
        for place in wide.0.keys().copied().collect::<Vec<_>>() {
            let (Some(axis), Some(spot)) = (
                self.space.axes.get(place as usize),
                point.get(place as usize),
            ) else {
                continue;
            };
            match spot {
                Spot::Class(class) if !axis.set => self.class(&mut wide, place, axis, *class),
                Spot::Set(classes) => self.set(&mut wide, place, axis, classes),
                Spot::Class(_) => {}
            }
        }
        wide
    }

    /// Whether the same comes of all operations in `wide`. What is not certain is not.
    fn is_uniform(&mut self, wide: &Wide) -> bool {
        self.checks += 1;
        if self.checks > CHECKS {
            return false;
        }
        let cube = wide.cube();
        let mut parts = self.parts.to_vec();
        parts.push((&cube, Part::Within));
        let found = search(self.space, &parts, &Else(self.exactly), Wanted::Any, CHECK);
        found.is_ok_and(|found| found.is_empty())
    }

    /// Whether it is still so with `ask` in place of what is asked at `place`; then it is.
    fn take(&mut self, wide: &mut Wide, place: u32, ask: Ask) -> bool {
        let mut wider = wide.clone();
        wider.0.insert(place, ask);
        let uniform = self.is_uniform(&wider);
        if uniform {
            *wide = wider;
        }
        uniform
    }

    fn class(&mut self, wide: &mut Wide, place: u32, axis: &Axis<'_>, class: u32) {
        let groups = self.alike(place, axis.single());
        let mut kept: Vec<u32> = Vec::new();
        for group in groups.iter().filter(|group| group.contains(&class)) {
            kept.extend(group);
        }
        wide.0.insert(place, Ask::One(Kept::only(kept.clone())));
        for group in groups.iter().filter(|group| !group.contains(&class)) {
            let more: Vec<u32> = kept.iter().chain(group).copied().collect();
            if self.take(wide, place, Ask::One(Kept::only(more.clone()))) {
                kept = more;
            }
        }
    }

    fn set(&mut self, wide: &mut Wide, place: u32, axis: &Axis<'_>, classes: &[u32]) {
        let groups = self.alike(place, axis.known());
        let group_of = |class: &u32| {
            let group = groups.iter().find(|group| group.contains(class));
            Kept::only(group.cloned().unwrap_or_else(|| vec![*class]))
        };
        let mut ask = AskSet {
            unknown: false,
            missing: false,
            known: true,
            every: Kept::only(classes.to_vec()),
            some: classes.iter().map(group_of).collect(),
        };
        ask.some.dedup();
        let any = AskSet {
            every: Kept::ALL,
            ..ask.clone()
        };
        if self.take(wide, place, Ask::Set(any.clone())) {
            ask = any;
        } else {
            let is_other = |group: &&Vec<u32>| !group.iter().any(|class| classes.contains(class));
            let mut barred: Vec<u32> = groups.iter().filter(is_other).flatten().copied().collect();
            for group in groups.iter().filter(is_other) {
                let fewer: Vec<u32> = barred
                    .iter()
                    .copied()
                    .filter(|class| !group.contains(class))
                    .collect();
                let wider = AskSet {
                    every: Kept::but(fewer.clone()),
                    ..ask.clone()
                };
                if self.take(wide, place, Ask::Set(wider.clone())) {
                    barred = fewer;
                    ask = wider;
                }
            }
        }
        let mut index = 0;
        while index < ask.some.len() {
            let mut fewer = ask.clone();
            fewer.some.remove(index);
            if self.take(wide, place, Ask::Set(fewer.clone())) {
                ask = fewer;
            } else {
                index += 1;
            }
        }
        // An unknown or a missing set may be no different.
        for (class, other) in [
            (
                UNKNOWN,
                AskSet {
                    unknown: true,
                    ..ask.clone()
                },
            ),
            (
                MISSING,
                AskSet {
                    missing: true,
                    ..ask.clone()
                },
            ),
        ] {
            if axis.possible(class) && ask.some.is_empty() && ask.every == Kept::ALL {
                self.take(wide, place, Ask::Set(other));
            }
        }
    }

    /// Classes by what the clauses make of them: those of one group make no difference.
    fn alike(&self, place: u32, classes: impl Iterator<Item = u32>) -> Vec<Vec<u32>> {
        let mut groups: BTreeMap<Vec<bool>, Vec<u32>> = BTreeMap::new();
        for class in classes {
            let mut answers = Vec::new();
            for (cube, _) in self.parts {
                match cube.ask(place) {
                    Some(Ask::One(kept)) => answers.push(kept.keeps(class)),
                    Some(Ask::Set(set)) => {
                        answers.push(set.every.keeps(class));
                        answers.extend(set.some.iter().map(|some| some.keeps(class)));
                    }
                    None => {}
                }
            }
            groups.entry(answers).or_default().push(class);
        }
        groups.into_values().collect()
    }
}

/// No more than `spot`.
fn exact(axis: &Axis<'_>, spot: &Spot) -> Ask {
    match spot {
        Spot::Class(class) if axis.set => Ask::Set(AskSet {
            unknown: *class == UNKNOWN,
            missing: *class == MISSING,
            known: false,
            every: Kept::ALL,
            some: Vec::new(),
        }),
        Spot::Class(class) => Ask::One(Kept::only(vec![*class])),
        Spot::Set(classes) => Ask::Set(AskSet {
            unknown: false,
            missing: false,
            known: true,
            every: Kept::only(classes.clone()),
            some: classes
                .iter()
                .map(|class| Kept::only(vec![*class]))
                .collect(),
        }),
    }
}
