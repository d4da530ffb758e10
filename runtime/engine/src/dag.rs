//! Evaluation of diagrams: the verdict and the obligations of one operation, by the shortest way and without the rules
//! that led there. What decides operations is [`crate::decide`], since a record names every rule that matches.

use hpol_bundle::decision::{Observed, Verdict};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::RuleId;
use hpol_bundle::program::dag::{Dag, Leaf, Node, NodeId, Output, Rest};
use hpol_bundle::program::{ClassIndex, Clause, Field, Program, Role, Shard, Table, Values};

use crate::evaluate::{self, Words};
use crate::history::{Numbers, Unheard};

/// What a decision comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The rules that require approval, mask or limit, ascending; also where a block makes them idle.
    pub obligations: Vec<RuleId>,
    /// What rules in observe would do, ascending.
    pub observed: Vec<Observed>,
}

/// Decides one operation by `dag`, on the facts of session and operation together; `connection.kind` is the kind of the
/// diagram and not read. A diagram that is not of `program` blocks. Nothing is known of what happened before.
#[must_use]
pub fn outcome(program: &Program, dag: &Dag, facts: &Facts) -> Outcome {
    outcome_given(program, dag, facts, &mut Unheard)
}

/// As [`outcome`], given what happened before.
#[must_use]
pub fn outcome_given(
    program: &Program,
    dag: &Dag,
    facts: &Facts,
    numbers: &mut impl Numbers,
) -> Outcome {
    let mut outcome = Outcome {
        verdict: Verdict::Block,
        obligations: Vec::new(),
        observed: Vec::new(),
    };
    let Some(mut walk) = Walk::new(program, dag, facts) else {
        return outcome;
    };
    for root in dag.roots() {
        match (root.output, walk.leaf(root.node, numbers)) {
            (Output::Verdict, Some(Leaf::Verdict(verdict))) => outcome.verdict = verdict,
            (Output::Obligation(_) | Output::Observed(_), Some(Leaf::Obliges(false))) => {}
            // Where a diagram does not hold together, its rules oblige and nothing is allowed.
            (Output::Obligation(rule), _) => outcome.obligations.push(rule),
            (Output::Observed(observed), _) => outcome.observed.push(observed),
            (Output::Verdict, _) => {}
        }
    }
    outcome
}

/// The verdict alone of what [`outcome`] gives.
#[must_use]
pub fn verdict(program: &Program, dag: &Dag, facts: &Facts) -> Verdict {
    let root = dag
        .roots()
        .iter()
        .find(|root| root.output == Output::Verdict);
    let leaf = root.and_then(|root| Walk::new(program, dag, facts)?.leaf(root.node, &mut Unheard));
    match leaf {
        Some(Leaf::Verdict(verdict)) => verdict,
        Some(Leaf::Obliges(_)) | None => Verdict::Block,
    }
}

/// The way of one operation through the diagrams of all outputs; looks each fact up once.
struct Walk<'a> {
    program: &'a Program,
    shard: &'a Shard,
    dag: &'a Dag,
    facts: &'a Facts,
    /// The classes of the facts' values by the positions of their tables, once they were asked for.
    found: Vec<Option<Classes>>,
}

/// The classes of a value.
enum Classes {
    /// Of a single value, or of a set that is unknown or missing.
    Whole(ClassIndex),
    /// Of the elements of a set, ascending.
    Elements(Vec<ClassIndex>),
}

