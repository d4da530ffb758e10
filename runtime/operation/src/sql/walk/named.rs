//! PREPARE, EXECUTE, DECLARE, FETCH and what ends them: what runs under a name is walked where the name is used.

use std::sync::Arc;

use super::super::named::Own;
use super::{Node, SessionEffect, SqlRefusal, Tree, Verb, Walk, Walked};

/// DECLARE's option bit for WITH HOLD.
const CURSOR_OPT_HOLD: i64 = 0x0020;

impl Walk<'_> {
    /// Nothing of the query runs yet, but it is looked at as if it did: that spares everybody the EXECUTE.
    pub(super) fn prepare(&mut self, node: &Node) -> Walked {
        self.verb(Verb::PREPARE);
        let name = node.text("name");
        self.effect(SessionEffect::PrepareSql {
            name: name.to_owned(),
            query: Default::default(),
        });
        let query = node.get("query").ok_or(SqlRefusal::Internal)?;
        self.own_statements.make(name, query.clone());
        self.statement(query)
    }

    /// EXECUTE; `top` where its result is the statement's.
    pub(super) fn execute(&mut self, node: &Node, top: bool) -> Walked {
        self.verb(Verb::EXECUTE);
        let name = node.text("name");
        self.effect(SessionEffect::ExecuteSql {
            name: name.to_owned(),
        });
        let query = match self.own_statements.find(name) {
            Own::Made(query) => Some(query),
            Own::Dropped => None,
            Own::Untouched => {
                self.found.uses.statements.insert(name.to_owned());
                self.named.statements.get(name).map(Arc::clone)
            }
        };
        match query {
            Some(query) => {
                let first = self.own_statements.is_first_use(name);
                self.spend(&query, first)?;
                self.run(&query, name, top)?;
            }
            None => {
                self.opaque("the prepared statement".to_owned());
                self.found.functions.complete = false;
            }
        }
        self.clause("EXECUTE", |walk| {
            walk.nested("an argument", |walk| walk.rest(node, &["name"]))
        })
    }

    pub(super) fn deallocate(&mut self, name: Option<String>) {
        self.verb(Verb::DEALLOCATE);
        self.own_statements.drop_name(name.as_deref());
        self.effect(SessionEffect::Deallocate { name });
    }

    pub(super) fn declare(&mut self, node: &Node) -> Walked {
        self.verb(Verb::DECLARE);
        let name = node.text("portalname");
        self.effect(SessionEffect::DeclareCursor {
            name: name.to_owned(),
            hold: node.int("options") & CURSOR_OPT_HOLD != 0,
            query: Default::default(),
        });
        let query = node.get("query").ok_or(SqlRefusal::Internal)?;
        self.own_cursors.make(name, query.clone());
        self.statement(query)
    }

    /// The query of a DECLARE that is not carried out.
    pub(super) fn declared_query(&mut self, node: &Node) -> Walked {
        self.verb(Verb::DECLARE);
        self.body(node.get("query"))
    }

    /// FETCH and MOVE.
    pub(super) fn fetch(&mut self, node: &Node) -> Walked {
        self.verb(Verb::FETCH);
        let name = node.text("portalname");
        self.effect(SessionEffect::FetchCursor {
            name: name.to_owned(),
        });
        let query = match self.own_cursors.find(name) {
            Own::Made(query) => Some(query),
            Own::Dropped => None,
            Own::Untouched => {
                self.found.uses.cursors.insert(name.to_owned());
                self.named.cursors.get(name).map(Arc::clone)
            }
        };
        match query {
            Some(query) => {
                let first = self.own_cursors.is_first_use(name);
                self.spend(&query, first)?;
                self.run(&query, name, true)
            }
            None => {
                self.opaque_reads("the cursor".to_owned());
                Ok(())
            }
        }
    }

    pub(super) fn close_cursor(&mut self, name: Option<String>) {
        self.verb(Verb::CLOSE);
        self.own_cursors.drop_name(name.as_deref());
        self.effect(SessionEffect::CloseCursor { name });
    }

    /// Accounts for a use of a query under its name. The first one costs no more than its text; short names can use it
    /// again and again.
    fn spend(&mut self, query: &Tree, first: bool) -> Walked {
        if !first {
            let left = self.repeatable.checked_sub(query.nodes());
            self.repeatable = left.ok_or(SqlRefusal::TooCostly)?;
        }
        Ok(())
    }

    /// The query that a name stands for.
    fn run(&mut self, query: &Tree, name: &str, top: bool) -> Walked {
        let plain = query.node().is_some_and(|node| {
            matches!(
                node.kind,
                "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt"
            )
        });
        match (plain, top) {
            (false, _) => Err(SqlRefusal::NamedCommand {
                name: name.to_owned(),
            }),
            (true, true) => self.statement(query),
            // EXPLAIN and CREATE TABLE AS say themselves what becomes of its result.
            (true, false) => self.body(Some(query)),
        }
    }
}
