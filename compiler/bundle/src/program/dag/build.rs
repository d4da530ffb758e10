//! Makes diagrams: breadth first, so that a budget that ends cuts all ways at about the same depth; states that leave
//! the same are one node, and so are nodes that lead to the same.

use std::collections::{HashMap, VecDeque};

use crate::decision::Observed;
use crate::program::{ClassIndex, Clause, Program, Role, Shard, Table, Values};
use crate::vocabulary::Protocol;

use super::state::{self, Clauses, InSet, State};
use super::{Budget, Dag, Leaf, Node, NodeId, Output, Root};

/// Words looked at for each cell of the budget. Bounds the time where most states turn out not to fit.
const EFFORT: usize = 4_096;

impl Dag {
    /// The diagrams of the outputs of `program` on connections of `kind`. The same program and budget give the same;
    /// `None` if the program has no such connections.
    #[must_use]
    pub fn of(program: &Program, kind: Protocol, budget: Budget) -> Option<Dag> {
        let shard = program.shard(kind)?;
        let mut draft = Draft {
            program,
            clauses: Clauses::of(program, shard),
            budget,
            spent: 0,
            states: Vec::new(),
            steps: Vec::new(),
            known: HashMap::new(),
        };
        let roots: Vec<(Output, Target)> = outputs(shard)
            .into_iter()
            .map(|output| (output, draft.target(initial(program, shard, output))))
            .collect();
        draft.grow();
        let mut nodes = Nodes::default();
        let of_states = draft.finish(&mut nodes);
        let roots = roots.into_iter().map(|(output, target)| Root {
            output,
            node: nodes.of_target(target, &of_states),
        });
        Some(Dag {
            fingerprint: program.fingerprint,
            kind,
            roots: roots.collect(),
            order: draft.clauses.order,
            nodes: nodes.list,
        })
    }
}

/// The verdict, then the rules that can oblige, then what is observed; ascending.
pub(super) fn outputs(shard: &Shard) -> Vec<Output> {
    let mut outputs: Vec<Output> = shard
        .clauses
        .iter()
        .filter_map(beside_the_verdict)
        .collect();
    outputs.push(Output::Verdict);
    outputs.sort_unstable();
    outputs.dedup();
    outputs
}

/// What `clause` is about other than the verdict.
fn beside_the_verdict(clause: &Clause) -> Option<Output> {
    match clause.role {
        Role::ApprovalRestricts | Role::Mask | Role::Limit => {
            Some(Output::Obligation(clause.rule()))
        }
        Role::Observed(would) => Some(Output::Observed(Observed {
            would,
            rule: clause.rule(),
        })),
        Role::Exception
        | Role::Doubt
        | Role::Block
        | Role::ApprovalGrants
        | Role::Allow
        | Role::Member
        | Role::Counts
        | Role::MayCount => None,
    }
}

fn initial(program: &Program, shard: &Shard, output: Output) -> State {
    match output {
        Output::Verdict => {
            let decides = |role| {
                matches!(
                    role,
                    Role::Exception
                        | Role::Doubt
                        | Role::Block
                        | Role::ApprovalRestricts
                        | Role::ApprovalGrants
                        | Role::Allow
                )
            };
            State::new(true, state::of(shard, |clause| decides(clause.role)))
        }
        Output::Obligation(_) | Output::Observed(_) => {
            let live = state::of(shard, |clause| match clause.role {
                Role::Exception => program.lifted(clause) == output.rule(),
                _ => beside_the_verdict(clause) == Some(output),
            });
            State::new(false, live)
        }
    }
}

/// Where a way leads: to an output, or to a state by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Leaf(Leaf),
    State(usize),
}

/// What a state asks next.
enum Step {
    /// Nothing; bits decide.
    Rest,
    Class {
        table: u32,
        other: Target,
        edges: Vec<(ClassIndex, Target)>,
    },
    Known {
        table: u32,
        unknown: Target,
        missing: Target,
        known: Target,
    },
    Element {
        table: u32,
        class: ClassIndex,
        yes: Target,
        no: Target,
    },
}