impl<'a> Walk<'a> {
    fn new(program: &'a Program, dag: &'a Dag, facts: &'a Facts) -> Option<Walk<'a>> {
        let shard = program.shard(dag.kind())?;
        (dag.fingerprint() == program.fingerprint()).then(|| Walk {
            program,
            shard,
            dag,
            facts,
            found: shard.tables().iter().map(|_| None).collect(),
        })
    }

    /// Where the way from `node` ends; `None` if the diagram does not hold together.
    fn leaf(&mut self, mut node: NodeId, numbers: &mut impl Numbers) -> Option<Leaf> {
        // No way is longer than there are nodes.
        for _ in 0..=self.dag.len() {
            node = match self.dag.node(node)? {
                Node::Leaf(leaf) => return Some(*leaf),
                Node::Residual(rest) => return self.rest(rest, numbers),
                Node::Class {
                    table,
                    other,
                    edges,
                } => {
                    let Classes::Whole(class) = self.classes(*table)? else {
                        return None;
                    };
                    let edge = edges.binary_search_by_key(class, |(class, _)| *class);
                    let edge = edge.ok().and_then(|edge| edges.get(edge));
                    edge.map_or(*other, |(_, node)| *node)
                }
                Node::Known {
                    table,
                    unknown,
                    missing,
                    known,
                } => match self.classes(*table)? {
                    Classes::Whole(ClassIndex::MISSING) => *missing,
                    Classes::Whole(_) => *unknown,
                    Classes::Elements(_) => *known,
                },
                Node::Element {
                    table,
                    class,
                    yes,
                    no,
                } => match self.classes(*table)? {
                    Classes::Elements(classes) if classes.binary_search(class).is_ok() => *yes,
                    Classes::Elements(_) => *no,
                    Classes::Whole(_) => return None,
                },
            };
        }
        None
    }

    fn classes(&mut self, table: u32) -> Option<&Classes> {
        let Walk {
            program,
            shard,
            facts,
            found,
            ..
        } = self;
        let (_, field) = asked(program, shard, table)?;
        let slot = found.get_mut(table as usize)?;
        Some(slot.get_or_insert_with(|| Classes::of(facts.fact(field.fact), &field.values)))
    }

    /// What the bits decide that are left.
    fn rest(&self, rest: &Rest, numbers: &mut impl Numbers) -> Option<Leaf> {
        let mut left = Words::of(&rest.clauses);
        for table in self.dag.order().get(rest.from as usize..)? {
            let (table, field) = asked(self.program, self.shard, *table)?;
            evaluate::keep(table, field, self.facts, &mut left);
        }
        let left = left.clauses_given(self.program, self.shard, numbers);
        let left: Vec<&Clause> = left.collect();
        let of_exceptions = |role| -> Vec<RuleId> {
            let clauses = left.iter().copied().filter(|clause| clause.role == role);
            clauses
                .filter_map(|clause| self.program.lifted(clause))
                .collect()
        };
        let (lifted, doubted) = (of_exceptions(Role::Exception), of_exceptions(Role::Doubt));
        let roles = || {
            let clauses = left
                .iter()
                .copied()
                .filter(|clause: &&Clause| match clause.role {
                    Role::Exception | Role::Doubt => false,
                    Role::ApprovalGrants if doubted.contains(&clause.rule()) => false,
                    _ => !lifted.contains(&clause.rule()),
                });
            clauses.map(|clause| clause.role)
        };
        if !rest.verdict {
            return Some(Leaf::Obliges(roles().next().is_some()));
        }
        let grants = |role| matches!(role, Role::ApprovalGrants | Role::Allow);
        let restricts =
            rest.settled.restricts || roles().any(|role| role == Role::ApprovalRestricts);
        let granted = rest.settled.grants || roles().any(grants);
        Some(Leaf::Verdict(match (granted, restricts) {
            _ if roles().any(|role| role == Role::Block) => Verdict::Block,
            (false, _) => Verdict::Block,
            (true, true) => Verdict::RequireApproval,
            (true, false) => Verdict::Allow,
        }))
    }
}

impl Classes {
    fn of(fact: &Fact, values: &Values) -> Classes {
        match (fact, values) {
            (Fact::Missing, _) => Classes::Whole(ClassIndex::MISSING),
            (Fact::Known(Value::Bool(value)), Values::Bool) => {
                Classes::Whole(Values::of_bool(*value))
            }
            (Fact::Known(Value::Int(value)), Values::Int(bounds)) => {
                Classes::Whole(bounds.class(*value))
            }
            (Fact::Known(Value::Text(value)), Values::Text(texts)) => {
                Classes::Whole(texts.class(value))
            }
            (Fact::Known(Value::Set(elements)), Values::Set(texts)) => {
                let mut classes: Vec<ClassIndex> = elements
                    .iter()
                    .map(|element| texts.class(element))
                    .collect();
                classes.sort_unstable();
                Classes::Elements(classes)
            }
            // A value that is not of the fact's type tells no more than that something is wrong.
            (Fact::Unknown | Fact::Known(_), _) => Classes::Whole(ClassIndex::UNKNOWN),
        }
    }
}

/// The table at `position`, and the fact that it asks.
fn asked<'p>(
    program: &'p Program,
    shard: &'p Shard,
    position: u32,
) -> Option<(&'p Table, &'p Field)> {
    let table = shard.tables().get(position as usize)?;
    Some((table, program.fields().get(table.field())?))
}
