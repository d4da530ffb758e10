//! Commands that act on the session: settings, transactions, channels. Prepared statements and cursors are in `named`.

use pg_query::protobuf::{DiscardMode, TransactionStmtKind, VariableSetKind};

use super::{Node, SessionEffect, SqlRefusal, Tree, Verb, Walk, Walked};

/// Settings that decide who runs what follows.
const IDENTITY: &[&str] = &["role", "session_authorization"];
/// Settings that decide how text is read.
const ENCODING: &[&str] = &[
    "client_encoding",
    "standard_conforming_strings",
    "backslash_quote",
];
/// Settings that weaken the server's checks, or what watches over it.
const PROTECTION: &[&str] = &[
    "row_security",
    "session_replication_role",
    "session_preload_libraries",
    "local_preload_libraries",
    "dynamic_library_path",
    "jit_provider",
    "lo_compat_privileges",
    "allow_system_table_mods",
    "ignore_system_indexes",
    "zero_damaged_pages",
    "ignore_checksum_failure",
    "default_transaction_read_only",
    "transaction_read_only",
    "statement_timeout",
    "transaction_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "track_activities",
    "event_triggers",
    "restrict_nonsystem_relation_kind",
];
/// Beginnings of names of settings of that kind.
const PROTECTION_PREFIXES: &[&str] = &[
    "log_",
    "debug_",
    "auto_explain.",
    "pgaudit.",
    "plpgsql.",
    "pg_stat_statements.",
];

/// What a change of the setting `name` adds to the change itself.
fn consequences(name: &str) -> Option<SessionEffect> {
    if IDENTITY.contains(&name) {
        Some(SessionEffect::ChangesIdentity)
    } else if name == "search_path" {
        Some(SessionEffect::ChangesNameResolution)
    } else if ENCODING.contains(&name) {
        Some(SessionEffect::ChangesEncoding)
    } else if PROTECTION.contains(&name)
        || PROTECTION_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
    {
        Some(SessionEffect::ChangesProtection {
            name: name.to_owned(),
        })
    } else {
        None
    }
}

/// What a change of a setting that cannot be told can be, such as a write to the view pg_settings.
pub(super) fn any_setting() -> Vec<SessionEffect> {
    vec![
        SessionEffect::ChangesIdentity,
        SessionEffect::ChangesNameResolution,
        SessionEffect::ChangesEncoding,
        SessionEffect::ChangesProtection {
            name: "*".to_owned(),
        },
    ]
}

/// The effects of calling set_config for the setting a literal names.
pub(super) fn set_config(setting: Option<&str>) -> Vec<SessionEffect> {
    let Some(setting) = setting else {
        return any_setting();
    };
    let name = setting.to_ascii_lowercase();
    let consequences = consequences(&name);
    std::iter::once(SessionEffect::Set {
        name,
        value: None,
        local: false,
    })
    .chain(consequences)
    .collect()
}

