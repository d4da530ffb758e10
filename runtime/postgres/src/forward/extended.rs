//! The extended protocol: Parse is looked at, Bind is judged, Execute runs on the Bind's permit once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hpol_operation::Operation;
use hpol_session::permit::Receipt;

use super::names::Meant;
use super::settings::Settings;
use super::tightening::Protocol;
use super::{COPY_AGE, Purpose, Understood, behind_reset, ending};
use crate::codec::encode::{self, Report};
use crate::codec::frontend::{self, Bind, Parse, Target};
use crate::codec::{Frame, Malformed};
use crate::ended::Ended;
use crate::facts::Reading;
use crate::refuse;
use crate::relay::Relay;
use crate::reply::columns::Masks;
use crate::reply::running::Running;
use crate::states::prepared::{Asker, Full, Lookup, Owed, Portal, PortalId, Statement};
use crate::upstream::OWN_NAME;

/// How long a Bind's permit is good for its Execute. Drivers send both together; after this the operation is judged again.
const PERMIT_AGE: Duration = Duration::from_secs(30);

/// Longest name that the server keeps apart from others: it cuts longer ones (NAMEDATALEN), so two of them could be one
/// statement there and two here.
const NAME_BYTES: usize = 63;

/// A statement that no client can have, so describing it fails, in every state of a transaction and without effect.
const FAILING_STATEMENT: &str = "hpol_gateway refused this";

const OUTDATED: &str = "tables may have changed since this was bound, and it looks its names up only now; bind it again";

