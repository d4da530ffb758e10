//! The operations that there can be: for each fact that conditions read its classes, and which of them an operation on one kind
//! of connection can have at all. A class that no value has is not among them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::Policy;
use hpol_bundle::policy::history::History;
use hpol_bundle::program::{ClassIndex, Field, Program, Texts, Values};
use hpol_bundle::vocabulary::{self, FactId, Protocol, Vocabulary};

use crate::cube::{self, Ask, Cube, Kept, number};
use crate::looks::{Given, Looks};
use crate::sample::{self, Sample};
use crate::schedules;

pub(crate) const UNKNOWN: u32 = 0;
pub(crate) const MISSING: u32 = 1;

/// All operations on connections of one kind.
#[derive(Debug)]
pub(crate) struct Space<'a> {
    pub(crate) kind: Protocol,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) axes: Vec<Axis<'a>>,
    /// Operations that there are not although each of their facts can be.
    pub(crate) never: Vec<Cube>,
}

/// One fact that conditions read.
#[derive(Debug)]
pub(crate) struct Axis<'a> {
    of: Of<'a>,
    /// For a number that history gives, a fact of that name.
    pub(crate) fact: Cow<'a, vocabulary::Fact>,
    pub(crate) values: Cow<'a, Values>,
    pub(crate) set: bool,
    /// For each class a value that has it; none where no operation has it.
    samples: Vec<Option<Sample>>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    Fact(FactId),
    History(&'a History),
}

/// What an operation has of one fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// A value of this class; also a set that is unknown or missing.
    Class(u32),
    /// A set with elements of these classes; ascending.
    Set(Vec<u32>),
}

/// An operation, by classes; one for each axis.
pub(crate) type Point = Vec<Spot>;

impl<'a> Space<'a> {
    /// The space of `program`, which is that of `policy`, on connections of `kind`, and what each clause of the shard asks there. Facts with a single value
    /// come first, since what they settle sets need not be asked for.
    pub(crate) fn of(
        program: &'a Program,
        policy: &'a Policy,
        kind: Protocol,
        vocabulary: &'a Vocabulary,
    ) -> (Space<'a>, Vec<Cube>) {
        let targets = &targets(policy);
        let asked = program
            .shard(kind)
            .map(|shard| cube::clauses(shard, program.fields()))
            .unwrap_or_default();
        let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
        for (field, _) in asked.iter().flatten() {
            *uses.entry(*field).or_default() += 1;
        }
        let mut order: Vec<(usize, usize)> = uses.into_iter().collect();
        order.sort_by_key(|(field, uses)| {
            let set = program.fields().get(*field).map(is_set);
            (set, std::cmp::Reverse(*uses), *field)
        });
        let mut places = BTreeMap::new();
        let mut axes = Vec::with_capacity(order.len());
        for (field, _) in order {
            let axis = program
                .fields()
                .get(field)
                .and_then(|of| Axis::of(of, kind, vocabulary, targets));
            if let (Some(axis), Ok(place)) = (axis, u32::try_from(axes.len())) {
                places.insert(field, place);
                axes.push(axis);
            }
        }
        let looks = Looks::of(program, policy, vocabulary, &mut axes);
        let cube = |(bit, asks): (usize, Vec<(usize, Ask)>)| {
            let asks = asks.into_iter();
            let facts = asks.filter_map(|(field, ask)| Some((*places.get(&field)?, ask)));
            let history = looks.asks(program, kind, bit);
            Cube::of(facts.chain(history).collect())
        };
        let space = Space {
            kind,
            vocabulary,
            never: schedules::never(&axes),
            axes,
        };
        let cubes = asked.into_iter().enumerate().map(cube).collect();
        (space, cubes)
    }

    /// The axis of the fact called `name`, if conditions read it.
    pub(crate) fn axis(&self, name: &str) -> Option<(u32, &Axis<'a>)> {
        (0..)
            .zip(&self.axes)
            .find(|(_, axis)| axis.fact.name == name)
    }

    /// The operations on connections called one of `targets`; `None` where no condition reads the name, so that all are alike.
    pub(crate) fn on(&self, targets: &[&str]) -> Option<Cube> {
        let (place, axis) = self.axis("connection.name")?;
        let classes = targets.iter().filter_map(|target| axis.text_class(target));
        let kept = Kept::only(classes.collect());
        Some(Cube::of(vec![(place, Ask::One(kept))]))
    }

    /// The operations on all other connections. One of `targets` that no condition names is like those that nobody names.
    pub(crate) fn elsewhere(&self, targets: &[&str]) -> Option<Cube> {
        let (place, axis) = self.axis("connection.name")?;
        let named = axis.mentioned().filter(|(name, _)| targets.contains(name));
        let kept = Kept::but(named.map(|(_, class)| class).collect());
        Some(Cube::of(vec![(place, Ask::One(kept))]))
    }

    /// The facts of an operation with `point`. Facts that no condition reads have some value that they can have.
    pub(crate) fn facts(&self, point: &Point) -> Facts {
        let mut facts = Facts::new();
        for (id, fact) in self.vocabulary.iter() {
            facts.set(id, sample::any(fact, self.kind, self.vocabulary));
        }
        for (axis, spot) in self.axes.iter().zip(point) {
            if let Of::Fact(id) = axis.of {
                facts.set(id, axis.fact_at(spot));
            }
        }
        facts
    }

