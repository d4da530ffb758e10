//! The statements and portals of a session, as the server has them, and the replies it still owes.
//!
//! A name counts from ParseComplete and BindComplete, not from the request. Messages may be sent before the replies to
//! earlier ones are there, so a lookup sees what is on its way too: if any of that fails, the server skips what built on it,
//! up to the next Sync. What is on its way before a Sync is not built on behind it: it may fail, and the name then means
//! what it meant before.

mod renamed;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use hpol_operation::Operation;
use hpol_session::permit::Receipt;

use crate::codec::backend::ColumnDescription;
use crate::codec::encode::Report;
use crate::codec::frontend::Target;
use crate::facts::Reading;
use crate::reply::columns::Masks;
use crate::reply::running::Running;
use crate::states::naming::Kept;

/// Texts and parameters of portals, as they are kept for their judgement. What is on its way is waited for; a portal that
/// stays counts until it is closed.
const MAX_PORTAL_BYTES: usize = 64 << 20;

/// Replies that may be owed before the client is not read any further. PostgreSQL clients pipeline hundreds.
const MAX_OWED: usize = 4096;

/// Statements kept for a session, and their texts together: a session must not take all memory.
const MAX_STATEMENTS: usize = 4096;
const MAX_STATEMENT_BYTES: usize = 32 << 20;

/// Portals open at once; they end with their transaction.
const MAX_PORTALS: usize = 1024;

/// Channels listened to; what comes on others is for nobody.
const MAX_CHANNELS: usize = 1024;

/// A prepared statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) parameter_types: Vec<u32>,
    /// What stands before the text in the PREPARE that made it, with the types of its parameters; empty after Parse.
    pub(crate) head: Box<str>,
}

impl Statement {
    pub(super) fn bytes(&self) -> usize {
        self.text.len().saturating_add(self.head.len())
    }
}

/// A portal's identity, which its name is not: names are reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PortalId(u64);

/// A bound statement.
#[derive(Debug)]
pub(crate) struct Portal {
    /// What was judged at Bind, and is judged again for every Execute but the first.
    pub(crate) operation: Operation,
    pub(crate) reading: Reading,
    /// What is owed for the Bind's permit, until the first Execute takes it.
    pub(crate) receipt: Option<Receipt>,
    pub(crate) permitted: Instant,
    /// What is hidden by that permit.
    pub(crate) masks: Arc<Masks>,
    /// Its columns, once they are described.
    pub(crate) columns: Option<Arc<[ColumnDescription]>>,
    /// It is a cursor that outlives its transaction. If that transaction fails, the server has none of this name, and says
    /// so itself.
    pub(crate) hold: bool,
    /// Rows that it has given out where these are limited, in all portions.
    pub(crate) rows_given: u64,
}

/// Who asked for a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    Client,
    Gateway,
}

/// A reply that the server owes, in the order of the requests.
#[derive(Debug)]
pub(crate) enum Owed {
    /// Everything up to ReadyForQuery.
    Query(Box<Running>),
    /// An error, which becomes this one, and ReadyForQuery.
    RefusedQuery(Report),
    /// ParseComplete.
    Parse {
        name: String,
        statement: Arc<Statement>,
    },
    /// BindComplete.
    Bind { name: String, portal: PortalId },
    /// ParameterDescription and then RowDescription or NoData.
    DescribeStatement,
    /// RowDescription or NoData.
    DescribePortal { portal: PortalId, asker: Asker },
    /// Rows, or a COPY, and how it ended.
    Execute(Box<Running>),
    /// CloseComplete.
    Close { kind: Kind, name: String },
    /// An error, which becomes this one; the server then skips to Sync.
    Refused(Report),
    /// ReadyForQuery.
    Sync,
}

/// What a name is a name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Statement,
    Portal,
}

/// What a name means to the server when the client's next message arrives there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup<T> {
    Found(T),
    Missing,
    /// It depends on replies that are still owed.
    Undecided,
}

/// Statements, portals and owed replies of one session.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    owed: VecDeque<Owed>,
    statements: HashMap<String, Arc<Statement>>,
    statement_bytes: usize,
    /// Texts whose ParseComplete is owed.
    parsing_bytes: usize,
    portal_names: HashMap<String, PortalId>,
    portals: HashMap<PortalId, Portal>,
    portal_bytes: usize,
    next_portal: u64,
    /// Receipts of portals that ended without Execute.
    not_run: Vec<Receipt>,
    /// What the session listens to, and the LISTEN that is judged again for each notification.
    pub(crate) channels: HashMap<String, Kept>,
}

/// A bound is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this session already has {what}; close some first")]
pub(crate) struct Full {
    pub(crate) what: &'static str,
}

impl Prepared {
    pub(crate) fn is_idle(&self) -> bool {
        self.owed.is_empty()
    }

    /// Whether a portal or cursor is open, or bound and not answered yet.
    pub(crate) fn has_portals(&self) -> bool {
        !self.portals.is_empty()
    }

