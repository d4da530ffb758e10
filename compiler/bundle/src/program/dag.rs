//! The decision graph as a diagram: from the root of an output, each node asks one fact and says where to go on, down
//! to the output. What bits say of all rules at once, this says of one output by the shortest way.
//!
//! Means what the tables mean that [`Dag::of`] made it from. Where a diagram would grow beyond its budget a node says
//! which clauses are left, and their bits decide. Depends on nothing but the program and the budget.

mod build;
mod lift;
mod state;
mod text;
mod validate;

use serde::{Deserialize, Serialize};

use crate::decision::{Observed, Verdict};
use crate::policy::RuleId;
use crate::vocabulary::Protocol;

use super::{ClassIndex, InvalidProgram, Program};

pub use text::{Answer, Description, Step, Target};

/// The diagrams of all outputs on one kind of connection. They share what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dag {
    fingerprint: u64,
    kind: Protocol,
    /// Positions among the tables of the shard, in the order in which they are asked.
    order: Vec<u32>,
    /// Nodes come behind those that they lead to.
    nodes: Vec<Node>,
    roots: Vec<Root>,
}

/// Position of a node in its diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(u32);

/// Where the diagram of one output begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// What it decides.
    pub output: Output,
    /// The first node.
    pub node: NodeId,
}

/// What a diagram decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Output {
    /// The verdict.
    Verdict,
    /// Whether a rule obliges: one that requires approval, masks, or limits.
    Obligation(RuleId),
    /// Whether a rule in observe would do something.
    Observed(Observed),
}

impl Output {
    /// The rule that it is about; `None` for the verdict, which all rules make.
    #[must_use]
    pub fn rule(self) -> Option<RuleId> {
        match self {
            Output::Verdict => None,
            Output::Obligation(rule) | Output::Observed(Observed { rule, .. }) => Some(rule),
        }
    }
}

/// A step to an output.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Node {
    /// The output.
    Leaf(Leaf),
    /// Asks for the class of a single value.
    Class {
        /// Position of the table in the shard.
        table: u32,
        /// Where classes lead that `edges` do not name.
        other: NodeId,
        /// Where the others lead; ascending by class.
        edges: Vec<(ClassIndex, NodeId)>,
    },
    /// Asks whether a set is known.
    Known {
        /// Position of the table in the shard.
        table: u32,
        /// Where an unknown set leads.
        unknown: NodeId,
        /// Where a missing set leads.
        missing: NodeId,
        /// Where any other leads.
        known: NodeId,
    },
    /// Asks whether some element of a set that is known has a class.
    Element {
        /// Position of the table in the shard.
        table: u32,
        /// The class.
        class: ClassIndex,
        /// Where a set leads that has such an element.
        yes: NodeId,
        /// Where one leads that does not.
        no: NodeId,
    },
    /// The budget ended here: bits decide.
    Residual(Rest),
}

/// What a diagram ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Leaf {
    /// The verdict.
    Verdict(Verdict),
    /// Whether the rule obliges.
    Obliges(bool),
}

/// What is left to be decided by bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rest {
    /// Whether the verdict is left, or whether a rule obliges.
    pub verdict: bool,
    /// What is settled of the verdict.
    pub settled: Settled,
    /// Position in the order of the first table that is left to be asked.
    pub from: u32,
    /// The clauses that are left; ascending.
    pub clauses: Vec<u32>,
}

/// What is certain of a verdict before all facts were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Settled {
    /// A rule requires approval.
    pub restricts: bool,
    /// A rule grants, at least what is approved.
    pub grants: bool,
}

/// Why bytes are not a diagram that can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadDag {
    /// Not what [`Dag::encode`] writes.
    #[error("diagram is corrupt: {0}")]
    Decode(#[from] postcard::Error),
    /// More than a diagram.
    #[error("diagram is corrupt: bytes follow the end")]
    Surplus,
    /// A diagram that does not hold together, or is of another program.
    #[error(transparent)]
    Invalid(#[from] InvalidProgram),
}

/// How large a diagram may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Edges of all nodes and clauses of all residuals together.
    pub cells: usize,
}

impl Default for Budget {
    /// Half a megabyte.
    fn default() -> Budget {
        Budget { cells: 1 << 16 }
    }
}

impl Dag {
    /// The bytes of the diagram; the same diagram gives the same.
    ///
    /// # Errors
    /// None that a diagram which was made or loaded can cause.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Reads a diagram of `program` and validates it.
    ///
    /// # Errors
    /// Bytes that are not such a diagram.
    pub fn load(bytes: &[u8], program: &Program) -> Result<Dag, LoadDag> {
        match postcard::take_from_bytes::<Dag>(bytes)? {
            (dag, []) => {
                dag.validate(program)?;
                Ok(dag)
            }
            _ => Err(LoadDag::Surplus),
        }
    }

    /// The kind of connection that it is for.
    #[must_use]
    pub fn kind(&self) -> Protocol {
        self.kind
    }

    /// The fingerprint of the program that it is of.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Positions among the tables of the shard, in the order in which they are asked.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The outputs: the verdict, then the obligations by their rules.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none; never so in a diagram that was made or validated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many nodes leave the rest to bits.
    #[must_use]
    pub fn residuals(&self) -> usize {
        let residual = |node: &&Node| matches!(node, Node::Residual(_));
        self.nodes.iter().filter(residual).count()
    }
}

impl Node {
    /// The nodes that it leads to.
    pub fn children(&self) -> impl Iterator<Item = NodeId> {
        let (some, edges): ([Option<NodeId>; 3], &[(ClassIndex, NodeId)]) = match self {
            Node::Leaf(_) | Node::Residual(_) => ([None; 3], &[]),
            Node::Class { other, edges, .. } => ([Some(*other), None, None], edges),
            Node::Known {
                unknown,
                missing,
                known,
                ..
            } => ([Some(*unknown), Some(*missing), Some(*known)], &[]),
            Node::Element { yes, no, .. } => ([Some(*yes), Some(*no), None], &[]),
        };
        let edges = edges.iter().map(|(_, node)| *node);
        some.into_iter().flatten().chain(edges)
    }
}

#[cfg(test)]
mod tests;
