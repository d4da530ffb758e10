//! Commands other than queries.

mod table;

use table::{CODE, CONTAINERS, OBJECTS, ON_RELATION};

use super::query::is_set_operation;
use super::{Form, Node, Role, SqlRefusal, Tree, Verb, Walk, Walked, copied};

impl Walk<'_> {
    /// A command, which is refused if it is not known.
    pub(super) fn utility(&mut self, node: &Node) -> Walked {
        if let Some(walked) = self.session_command(node) {
            return walked;
        }
        if let Some((_, verb, table)) = OBJECTS.iter().find(|(kind, ..)| *kind == node.kind) {
            self.verb(*verb);
            self.write_catalogue(table);
            self.cascade(node);
            return self.rest(node, &["typevar", "setstmt", "action", "actions"]);
        }
        if let Some((_, verb)) = CONTAINERS.iter().find(|(kind, _)| *kind == node.kind) {
            self.verb(*verb);
            self.unnamed(command(*verb));
            self.found.functions.complete = false;
            return Ok(());
        }
        if let Some((_, verb)) = CODE.iter().find(|(kind, _)| *kind == node.kind) {
            self.verb(*verb);
            self.opaque(command(*verb));
            self.found.functions.complete = false;
            return Ok(());
        }
        if let Some((_, verb, field)) = ON_RELATION.iter().find(|(kind, ..)| *kind == node.kind) {
            return self.on_relation(node, *verb, field);
        }
        self.other(node)
    }

    fn on_relation(&mut self, node: &Node, verb: Verb, field: &'static str) -> Walked {
        self.verb(verb);
        self.statement.form = Form::Other(match verb {
            Verb::CREATE => "CREATE",
            _ => "ALTER",
        });
        match node.kind {
            // Building an index reads every row.
            "IndexStmt" => node
                .child(field)
                .into_iter()
                .for_each(|relation| self.read(relation, Role::Nested)),
            _ => self.cascade(node),
        }
        self.alter(node.child(field));
        self.rest(node, &[field])
    }

    fn other(&mut self, node: &Node) -> Walked {
        match node.kind {
            "ExplainStmt" => self.explain(node),
            "CopyStmt" => self.copy(node),
            "CallStmt" => {
                self.verb(Verb::CALL);
                self.opaque("the procedure".to_owned());
                self.found.functions.complete = false;
                self.rest(node, &["funcexpr", "outargs"])
            }
            "CreateStmt" => self.create_table(node),
            "CreateForeignTableStmt" => {
                node.child("base_stmt")
                    .map_or(Ok(()), |table| self.create_table(table))?;
                self.rest(node, &["base_stmt"])
            }
            "CreateTableAsStmt" => self.create_as(node, "into"),
            "ViewStmt" => self.create_as(node, "view"),
            "CreateSeqStmt" => {
                self.verb(Verb::CREATE);
                self.create(node.child("sequence"));
                self.rest(node, &["sequence"])
            }
            "RuleStmt" => self.create_rule(node),
            "CreateStatsStmt" => {
                self.verb(Verb::CREATE);
                self.statement.form = Form::Other("CREATE STATISTICS");
                self.write_catalogue("pg_statistic_ext");
                self.rest(node, &[])
            }
            "CreateSchemaStmt" => {
                self.verb(Verb::CREATE);
                self.write_catalogue("pg_namespace");
                self.statement.form = Form::Other("CREATE SCHEMA");
                node.list("schema_elts")
                    .iter()
                    .try_for_each(|element| self.body(Some(element)))
            }
            "CreatePublicationStmt" | "AlterPublicationStmt" => self.publication(node),
            "DropStmt" => self.drop(node),
            "TruncateStmt" => {
                self.verb(Verb::TRUNCATE);
                for relation in node.list("relations").iter().filter_map(Tree::node) {
                    self.change(relation);
                }
                self.cascade(node);
                Ok(())
            }
            "CommentStmt" => self.annotate(node, Verb::COMMENT),
            "SecLabelStmt" => self.annotate(node, Verb::OTHER),
            "GrantStmt" => self.grant(node),
            "GrantRoleStmt" => {
                self.verb(if node.flag("is_grant") {
                    Verb::GRANT
                } else {
                    Verb::REVOKE
                });
                self.write_catalogue("pg_auth_members");
                Ok(())
            }
            "RenameStmt" => {
                self.statement.form = Form::Other("RENAME");
                self.alter_object(node, node.int("rename_type"))
            }
            "AlterOwnerStmt" | "AlterObjectSchemaStmt" | "AlterObjectDependsStmt" => {
                self.statement.form = Form::Other("ALTER");
                self.alter_object(node, node.int("object_type"))
            }
            _ => self.maintenance(node),
        }
    }

    fn maintenance(&mut self, node: &Node) -> Walked {
        match node.kind {
            "LockStmt" => {
                self.verb(Verb::LOCK);
                let relations = node.list("relations").iter().filter_map(Tree::node);
                relations.for_each(|relation| self.read(relation, Role::Target));
                Ok(())
            }
            "VacuumStmt" => self.vacuum(node),
            "ClusterStmt" => self.relation_or_all(node, Verb::CLUSTER),
            "ReindexStmt" => self.relation_or_all(node, Verb::REINDEX),
            "RefreshMatViewStmt" => self.refresh(node),
            "CheckPointStmt" => {
                self.verb(Verb::CHECKPOINT);
                Ok(())
            }
            kind => Err(SqlRefusal::Unsupported { kind }),
        }
    }

    fn explain(&mut self, node: &Node) -> Walked {
        self.verb(Verb::EXPLAIN);
        let query = node.get("query");
        if analyzes(node) {
            self.statement.form = Form::Other("EXPLAIN ANALYZE");
            self.found.changes_within |= query
                .and_then(|query| query.of_kind("SelectStmt"))
                .is_none();
            return self.body(query);
        }
        // It only plans: what would be written is read for its statistics, and nothing else happens. What is unknown
        // stays so, as planning runs functions that claim to be immutable.
        let verbs = self.found.verbs.known.clone();
        let writes = std::mem::take(&mut self.found.writes.known);
        let (filtered, changes_within) = (self.found.filtered, self.found.changes_within);
        let effects = self.found.effects.len();
        match query.and_then(|query| query.of_kind("SelectStmt")) {
            Some(_) => query.map_or(Ok(()), |query| self.statement(query))?,
            None => {
                self.statement.form = Form::Change;
                self.body(query)?;
            }
        }
        let selects = self.found.verbs.known.contains(&Verb::SELECT);
        self.found.verbs.known = verbs;
        if selects {
            self.verb(Verb::SELECT);
        }
        let planned = std::mem::replace(&mut self.found.writes.known, writes);
        self.found.reads.known.extend(planned);
        self.found.effects.truncate(effects);
        self.settled.set(self.settled.get().min(effects));
        self.found.filtered = filtered;
        self.found.changes_within = changes_within;
        Ok(())
    }

    fn copy(&mut self, node: &Node) -> Walked {
        self.verb(Verb::COPY);
        let from = node.flag("is_from");
        if node.flag("is_program") {
            return Err(SqlRefusal::ServerCopy {
                what: if from {
                    "from a program"
                } else {
                    "to a program"
                },
            });
        }
        if !node.text("filename").is_empty() {
            return Err(SqlRefusal::ServerCopy {
                what: if from { "from a file" } else { "to a file" },
            });
        }
        if from {
            self.statement.form = Form::Change;
            if let Some(relation) = node.child("relation") {
                self.change(relation);
            }
            return self.clause("WHERE", |walk| walk.rest(node, &["relation"]));
        }
        let mut copied = copied::Copied::new(node.list("options"));
        match (node.child("query"), node.child("relation")) {
            (Some(query), _) => {
                self.statement.copy = Some(Box::new(copied));
                self.copy_query(query)?;
            }
            (None, Some(relation)) => {
                let columns = node.names("attlist");
                self.statement.form = Form::Copy {
                    set_operation: false,
                };
                let name = self.resolve(relation.text("schemaname"), relation.text("relname"));
                let source = (relation.text("relname").to_owned(), name);
                copied.sources.relations.push(source);
                copied.outputs = Some(copied::outputs_of_table(&columns));
                self.statement.copy = Some(Box::new(copied));
                self.read(relation, Role::From);
                self.clause("the list of columns", |walk| {
                    match columns.as_slice() {
                        [] => walk.mention(None, None, Some("")),
                        columns => columns
                            .iter()
                            .for_each(|name| walk.mention(None, Some(name), Some(name))),
                    };
                    Ok(())
                })?;
            }
            (None, None) => return Err(SqlRefusal::Internal),
        }
        self.rest(node, &["relation", "query", "attlist"])
    }

    /// COPY of a query. The columns of a SELECT are what it gives out.
    fn copy_query(&mut self, query: &Node) -> Walked {
        if query.kind != "SelectStmt" {
            self.statement.form = Form::Other("COPY");
            return self.command_body(query);
        }
        self.statement.form = Form::Copy {
            set_operation: is_set_operation(query),
        };
        self.verb(Verb::SELECT);
        self.top = true;
        let walked = self.select(query);
        self.top = false;
        walked
    }

    fn create_table(&mut self, node: &Node) -> Walked {
        self.verb(Verb::CREATE);
        self.statement.form = Form::Other("CREATE TABLE");
        self.create(node.child("relation"));
        self.rest(node, &["relation"])
    }

    /// CREATE TABLE AS, CREATE MATERIALIZED VIEW and CREATE VIEW. Their query is a part of the making.
    fn create_as(&mut self, node: &Node, field: &str) -> Walked {
        self.verb(Verb::CREATE);
        self.statement.form = Form::Other(if field == "view" {
            "a view"
        } else {
            "CREATE TABLE AS"
        });
        let target = node.child(field);
        self.create(if field == "into" {
            target.and_then(|into| into.child("rel"))
        } else {
            target
        });
        match node.child("query") {
            Some(query) if query.kind == "ExecuteStmt" => self.utility(query)?,
            Some(query) => self.query(query)?,
            None => {}
        }
        self.rest(node, &[field, "query"])
    }

    fn create_rule(&mut self, node: &Node) -> Walked {
        self.verb(Verb::CREATE);
        self.statement.form = Form::Other("a rule");
        self.alter(node.child("relation"));
        node.get("where_clause")
            .map_or(Ok(()), |filter| self.visit(filter))?;
        node.list("actions")
            .iter()
            .try_for_each(|action| self.body(Some(action)))
    }

    fn publication(&mut self, node: &Node) -> Walked {
        self.verb(if node.kind == "CreatePublicationStmt" {
            Verb::CREATE
        } else {
            Verb::ALTER
        });
        self.statement.form = Form::Other("a publication");
        self.write_catalogue("pg_publication");
        let objects = node.list("pubobjects").iter().filter_map(Tree::node);
        let named = objects.clone().count() > 0
            && objects
                .clone()
                .all(|object| object.get("pubtable").is_some());
        if node.flag("for_all_tables") || !named {
            self.opaque_reads("the publication".to_owned());
        }
        self.rest(node, &[])
    }

    fn vacuum(&mut self, node: &Node) -> Walked {
        let vacuum = node.flag("is_vacuumcmd");
        self.verb(if vacuum { Verb::VACUUM } else { Verb::ANALYZE });
        let relations = node
            .list("rels")
            .iter()
            .filter_map(Tree::node)
            .filter_map(|item| item.child("relation"));
        for relation in relations {
            if vacuum {
                self.alter(Some(relation));
            } else {
                self.read(relation, Role::Target);
            }
        }
        if !vacuum {
            self.write_catalogue("pg_statistic");
        }
        if node.list("rels").is_empty() {
            self.unnamed("the command, which is for every table,".to_owned());
        }
        self.rest(node, &["rels"])
    }

    fn relation_or_all(&mut self, node: &Node, verb: Verb) -> Walked {
        self.verb(verb);
        match node.child("relation") {
            Some(relation) => self.alter(Some(relation)),
            None => self.unnamed("the command, which is for every table,".to_owned()),
        }
        self.rest(node, &["relation"])
    }

    fn refresh(&mut self, node: &Node) -> Walked {
        self.verb(Verb::REFRESH);
        self.statement.form = Form::Other("REFRESH MATERIALIZED VIEW");
        let Some(view) = node.child("relation") else {
            return Err(SqlRefusal::Internal);
        };
        self.alter(Some(view));
        let name = self.resolve(view.text("schemaname"), view.text("relname"));
        match (&self.session.catalogue, name.relation(self.session)) {
            (Some(catalogue), Some(relation)) => {
                let below = catalogue.read_closure(relation.oid);
                let below = below
                    .into_iter()
                    .filter(|oid| *oid != relation.oid)
                    .filter_map(|oid| catalogue.by_oid(oid));
                let facts =
                    below.map(|relation| super::names::dotted(&[&relation.schema, &relation.name]));
                self.found.reads.known.extend(facts);
            }
            _ => self.opaque_reads("the materialized view".to_owned()),
        }
        Ok(())
    }
}

fn command(verb: Verb) -> String {
    format!("the {} command", verb.as_str().to_ascii_uppercase())
}

/// Whether EXPLAIN runs its statement. Where the option stands twice, either counts.
fn analyzes(node: &Node) -> bool {
    let options = node
        .list("options")
        .iter()
        .filter_map(|option| option.of_kind("DefElem"));
    options
        .filter(|option| option.text("defname") == "analyze")
        .any(|option| match option.child("arg") {
            None => true,
            Some(arg) => match arg.kind {
                "String" => !matches!(
                    arg.text("sval").to_ascii_lowercase().as_str(),
                    "off" | "false" | "0"
                ),
                "Boolean" => arg.flag("boolval"),
                "Integer" => arg.int("ival") != 0,
                _ => true,
            },
        })
}