    /// The numbers that history has to give.
    pub(crate) fn given(&self, point: &Point) -> Vec<Given> {
        let given = self.axes.iter().zip(point).filter_map(|(axis, spot)| {
            let (Of::History(history), Spot::Class(class)) = (axis.of, spot) else {
                return None;
            };
            Some(Given {
                history: history.clone(),
                number: match axis.sample(*class) {
                    Some(Sample::Int(number)) => Some(*number),
                    _ => None,
                },
            })
        });
        given.collect()
    }

    /// The least that an operation can be: what no condition mentions, empty sets, false.
    pub(crate) fn plain(&self) -> Point {
        self.axes.iter().map(Axis::plain).collect()
    }
}

fn is_set(field: &Field) -> bool {
    matches!(field.values, Values::Set(_))
}

/// Which kinds of connection each target is said to be; by two policies it can be two.
type Targets<'p> = BTreeMap<&'p str, Vec<Protocol>>;

fn targets(policy: &Policy) -> Targets<'_> {
    let mut targets = Targets::new();
    for connection in &policy.connections {
        let kinds = targets.entry(connection.target.as_str()).or_default();
        kinds.push(connection.protocol);
    }
    targets
}

impl<'a> Axis<'a> {
    /// The number that `history` gives.
    pub(crate) fn of_history(
        history: &'a History,
        fact: vocabulary::Fact,
        values: Values,
        samples: Vec<Option<Sample>>,
    ) -> Axis<'a> {
        Axis {
            of: Of::History(history),
            fact: Cow::Owned(fact),
            values: Cow::Owned(values),
            set: false,
            samples,
        }
    }

    fn of(
        field: &'a Field,
        kind: Protocol,
        vocabulary: &'a Vocabulary,
        targets: &Targets<'_>,
    ) -> Option<Axis<'a>> {
        let fact = vocabulary.fact(field.fact)?;
        let foreign = fact.protocol.is_some_and(|of| of != kind);
        let sample = |class: ClassIndex| match class {
            ClassIndex::UNKNOWN => (!foreign).then_some(Sample::Unknown),
            ClassIndex::MISSING => (foreign || fact.optional).then_some(Sample::Missing),
            _ if foreign => None,
            class => sample::of(&field.values, class, fact, vocabulary, &|text| {
                fact.name == "connection.name"
                    && targets
                        .get(text)
                        .is_some_and(|kinds| !kinds.contains(&kind))
            }),
        };
        Some(Axis {
            of: Of::Fact(field.fact),
            fact: Cow::Borrowed(fact),
            values: Cow::Borrowed(&field.values),
            set: is_set(field),
            samples: field.values.indices().map(sample).collect(),
        })
    }

    /// Whether some operation has `class`.
    pub(crate) fn possible(&self, class: u32) -> bool {
        self.sample(class).is_some()
    }

    pub(crate) fn sample(&self, class: u32) -> Option<&Sample> {
        self.samples.get(class as usize)?.as_ref()
    }

    /// Every class of values that some operation has; not those of missing and unknown ones.
    pub(crate) fn known(&self) -> impl Iterator<Item = u32> + '_ {
        let first = number(ClassIndex::FIRST);
        (0..).zip(&self.samples).filter_map(move |(class, sample)| {
            (class >= first && sample.is_some()).then_some(class)
        })
    }

    /// Every class that a single value can have: known ones first, then missing, then unknown.
    pub(crate) fn single(&self) -> impl Iterator<Item = u32> + '_ {
        let rest = [MISSING, UNKNOWN].into_iter();
        self.known()
            .chain(rest.filter(|class| self.possible(*class)))
    }

    /// Whether a set can be known.
    pub(crate) fn can_be_known(&self) -> bool {
        // A set can always be empty, if an operation can have it.
        !self.set || self.possible(UNKNOWN)
    }

    pub(crate) fn text_class(&self, text: &str) -> Option<u32> {
        match self.values.as_ref() {
            Values::Text(texts) | Values::Set(texts) => Some(number(texts.class(text))),
            Values::Bool | Values::Int(_) => None,
        }
    }

    /// The texts that conditions compare with, each in a class of its own.
    fn mentioned(&self) -> impl Iterator<Item = (&str, u32)> {
        let texts = match self.values.as_ref() {
            Values::Text(texts) | Values::Set(texts) => Some(texts),
            Values::Bool | Values::Int(_) => None,
        };
        let equal = texts.into_iter().flat_map(Texts::equal);
        equal.map(|(text, class)| (text, number(class)))
    }

    fn plain(&self) -> Spot {
        if self.set && self.can_be_known() {
            return Spot::Set(Vec::new());
        }
        Spot::Class(self.single().next().unwrap_or(MISSING))
    }

    fn fact_at(&self, spot: &Spot) -> Fact {
        let text = |class: &u32| match self.sample(*class) {
            Some(Sample::Text(text)) => Some(text.clone()),
            _ => None,
        };
        match spot {
            Spot::Class(class) => self.sample(*class).map_or(Fact::Missing, Sample::fact),
            Spot::Set(classes) => {
                Fact::Known(Value::Set(classes.iter().filter_map(text).collect()))
            }
        }
    }
}