struct Draft<'p> {
    program: &'p Program,
    clauses: Clauses<'p>,
    budget: Budget,
    /// Cells of what there is, if all states without a step were left to bits.
    spent: usize,
    states: Vec<State>,
    steps: Vec<Step>,
    known: HashMap<State, usize>,
}

impl Draft<'_> {
    fn target(&mut self, state: State) -> Target {
        self.clauses.look(8);
        match self.clauses.settle(state) {
            Ok(leaf) => Target::Leaf(leaf),
            Err(state) => Target::State(self.known.get(&state).copied().unwrap_or_else(|| {
                let index = self.states.len();
                self.spent = self.spent.saturating_add(cells(&state));
                self.states.push(state.clone());
                self.steps.push(Step::Rest);
                self.known.insert(state, index);
                index
            })),
        }
    }

    /// Gives states steps, in the order in which they were found, as long as the budget lasts.
    fn grow(&mut self) {
        let mut queue: VecDeque<usize> = (0..self.states.len()).collect();
        let effort = self.budget.cells.saturating_mul(EFFORT);
        while let Some(index) = queue.pop_front()
            && self.clauses.effort() < effort
        {
            let found = self.states.len();
            let spent = self.spent;
            let Some(state) = self.states.get(index).cloned() else {
                continue;
            };
            self.spent = self.spent.saturating_sub(cells(&state));
            match self.step(&state) {
                Some(step) => {
                    if let Some(slot) = self.steps.get_mut(index) {
                        *slot = step;
                    }
                    queue.extend(found..self.states.len());
                }
                None => {
                    for state in self.states.drain(found..) {
                        self.known.remove(&state);
                    }
                    self.steps.truncate(found);
                    self.spent = spent;
                }
            }
        }
    }

    /// What `state` asks; `None` if the budget does not last.
    fn step(&mut self, state: &State) -> Option<Step> {
        let (position, table) = self.clauses.table(state.level)?;
        let field = self.program.fields.get(table.field())?;
        match (&state.set, &field.values) {
            (Some(set), _) => self.element(state, set, position, table),
            (None, Values::Set(_)) => self.known(state, position, table),
            (None, _) => self.class(state, position, table),
        }
    }

    fn class(&mut self, state: &State, position: u32, table: &Table) -> Option<Step> {
        let base = State {
            level: state.level + 1,
            ..state.clone()
        };
        let after = |class: ClassIndex| {
            let mut state = base.clone();
            state::keep_class(&mut state.live, &table.every, class);
            state
        };
        let mut other = None;
        let mut edges = Vec::new();
        for class in (0..).take(table.every.ends.len()).map(ClassIndex) {
            self.clauses.look(1);
            if differs(table, class, state) {
                let target = self.target(after(class));
                edges.push((class, target));
                self.spend(1)?;
            } else if other.is_none() {
                // All that do not differ from the base lead to the same.
                other = Some(self.target(after(class)));
                self.spend(1)?;
            }
        }
        let other = other.or(edges.last().map(|(_, target)| *target))?;
        edges.retain(|(_, target)| *target != other);
        Some(Step::Class {
            table: position,
            other,
            edges,
        })
    }

    fn known(&mut self, state: &State, position: u32, table: &Table) -> Option<Step> {
        let mut whole = |class| {
            let mut after = State {
                level: state.level + 1,
                ..state.clone()
            };
            for plane in std::iter::once(&table.every).chain(&table.some) {
                state::keep_class(&mut after.live, plane, class);
            }
            self.target(after)
        };
        let (unknown, missing) = (whole(ClassIndex::UNKNOWN), whole(ClassIndex::MISSING));
        let mut known = state.clone();
        let every = known.live.iter_mut().zip(&table.every.empty);
        every.for_each(|(live, row)| *live &= row);
        known.set = Some(InSet {
            class: ClassIndex::FIRST,
            hits: table.some.iter().map(|plane| plane.empty.clone()).collect(),
        });
        let known = self.target(known);
        self.spend(3)?;
        Some(Step::Known {
            table: position,
            unknown,
            missing,
            known,
        })
    }

    fn element(
        &mut self,
        state: &State,
        set: &InSet,
        position: u32,
        table: &Table,
    ) -> Option<Step> {
        let next = ClassIndex(set.class.0.checked_add(1)?);
        let after = |hits| State {
            set: Some(InSet { class: next, hits }),
            ..state.clone()
        };
        let no = self.target(after(set.hits.clone()));
        let mut hits = set.hits.clone();
        for (hits, plane) in hits.iter_mut().zip(&table.some) {
            state::add_class(hits, plane, set.class);
        }
        let mut yes = after(hits);
        state::keep_class(&mut yes.live, &table.every, set.class);
        let yes = self.target(yes);
        self.spend(2)?;
        Some(Step::Element {
            table: position,
            class: set.class,
            yes,
            no,
        })
    }

    fn spend(&mut self, cells: usize) -> Option<()> {
        self.spent = self.spent.saturating_add(cells);
        (self.spent <= self.budget.cells).then_some(())
    }

    /// The nodes of all states. States come after those that lead to them, by what they ask.
    fn finish(&self, nodes: &mut Nodes) -> Vec<NodeId> {
        let mut deepest_first: Vec<usize> = (0..self.states.len()).collect();
        deepest_first.sort_by_key(|index| {
            let depth = self.states.get(*index).map(|state| {
                let class = state.set.as_ref().map(|set| set.class);
                (state.level, class)
            });
            (std::cmp::Reverse(depth), *index)
        });
        let mut of_states = vec![NodeId(0); self.states.len()];
        for index in deepest_first {
            if let (Some(state), Some(step)) = (self.states.get(index), self.steps.get(index)) {
                let node = nodes.of_step(state, step, &of_states);
                if let Some(slot) = of_states.get_mut(index) {
                    *slot = node;
                }
            }
        }
        of_states
    }
}

