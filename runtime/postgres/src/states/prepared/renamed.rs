//! Names that SQL makes and drops, in the maps that the protocol's names stand in.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use hpol_session::masking::MaskingPlan;

use super::{Full, Kind, MAX_CHANNELS, MAX_PORTALS, Owed, Portal, PortalId, Prepared};
use crate::reply::columns::Masks;
use crate::states::naming::{Kept, Renamed};

impl Portal {
    /// What a cursor is to the extended protocol, which can run it too.
    pub(crate) fn of_cursor(cursor: &Kept, hold: bool) -> Portal {
        Portal {
            operation: cursor.operation.clone(),
            reading: cursor.reading.clone(),
            receipt: None,
            permitted: Instant::now(),
            masks: Arc::new(Masks::new(&MaskingPlan::none(), &cursor.reading)),
            columns: None,
            hold,
            rows_given: 0,
        }
    }
}

impl Prepared {
    /// Whether a statement that is on its way makes or drops the name in SQL, which it does or not.
    pub(super) fn may_rename(&self, kind: Kind, name: &str) -> bool {
        self.owed.iter().any(|owed| match owed {
            Owed::Query(running) | Owed::Execute(running) => running.naming.concerns(kind, name),
            _ => false,
        })
    }

    pub(crate) fn portal_of(&self, id: PortalId) -> Option<&Portal> {
        self.portals.get(&id)
    }

    /// Whether `count` more cursors may be declared.
    pub(crate) fn room_for_cursors(&self, count: usize) -> Result<(), Full> {
        if self.portal_names.len().saturating_add(count) > MAX_PORTALS {
            return Err(Full {
                what: "1,024 open portals",
            });
        }
        self.room_for_portal()
    }

    /// Whether these channels may be listened to as well, one LISTEN each.
    pub(crate) fn room_for_channels(&self, channels: &[&str]) -> Result<(), Full> {
        let new: HashSet<&str> = channels
            .iter()
            .copied()
            .filter(|channel| !self.channels.contains_key(*channel))
            .collect();
        if channels.len() > MAX_CHANNELS || self.channels.len() + new.len() > MAX_CHANNELS {
            return Err(Full {
                what: "1,024 channels to listen to",
            });
        }
        Ok(())
    }

    /// A statement or cursor was made or dropped in SQL, by the portal `by` if it was one.
    pub(crate) fn renamed(&mut self, change: Renamed, by: Option<PortalId>) {
        match change {
            Renamed::Prepared { name, statement } => self.parsed(name, statement),
            Renamed::Deallocated(Some(name)) => self.closed(Kind::Statement, &name),
            Renamed::Deallocated(None) => {
                // The unnamed statement is not one of these.
                self.statements.retain(|name, _| name.is_empty());
                let texts = self.statements.values().map(|statement| statement.bytes());
                self.statement_bytes = texts.sum();
            }
            Renamed::Declared { name, portal } => {
                let id = self.keep(*portal);
                self.bound(name, id);
            }
            Renamed::Closed(Some(name)) => self.closed(Kind::Portal, &name),
            Renamed::Closed(None) => self.drop_portals(|id, _| Some(id) != by),
            Renamed::Listens { channel, kept } => {
                if self.channels.len() < MAX_CHANNELS {
                    self.channels.insert(channel, *kept);
                }
            }
            Renamed::Unlistens(Some(channel)) => {
                self.channels.remove(&channel);
            }
            Renamed::Unlistens(None) => self.channels.clear(),
        }
    }
}
