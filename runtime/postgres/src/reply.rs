//! What the upstream sends: matched with what it owes, hidden where it must be, and its end released once the outcome is
//! recorded.

pub(crate) mod columns;
mod copy;
mod counting;
pub(crate) mod limit;
mod notified;
pub(crate) mod running;
mod scrub;
mod values;

use bytes::BytesMut;
use hpol_session::OperationResult;
use hpol_session::permit::Conclusion;

use crate::codec::backend::{self, TransactionStatus};
use crate::codec::encode::Report;
use crate::codec::{Frame, Malformed};
use crate::ended::Ended;
use crate::refuse;
use crate::relay::{CopyIn, Relay};
use crate::states::naming::Renamed;
use crate::states::prepared::{Asker, Owed};
use crate::upstream::PINNED;
use running::Running;

impl Relay<'_> {
    /// Takes one message of the upstream.
    pub(crate) fn reply(&mut self, frame: &Frame) -> Result<(), Ended> {
        match frame.tag() {
            backend::PARAMETER_STATUS => self.parameter_status(frame),
            backend::NOTICE_RESPONSE => self.notice(frame),
            backend::ERROR_RESPONSE => self.error(frame),
            backend::READY_FOR_QUERY => self.ready(frame),
            _ => {
                self.count_with_portal();
                self.answer(frame)
            }
        }
    }

    fn parameter_status(&mut self, frame: &Frame) -> Result<(), Ended> {
        let (name, value) = backend::parameter_status(frame.body()).map_err(broken)?;
        if let Some((name, expected)) = PINNED.iter().find(|(pinned, _)| *pinned == name)
            && value != *expected
        {
            let message = format!("`{name}` is `{value}` upstream and must be `{expected}`");
            return Err(Ended::with(Report::fatal(refuse::UNSUPPORTED, message)));
        }
        // The role belongs to the gateway: another one would run what comes next.
        if matches!(name, "session_authorization" | "is_superuser") {
            return Err(Ended::with(Report::fatal(
                refuse::UNSUPPORTED,
                format!("`{name}` changed upstream"),
            )));
        }
        // A name can be set to anything a statement computes; it is of no use to the client while values are hidden.
        if name == "application_name" && self.is_masking() {
            return Ok(());
        }
        self.client.out.extend_from_slice(frame.raw());
        Ok(())
    }

    fn is_masking(&mut self) -> bool {
        match self.prepared.head() {
            Some(Owed::Query(running) | Owed::Execute(running)) => !running.masks.is_empty(),
            _ => false,
        }
    }

    fn notice(&mut self, frame: &Frame) -> Result<(), Ended> {
        let code = backend::sqlstate(frame.body());
        if let Some(shown) = self.told_at_bind(frame, &code)? {
            self.client.out.extend_from_slice(&shown);
            return Ok(());
        }
        let masked = self.masked_in_transaction;
        let out = &mut self.client.out;
        match self.prepared.head() {
            Some(Owed::Query(running) | Owed::Execute(running)) => {
                running.report(frame, masked, out).map_err(broken)
            }
            Some(Owed::RefusedQuery(_) | Owed::Refused(_)) => Ok(()),
            // Of what was put off to the end of the implicit transaction.
            Some(Owed::Sync) if masked => scrub::put_off(out, frame, &code).map_err(broken),
            _ => {
                out.extend_from_slice(frame.raw());
                Ok(())
            }
        }
    }

    fn error(&mut self, frame: &Frame) -> Result<(), Ended> {
        let code = backend::sqlstate(frame.body());
        self.copy_in = CopyIn::None;
        let masked = self.masked_in_transaction;
        let out = &mut self.client.out;
        match self.prepared.head() {
            // Between operations the server speaks only to say goodbye, as when it shuts down.
            None => {
                out.extend_from_slice(frame.raw());
                Ok(())
            }
            // The gateway's own doing; what was released is a result of its own.
            Some(Owed::Query(running)) if running.canceled && code == limit::CANCELED => {
                running.held_end = Some(running.end_of_canceled());
                Ok(())
            }
            Some(Owed::Query(running)) => {
                running.awaits_copy = false;
                out.extend(running.held_end.take().unwrap_or_default());
                let failed = running.failed(code, frame, masked)?;
                self.show_failed(failed);
                Ok(())
            }
            Some(Owed::RefusedQuery(report)) => {
                report.write(out);
                Ok(())
            }
            // A deferred constraint, checked at the end of the implicit transaction.
            Some(Owed::Sync) if masked => scrub::put_off(out, frame, &code).map_err(broken),
            Some(Owed::Sync) => {
                out.extend_from_slice(frame.raw());
                Ok(())
            }
            Some(_) => self.segment_failed(frame, code),
        }
    }

    /// Gives the client what it may see of an error, once the failure is recorded.
    fn show_failed(&mut self, (conclusion, shown): (Option<Conclusion>, BytesMut)) {
        self.conclude(conclusion);
        self.client.out.extend_from_slice(&shown);
    }

    /// An error in the extended protocol: what follows up to Sync is not answered.
    fn segment_failed(&mut self, frame: &Frame, code: String) -> Result<(), Ended> {
        let bound = self.told_at_bind(frame, &code)?;
        let (skipped, synced) = self.prepared.failed();
        // Without a Sync on its way, the server skips what the client sends until there is one.
        self.skipping |= !synced;
        if !synced {
            // Whatever waits for its approvers was sent before that Sync too.
            self.holding = None;
        }
        let masked = self.masked_in_transaction;
        let mut failed = true;
        for owed in skipped {
            match (owed, std::mem::take(&mut failed)) {
                (Owed::Execute(mut running), true) => {
                    let failed = running.failed(code.clone(), frame, masked)?;
                    self.show_failed(failed);
                }
                (Owed::Execute(mut running) | Owed::Query(mut running), _) => {
                    self.conclude(running.conclude(OperationResult::NotRun, String::new()));
                }
                (Owed::Refused(report), true) => report.write(&mut self.client.out),
                (_, true) => match &bound {
                    Some(shown) => self.client.out.extend_from_slice(shown),
                    None => self.client.out.extend_from_slice(frame.raw()),
                },
                (_, false) => {}
            }
        }
        self.conclude_not_run();
        Ok(())
    }

    /// What the client may see of an error or notice of a Bind whose statement has masks: the server computes what it can of
    /// it when it plans it.
    fn told_at_bind(&mut self, frame: &Frame, code: &str) -> Result<Option<BytesMut>, Ended> {
        let Some(Owed::Bind { portal, .. }) = self.prepared.head() else {
            return Ok(None);
        };
        let id = *portal;
        let masked = self.masked_in_transaction;
        let Some(portal) = self.prepared.portal_mut(id) else {
            return Ok(None);
        };
        let mut shown = BytesMut::new();
        if !portal.masks.is_empty() {
            scrub::scrubbed(&mut shown, frame, &mut portal.masks.run()).map_err(broken)?;
        } else if masked && scrub::is_constraint(code) {
            scrub::put_off(&mut shown, frame, code).map_err(broken)?;
        } else {
            return Ok(None);
        }
        Ok(Some(shown))
    }

    fn ready(&mut self, frame: &Frame) -> Result<(), Ended> {
        self.status = TransactionStatus::decode(frame.body()).map_err(broken)?;
        match self.prepared.pop() {
            Some(Owed::Query(mut running)) => {
                self.prepared.unnamed_replaced();
                self.conclude(running.conclude(OperationResult::Completed, String::new()));
                self.client
                    .out
                    .extend(running.held_end.take().unwrap_or_default());
                self.completed(running.changes_catalogue);
            }
            Some(Owed::RefusedQuery(_)) => self.prepared.unnamed_replaced(),
            Some(Owed::Sync) => {}
            Some(_) | None => return Err(unexpected()),
        }
        if self.status == TransactionStatus::Idle {
            self.prepared.transaction_ended();
            self.masked_in_transaction &= !self.prepared.is_idle();
            // A rollback may have undone what made the catalogue what it is.
            self.catalogue_stale |= std::mem::take(&mut self.changed_in_transaction);
        }
        self.conclude_not_run();
        self.client.out.extend_from_slice(frame.raw());
        Ok(())
    }

    /// Nothing more of the query that runs is shown, so the server need not go on. Only where nothing was sent behind it: the
    /// request must not reach another.
    fn cut_short(&mut self) {
        let alone = self.prepared.is_alone();
        if let Some(Owed::Query(running)) = self.prepared.head() {
            running.canceled = alone;
            self.cancel_cut |= alone;
        }
    }

    fn completed(&mut self, changes_catalogue: bool) {
        self.catalogue_stale |= changes_catalogue;
        self.changed_in_transaction |= changes_catalogue;
    }

    /// The answers proper, by what is owed first.
    fn answer(&mut self, frame: &Frame) -> Result<(), Ended> {
        match self.prepared.head() {
            Some(Owed::Query(_)) => self.query_answer(frame),
            Some(Owed::Execute(_)) => self.execute_answer(frame),
            Some(
                Owed::Parse { .. }
                | Owed::Bind { .. }
                | Owed::Close { .. }
                | Owed::DescribeStatement
                | Owed::DescribePortal { .. },
            ) => self.prepared_answer(frame),
            Some(Owed::RefusedQuery(_) | Owed::Refused(_) | Owed::Sync) | None => Err(unexpected()),
        }
    }

    fn query_answer(&mut self, frame: &Frame) -> Result<(), Ended> {
        let out = &mut self.client.out;
        let Some(Owed::Query(running)) = self.prepared.head() else {
            return Err(unexpected());
        };
        // Only the last statement's end is held back until the outcome of the whole is recorded.
        out.extend(running.held_end.take().unwrap_or_default());
        let mut renamed = Vec::new();
        match frame.tag() {
            backend::ROW_DESCRIPTION => {
                describe(running, frame)?;
                self.catalogue_stale |= running.is_unaccounted();
                out.extend_from_slice(frame.raw());
            }
            backend::COMMAND_COMPLETE | backend::EMPTY_QUERY => {
                // Another statement of the text may be a COPY too.
                running.awaits_copy = running.is_copy;
                running.completed(frame).map_err(broken)?;
                renamed = renames(running, frame)?;
                running.held_end = Some(running.end_of_cut(frame).map_err(broken)?);
            }
            _ => {
                rows(running, frame, out, &mut self.copy_in)?;
                // In a transaction block the error would undo more than this.
                if running.may_be_canceled() && self.status == TransactionStatus::Idle {
                    self.cut_short();
                }
            }
        }
        for change in renamed {
            self.prepared.renamed(change, None);
        }
        Ok(())
    }

    fn execute_answer(&mut self, frame: &Frame) -> Result<(), Ended> {
        let end = matches!(
            frame.tag(),
            backend::COMMAND_COMPLETE | backend::EMPTY_QUERY | backend::PORTAL_SUSPENDED
        );
        if !end {
            return self.execute_row(frame);
        }
        let Some(Owed::Execute(mut running)) = self.prepared.pop() else {
            return Err(unexpected());
        };
        running.completed(frame).map_err(broken)?;
        for change in renames(&mut running, frame)? {
            self.prepared.renamed(change, running.portal);
        }
        let end = running.end_of_cut(frame).map_err(broken)?;
        self.conclude(running.conclude(OperationResult::Completed, String::new()));
        self.completed(running.changes_catalogue);
        self.client.out.extend_from_slice(&end);
        Ok(())
    }

    /// Counts the rows of what runs with those that its portal has given out before.
    fn count_with_portal(&mut self) {
        let counted = match self.prepared.head() {
            Some(Owed::Query(running) | Owed::Execute(running)) if running.limit.is_some() => {
                running.counted
            }
            _ => return,
        };
        let given = self.prepared.rows_given(counted);
        let given = match self.prepared.head() {
            Some(Owed::Query(running) | Owed::Execute(running)) => {
                running.limit.as_mut().map(|limit| {
                    limit.given_before(given);
                    limit.given()
                })
            }
            _ => None,
        };
        let portal = counted.and_then(|id| self.prepared.portal_mut(id));
        if let (Some(portal), Some(given)) = (portal, given) {
            portal.rows_given = given;
        }
    }

    fn execute_row(&mut self, frame: &Frame) -> Result<(), Ended> {
        let needed = match self.prepared.head() {
            Some(Owed::Execute(running))
                if running.columns.is_none() && !running.masks.is_empty() =>
            {
                running.portal
            }
            _ => None,
        };
        let described = needed.and_then(|id| self.prepared.portal_mut(id)?.columns.clone());
        let out = &mut self.client.out;
        let Some(Owed::Execute(running)) = self.prepared.head() else {
            return Err(unexpected());
        };
        if let Some(described) = described {
            running.columns = Some(running.masks.treatments(&described));
            self.catalogue_stale |= running.is_unaccounted();
        }
        rows(running, frame, out, &mut self.copy_in)
    }

    fn prepared_answer(&mut self, frame: &Frame) -> Result<(), Ended> {
        // The first half of the answer to Describe of a statement.
        if frame.tag() == backend::PARAMETER_DESCRIPTION
            && matches!(self.prepared.head(), Some(Owed::DescribeStatement))
        {
            self.client.out.extend_from_slice(frame.raw());
            return Ok(());
        }
        let mut for_client = true;
        match (frame.tag(), self.prepared.pop()) {
            (backend::PARSE_COMPLETE, Some(Owed::Parse { name, statement })) => {
                self.prepared.parsed(name, statement)
            }
            (backend::BIND_COMPLETE, Some(Owed::Bind { name, portal })) => {
                self.prepared.bound(name, portal)
            }
            (backend::CLOSE_COMPLETE, Some(Owed::Close { kind, name })) => {
                self.prepared.closed(kind, &name)
            }
            (backend::ROW_DESCRIPTION | backend::NO_DATA, Some(Owed::DescribeStatement)) => {}
            (
                tag @ (backend::ROW_DESCRIPTION | backend::NO_DATA),
                Some(Owed::DescribePortal { portal, asker }),
            ) => {
                let columns = match tag {
                    backend::ROW_DESCRIPTION => {
                        backend::row_description(frame.body()).map_err(broken)?
                    }
                    _ => Vec::new(),
                };
                if let Some(portal) = self.prepared.portal_mut(portal) {
                    portal.columns = Some(columns.into());
                }
                for_client = asker == Asker::Client;
            }
            _ => return Err(unexpected()),
        }
        if for_client {
            self.client.out.extend_from_slice(frame.raw());
        }
        Ok(())
    }
}

