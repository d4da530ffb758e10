//! An operation that was forwarded: what has come back of it, and what its outcome's record needs.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hpol_session::OperationResult;
use hpol_session::history::Told;
use hpol_session::masking::{MaskRun, Masked};
use hpol_session::permit::{Conclusion, Receipt, Settlement};

use super::columns::{Masks, Treatment};
use super::copy::{self, CopyRows, Cut};
use super::counting::Counting;
use super::limit::{self, Limit};
use super::scrub::{is_constraint, put_off, scrubbed};
use super::values::{self, Room};
use crate::codec::body::Body;
use crate::codec::{Frame, Malformed, backend, encode, frontend};
use crate::facts::Reading;
use crate::states::naming::Naming;
use crate::states::prepared::PortalId;

/// A forwarded operation.
#[derive(Debug)]
pub(crate) struct Running {
    receipt: Option<Receipt>,
    run: Option<MaskRun>,
    pub(crate) masks: Arc<Masks>,
    /// How the columns of the present result are treated.
    pub(crate) columns: Option<Arc<[Treatment]>>,
    /// The portal that an Execute runs.
    pub(crate) portal: Option<PortalId>,
    /// The portal or cursor whose rows are counted together: the one that a FETCH names, or the one that is run.
    pub(crate) counted: Option<PortalId>,
    pub(crate) limit: Option<Limit>,
    /// It ends a transaction in which something was masked, so what fails or is told of may be about that.
    pub(crate) ends_masked: bool,
    /// It can be canceled without a trace.
    only_selects: bool,
    /// The gateway has canceled it, since nothing more of it may be shown.
    pub(crate) canceled: bool,
    /// What ended the last statement of a simple query; released with ReadyForQuery, once the outcome is recorded.
    pub(crate) held_end: Option<Bytes>,
    pub(crate) changes_catalogue: bool,
    /// It holds a COPY, whose answer decides how the client's next messages are read.
    pub(crate) is_copy: bool,
    /// How what it copies out is read, where that is known.
    copied: Option<CopyRows>,
    /// That answer is not there yet, so the client's next messages wait.
    pub(crate) awaits_copy: bool,
    /// The names of statements and cursors that it makes and drops.
    pub(crate) naming: Naming,
    /// Used again for every value.
    room: Room,
    rows: u64,
    /// Those of the COPY at hand, by the messages that held them.
    copied_rows: u64,
    /// Rows that its statements changed or took in.
    affected: u64,
    counting: Counting,
    /// Whether messages of the upstream may have shown values.
    told: Told,
    bytes: u64,
}

impl Running {
    pub(crate) fn new(receipt: Receipt, masks: Arc<Masks>, reading: &Reading) -> Running {
        Running {
            limit: Limit::of(&receipt, 0),
            only_selects: reading.only_selects(),
            canceled: false,
            run: Some(receipt.masker()),
            receipt: Some(receipt),
            room: Room::new(masks.catalogue()),
            copied: CopyRows::of(reading, &masks),
            masks,
            columns: None,
            portal: None,
            counted: reading.cursor(),
            ends_masked: false,
            held_end: None,
            changes_catalogue: reading.changes_catalogue(),
            is_copy: reading.is_copy(),
            awaits_copy: reading.is_copy(),
            naming: Naming::of(reading),
            rows: 0,
            copied_rows: 0,
            affected: 0,
            counting: Counting::of(&reading.analysis),
            told: match reading.listens() {
                true => Told::Anything,
                false => Told::Nothing,
            },
            bytes: 0,
        }
    }

    /// Whether the result has a column that the catalogue does not know.
    pub(crate) fn is_unaccounted(&self) -> bool {
        let columns = self.columns.as_deref().unwrap_or_default();
        columns.contains(&Treatment::Unaccounted)
    }

    /// Writes a DataRow, hidden where it must be.
    pub(crate) fn row(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), Malformed> {
        if !self.admits(out) {
            return Ok(());
        }
        self.rows = self.rows.saturating_add(1);
        let before = out.len();
        if self.masks.is_empty() {
            out.extend_from_slice(frame.raw());
        } else {
            let columns = self.columns.as_deref();
            let columns = columns.ok_or(Malformed::Body {
                what: "a row came without its description",
            })?;
            let run = self.run.as_mut().ok_or(Malformed::Body {
                what: "a row came after the end of its result",
            })?;
            masked_row(frame, columns, run, &mut self.room, out)?;
        }
        self.count(out.len().saturating_sub(before));
        Ok(())
    }

