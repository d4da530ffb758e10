//! One walk over the whole tree of a text, which collects its facts, its mentions and its effects on the session.
//!
//! Every node is visited: what has a meaning of its own here, the rest if it stands in the list of nodes that have none;
//! a node of any other kind is refused. Queries are in `query`, commands in `utility`.

use std::cell::Cell;
use std::collections::BTreeSet;

use pg_query::protobuf::JsonExprOp;

use super::builtin::{self, FunctionKind};
use super::copied;
use super::lineage::{ColumnMention, Form, Lineage, Place, RelationMention, Role, Statement};
use super::named::{NameUses, NamedTrees, OwnNames};
use super::names::{self, Name};
use super::tree::{Node, Tree};
use super::{Extent, SessionEffect, SqlRefusal, SqlSession, Verb};

mod functions;
mod mention;
mod named;
mod object;
mod query;
mod session;
mod utility;

/// Nodes of queries that are walked once more because their name is used once more in the same text.
const MAX_REPEATED_NODES: usize = 200_000;

/// What a walk found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) verbs: Extent<Verb>,
    pub(super) reads: Extent<String>,
    pub(super) writes: Extent<String>,
    pub(super) functions: Extent<String>,
    pub(super) filtered: bool,
    /// A query within a statement may change rows.
    pub(super) changes_within: bool,
    /// A function changes something other than relations.
    pub(super) effectful: bool,
    pub(super) effects: Vec<SessionEffect>,
    /// Where in `effects` those of each statement end.
    pub(super) effect_ends: Vec<usize>,
    /// Names of statements and cursors that are used and not made in the text.
    pub(super) uses: NameUses,
    pub(super) lineage: Lineage,
}

/// What a walk knows where it stands.
pub(super) struct Walk<'s> {
    session: &'s SqlSession,
    named: &'s NamedTrees,
    own_statements: OwnNames,
    own_cursors: OwnNames,
    /// What is left of [`MAX_REPEATED_NODES`].
    repeatable: usize,
    found: Found,
    /// How many of its effects are known to leave what names mean as it is.
    settled: Cell<usize>,
    statement: Statement,
    /// Names of WITH queries in scope, innermost last.
    scopes: Vec<BTreeSet<String>>,
    place: Place,
    /// The query at hand is the statement itself, so its columns are the result.
    top: bool,
    /// The next node stands directly in the FROM of that query.
    from: bool,
}

/// Walks the statements of a text.
///
/// # Errors
/// A construct that is not known or is refused by name.
pub(super) fn walk<'t>(
    statements: impl Iterator<Item = &'t Tree>,
    session: &SqlSession,
    named: &NamedTrees,
) -> Result<Found, SqlRefusal> {
    let mut walk = Walk {
        session,
        named,
        own_statements: OwnNames::default(),
        own_cursors: OwnNames::default(),
        repeatable: MAX_REPEATED_NODES,
        found: Found {
            verbs: nothing(),
            reads: nothing(),
            writes: nothing(),
            functions: nothing(),
            filtered: true,
            changes_within: false,
            effectful: false,
            effects: Vec::new(),
            effect_ends: Vec::new(),
            uses: NameUses::default(),
            lineage: Lineage::default(),
        },
        settled: Cell::new(0),
        statement: Statement::default(),
        scopes: Vec::new(),
        place: TOP,
        top: false,
        from: false,
    };
    for tree in statements {
        walk.statement(tree)?;
        let statement = std::mem::take(&mut walk.statement);
        walk.found.lineage.statements.push(statement);
        walk.found.effect_ends.push(walk.found.effects.len());
    }
    Ok(walk.found)
}

const TOP: Place = Place {
    clause: "the statement",
    within: None,
    nested: None,
};

fn nothing<T: Ord>() -> Extent<T> {
    Extent {
        known: BTreeSet::new(),
        complete: true,
    }
}

type Walked = Result<(), SqlRefusal>;