    /// Whether one reply is owed, and nothing was sent behind what it answers.
    pub(crate) fn is_alone(&self) -> bool {
        self.owed.len() == 1
    }

    /// Whether the client must wait for replies before it is read any further.
    pub(crate) fn is_full(&self) -> bool {
        !self.owed.is_empty()
            && (self.owed.len() >= MAX_OWED
                || self.portal_bytes >= MAX_PORTAL_BYTES
                || self.parsing_bytes >= MAX_STATEMENT_BYTES)
    }

    pub(crate) fn push(&mut self, owed: Owed) {
        self.parsing_bytes = self.parsing_bytes.saturating_add(owed.text_bytes());
        self.owed.push_back(owed);
    }

    pub(crate) fn head(&mut self) -> Option<&mut Owed> {
        self.owed.front_mut()
    }

    pub(crate) fn pop(&mut self) -> Option<Owed> {
        let owed = self.owed.pop_front()?;
        self.parsing_bytes = self.parsing_bytes.saturating_sub(owed.text_bytes());
        Some(owed)
    }

    /// Whether what was sent last may turn into a COPY, which decides how the client's next messages are read.
    pub(crate) fn awaits_copy(&self) -> bool {
        matches!(self.owed.back(), Some(Owed::Query(running) | Owed::Execute(running)) if running.awaits_copy)
    }

    /// The statement that `name` means.
    pub(crate) fn statement(&self, name: &str) -> Lookup<Arc<Statement>> {
        let change = |owed: &Owed| match owed {
            Owed::Parse {
                name: parsed,
                statement,
            } if parsed == name => Some(Some(Arc::clone(statement))),
            Owed::Close {
                kind: Kind::Statement,
                name: closed,
            } if closed == name => Some(None),
            // A simple query takes the unnamed statement's place.
            Owed::Query(_) | Owed::RefusedQuery(_) if name.is_empty() => Some(None),
            _ => None,
        };
        if self.may_rename(Kind::Statement, name) {
            return Lookup::Undecided;
        }
        self.look_up(change, || self.statements.get(name).cloned())
    }

    /// The portal that `name` means.
    pub(crate) fn portal(&self, name: &str) -> Lookup<PortalId> {
        let change = |owed: &Owed| match owed {
            Owed::Bind {
                name: bound,
                portal,
            } if bound == name => Some(Some(*portal)),
            Owed::Close {
                kind: Kind::Portal,
                name: closed,
            } if closed == name => Some(None),
            Owed::Query(_) | Owed::RefusedQuery(_) if name.is_empty() => Some(None),
            _ => None,
        };
        if self.may_rename(Kind::Portal, name) {
            return Lookup::Undecided;
        }
        self.look_up(change, || self.portal_names.get(name).copied())
    }

    /// The last change on its way decides; `change` tells what one makes of the name.
    fn look_up<T>(
        &self,
        change: impl Fn(&Owed) -> Option<Option<T>>,
        kept: impl FnOnce() -> Option<T>,
    ) -> Lookup<T> {
        let mut synced = false;
        for owed in self.owed.iter().rev() {
            synced |= matches!(owed, Owed::Sync);
            match change(owed) {
                None => {}
                Some(_) if synced => return Lookup::Undecided,
                Some(Some(found)) => return Lookup::Found(found),
                Some(None) => return Lookup::Missing,
            }
        }
        kept().map_or(Lookup::Missing, Lookup::Found)
    }

    pub(crate) fn portal_mut(&mut self, id: PortalId) -> Option<&mut Portal> {
        self.portals.get_mut(&id)
    }

    /// Rows that the portal has given out under a limit.
    pub(crate) fn rows_given(&self, portal: Option<PortalId>) -> u64 {
        let portal = portal.and_then(|id| self.portals.get(&id));
        portal.map_or(0, |portal| portal.rows_given)
    }

    /// Whether one more statement may be parsed.
    pub(crate) fn room_for(&self, text: &str) -> Result<(), Full> {
        self.room_for_statements(1, text.len())
    }

    /// Whether `count` more statements, whose texts have `bytes` together, may be prepared.
    pub(crate) fn room_for_statements(&self, count: usize, bytes: usize) -> Result<(), Full> {
        let on_the_way = self
            .owed
            .iter()
            .filter(|owed| matches!(owed, Owed::Parse { .. }))
            .count();
        let on_the_way = on_the_way.saturating_add(count);
        if self.statements.len().saturating_add(on_the_way) > MAX_STATEMENTS {
            return Err(Full {
                what: "4,096 prepared statements",
            });
        }
        if self.statement_bytes.saturating_add(bytes) > MAX_STATEMENT_BYTES {
            return Err(Full {
                what: "32 MiB of prepared statements",
            });
        }
        Ok(())
    }

    /// Keeps a portal that is on its way.
    pub(crate) fn bind(&mut self, name: &str, portal: Portal) -> PortalId {
        let id = self.keep(portal);
        self.push(Owed::Bind {
            name: name.to_owned(),
            portal: id,
        });
        id
    }