    /// Whether what the server copies out can be masked and cut as it must be.
    pub(crate) fn can_copy(&self, binary: bool, columns: usize) -> bool {
        let hides = self.masks.is_exposed() || self.masks.searches();
        match &self.copied {
            _ if !hides && self.limit.is_none() => true,
            Some(copied) => copied.fits(binary, columns, hides),
            // Lines of text can be counted without knowing what is in them.
            None => !binary && !hides,
        }
    }

    /// Writes a CopyData message of the upstream, which PostgreSQL makes of one row each.
    pub(crate) fn copy_row(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), Malformed> {
        let before = out.len();
        let rows_before = self.rows;
        let passes = self.masks.is_empty() && self.limit.is_none();
        match self.copied.take_if(|_| !passes) {
            Some(mut copied) => {
                let rows = copied.rows(frame.body());
                let written = rows.and_then(|rows| self.copy_rows(&rows, &mut copied, frame, out));
                self.copied = Some(copied);
                written?;
            }
            // Nothing is hidden in it, see `can_copy`.
            None if self.admits(out) => {
                self.rows = self.rows.saturating_add(1);
                out.extend_from_slice(frame.raw());
            }
            None => {}
        }
        let copied = self.rows.saturating_sub(rows_before);
        self.copied_rows = self.copied_rows.saturating_add(copied);
        self.count(out.len().saturating_sub(before));
        Ok(())
    }