impl Running {
    /// How the failure is recorded, and what the client may then see of the error. `masked` where it may be about an
    /// operation before, as when COMMIT checks what was put off.
    fn failed(
        &mut self,
        code: String,
        frame: &Frame,
        masked: bool,
    ) -> Result<(Option<Conclusion>, BytesMut), Ended> {
        let mut shown = BytesMut::new();
        self.report(frame, masked, &mut shown).map_err(broken)?;
        Ok((self.conclude(OperationResult::Failed, code), shown))
    }
}

/// What the end of a statement makes of names in SQL.
fn renames(running: &mut Running, end: &Frame) -> Result<Vec<Renamed>, Ended> {
    if end.tag() != backend::COMMAND_COMPLETE {
        return Ok(Vec::new());
    }
    let tag = backend::command_tag(end.body()).map_err(broken)?;
    running.naming.completed(tag).map_err(broken)
}

/// What comes between the beginning and the end of a result.
fn rows(
    running: &mut Running,
    frame: &Frame,
    out: &mut BytesMut,
    copy_in: &mut CopyIn,
) -> Result<(), Ended> {
    match frame.tag() {
        backend::DATA_ROW => running.row(frame, out).map_err(broken),
        backend::COPY_IN if running.is_copy => {
            backend::copy_response(frame.body()).map_err(broken)?;
            running.awaits_copy = false;
            *copy_in = CopyIn::Active;
            out.extend_from_slice(frame.raw());
            Ok(())
        }
        backend::COPY_OUT if running.is_copy => {
            let (binary, columns) = backend::copy_response(frame.body()).map_err(broken)?;
            running.awaits_copy = false;
            if !running.can_copy(binary, columns) {
                let message = "the server copies something else than the gateway knows, so nothing of it can be masked or cut";
                return Err(Ended::with(
                    Report::fatal("42501", message).with_hint("log in again, or use SELECT"),
                ));
            }
            out.extend_from_slice(frame.raw());
            Ok(())
        }
        backend::COPY_DATA if running.is_copy => running.copy_row(frame, out).map_err(broken),
        backend::COPY_DONE => {
            out.extend_from_slice(frame.raw());
            Ok(())
        }
        _ => Err(unexpected()),
    }
}

fn describe(running: &mut Running, frame: &Frame) -> Result<(), Ended> {
    let columns = backend::row_description(frame.body()).map_err(broken)?;
    running.columns = Some(running.masks.treatments(&columns));
    Ok(())
}

fn unexpected() -> Ended {
    Ended::upstream_misbehaved(&Malformed::Body {
        what: "it answers something else than what was asked",
    })
}

fn broken(malformed: Malformed) -> Ended {
    Ended::upstream_misbehaved(&malformed)
}
