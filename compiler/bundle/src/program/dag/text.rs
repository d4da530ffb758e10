//! Diagrams for readers: as steps with names, and as an indented text.

mod dot;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use crate::decision::{Observed, Verdict};
use crate::policy::{Policy, RuleId};
use crate::program::{ClassIndex, Clause, Program, Role, Shard, Values};
use crate::vocabulary::Vocabulary;

use super::{Dag, Leaf, Node, NodeId, Output, Root};

/// Classes named on one edge; the others are counted.
const CLASSES: usize = 4;
/// Rules named in one node that leaves the rest to bits; the others are counted.
const RULES: usize = 4;

/// A diagram with the names for its facts, values and rules.
#[derive(Debug, Clone, Copy)]
pub struct Description<'a> {
    dag: &'a Dag,
    program: &'a Program,
    policy: &'a Policy,
    vocabulary: &'a Vocabulary,
    /// The only outputs that are described, if not all are.
    only: Option<&'a [Output]>,
    /// Whether a rule in observe is described: it matches, and obliges to nothing.
    observes: bool,
}

/// A node that asks, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The node.
    pub node: NodeId,
    /// The fact that it asks about.
    pub fact: String,
    /// The element that it asks for, of a set that is known.
    pub has: Option<String>,
    /// The answers, each once, and where they lead. The last one of a set leads on to what else is asked of it.
    pub answers: Vec<Answer>,
}

/// An answer to what a node asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub is: String,
    /// Where it leads.
    pub leads: Target,
}

/// Where an answer, or a root, leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a node that asks on.
    Step(NodeId),
    /// To the output.
    Leaf(Leaf, String),
    /// To bits that decide the rest.
    Rest(String),
}

impl Dag {
    /// The diagram of `program` with names: to be printed as text, or as [`Description::dot`].
    #[must_use]
    pub fn describe<'a>(
        &'a self,
        program: &'a Program,
        policy: &'a Policy,
        vocabulary: &'a Vocabulary,
    ) -> Description<'a> {
        Description {
            dag: self,
            program,
            policy,
            vocabulary,
            only: None,
            observes: false,
        }
        .noting_observed()
    }
}