impl Relay<'_> {
    pub(super) async fn parse(&mut self, frame: Frame) -> Result<(), Ended> {
        let Parse {
            statement: name,
            text,
            parameter_types,
        } = Parse::decode(frame.body()).map_err(broken)?;
        if let Some(report) = unusable(name) {
            self.fail_segment(report);
            return Ok(());
        }
        if let Err(full) = self.prepared.room_for(text) {
            self.fail_segment(too_many(full));
            return Ok(());
        }
        let reading = match self.understand(text, Protocol::Extended).await? {
            Understood::Reading(reading) => Some(reading),
            // A name that it uses may be made before it is bound.
            Understood::Unnamed(_) => None,
            Understood::Fails(report) => {
                self.fail_segment(report);
                return Ok(());
            }
            Understood::Refused(refusal) => {
                self.fail_segment(ending(&refusal)?);
                return Ok(());
            }
            Understood::Later => {
                self.parked = Some(frame);
                return Ok(());
            }
        };
        // Nothing runs on the strength of this; it spares the client the wait until Bind.
        if let Some(reading) = reading
            && let Err(refusal) = self.session.preview(&reading.operation(), &reading).await
        {
            self.fail_segment(ending(&refusal)?);
            return Ok(());
        }
        let statement = Arc::new(Statement {
            text: text.to_owned(),
            parameter_types,
            head: Box::default(),
        });
        self.prepared.push(Owed::Parse {
            name: name.to_owned(),
            statement,
        });
        self.send(frame.raw());
        Ok(())
    }

    pub(super) async fn bind(&mut self, frame: Frame) -> Result<(), Ended> {
        let bind = Bind::decode(frame.body()).map_err(broken)?;
        if let Some(report) = unusable(bind.portal) {
            self.fail_segment(report);
            return Ok(());
        }
        let statement = match self.prepared.statement(bind.statement) {
            Lookup::Found(statement) => statement,
            Lookup::Missing => {
                self.fail_segment(unknown_statement(bind.statement));
                return Ok(());
            }
            Lookup::Undecided => {
                self.park(frame);
                return Ok(());
            }
        };
        if let Err(full) = self.prepared.room_for_portal() {
            self.fail_segment(too_many(full));
            return Ok(());
        }
        // Read again: what its names mean may have changed since Parse, for the server too.
        let mut reading = match self.understand(&statement.text, Protocol::Extended).await? {
            Understood::Reading(reading) => reading,
            Understood::Unnamed(report) | Understood::Fails(report) => {
                self.fail_segment(report);
                return Ok(());
            }
            Understood::Refused(refusal) => {
                self.fail_segment(ending(&refusal)?);
                return Ok(());
            }
            Understood::Later => {
                self.parked = Some(frame);
                return Ok(());
            }
        };
        let operation = reading.bind(&bind, &statement.parameter_types);
        let portal = bind.portal.to_owned();
        let outcome = self
            .session
            .request(operation.clone(), frame.into_raw(), &reading)
            .await;
        self.proceed(
            outcome,
            Purpose::Bind {
                portal,
                operation,
                reading,
            },
        )
    }

    pub(super) fn forward_bind(
        &mut self,
        bytes: &Bytes,
        receipt: Receipt,
        masks: Arc<Masks>,
        name: &str,
        operation: Operation,
        reading: Reading,
    ) {
        let masked = !masks.is_empty();
        let portal = Portal {
            operation,
            reading,
            receipt: Some(receipt),
            permitted: Instant::now(),
            masks,
            columns: None,
            hold: false,
            rows_given: 0,
        };
        let id = self.prepared.bind(name, portal);
        self.send(bytes);
        if masked {
            // A client that knows the columns does not ask for them, and rows cannot be masked without knowing them.
            self.describe_for_gateway(name, id);
        }
    }

    fn describe_for_gateway(&mut self, name: &str, portal: PortalId) {
        encode::describe_portal(&mut self.upstream.out, name);
        self.prepared.push(Owed::DescribePortal {
            portal,
            asker: Asker::Gateway,
        });
    }

    pub(super) async fn execute(&mut self, frame: Frame) -> Result<(), Ended> {
        let (name, _) = frontend::execute(frame.body()).map_err(broken)?;
        let id = match self.prepared.portal(name) {
            Lookup::Found(id) => Some(id),
            Lookup::Missing => None,
            Lookup::Undecided => {
                self.park(frame);
                return Ok(());
            }
        };
        let reading = id.and_then(|id| Some(self.prepared.portal_mut(id)?.reading.clone()));
        let (Some(id), Some(reading)) = (id, reading) else {
            self.fail_segment(unknown_portal(name));
            return Ok(());
        };
        // What the portal runs may resolve names only now.
        match self.keep_settings().await? {
            Settings::Lost if !reading.is_transaction_control() => {
                self.fail_segment(behind_reset(self.status));
                return Ok(());
            }
            Settings::Undecided => {
                self.park(frame);
                return Ok(());
            }
            Settings::Kept | Settings::Lost => {}
        }
        match self.still_meant(&reading) {
            Meant::Same => {}
            Meant::Undecided => {
                self.park(frame);
                return Ok(());
            }
            Meant::Otherwise(report) => {
                self.fail_segment(report);
                return Ok(());
            }
        }
        let Some(portal) = self.prepared.portal_mut(id) else {
            self.fail_segment(unknown_portal(name));
            return Ok(());
        };
        let masked = !portal.masks.is_empty();
        if self.is_outdated(&reading, masked) {
            self.fail_segment(Report::error(refuse::UNSUPPORTED, OUTDATED));
            return Ok(());
        }
        let Some(portal) = self.prepared.portal_mut(id) else {
            self.fail_segment(unknown_portal(name));
            return Ok(());
        };
        let fresh = portal.permitted.elapsed() <= PERMIT_AGE;
        let receipt = portal.receipt.take();
        let (masks, operation) = (Arc::clone(&portal.masks), portal.operation.clone());
        match receipt {
            Some(receipt) if fresh && !self.session.expired() => {
                self.run_portal(frame.raw(), receipt, masks, id, &reading);
                Ok(())
            }
            stale => {
                if let Some(stale) = stale {
                    self.prepared.not_run(stale);
                }
                // Rows that are fetched in portions are judged portion by portion.
                let outcome = self
                    .session
                    .request(operation, frame.into_raw(), &reading)
                    .await;
                self.proceed(
                    outcome,
                    Purpose::Execute {
                        portal: id,
                        reading,
                    },
                )
            }
        }
    }

    /// Whether tables may be others than when a text was bound that has its names looked up only when it is executed.
    fn is_outdated(&self, reading: &Reading, masked: bool) -> bool {
        // What was known to be stale was judged as such.
        let changed = self.catalogue_stale && !reading.stale;
        let read_again = !self.reader.has(&reading.catalogue);
        let copies = masked && !reading.stale && reading.analysis.copies_out();
        let old = copies && self.catalogue_read.elapsed() > COPY_AGE;
        (reading.is_copy() || reading.executes()) && (changed || read_again || old)
    }

    pub(super) fn forward_execute(
        &mut self,
        bytes: &Bytes,
        receipt: Receipt,
        masks: Arc<Masks>,
        id: PortalId,
        reading: &Reading,
    ) {
        let described = self
            .prepared
            .portal_mut(id)
            .is_some_and(|portal| portal.columns.is_some());
        if !masks.is_empty()
            && !described
            && let Ok((name, _)) =
                frontend::execute(bytes.get(crate::codec::HEADER_BYTES..).unwrap_or_default())
        {
            self.describe_for_gateway(name, id);
        }
        self.run_portal(bytes, receipt, masks, id, reading);
    }

    fn run_portal(
        &mut self,
        bytes: &Bytes,
        receipt: Receipt,
        masks: Arc<Masks>,
        id: PortalId,
        reading: &Reading,
    ) {
        let mut running = Running::new(receipt, masks, reading);
        running.portal = Some(id);
        running.ends_masked = self.masked_in_transaction && reading.commits();
        running.counted = running.counted.or(Some(id));
        self.catalogue_stale |= reading.changes_catalogue();
        self.settings.sent(reading, self.status);
        let given = self.prepared.rows_given(running.counted);
        let capped = running.capped(bytes, given);
        self.prepared.push(Owed::Execute(Box::new(running)));
        self.send(capped.as_ref().unwrap_or(bytes));
        if reading.is_copy() {
            // The answer decides how the client's next messages are read, so it must not wait for a Sync.
            encode::empty(&mut self.upstream.out, frontend::FLUSH);
        }
    }

    pub(super) fn describe(&mut self, frame: Frame) -> Result<(), Ended> {
        match Target::decode(frame.body()).map_err(broken)? {
            Target::Statement(name) => match self.prepared.statement(name) {
                Lookup::Found(_) => {
                    self.prepared.push(Owed::DescribeStatement);
                    self.send(frame.raw());
                }
                Lookup::Missing => self.fail_segment(unknown_statement(name)),
                Lookup::Undecided => self.park(frame),
            },
            Target::Portal(name) => match self.prepared.portal(name) {
                Lookup::Found(portal) => {
                    self.prepared.push(Owed::DescribePortal {
                        portal,
                        asker: Asker::Client,
                    });
                    self.send(frame.raw());
                }
                Lookup::Missing => self.fail_segment(unknown_portal(name)),
                Lookup::Undecided => self.park(frame),
            },
        }
        Ok(())
    }

    pub(super) fn close(&mut self, frame: &Frame) -> Result<(), Ended> {
        let target = Target::decode(frame.body()).map_err(broken)?;
        let (kind, name) = target.kind();
        if let Some(report) = unusable(name) {
            self.fail_segment(report);
            return Ok(());
        }
        self.prepared.push(Owed::Close {
            kind,
            name: name.to_owned(),
        });
        self.send(frame.raw());
        Ok(())
    }

    /// Makes the upstream fail as if the client's message had, and skips what the client sends up to its Sync.
    pub(crate) fn fail_segment(&mut self, report: Report) {
        encode::describe_statement(&mut self.upstream.out, FAILING_STATEMENT);
        self.segment_open = true;
        self.skipping = true;
        self.prepared.push(Owed::Refused(report));
    }

    /// Looks at the message again once everything owed is there, and asks the server for it: the client cannot, as it is
    /// not read meanwhile.
    fn park(&mut self, frame: Frame) {
        self.parked = Some(frame);
        self.flush();
    }

    fn send(&mut self, bytes: &Bytes) {
        self.segment_open = true;
        self.upstream.out.extend_from_slice(bytes);
    }
}

/// Why a client may not give this name to a statement or portal, or take it away.
pub(super) fn unusable(name: &str) -> Option<Report> {
    if name.len() > NAME_BYTES {
        let message = "a name of a statement or portal is longer than 63 bytes";
        return Some(Report::error("42622", message));
    }
    name.starts_with(OWN_NAME).then(|| {
        Report::error(
            "42939",
            format!("names that begin with `{OWN_NAME}` are the gateway's own"),
        )
    })
}

pub(super) fn too_many(full: Full) -> Report {
    Report::error("53400", full.to_string())
}

pub(super) fn unknown_statement(name: &str) -> Report {
    Report::error(
        refuse::UNKNOWN_STATEMENT,
        format!("prepared statement \"{name}\" does not exist"),
    )
}

fn unknown_portal(name: &str) -> Report {
    Report::error(
        refuse::UNKNOWN_PORTAL,
        format!("portal \"{name}\" does not exist"),
    )
}

fn broken(malformed: Malformed) -> Ended {
    Ended::misbehaved(&malformed)
}