    fn keep(&mut self, portal: Portal) -> PortalId {
        self.next_portal += 1;
        let id = PortalId(self.next_portal);
        self.portal_bytes = self
            .portal_bytes
            .saturating_add(portal.operation.exact.len());
        self.portals.insert(id, portal);
        id
    }

    /// Whether one more portal may be bound. Those on their way are bounded by [`Prepared::is_full`].
    pub(crate) fn room_for_portal(&self) -> Result<(), Full> {
        if self.portal_names.len() >= MAX_PORTALS {
            return Err(Full {
                what: "1,024 open portals",
            });
        }
        if self.owed.is_empty() && self.portal_bytes >= MAX_PORTAL_BYTES {
            return Err(Full {
                what: "64 MiB of open portals",
            });
        }
        Ok(())
    }

    /// ParseComplete.
    pub(crate) fn parsed(&mut self, name: String, statement: Arc<Statement>) {
        self.statement_bytes = self.statement_bytes.saturating_add(statement.bytes());
        if let Some(old) = self.statements.insert(name, statement) {
            self.statement_bytes = self.statement_bytes.saturating_sub(old.bytes());
        }
    }

    /// BindComplete.
    pub(crate) fn bound(&mut self, name: String, portal: PortalId) {
        if let Some(old) = self.portal_names.insert(name, portal) {
            self.drop_portal(old);
        }
    }

    /// CloseComplete.
    pub(crate) fn closed(&mut self, kind: Kind, name: &str) {
        match kind {
            Kind::Statement => {
                if let Some(old) = self.statements.remove(name) {
                    self.statement_bytes = self.statement_bytes.saturating_sub(old.bytes());
                }
            }
            Kind::Portal => {
                if let Some(old) = self.portal_names.remove(name) {
                    self.drop_portal(old);
                }
            }
        }
    }

    /// A simple query ran: the unnamed statement and portal are gone.
    pub(crate) fn unnamed_replaced(&mut self) {
        self.closed(Kind::Statement, "");
        self.closed(Kind::Portal, "");
    }

    /// No transaction is open any more, and no portal outlives one but a cursor that is made to.
    pub(crate) fn transaction_ended(&mut self) {
        self.drop_portals(|_, portal| !portal.hold);
    }

    fn drop_portals(&mut self, chosen: impl Fn(PortalId, &Portal) -> bool) {
        let portals = &self.portals;
        let goes = |id: &mut PortalId| portals.get(id).is_none_or(|portal| chosen(*id, portal));
        let gone: Vec<PortalId> = self
            .portal_names
            .extract_if(|_, id| goes(id))
            .map(|(_, id)| id)
            .collect();
        for id in gone {
            self.drop_portal(id);
        }
    }

    /// The server met an error in the extended protocol: it answers nothing more up to Sync. Gives back what it leaves
    /// unanswered; the Sync itself, if it was sent, stays first. `true` if it was sent.
    pub(crate) fn failed(&mut self) -> (Vec<Owed>, bool) {
        let sync = self.owed.iter().position(|owed| matches!(owed, Owed::Sync));
        let skipped: Vec<Owed> = self.owed.drain(..sync.unwrap_or(self.owed.len())).collect();
        for owed in &skipped {
            self.parsing_bytes = self.parsing_bytes.saturating_sub(owed.text_bytes());
            if let Owed::Bind { portal, .. } = owed {
                self.drop_portal(*portal);
            }
        }
        (skipped, sync.is_some())
    }

    /// Keeps the receipt of an operation that will not run on its permit.
    pub(crate) fn not_run(&mut self, receipt: Receipt) {
        self.not_run.push(receipt);
    }

    /// Takes the receipts of operations that were permitted and never run.
    pub(crate) fn take_not_run(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.not_run)
    }

    /// Everything still owed, when the session ends.
    pub(crate) fn abandon(&mut self) -> (Vec<Owed>, Vec<Receipt>) {
        let owed = self.owed.drain(..).collect();
        let receipts = self
            .portals
            .drain()
            .filter_map(|(_, portal)| portal.receipt)
            .collect();
        (owed, receipts)
    }

    fn drop_portal(&mut self, id: PortalId) {
        let Some(portal) = self.portals.remove(&id) else {
            return;
        };
        self.portal_bytes = self
            .portal_bytes
            .saturating_sub(portal.operation.exact.len());
        self.not_run.extend(portal.receipt);
    }
}

impl Owed {
    /// Bytes of the statement's text that wait with it.
    fn text_bytes(&self) -> usize {
        match self {
            Owed::Parse { statement, .. } => statement.text.len(),
            _ => 0,
        }
    }
}

impl Target<'_> {
    pub(crate) fn kind(&self) -> (Kind, &str) {
        match self {
            Target::Statement(name) => (Kind::Statement, name),
            Target::Portal(name) => (Kind::Portal, name),
        }
    }
}

#[cfg(test)]
mod tests;
