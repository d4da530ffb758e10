//! Diagrams in the DOT language of Graphviz (<https://graphviz.org/doc/info/lang.html>).

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::{Description, name};

impl Description<'_> {
    /// The diagram in the DOT language.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut dot = String::from("digraph decisions {\n  rankdir=LR;\n  node [shape=box];\n");
        // INVARIANT: writing to a string does not fail.
        let _ = self.write_dot(&mut dot);
        dot.push_str("}\n");
        dot
    }

    fn write_dot(&self, dot: &mut String) -> fmt::Result {
        let mut seen = BTreeSet::new();
        for (index, root) in self.roots().enumerate() {
            let output = escape(&self.output(root.output));
            writeln!(dot, "  r{index} [shape=plaintext, label=\"{output}\"];")?;
            writeln!(dot, "  r{index} -> {};", name(root.node))?;
            for id in self.reached(root.node, &mut seen) {
                let Some(node) = self.dag.node(id) else {
                    continue;
                };
                let (shape, label) = match self.asks(node) {
                    Some(asks) => ("box", asks),
                    None => ("ellipse", self.end(node)),
                };
                let label = escape(&label);
                writeln!(dot, "  {} [shape={shape}, label=\"{label}\"];", name(id))?;
                for (answer, child) in self.answers(node) {
                    let answer = escape(&answer);
                    writeln!(
                        dot,
                        "  {} -> {} [label=\"{answer}\"];",
                        name(id),
                        name(child)
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// As it stands between quotes in DOT.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
