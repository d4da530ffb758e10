//! How two policies differ: on each connection what comes of which operations, before and after, with an operation for each
//! that shows it. Both are lowered as one policy, so that their conditions cut facts into the same classes, and a clause that
//! both have is one: what is alike is not gone into.

mod claims;
mod common;
mod direction;
mod places;
mod region;

use std::collections::{BTreeMap, BTreeSet};

use hpol_bundle::decision::{Decision, Would};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{Effect, Policy, Rule};
use hpol_bundle::program::lower::{LowerError, lower};
use hpol_bundle::program::{Clause, Program};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::cube::Cube;
use crate::examine::Witness;
use crate::outcome::{self, Differs, Outcome, Output, both, left, right};
use crate::search::{Budget, Part, Tags, Wanted, search};
use crate::space::{Point, Space};
use crate::words::Sentence;

pub use common::{Common, Unlike, common};
pub use direction::{Direction, Relation};
pub use places::PlacesChange;

/// Combinations of what came before and what comes after that are gone into, for one output; more are counted.
pub const MAX_KINDS: usize = 24;
/// Regions that are told apart for one such combination; where there are more it is said so.
pub const MAX_REGIONS: usize = 8;

/// How two policies differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// By kind, then by name; the last of a kind are all other connections of it.
    pub connections: Vec<OnConnection>,
}

/// How they differ on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnConnection {
    /// Its kind.
    pub kind: Protocol,
    /// Its name in the gateway's configuration; `None` for all that neither policy names.
    pub target: Option<String>,
    /// Both policies in one word.
    pub relation: Relation,
    /// Every way that something went, also where it is not among `changes` because they are too many.
    pub directions: BTreeSet<Direction>,
    /// What comes of operations that did not come before.
    pub changes: Vec<Change>,
    /// Which way it went if the connection itself is in observe before or after, and not both: there nothing is blocked.
    pub enforcement: Option<Direction>,
    /// What data classes that are masked mean, where that differs.
    pub places: Vec<PlacesChange>,
    /// Controls that a rule which applies here claims after, and none before; OSCAL form.
    pub controls_gained: Vec<String>,
    /// Controls that a rule which applies here claimed before, and none after.
    pub controls_lost: Vec<String>,
    /// Outputs that could not be compared, and why.
    pub not_analysed: Vec<(Output, String)>,
}

/// A change of what comes of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In which respect.
    pub output: Output,
    /// What came of them.
    pub before: Outcome,
    /// What comes of them.
    pub after: Outcome,
    /// Which way that is.
    pub direction: Direction,
    /// Which operations.
    pub regions: Vec<Region>,
    /// Whether there are more regions than these.
    pub more: bool,
}

/// Operations of which the same comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// What they have in common; all of it holds for each. Empty for all operations of the connection.
    pub when: Vec<Sentence>,
    /// One of them, as plain as it can be.
    pub witness: Witness,
}

/// Compares two policies over the same vocabulary; [`common`] brings others to one.
///
/// # Errors
/// One of the policies cannot be lowered.
pub fn compare(
    before: &Policy,
    after: &Policy,
    vocabulary: &Vocabulary,
    budget: Budget,
) -> Result<Comparison, LowerError> {
    // An exception stands in the condition of its rule from here on.
    let (before, after) = (&before.folding_exceptions(), &after.folding_exceptions());
    let merged = merge(before, after);
    let program = lower(&merged, vocabulary)?;
    let pair = Pair {
        before,
        after,
        merged: &merged,
        program: &program,
        vocabulary,
        budget,
    };
    let mut connections = Vec::new();
    for kind in Protocol::ALL {
        connections.extend(pair.on_kind(kind));
    }
    Ok(Comparison { connections })
}

/// What `decision`, which is about the connection `target`, says of `output`, by the policy before or the one `after`: for
/// confirming a change by another evaluator.
#[must_use]
pub fn outcome_of(
    before: &Policy,
    after: &Policy,
    is_after: bool,
    target: Option<&str>,
    decision: &Decision,
    output: &Output,
) -> Outcome {
    let policy = if is_after { after } else { before };
    let observes = observes(policy, target);
    outcome::of_decision(&[before, after], policy, observes, decision, output)
}

/// Whether the connection called `target` is in observe; connections that nobody names are not.
fn observes(policy: &Policy, target: Option<&str>) -> bool {
    target.is_some_and(|target| policy.observes(target))
}