impl Walk<'_> {
    /// One statement of the text.
    fn statement(&mut self, tree: &Tree) -> Walked {
        let Some(node) = tree.node() else {
            return Err(SqlRefusal::Internal);
        };
        match node.kind {
            "SelectStmt" => {
                self.verb(Verb::SELECT);
                self.statement.form = Form::Select {
                    set_operation: query::is_set_operation(node),
                };
                self.top = true;
                let walked = self.select(node);
                self.top = false;
                walked
            }
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
                self.statement.form = Form::Change;
                self.top = true;
                let walked = self.query(node);
                self.top = false;
                walked
            }
            // Its result is that of the query it names.
            "ExecuteStmt" => self.execute(node, true),
            "FetchStmt" => self.fetch(node),
            "PrepareStmt" => self.prepare(node),
            "DeclareCursorStmt" => self.declare(node),
            _ => self.utility(node),
        }
    }

    /// Whatever stands in a field or list.
    fn visit(&mut self, tree: &Tree) -> Walked {
        match tree {
            Tree::Node(node) => self.node(node),
            Tree::List(items) => items.iter().try_for_each(|item| self.visit(item)),
            Tree::Text(_) | Tree::Int(_) | Tree::Bool(_) | Tree::Literal(_) | Tree::Absent => {
                Ok(())
            }
        }
    }

    /// All fields of a node except some that the caller handles or that name no objects.
    fn rest(&mut self, node: &Node, except: &[&str]) -> Walked {
        let fields = node
            .fields
            .iter()
            .filter(|(name, _)| !except.contains(name));
        fields
            .map(|(_, value)| value)
            .try_for_each(|value| self.visit(value))
    }

    /// A node inside a statement.
    fn node(&mut self, node: &Node) -> Walked {
        let from = std::mem::take(&mut self.from);
        match node.kind {
            "RangeVar" => {
                self.read(node, if from { Role::From } else { Role::Nested });
                Ok(())
            }
            "ColumnRef" => {
                self.column(node, None);
                Ok(())
            }
            "FuncCall" => self.function_call(node),
            "SubLink" => {
                self.operator(node.list("oper_name"));
                self.within("an expression", |walk| {
                    walk.rest(node, &["subselect", "oper_name"])
                })?;
                self.nested("a subselect", |walk| {
                    node.get("subselect")
                        .map_or(Ok(()), |query| walk.visit(query))
                })
            }
            "RangeSubselect" => self.nested("a subselect", |walk| walk.rest(node, &[])),
            "JoinExpr" => self.join(node, from),
            "RangeTableSample" => {
                if !matches!(node.names("method").as_slice(), ["system" | "bernoulli"]) {
                    self.opaque("the sampling method".to_owned());
                    self.found.functions.complete = false;
                }
                self.from = from;
                node.get("relation")
                    .map_or(Ok(()), |relation| self.visit(relation))?;
                self.clause("TABLESAMPLE", |walk| {
                    walk.rest(node, &["relation", "method"])
                })
            }
            "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
                self.nested("a nested query", |walk| walk.query(node))
            }
            // Its relations are names of the FROM clause.
            "LockingClause" => Ok(()),
            "TableLikeClause" | "PublicationTable" => self.rest(node, &[]),
            "PartitionCmd" => {
                self.alter(node.child("name"));
                self.rest(node, &["name"])
            }
            kind if builtin::is_transparent(kind) => self.transparent(node),
            kind => Err(SqlRefusal::Unsupported { kind }),
        }
    }

    fn transparent(&mut self, node: &Node) -> Walked {
        match node.kind {
            "AExpr" => self.operator(node.list("name")),
            "SortBy" => self.operator(node.list("use_op")),
            "AIndirection" => super::tree::names(node.list("indirection"))
                .iter()
                .for_each(|name| self.disguised_call(name)),
            // A unique violation tells whether a value is there.
            "IndexElem" if !node.text("name").is_empty() => {
                self.mention(None, Some(node.text("name")), None)
            }
            _ => {}
        }
        named_like(node)
            .into_iter()
            .for_each(|name| self.disguised_call(name));
        match wrapping(node.kind) {
            Some(within) => self.within(within, |walk| walk.rest(node, &[])),
            None => self.rest(node, &[]),
        }
    }

    fn join(&mut self, node: &Node, from: bool) -> Walked {
        self.statement.natural |= node.flag("is_natural");
        self.statement.named_join |=
            node.get("alias").is_some() || node.get("join_using_alias").is_some();
        self.statement
            .using
            .extend(node.names("using_clause").into_iter().map(str::to_owned));
        for side in ["larg", "rarg"] {
            self.from = from;
            node.get(side).map_or(Ok(()), |item| self.visit(item))?;
        }
        self.clause("ON", |walk| {
            walk.rest(
                node,
                &["larg", "rarg", "using_clause", "alias", "join_using_alias"],
            )
        })
    }

    /// An operator by name: one that is not PostgreSQL's runs a function that is not known.
    fn operator(&mut self, name: &[Tree]) {
        if let [schema, _] = super::tree::names(name).as_slice()
            && *schema != "pg_catalog"
        {
            self.opaque(format!("an operator of schema {schema}"));
        }
    }

    fn verb(&mut self, verb: Verb) {
        self.found.verbs.known.insert(verb);
    }

    /// Code that is not known runs: it can do anything to anything.
    fn opaque(&mut self, what: String) {
        self.found.verbs.complete = false;
        self.unnamed(what);
    }

    /// What is read and changed is not named.
    fn unnamed(&mut self, what: String) {
        self.opaque_reads(what);
        self.found.writes.complete = false;
    }

    fn opaque_reads(&mut self, what: String) {
        self.found.reads.complete = false;
        self.statement.opaque.get_or_insert(what);
    }

    fn clause(&mut self, clause: &'static str, body: impl FnOnce(&mut Self) -> Walked) -> Walked {
        let place = self.place;
        self.place = Place {
            clause,
            within: None,
            ..place
        };
        let walked = body(self);
        self.place = place;
        walked
    }

    fn within(&mut self, within: &'static str, body: impl FnOnce(&mut Self) -> Walked) -> Walked {
        let place = self.place;
        self.place.within.get_or_insert(within);
        let walked = body(self);
        self.place = place;
        walked
    }

    /// A query that is not the statement itself.
    fn nested(&mut self, nested: &'static str, body: impl FnOnce(&mut Self) -> Walked) -> Walked {
        let (place, top) = (self.place, self.top);
        self.place = Place {
            within: None,
            nested: Some(place.nested.unwrap_or(nested)),
            ..place
        };
        self.top = false;
        let walked = body(self);
        (self.place, self.top) = (place, top);
        walked
    }
}

