//! SELECT, INSERT, UPDATE, DELETE and MERGE, wherever they stand.

use std::collections::BTreeSet;

use pg_query::protobuf::{CmdType, OnConflictAction, SetOperation};

use super::copied::{self, Sources};
use super::{Name, Node, Tree, Verb, Walk, Walked};

/// What a WHEN of MERGE can do.
const COMMANDS: [(CmdType, Verb); 3] = [
    (CmdType::CmdUpdate, Verb::UPDATE),
    (CmdType::CmdInsert, Verb::INSERT),
    (CmdType::CmdDelete, Verb::DELETE),
];

/// Whether a SELECT is a UNION, INTERSECT or EXCEPT.
pub(super) fn is_set_operation(node: &Node) -> bool {
    node.int("op") > SetOperation::SetopNone as i64
}

impl Walk<'_> {
    /// A query of any kind. A SELECT adds no verb here: it is one only where it is a statement of its own.
    pub(super) fn query(&mut self, node: &Node) -> Walked {
        if node.kind != "SelectStmt" {
            self.found.changes_within |= self.place.nested.is_some();
        }
        match node.kind {
            "SelectStmt" => self.select(node),
            "InsertStmt" => self.insert(node),
            "UpdateStmt" => self.update_or_delete(node, Verb::UPDATE),
            "DeleteStmt" => self.update_or_delete(node, Verb::DELETE),
            "MergeStmt" => self.merge(node),
            kind => Err(super::SqlRefusal::Unsupported { kind }),
        }
    }

    /// A SELECT, VALUES or TABLE.
    pub(super) fn select(&mut self, node: &Node) -> Walked {
        self.scoped(node, |walk| {
            if walk.top {
                walk.statement.distinct |= !node.list("distinct_clause").is_empty();
                let ordinal = ["sort_clause", "group_clause"]
                    .iter()
                    .filter_map(|field| node.get(field));
                walk.statement.position |= ordinal.into_iter().any(is_position);
            }
            if walk.top {
                walk.copied_outputs(node);
            }
            if let Some(into) = node.child("into_clause") {
                walk.verb(Verb::CREATE);
                walk.statement.form = super::Form::Other("SELECT INTO");
                walk.create(into.child("rel"));
            }
            for (field, value) in &node.fields {
                match *field {
                    "with_clause" | "into_clause" | "locking_clause" => {}
                    "larg" | "rarg" => {
                        walk.nested("a set operation", |walk| match value.node() {
                            Some(side) => walk.select(side),
                            None => Ok(()),
                        })?
                    }
                    "target_list" => {
                        walk.clause("the target list", |walk| walk.targets(value.items()))?
                    }
                    "from_clause" => walk.clause("FROM", |walk| walk.sources(value.items()))?,
                    field => walk.clause(clause(field), |walk| walk.visit(value))?,
                }
            }
            Ok(())
        })
    }

    /// What a COPY of this query gives out.
    fn copied_outputs(&mut self, node: &Node) {
        if self.statement.copy.is_none() || is_set_operation(node) {
            return;
        }
        let mut sources = Sources::default();
        for item in node.list("from_clause") {
            self.source(item, &mut sources);
        }
        if let Some(copy) = &mut self.statement.copy {
            copy.outputs = copied::outputs(node);
            copy.sources = sources;
        }
    }

    fn source(&self, item: &Tree, sources: &mut Sources) {
        match item.node() {
            Some(node) if node.kind == "RangeVar" => {
                let (schema, name) = (node.text("schemaname"), node.text("relname"));
                if schema.is_empty() && self.scopes.iter().any(|scope| scope.contains(name)) {
                    sources.others = true;
                    return;
                }
                let alias = node.child("alias");
                // A list of columns gives them other names.
                sources.others |= alias.is_some_and(|alias| !alias.list("colnames").is_empty());
                let alias = alias.map_or(name, |alias| alias.text("aliasname"));
                let source = (alias.to_owned(), self.resolve(schema, name));
                sources.relations.push(source);
            }
            Some(node) if node.kind == "JoinExpr" => {
                sources.merged |= node.flag("is_natural")
                    || !node.list("using_clause").is_empty()
                    || node.get("alias").is_some();
                for side in ["larg", "rarg"] {
                    if let Some(side) = node.get(side) {
                        self.source(side, sources);
                    }
                }
            }
            // A sample of a table has the table's columns.
            Some(node) if node.kind == "RangeTableSample" => match node.get("relation") {
                Some(relation) => self.source(relation, sources),
                None => sources.others = true,
            },
            _ => sources.others = true,
        }
    }

    fn targets(&mut self, targets: &[Tree]) -> Walked {
        for target in targets {
            let bare = target.of_kind("ResTarget").filter(|_| self.top);
            let column = bare.and_then(|target| target.get("val")?.of_kind("ColumnRef"));
            match (bare, column) {
                (Some(target), Some(column)) => {
                    let parts = column.names("fields");
                    let alias = target.text("name");
                    let output = if alias.is_empty() {
                        parts.last().copied().unwrap_or("")
                    } else {
                        alias
                    };
                    self.column(column, Some(output));
                }
                _ => self.visit(target)?,
            }
        }
        Ok(())
    }

    fn sources(&mut self, items: &[Tree]) -> Walked {
        for item in items {
            self.from = self.top;
            self.visit(item)?;
        }
        self.from = false;
        Ok(())
    }

    fn insert(&mut self, node: &Node) -> Walked {
        self.verb(Verb::INSERT);
        let conflict = node.child("on_conflict_clause");
        if conflict.is_some_and(|conflict| {
            conflict.int("action") == OnConflictAction::OnconflictUpdate as i64
        }) {
            self.verb(Verb::UPDATE);
        }
        self.scoped(node, |walk| {
            let target = node.child("relation").map(|relation| walk.change(relation));
            if let Some(source) = node.get("select_stmt") {
                walk.clause("the source of INSERT", |walk| walk.visit(source))?;
            }
            walk.reading_target(target, |walk| {
                let except = ["relation", "select_stmt", "with_clause", "returning_clause"];
                walk.clause("ON CONFLICT", |walk| walk.rest(node, &except))?;
                walk.returning(node)
            })
        })
    }

    fn update_or_delete(&mut self, node: &Node, verb: Verb) -> Walked {
        self.verb(verb);
        self.found.filtered &= names_target(node, "where_clause");
        self.scoped(node, |walk| {
            let target = node.child("relation").map(|relation| walk.change(relation));
            for field in ["from_clause", "using_clause"] {
                node.get(field).map_or(Ok(()), |items| {
                    walk.clause(clause(field), |walk| walk.visit(items))
                })?;
            }
            walk.reading_target(target, |walk| {
                let except = [
                    "relation",
                    "with_clause",
                    "from_clause",
                    "using_clause",
                    "where_clause",
                    "returning_clause",
                ];
                walk.clause("SET", |walk| walk.rest(node, &except))?;
                let filter = node.get("where_clause");
                filter.map_or(Ok(()), |filter| {
                    walk.clause("WHERE", |walk| walk.visit(filter))
                })?;
                walk.returning(node)
            })
        })
    }

    fn merge(&mut self, node: &Node) -> Walked {
        self.verb(Verb::MERGE);
        let mut changes = false;
        for when in node
            .list("merge_when_clauses")
            .iter()
            .filter_map(Tree::node)
        {
            let command = when.int("command_type");
            let verb = COMMANDS
                .iter()
                .find(|(candidate, _)| *candidate as i64 == command);
            verb.into_iter().for_each(|(_, verb)| self.verb(*verb));
            changes |= verb.is_some_and(|(_, verb)| *verb != Verb::INSERT);
        }
        self.found.filtered &= !changes || names_target(node, "join_condition");
        self.scoped(node, |walk| {
            let target = node.child("relation").map(|relation| walk.change(relation));
            target.iter().for_each(|target| walk.read_name(target));
            walk.clause("MERGE", |walk| {
                walk.rest(node, &["relation", "with_clause", "returning_clause"])
            })?;
            walk.returning(node)
        })
    }

    fn returning(&mut self, node: &Node) -> Walked {
        let Some(returning) = node.child("returning_clause") else {
            return Ok(());
        };
        self.statement.renamed_target |= !returning.list("options").is_empty();
        self.clause("RETURNING", |walk| {
            walk.rest(returning, &["exprs"])?;
            walk.targets(returning.list("exprs"))
        })
    }

    /// A target is read too where its statement names columns.
    fn reading_target(
        &mut self,
        target: Option<Name>,
        body: impl FnOnce(&mut Self) -> Walked,
    ) -> Walked {
        let before = self.statement.columns.len();
        body(self)?;
        if let (true, Some(target)) = (self.statement.columns.len() > before, target) {
            self.read_name(&target);
        }
        Ok(())
    }

    /// A query with the WITH queries it begins with in scope.
    fn scoped(&mut self, node: &Node, body: impl FnOnce(&mut Self) -> Walked) -> Walked {
        let Some(with) = node.child("with_clause") else {
            return body(self);
        };
        let queries: Vec<&Node> = with.list("ctes").iter().filter_map(Tree::node).collect();
        let all = || queries.iter().map(|query| query.text("ctename").to_owned());
        // Without RECURSIVE a query sees only those before it, so its own name means the table.
        self.scopes.push(if with.flag("recursive") {
            all().collect()
        } else {
            BTreeSet::new()
        });
        for query in &queries {
            self.nested("a WITH query", |walk| walk.rest(query, &["aliascolnames"]))?;
            if let Some(scope) = self.scopes.last_mut() {
                scope.insert(query.text("ctename").to_owned());
            }
        }
        let walked = body(self);
        self.scopes.pop();
        walked
    }
}