impl Walk<'_> {
    /// A command of this kind; `None` where the node is not one.
    pub(super) fn session_command(&mut self, node: &Node) -> Option<Walked> {
        match node.kind {
            "VariableSetStmt" => self.set(node),
            "VariableShowStmt" => self.verb(Verb::SHOW),
            "ConstraintsSetStmt" => self.verb(Verb::SET),
            "DiscardStmt" => self.discard(node),
            "TransactionStmt" => self.transaction(node),
            "ListenStmt" => {
                self.verb(Verb::LISTEN);
                self.effect(SessionEffect::Listen {
                    channel: node.text("conditionname").to_owned(),
                });
            }
            "UnlistenStmt" => {
                self.verb(Verb::UNLISTEN);
                self.effect(SessionEffect::Unlisten {
                    channel: named(node.text("conditionname")),
                });
            }
            "NotifyStmt" => self.verb(Verb::NOTIFY),
            "DeallocateStmt" => self.deallocate(named(node.text("name"))),
            "ClosePortalStmt" => self.close_cursor(named(node.text("portalname"))),
            "ExecuteStmt" => return Some(self.execute(node, false)),
            // Explained, it makes no cursor.
            "DeclareCursorStmt" => return Some(self.declared_query(node)),
            _ => return None,
        }
        Some(Ok(()))
    }

    pub(super) fn effect(&mut self, effect: SessionEffect) {
        self.found.effects.push(effect);
    }

    fn set(&mut self, node: &Node) {
        let kind = node.int("kind");
        let name = node.text("name").to_ascii_lowercase();
        let reset = [
            VariableSetKind::VarReset as i64,
            VariableSetKind::VarResetAll as i64,
        ]
        .contains(&kind);
        self.verb(if reset { Verb::RESET } else { Verb::SET });
        if kind == VariableSetKind::VarResetAll as i64 {
            return self.effect(SessionEffect::Reset { name: None });
        }
        let consequences = match name.as_str() {
            "session characteristics" | "transaction" if read_write(node.list("args")) => {
                Some(SessionEffect::ChangesProtection {
                    name: "transaction_read_only".to_owned(),
                })
            }
            name => consequences(name),
        };
        self.effect(if reset {
            SessionEffect::Reset { name: Some(name) }
        } else {
            let values: Vec<String> = node.list("args").iter().filter_map(shown).collect();
            SessionEffect::Set {
                name,
                value: named(&values.join(", ")),
                local: node.flag("is_local"),
            }
        });
        self.found.effects.extend(consequences);
    }

    fn discard(&mut self, node: &Node) {
        self.verb(Verb::DISCARD);
        let target = node.int("target");
        let kinds = [
            (DiscardMode::DiscardPlans, "plans"),
            (DiscardMode::DiscardSequences, "sequences"),
            (DiscardMode::DiscardTemp, "temp"),
        ];
        let what = kinds
            .iter()
            .find(|(kind, _)| *kind as i64 == target)
            .map_or("all", |(_, what)| what);
        self.effect(SessionEffect::Discard { what });
        if what == "all" {
            self.own_statements.drop_name(None);
            self.own_cursors.drop_name(None);
        }
    }

    fn transaction(&mut self, node: &Node) {
        self.verb(Verb::TRANSACTION);
        let kind = i32::try_from(node.int("kind"))
            .ok()
            .and_then(|kind| TransactionStmtKind::try_from(kind).ok());
        match kind {
            Some(TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart) => {
                self.effect(SessionEffect::Begin);
                if read_write(node.list("options")) {
                    self.effect(SessionEffect::ChangesProtection {
                        name: "transaction_read_only".to_owned(),
                    });
                }
            }
            Some(TransactionStmtKind::TransStmtCommit) => self.effect(SessionEffect::Commit),
            Some(TransactionStmtKind::TransStmtRollback) => self.effect(SessionEffect::Rollback),
            Some(
                TransactionStmtKind::TransStmtSavepoint
                | TransactionStmtKind::TransStmtRelease
                | TransactionStmtKind::TransStmtRollbackTo,
            ) => self.effect(SessionEffect::Savepoint),
            Some(TransactionStmtKind::TransStmtPrepare) => {
                self.effect(SessionEffect::TwoPhase);
                self.effect(SessionEffect::Commit);
            }
            Some(
                TransactionStmtKind::TransStmtCommitPrepared
                | TransactionStmtKind::TransStmtRollbackPrepared,
            )
            | Some(TransactionStmtKind::Undefined)
            | None => self.effect(SessionEffect::TwoPhase),
        }
    }

    /// The statement inside a command.
    pub(super) fn body(&mut self, query: Option<&Tree>) -> Walked {
        let Some(node) = query.and_then(Tree::node) else {
            return Err(SqlRefusal::Internal);
        };
        self.command_body(node)
    }

    pub(super) fn command_body(&mut self, node: &Node) -> Walked {
        match node.kind {
            "SelectStmt" => {
                self.verb(Verb::SELECT);
                self.select(node)
            }
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => self.query(node),
            _ => self.utility(node),
        }
    }
}

/// Whether the modes of a transaction have one that allows writing.
fn read_write(modes: &[Tree]) -> bool {
    modes
        .iter()
        .filter_map(|mode| mode.of_kind("DefElem"))
        .any(|option| {
            option.text("defname") == "transaction_read_only"
                && option
                    .child("arg")
                    .and_then(|arg| arg.child("val"))
                    .is_none_or(|value| value.int("ival") == 0)
        })
}

fn named(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

/// A value of SET as text.
fn shown(tree: &Tree) -> Option<String> {
    let value = match tree.of_kind("TypeCast") {
        Some(cast) => return cast.get("arg").and_then(shown),
        None => tree.of_kind("AConst")?.child("val")?,
    };
    Some(match value.kind {
        "String" => value.text("sval").to_owned(),
        "Float" => value.text("fval").to_owned(),
        "Boolean" => value.flag("boolval").to_string(),
        _ => value.int("ival").to_string(),
    })
}