/// The rules of both, those before first.
fn merge(before: &Policy, after: &Policy) -> Policy {
    let connections = before.connections.iter().chain(&after.connections);
    // Lowering reads conditions, effects and whether a rule is observed; groups and classes are not looked at.
    Policy {
        connections: connections.cloned().collect(),
        rules: before.rules.iter().chain(&after.rules).cloned().collect(),
        ..Policy::default()
    }
}

struct Pair<'a> {
    before: &'a Policy,
    after: &'a Policy,
    merged: &'a Policy,
    program: &'a Program,
    vocabulary: &'a Vocabulary,
    budget: Budget,
}

/// The clauses on connections of one kind, and which of the connections are meant.
struct Scope<'s, 'a> {
    pair: &'s Pair<'a>,
    space: &'s Space<'a>,
    clauses: &'s [(Clause, Cube)],
    target: Option<&'s str>,
    /// The operations on these connections; `None` where no condition asks for the connection's name.
    within: Option<Cube>,
}

impl OnConnection {
    /// Whether anything is told of it: the decisions differ, or the controls that are claimed.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.relation != Relation::Equivalent
            || !self.controls_gained.is_empty()
            || !self.controls_lost.is_empty()
    }

    /// Whether something is let through or seen that was not, or nobody can tell.
    #[must_use]
    pub fn is_looser(&self) -> bool {
        !self.not_analysed.is_empty() || self.directions.iter().any(|way| way.loosens())
    }
}

impl<'a> Pair<'a> {
    fn on_kind(&self, kind: Protocol) -> Vec<OnConnection> {
        let (space, cubes) = Space::of(self.program, self.merged, kind, self.vocabulary);
        let connections = self.merged.connections.iter();
        let of_kind = connections.filter(|connection| connection.protocol == kind);
        let names: BTreeSet<&str> = of_kind.map(|of| of.target.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let clauses = (0..).map_while(|bit| self.program.shard(kind)?.clause(bit).copied());
        let clauses: Vec<(Clause, Cube)> = clauses.zip(cubes).collect();
        let scope = |target, within| Scope {
            pair: self,
            space: &space,
            clauses: &clauses,
            target,
            within,
        };
        let mut all: Vec<OnConnection> = names
            .iter()
            .map(|target| scope(Some(*target), space.on(&[target])).compare())
            .collect();
        let others = scope(None, space.elsewhere(&names)).compare();
        // What concerns no connection that has a name is said only where it differs.
        all.extend(others.differs().then_some(others));
        all
    }

    /// The side of a clause, and its rule.
    fn rule(&self, clause: &Clause) -> Option<(&'a Policy, &'a Rule, bool)> {
        let owner = clause.owner as usize;
        match owner.checked_sub(self.before.rules.len()) {
            None => Some((self.before, self.before.rules.get(owner)?, false)),
            Some(owner) => Some((self.after, self.after.rules.get(owner)?, true)),
        }
    }

    /// Everything that can come of an operation by either policy.
    fn outputs(&self) -> BTreeSet<Output> {
        let mut outputs = BTreeSet::from([Output::Verdict]);
        for policy in [self.before, self.after] {
            for rule in &policy.rules {
                if rule.observe {
                    let would = |would| Output::Observed(rule.name.clone(), would);
                    outputs.extend(Would::ALL.map(would));
                    continue;
                }
                match &rule.effect {
                    Effect::RequireApproval { .. } => {
                        outputs.insert(Output::Approvals);
                    }
                    Effect::Mask { class, .. } => {
                        let class = policy.classes.get(class.0 as usize);
                        outputs.extend(class.map(|class| Output::Mask(class.name.clone())));
                    }
                    Effect::Block {
                        terminates: true, ..
                    } => {
                        outputs.insert(Output::Ends);
                    }
                    effect if effect.row_limit().is_some() => {
                        outputs.insert(Output::Limit);
                    }
                    _ => {}
                }
            }
        }
        outputs
    }
}

impl Scope<'_, '_> {
    fn compare(&self) -> OnConnection {
        let mut changes = Vec::new();
        let mut directions = BTreeSet::new();
        let mut not_analysed = Vec::new();
        for output in self.pair.outputs() {
            match self.output(output.clone()) {
                Ok((found, ways)) => {
                    changes.extend(found);
                    directions.extend(ways);
                }
                Err(why) => not_analysed.push((output, why)),
            }
        }
        let enforcement = self.enforcement();
        let places = places::changes(self.pair.before, self.pair.after, self.target);
        directions.extend(places.iter().map(|change| change.direction));
        directions.extend(enforcement);
        let (controls_gained, controls_lost) = claims::changes(self);
        OnConnection {
            kind: self.space.kind,
            target: self.target.map(str::to_owned),
            relation: direction::relation(&directions, !not_analysed.is_empty()),
            directions,
            changes,
            enforcement,
            places,
            controls_gained,
            controls_lost,
            not_analysed,
        }
    }