/// What messages call a field of a query.
fn clause(field: &str) -> &'static str {
    match field {
        "where_clause" => "WHERE",
        "group_clause" => "GROUP BY",
        "having_clause" => "HAVING",
        "sort_clause" => "ORDER BY",
        "window_clause" => "WINDOW",
        "distinct_clause" => "DISTINCT ON",
        "limit_offset" | "limit_count" => "LIMIT",
        "values_lists" => "VALUES",
        "using_clause" => "USING",
        "from_clause" => "FROM",
        _ => "the statement",
    }
}

/// Whether an item of ORDER BY or GROUP BY is the number of a column of the result.
fn is_position(tree: &Tree) -> bool {
    match tree {
        Tree::List(items) => items.iter().any(is_position),
        Tree::Node(node) => match node.kind {
            "AConst" => node
                .child("val")
                .is_none_or(|value| value.kind == "Integer"),
            "SortBy" | "GroupingSet" | "RowExpr" | "List" => {
                node.fields.iter().any(|(_, value)| is_position(value))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether the condition in a field of an UPDATE, DELETE or MERGE names a column of its target, or is that of a cursor.
fn names_target(node: &Node, field: &str) -> bool {
    let Some(filter) = node.get(field) else {
        return false;
    };
    let Some(target) = node.child("relation") else {
        return false;
    };
    let alias = target
        .child("alias")
        .map_or(target.text("relname"), |alias| alias.text("aliasname"));
    names_column(filter, alias, true)
}

fn names_column(tree: &Tree, alias: &str, direct: bool) -> bool {
    match tree {
        Tree::Node(node) if node.kind == "CurrentOfExpr" => true,
        Tree::Node(node) if node.kind == "ColumnRef" => match node.names("fields").as_slice() {
            [_] => direct,
            [.., qualifier, _] => *qualifier == alias,
            [] => false,
        },
        Tree::Node(node) => {
            let direct = direct && node.kind != "SelectStmt";
            node.fields
                .iter()
                .any(|(_, value)| names_column(value, alias, direct))
        }
        Tree::List(items) => items.iter().any(|item| names_column(item, alias, direct)),
        _ => false,
    }
}