    /// Writes what a message holds of a COPY whose columns are known.
    fn copy_rows(
        &mut self,
        rows: &[Cut<'_>],
        copied: &mut CopyRows,
        frame: &Frame,
        out: &mut BytesMut,
    ) -> Result<(), Malformed> {
        let mut body = Vec::new();
        let mut same = true;
        for part in rows {
            let Cut::Row(row) = part else {
                body.extend_from_slice(part.bytes());
                continue;
            };
            if !self.admits(out) {
                same = false;
                continue;
            }
            self.rows = self.rows.saturating_add(1);
            if self.masks.is_empty() || !copied.knows_columns() {
                body.extend_from_slice(row);
                continue;
            }
            let run = self.run.as_mut().ok_or(Malformed::Body {
                what: "a row came after the end of its result",
            })?;
            same &= copied.row(row, run, &mut self.room, &mut body)? == copy::Written::Same;
        }
        if same {
            out.extend_from_slice(frame.raw());
        } else if !body.is_empty() {
            encode::message(out, backend::COPY_DATA, |out| out.extend_from_slice(&body));
        }
        Ok(())
    }

    /// Whether one more row may be released.
    fn admits(&mut self, out: &mut BytesMut) -> bool {
        let admitted = self.limit.as_mut().is_none_or(|limit| limit.admit(out));
        if !admitted && let Some(receipt) = &mut self.receipt {
            receipt.rows_were_cut();
        }
        admitted
    }

    /// The Execute message in `bytes`, if it asks for more rows than may be released. Only of a SELECT: another statement
    /// has to run to its end.
    pub(crate) fn capped(&mut self, bytes: &Bytes, given: u64) -> Option<Bytes> {
        let limit = self.limit.as_mut().filter(|_| self.only_selects)?;
        limit.given_before(given);
        let body = bytes.get(crate::codec::HEADER_BYTES..)?;
        let (portal, wanted) = frontend::execute(body).ok()?;
        let mut out = BytesMut::new();
        encode::execute(&mut out, portal, limit.ask_for(wanted)?);
        Some(out.freeze())
    }

    /// Whether rows were left out.
    pub(crate) fn is_cut(&self) -> bool {
        self.limit.as_ref().is_some_and(Limit::is_cut)
    }

    /// Whether nothing more of it is shown, and the server may as well stop.
    pub(crate) fn may_be_canceled(&self) -> bool {
        self.is_cut() && self.only_selects && !self.canceled
    }

    /// The end of a statement of which rows were left out, in place of the server's `end`.
    pub(crate) fn end_of_cut(&self, end: &Frame) -> Result<Bytes, Malformed> {
        let own = match end.tag() {
            _ if !self.is_cut() => None,
            backend::COMMAND_COMPLETE => limit::command_complete(end.body(), self.rows)?,
            backend::PORTAL_SUSPENDED => Some(limit::completed("SELECT", self.rows)),
            _ => None,
        };
        Ok(own.unwrap_or_else(|| end.raw().clone()))
    }

    /// The end of a result that the gateway has canceled.
    pub(crate) fn end_of_canceled(&self) -> Bytes {
        limit::completed("SELECT", self.rows)
    }

    /// Writes an ErrorResponse or NoticeResponse with what may remain of it.
    /// `masked` where something before it in the transaction was masked, whose masks are gone.
    pub(crate) fn report(
        &mut self,
        frame: &Frame,
        masked: bool,
        out: &mut BytesMut,
    ) -> Result<(), Malformed> {
        let code = backend::sqlstate(frame.body());
        if self.ends_masked || (masked && self.masks.is_empty() && is_constraint(&code)) {
            return put_off(out, frame, &code);
        }
        self.told = self.told.max(Told::Values);
        match &mut self.run {
            _ if self.masks.is_empty() => out.extend_from_slice(frame.raw()),
            Some(run) => scrubbed(out, frame, run)?,
            // The outcome is recorded: nothing more of the operation is shown.
            None => {}
        }
        Ok(())
    }

    /// What the client sent in a COPY; how many rows it was, the server tells.
    pub(crate) fn count_sent(&mut self, bytes: usize) {
        self.count(bytes);
    }

    /// Takes note of the end of a statement.
    pub(crate) fn completed(&mut self, end: &Frame) -> Result<(), Malformed> {
        if end.tag() == backend::COMMAND_COMPLETE {
            let counted = backend::counted(end.body())?;
            self.affected = self.affected.saturating_add(counted);
            // Headers and the end of a binary COPY come in messages too, but are no rows.
            let copied = std::mem::take(&mut self.copied_rows);
            if copied > 0 && !self.is_cut() {
                self.rows = self.rows.saturating_sub(copied).saturating_add(counted);
            }
            let tag = backend::command_tag(end.body())?;
            self.counting.completed(tag, counted, self.rows);
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// States the outcome, to be recorded; only the first call does.
    pub(crate) fn conclude(&mut self, result: OperationResult, code: String) -> Option<Conclusion> {
        let receipt = self.receipt.take()?;
        let settlement = Settlement {
            result,
            code,
            rows: match self.rows {
                0 => self.affected,
                returned => returned,
            },
            counted: self.counting.total(self.rows, result),
            told: self.told,
            bytes: self.bytes,
            masked: self.run.take(),
        };
        Some(receipt.conclude(settlement))
    }
}

impl Drop for Running {
    /// The session was cut off: what it has shown so far is recorded.
    fn drop(&mut self) {
        drop(self.conclude(OperationResult::Interrupted, String::new()));
    }
}

fn masked_row(
    frame: &Frame,
    columns: &[Treatment],
    run: &mut MaskRun,
    room: &mut Room,
    out: &mut BytesMut,
) -> Result<(), Malformed> {
    let start = out.len();
    let written = write_row(frame, columns, run, room, out);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Writes the row. Most hold nothing that must be hidden, and go on as they are.
fn write_row(
    frame: &Frame,
    columns: &[Treatment],
    run: &mut MaskRun,
    room: &mut Room,
    out: &mut BytesMut,
) -> Result<(), Malformed> {
    let body = frame.body();
    let mut values = Body::new(body);
    if values.count()? != columns.len() {
        return Err(Malformed::Body {
            what: "a row does not fit its description",
        });
    }
    let mut changed = None;
    // What of the body is in `out` once anything had to be changed.
    let mut copied = 0;
    for treatment in columns {
        let from = body.len().saturating_sub(values.remaining());
        let Some(value) = values.value()? else {
            continue;
        };
        let masked = values::hide(*treatment, value, run, room);
        if masked == Masked::Unchanged {
            continue;
        }
        if changed.is_none() {
            changed = Some(encode::open(out, backend::DATA_ROW));
        }
        out.extend_from_slice(body.get(copied..from).unwrap_or_default());
        put_value(out, (masked == Masked::Changed).then_some(room.hidden()));
        copied = body.len().saturating_sub(values.remaining());
    }
    values.end()?;
    match changed {
        Some(start) => {
            out.extend_from_slice(body.get(copied..).unwrap_or_default());
            encode::close(out, start);
        }
        None => out.extend_from_slice(frame.raw()),
    }
    Ok(())
}

fn put_value(out: &mut BytesMut, value: Option<&[u8]>) {
    // A length that does not fit cannot come from a bounded message; NULL shows nothing.
    match value.and_then(|value| Some((i32::try_from(value.len()).ok()?, value))) {
        Some((length, value)) => {
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(value);
        }
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
}