/// Each root, then each node that it reaches for the first time, with what it asks and where that leads.
impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes();
        let residual = |id: &&NodeId| matches!(self.dag.node(**id), Some(Node::Residual(_)));
        writeln!(
            f,
            "{}: {} nodes, {} of them left to bits",
            self.dag.kind.as_str(),
            nodes.len(),
            nodes.iter().filter(residual).count()
        )?;
        let mut seen = BTreeSet::new();
        for root in self.roots() {
            writeln!(
                f,
                "\n{} = {}",
                self.output(root.output),
                self.target(root.node)
            )?;
            for id in self.reached(root.node, &mut seen) {
                if let Some(node) = self.dag.node(id)
                    && let Some(asks) = self.asks(node)
                {
                    writeln!(f, "  {} asks {asks}", name(id))?;
                    for (answer, child) in self.answers(node) {
                        writeln!(f, "    {answer}: {}", self.target(child))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl<'a> Description<'a> {
    /// Describes `outputs` alone, and the nodes that they reach.
    #[must_use]
    pub fn only(self, outputs: &'a [Output]) -> Description<'a> {
        Description {
            only: Some(outputs),
            ..self
        }
        .noting_observed()
    }

    fn noting_observed(self) -> Description<'a> {
        let observed = |root: &Root| matches!(root.output, Output::Observed(_));
        Description {
            observes: self.roots().any(observed),
            ..self
        }
    }

    /// The roots that are described.
    pub fn roots(&self) -> impl Iterator<Item = &'a Root> {
        let only = self.only;
        let described = move |root: &&Root| only.is_none_or(|only| only.contains(&root.output));
        self.dag.roots.iter().filter(described)
    }

    /// The nodes that the described roots reach.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        let mut seen = BTreeSet::new();
        for root in self.roots() {
            self.reached(root.node, &mut seen);
        }
        seen
    }

    /// The steps that the described roots reach; each comes behind one that leads to it.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut seen = BTreeSet::new();
        let reached = self
            .roots()
            .flat_map(|root| self.reached(root.node, &mut seen));
        let step = |node: NodeId| {
            let asked = self.dag.node(node)?;
            let answers = self.answers(asked).into_iter();
            let (fact, has) = self.question(asked)?;
            Some(Step {
                node,
                fact,
                has,
                answers: answers
                    .map(|(is, to)| Answer {
                        is,
                        leads: self.leads(to),
                    })
                    .collect(),
            })
        };
        reached.filter_map(step).collect()
    }

    /// Where the way goes on at a node.
    #[must_use]
    pub fn leads(&self, id: NodeId) -> Target {
        match self.dag.node(id) {
            Some(node @ Node::Leaf(leaf)) => Target::Leaf(*leaf, self.end(node)),
            Some(node @ Node::Residual(_)) => Target::Rest(self.end(node)),
            Some(_) | None => Target::Step(id),
        }
    }

    /// The nodes from `root` on that were not `seen`, each before those that it leads to first.
    fn reached(&self, root: NodeId, seen: &mut BTreeSet<NodeId>) -> Vec<NodeId> {
        let mut reached = Vec::new();
        let mut next = vec![root];
        while let Some(id) = next.pop() {
            if seen.insert(id) {
                reached.push(id);
                let children = self.dag.node(id).into_iter().flat_map(Node::children);
                next.extend(children.collect::<Vec<_>>().into_iter().rev());
            }
        }
        reached
    }

    /// What `output` is called.
    #[must_use]
    pub fn output(&self, output: Output) -> String {
        match output {
            Output::Verdict => "verdict".to_owned(),
            Output::Obligation(rule) => format!("obligation of {}", self.rule(rule)),
            Output::Observed(Observed { would, rule }) => {
                let would = would.as_str().replace('_', " ");
                format!("{} would {would}", self.rule(rule))
            }
        }
    }

    fn rule(&self, id: RuleId) -> &str {
        let rule = self.policy.rules.get(id.0 as usize);
        rule.map_or("?", |rule| rule.name.as_str())
    }

    /// The node by its name, or what it ends with.
    fn target(&self, id: NodeId) -> String {
        match self.dag.node(id) {
            Some(node @ (Node::Leaf(_) | Node::Residual(_))) => self.end(node),
            Some(_) | None => name(id),
        }
    }

    fn end(&self, node: &Node) -> String {
        match node {
            Node::Leaf(Leaf::Verdict(Verdict::Allow)) => "allow".to_owned(),
            Node::Leaf(Leaf::Verdict(Verdict::RequireApproval)) => "require approval".to_owned(),
            Node::Leaf(Leaf::Verdict(Verdict::Block)) => "block".to_owned(),
            // Nodes are shared between outputs; a rule that obliges matches, too.
            Node::Leaf(Leaf::Obliges(yes)) => match (self.observes, yes) {
                (true, true) => "matches",
                (true, false) => "does not match",
                (false, true) => "obliges",
                (false, false) => "does not oblige",
            }
            .to_owned(),
            Node::Residual(rest) => {
                let shard = self.shard();
                let clauses = rest
                    .clauses
                    .iter()
                    .filter_map(|bit| shard?.clause(*bit as usize));
                let of_rules =
                    clauses.filter(|clause| !matches!(clause.role, Role::Exception | Role::Doubt));
                let rules: BTreeSet<RuleId> = of_rules.map(Clause::rule).collect();
                let names = rules.iter().map(|rule| self.rule(*rule));
                format!("bits of {}", list(names, RULES))
            }
            Node::Class { .. } | Node::Known { .. } | Node::Element { .. } => String::new(),
        }
    }

    /// What a node asks; `None` where it ends.
    fn asks(&self, node: &Node) -> Option<String> {
        Some(match self.question(node)? {
            (fact, None) => fact,
            (fact, Some(element)) => format!("{fact} has {element}"),
        })
    }

    /// The fact that a node asks about, and the element that it asks for.
    fn question(&self, node: &Node) -> Option<(String, Option<String>)> {
        match node {
            Node::Leaf(_) | Node::Residual(_) => None,
            Node::Class { table, .. } | Node::Known { table, .. } => {
                Some((self.fact(*table).to_owned(), None))
            }
            Node::Element { table, class, .. } => {
                let class = self.class(*table, *class);
                Some((self.fact(*table).to_owned(), Some(class)))
            }
        }
    }

    /// The answers to what a node asks, and where they lead; answers that lead to the same are one.
    fn answers(&self, node: &Node) -> Vec<(String, NodeId)> {
        match node {
            Node::Leaf(_) | Node::Residual(_) => Vec::new(),
            Node::Class {
                table,
                other,
                edges,
            } => {
                let mut targets: Vec<NodeId> = Vec::new();
                for (_, target) in edges {
                    if !targets.contains(target) {
                        targets.push(*target);
                    }
                }
                let answer = |target: &NodeId| {
                    let classes = edges.iter().filter(|(_, to)| to == target);
                    let classes = classes.map(|(class, _)| self.class(*table, *class));
                    (list(classes, CLASSES), *target)
                };
                let named = targets.iter().map(answer);
                named.chain([("otherwise".to_owned(), *other)]).collect()
            }
            Node::Known {
                unknown,
                missing,
                known,
                ..
            } => [("unknown", unknown), ("missing", missing), ("known", known)]
                .map(|(answer, target)| (answer.to_owned(), *target))
                .to_vec(),
            Node::Element { yes, no, .. } => {
                vec![("yes".to_owned(), *yes), ("no".to_owned(), *no)]
            }
        }
    }

    fn shard(&self) -> Option<&Shard> {
        self.program.shard(self.dag.kind)
    }

    fn values(&self, table: u32) -> Option<(&str, &Values)> {
        let table = self.shard()?.tables.get(table as usize)?;
        let field = self.program.fields.get(table.field())?;
        Some((&self.vocabulary.fact(field.fact)?.name, &field.values))
    }

    fn fact(&self, table: u32) -> &str {
        self.values(table).map_or("?", |(name, _)| name)
    }

    fn class(&self, table: u32, class: ClassIndex) -> String {
        match (class, self.values(table)) {
            (ClassIndex::UNKNOWN, _) => "unknown".to_owned(),
            (ClassIndex::MISSING, _) => "missing".to_owned(),
            (_, Some((_, values))) => values.describe(class),
            (_, None) => "?".to_owned(),
        }
    }
}

impl Values {
    /// The values of `class`, for readers.
    fn describe(&self, class: ClassIndex) -> String {
        match self {
            Values::Bool => (class != ClassIndex::FIRST).to_string(),
            Values::Int(bounds) => {
                let bound = |of: ClassIndex| {
                    let mut starts = bounds.starts();
                    starts.find_map(|(start, class)| (class == of).then_some(start))
                };
                let end = class.0.checked_add(1).map(ClassIndex).and_then(bound);
                match (bound(class), end) {
                    (Some(i64::MIN), Some(end)) => format!("at most {}", end.saturating_sub(1)),
                    (Some(start), Some(end)) => format!("{start} to {}", end.saturating_sub(1)),
                    (Some(start), None) => format!("{start} and more"),
                    (None, Some(end)) => format!("less than {end}"),
                    (None, None) => "any number".to_owned(),
                }
            }
            Values::Text(texts) | Values::Set(texts) => {
                let equal = texts.equal().find(|(_, of)| *of == class);
                let prefix = texts.prefixes().find(|(_, of)| *of == class);
                match (equal, prefix) {
                    (Some((text, _)), _) => format!("{text:?}"),
                    (None, Some((text, _))) => format!("{text:?}..."),
                    (None, None) => "any other".to_owned(),
                }
            }
        }
    }
}

fn name(id: NodeId) -> String {
    format!("n{}", id.0)
}

/// The first `most` of `items` with commas, and how many follow.
fn list(items: impl Iterator<Item = impl AsRef<str>>, most: usize) -> String {
    let mut text = String::new();
    let mut left_out = 0_usize;
    for (index, item) in items.enumerate() {
        if index >= most {
            left_out += 1;
        } else {
            text.push_str(if index == 0 { "" } else { ", " });
            text.push_str(item.as_ref());
        }
    }
    if left_out > 0 {
        // INVARIANT: writing to a string does not fail.
        let _ = write!(text, " and {left_out} more");
    }
    text
}