/// What a state costs that is left to bits.
fn cells(state: &State) -> usize {
    state.clauses().saturating_add(1)
}

/// Whether `class` keeps other clauses of `state` than the base does.
fn differs(table: &Table, class: ClassIndex, state: &State) -> bool {
    let row = table.every.row(class);
    row.differences.iter().any(|difference| {
        let word = difference.word as usize;
        let base = row.base.get(word).copied().unwrap_or(0);
        (base ^ difference.bits) & state.live.get(word).copied().unwrap_or(0) != 0
    })
}

/// Nodes, each once.
#[derive(Default)]
struct Nodes {
    list: Vec<Node>,
    known: HashMap<Node, NodeId>,
}

impl Nodes {
    fn of_target(&mut self, target: Target, of_states: &[NodeId]) -> NodeId {
        match target {
            Target::Leaf(leaf) => self.intern(Node::Leaf(leaf)),
            // INVARIANT: what a state leads to is deeper and was made before.
            Target::State(index) => of_states.get(index).copied().unwrap_or(NodeId(0)),
        }
    }

    fn of_step(&mut self, state: &State, step: &Step, of_states: &[NodeId]) -> NodeId {
        let node = match step {
            Step::Rest => Node::Residual(state.rest()),
            Step::Class {
                table,
                other,
                edges,
            } => {
                let other = self.of_target(*other, of_states);
                let edges = edges
                    .iter()
                    .map(|(class, target)| (*class, self.of_target(*target, of_states)));
                let edges: Vec<_> = edges.filter(|(_, node)| *node != other).collect();
                if edges.is_empty() {
                    return other;
                }
                let table = *table;
                Node::Class {
                    table,
                    other,
                    edges,
                }
            }
            Step::Known {
                table,
                unknown,
                missing,
                known,
            } => {
                let [unknown, missing, known] =
                    [*unknown, *missing, *known].map(|target| self.of_target(target, of_states));
                if unknown == missing && missing == known {
                    return known;
                }
                Node::Known {
                    table: *table,
                    unknown,
                    missing,
                    known,
                }
            }
            Step::Element {
                table,
                class,
                yes,
                no,
            } => {
                let [yes, no] = [*yes, *no].map(|target| self.of_target(target, of_states));
                if yes == no {
                    return yes;
                }
                Node::Element {
                    table: *table,
                    class: *class,
                    yes,
                    no,
                }
            }
        };
        self.intern(node)
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(known) = self.known.get(&node) {
            return *known;
        }
        // INVARIANT: nodes are fewer than the cells of a budget.
        let id = NodeId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(node.clone());
        self.known.insert(node, id);
        id
    }
}