    /// Which way the connection went, if it went into or out of observe.
    fn enforcement(&self) -> Option<Direction> {
        match self.observes() {
            [false, true] => Some(Direction::Looser),
            [true, false] => Some(Direction::Tighter),
            _ => None,
        }
    }

    /// Whether the connection is in observe, before and after.
    fn observes(&self) -> [bool; 2] {
        let observes = |policy: &Policy| self.target.is_some_and(|target| policy.observes(target));
        [self.pair.before, self.pair.after].map(observes)
    }

    /// The changes in one respect, and which ways all of them go: also those that are too many to be gone into.
    fn output(&self, output: Output) -> Result<(Vec<Change>, BTreeSet<Direction>), String> {
        let policies = [self.pair.before, self.pair.after];
        let differs = Differs::new(output.clone(), &policies, self.observes())
            .map_err(|_| "there are too many different outcomes to tell apart".to_owned())?;
        let cubes = self.tagged(&differs);
        let mut parts: Vec<(&Cube, Part)> = cubes
            .iter()
            .map(|(cube, tags)| (*cube, Part::Tags(*tags)))
            .collect();
        parts.extend(self.within.as_ref().map(|within| (within, Part::Within)));
        parts.extend(self.space.never.iter().map(|never| (never, Part::Without)));
        let kinds = search(
            self.space,
            &parts,
            &differs,
            Wanted::EachKind,
            self.pair.budget,
        );
        let mut kinds = kinds.map_err(|why| why.to_string())?;
        let direction = |tags| {
            let [before, after] = [left(tags), right(tags)].map(|side| differs.outcome(side));
            direction::of(&before, &after)
        };
        let directions = kinds.iter().map(|found| direction(found.tags)).collect();
        let left_out = kinds.len() > MAX_KINDS;
        // Of what is too much, what loosens is shown first.
        kinds.sort_by_key(|found| (left_out && !direction(found.tags).loosens(), found.tags));
        let mut changes: Vec<Change> = Vec::new();
        for found in kinds.into_iter().take(MAX_KINDS) {
            let (regions, more) = region::regions(self, &differs, &parts, found);
            let tags = regions.tags;
            let before = differs.outcome(left(tags));
            let after = differs.outcome(right(tags));
            changes.push(Change {
                direction: direction(tags),
                output: output.clone(),
                before,
                after,
                regions: regions.regions,
                more: more || left_out,
            });
        }
        Ok((changes, directions))
    }

    /// The clauses that matter for a question; one that both policies have is one.
    fn tagged(&self, differs: &Differs) -> Vec<(&Cube, Tags)> {
        let policies = [self.pair.before, self.pair.after];
        let mut tagged: BTreeMap<&Cube, Tags> = BTreeMap::new();
        for (clause, cube) in self.clauses {
            let Some((policy, rule, is_after)) = self.pair.rule(clause) else {
                continue;
            };
            let side = differs.side(&policies, policy, rule, clause);
            if side != 0 {
                let tags = if is_after {
                    both(0, side)
                } else {
                    both(side, 0)
                };
                *tagged.entry(cube).or_default() |= tags;
            }
        }
        tagged.into_iter().collect()
    }
}

impl Scope<'_, '_> {
    /// The facts of an operation on these connections.
    fn facts(&self, point: &Point) -> Facts {
        let mut facts = self.space.facts(point);
        let name = self.pair.vocabulary.lookup("connection.name");
        if let (Some((id, _)), Some(target)) = (name, self.target) {
            facts.set(id, Fact::Known(Value::Text(target.into())));
        }
        facts
    }
}

#[cfg(test)]
mod tests;