/// The function that servers call which do not know the construct yet.
fn named_like(node: &Node) -> Option<&'static str> {
    Some(match node.kind {
        "JsonArrayConstructor" | "JsonArrayQueryConstructor" => "json_array",
        "JsonArrayAgg" => "json_arrayagg",
        "JsonObjectConstructor" => "json_object",
        "JsonObjectAgg" => "json_objectagg",
        "JsonParseExpr" => "json",
        "JsonScalarExpr" => "json_scalar",
        "JsonSerializeExpr" => "json_serialize",
        "MergeSupportFunc" => "merge_action",
        "JsonFuncExpr" => {
            let operation = i32::try_from(node.int("op")).ok();
            match operation.and_then(|operation| JsonExprOp::try_from(operation).ok()) {
                Some(JsonExprOp::JsonExistsOp) => "json_exists",
                Some(JsonExprOp::JsonQueryOp) => "json_query",
                _ => "json_value",
            }
        }
        _ => return None,
    })
}

/// What messages call a construct whose operands are no longer plain columns.
fn wrapping(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "TypeCast" => "a cast",
        "CaseExpr" | "CaseWhen" => "CASE",
        "RowExpr" => "a row",
        "AArrayExpr" => "an array",
        "AIndirection" => "a field or element access",
        "CollateClause" => "COLLATE",
        "RangeFunction" | "RangeTableFunc" | "JsonTable" => "a function",
        "WindowDef" => "a window",
        "AExpr" | "BoolExpr" | "NullTest" | "BooleanTest" | "CoalesceExpr" | "MinMaxExpr"
        | "GroupingFunc" => "an expression",
        kind if kind.starts_with("Json") || kind.starts_with("Xml") => "an expression",
        _ => return None,
    })
}
