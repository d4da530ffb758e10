//! What tree-sitter makes of a text.

use tree_sitter::{InputEdit, Node, Parser, Point, Tree};

use super::{Mark, Outcome};

/// A parser of the language.
pub(crate) fn parser() -> Parser {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_hpol::LANGUAGE.into())
        .unwrap();
    parser
}

/// What tree-sitter says of `text`: refused where the tree has an error or misses something.
pub(crate) fn read(parser: &mut Parser, text: &str) -> Outcome {
    outcome(&parser.parse(text, None).unwrap())
}

/// What it says of `new` when it has read `old` before, as an editor has while somebody types.
pub(crate) fn read_again(parser: &mut Parser, old: &str, new: &str) -> Outcome {
    let mut tree = parser.parse(old, None).unwrap();
    let (old, new_bytes) = (old.as_bytes(), new.as_bytes());
    let same =
        |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut old.iter().zip(new_bytes));
    let rest = old.len().min(new_bytes.len()) - start;
    let end = same(&mut old.iter().rev().zip(new_bytes.iter().rev())).min(rest);
    let (old_end_byte, new_end_byte) = (old.len() - end, new_bytes.len() - end);
    tree.edit(&InputEdit {
        start_byte: start,
        old_end_byte,
        new_end_byte,
        start_position: point(old, start),
        old_end_position: point(old, old_end_byte),
        new_end_position: point(new_bytes, new_end_byte),
    });
    outcome(&parser.parse(new, Some(&tree)).unwrap())
}

fn point(text: &[u8], place: usize) -> Point {
    let before = &text[..place];
    let line = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    Point {
        row: before.iter().filter(|byte| **byte == b'\n').count(),
        column: place - line,
    }
}

fn outcome(tree: &Tree) -> Outcome {
    let root = tree.root_node();
    if root.has_error() {
        return Outcome::Refused;
    }
    let mut marks: Vec<Mark> = Vec::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        marks.extend(kinds(node).map(|kind| (kind, node.byte_range())));
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    marks.sort_by(|one, other| super::order(one).cmp(&super::order(other)));
    Outcome::Read(marks)
}

/// What the compiler calls this node, if its tree has a place for it.
fn kinds(node: Node<'_>) -> impl Iterator<Item = String> {
    let parent = node.parent();
    let above = parent.map_or("", |parent| parent.kind());
    let field = field(node, parent);
    let kind = match node.kind() {
        kind if kind.ends_with("_item") => Some(kind),
        kind @ ("call" | "comparison" | "during" | "everyone" | "any_connection") => Some(kind),
        "happened" | "measured" => Some("history"),
        "defaulted" if above != "comparison" => Some("defaulted"),
        // A limit that a test expects is not an effect.
        "int" if above == "limit" && !is_expected(node) => Some("rows"),
        "string" if above == "block_effect" => Some("message"),
        "control" => Some("control"),
        "claim" => Some("claim"),
        "duration" if above == "window" => Some("within"),
        "word" if above == "parameters" => Some("parameter"),
        "path" if above == "on_clause" && !is_of_test(node) => Some("connection"),
        "path" if above == "call" => Some("callee"),
        "path" if field == Some("fact") && above == "measured" => None,
        "path" if field == Some("fact") || is_condition(above) => Some("path"),
        "network" | "size" | "duration" | "int" | "boolean" | "name"
            if above.ends_with("_test") || above == "list" || above == "defaulted" =>
        {
            Some("literal")
        }
        _ => None,
    };
    let named = match (above, field) {
        ("call", _) | ("http_clause", Some("target")) => None,
        ("label", Some("name")) => Some("label"),
        (
            _,
            Some(
                field @ ("name" | "title" | "reason" | "protocol" | "target" | "baseline" | "zone"
                | "rule" | "connection" | "class" | "quorum" | "group" | "within"
                | "stands"),
            ),
        ) => Some(field),
        _ => None,
    };
    let found: Vec<String> = [kind, named]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    found.into_iter()
}

/// Whether what stands under this kind of node is a condition.
fn is_condition(kind: &str) -> bool {
    matches!(
        kind,
        "group_item"
            | "predicate_item"
            | "who_clause"
            | "everyone_but"
            | "when_clause"
            | "unless_clause"
            | "filtered"
            | "disjunction"
            | "conjunction"
            | "negation"
            | "parenthesized"
            | "happened"
            | "measured"
            | "present"
    )
}

fn is_expected(node: Node<'_>) -> bool {
    within(node, "expect_limit")
}

fn is_of_test(node: Node<'_>) -> bool {
    within(node, "test_item")
}

fn within(node: Node<'_>, kind: &str) -> bool {
    std::iter::successors(node.parent(), Node::parent).any(|above| above.kind() == kind)
}

fn field<'t>(node: Node<'t>, parent: Option<Node<'t>>) -> Option<&'t str> {
    let parent = parent?;
    let mut cursor = parent.walk();
    let place = parent
        .children(&mut cursor)
        .position(|child| child.id() == node.id())?;
    parent.field_name_for_child(u32::try_from(place).ok()?)
}
