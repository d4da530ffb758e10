//! Checks a diagram that comes out of a file: every index, order and length that its evaluation relies on, and that it
//! is of the program and kind of connection that it says.

use crate::program::{ClassIndex, InvalidProgram, Program, Shard, Values};

use super::build::outputs;
use super::{Dag, Leaf, Node, NodeId, Output};

impl Dag {
    /// Checks that the diagram can be evaluated with `program`. That it means what the program means is not checked:
    /// who signs the one signs the other.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn validate(&self, program: &Program) -> Result<(), InvalidProgram> {
        require(
            self.fingerprint == program.fingerprint,
            "the diagram is of another program",
        )?;
        let shard = program.shard(self.kind).ok_or(InvalidProgram {
            what: "the diagram is of a kind of connection that is not there",
        })?;
        let mut order = self.order.clone();
        order.sort_unstable();
        require(
            order.len() == shard.tables.len() && order.iter().copied().eq((0..).take(order.len())),
            "the diagram does not ask each fact once",
        )?;
        let checked = Checked::of(self, program, shard)?;
        let expected = outputs(shard);
        let outputs = self.roots.iter().map(|root| root.output);
        require(
            outputs.eq(expected),
            "the diagram is of other outputs than the program",
        )?;
        for root in &self.roots {
            let verdict = root.output == Output::Verdict;
            require(
                checked.is_of_verdict(root.node) == Some(verdict),
                "a root of the diagram leads to another output",
            )?;
        }
        Ok(())
    }
}

/// What is known of the nodes before the one that is being checked.
struct Checked {
    /// Whether each leads to a verdict.
    verdicts: Vec<bool>,
    /// What each asks; the greater, the later.
    ranks: Vec<Rank>,
}

/// Place in the order, then the class within a set. Leaves and residuals come last.
type Rank = (usize, Option<ClassIndex>);

impl Checked {
    fn of(dag: &Dag, program: &Program, shard: &Shard) -> Result<Checked, InvalidProgram> {
        let mut checked = Checked {
            verdicts: Vec::with_capacity(dag.nodes.len()),
            ranks: Vec::with_capacity(dag.nodes.len()),
        };
        for node in &dag.nodes {
            let rank = rank(node, dag, program, shard)?;
            for child in node.children() {
                let later = checked.ranks.get(child.0 as usize);
                require(
                    later.is_some_and(|later| *later > rank),
                    "a node of the diagram leads back",
                )?;
            }
            let verdict = checked.leads_to_verdict(node)?;
            checked.verdicts.push(verdict);
            checked.ranks.push(rank);
        }
        Ok(checked)
    }

    fn is_of_verdict(&self, node: NodeId) -> Option<bool> {
        self.verdicts.get(node.0 as usize).copied()
    }

    fn leads_to_verdict(&self, node: &Node) -> Result<bool, InvalidProgram> {
        match node {
            Node::Leaf(Leaf::Verdict(_)) => Ok(true),
            Node::Leaf(Leaf::Obliges(_)) => Ok(false),
            Node::Residual(rest) => Ok(rest.verdict),
            Node::Class { .. } | Node::Known { .. } | Node::Element { .. } => {
                let mut kinds = node.children().map(|child| self.is_of_verdict(child));
                let first = kinds.next().flatten();
                let alike = kinds.all(|kind| kind == first);
                first.filter(|_| alike).ok_or(InvalidProgram {
                    what: "a node of the diagram leads to different outputs",
                })
            }
        }
    }
}

/// The rank of `node`, if what it asks is there.
fn rank(node: &Node, dag: &Dag, program: &Program, shard: &Shard) -> Result<Rank, InvalidProgram> {
    let end = dag.order.len();
    let (table, class) = match node {
        Node::Leaf(_) => return Ok((end, None)),
        Node::Residual(rest) => {
            let ordered = rest.clauses.is_sorted_by(|left, right| left < right);
            let inside = rest
                .clauses
                .last()
                .is_none_or(|last| (*last as usize) < shard.len());
            require(
                ordered && inside && rest.from as usize <= end,
                "what the diagram leaves to bits is not there",
            )?;
            return Ok((end, None));
        }
        Node::Class { table, .. } | Node::Known { table, .. } => (*table, None),
        Node::Element { table, class, .. } => (*table, Some(*class)),
    };
    let field = shard.tables.get(table as usize);
    let field = field.and_then(|table| program.fields.get(table.field()));
    let field = field.ok_or(InvalidProgram {
        what: "a node of the diagram asks a fact that is not there",
    })?;
    let set = matches!(field.values, Values::Set(_));
    let fits = match node {
        Node::Class { edges, .. } => {
            let ordered = edges.is_sorted_by(|(left, _), (right, _)| left < right);
            let inside = edges
                .last()
                .is_none_or(|(last, _)| last.index() < field.values.classes());
            !set && ordered && inside
        }
        Node::Known { .. } => set,
        Node::Element { class, .. } => set && class.index() < field.values.classes(),
        Node::Leaf(_) | Node::Residual(_) => true,
    };
    require(fits, "a node of the diagram does not fit its fact")?;
    let place = dag.order.iter().position(|position| *position == table);
    Ok((place.unwrap_or(end), class))
}

fn require(holds: bool, what: &'static str) -> Result<(), InvalidProgram> {
    if holds {
        Ok(())
    } else {
        Err(InvalidProgram { what })
    }
}
