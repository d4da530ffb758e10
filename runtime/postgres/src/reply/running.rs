//! An operation that was forwarded: what has come back of it, and what its outcome's record needs.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hpol_session::OperationResult;
use hpol_session::masking::{MaskRun, Masked};
use hpol_session::permit::{Receipt, Settlement};
use hpol_session::refusal::Refusal;

use super::columns::{Masks, Treatment};
use super::scrub::scrubbed;
use super::values;
use crate::codec::{Frame, Malformed, backend, encode};
use crate::facts::Reading;
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
    /// What ended the last statement of a simple query; released with ReadyForQuery, once the outcome is recorded.
    pub(crate) held_end: Option<Bytes>,
    pub(crate) changes_catalogue: bool,
    /// It holds a COPY, whose answer decides how the client's next messages are read.
    pub(crate) is_copy: bool,
    /// That answer is not there yet, so the client's next messages wait.
    pub(crate) awaits_copy: bool,
    rows: u64,
    /// Rows that its statements changed or took in.
    affected: u64,
    bytes: u64,
}

impl Running {
    pub(crate) fn new(receipt: Receipt, masks: Arc<Masks>, reading: &Reading) -> Running {
        Running {
            run: Some(receipt.masker()),
            receipt: Some(receipt),
            masks,
            columns: None,
            portal: None,
            held_end: None,
            changes_catalogue: reading.changes_catalogue(),
            is_copy: reading.is_copy(),
            awaits_copy: reading.is_copy(),
            rows: 0,
            affected: 0,
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
            masked_row(frame, columns, run, out)?;
        }
        self.count(out.len().saturating_sub(before));
        Ok(())
    }

    /// Writes a CopyData message, which PostgreSQL makes of one row each.
    pub(crate) fn copy_row(&mut self, frame: &Frame, out: &mut BytesMut) {
        self.rows = self.rows.saturating_add(1);
        let before = out.len();
        let mut hidden = Vec::new();
        let masked = match &mut self.run {
            _ if self.masks.is_empty() => Masked::Unchanged,
            Some(run) => run.text(frame.body(), &mut hidden),
            None => Masked::Null,
        };
        match masked {
            Masked::Unchanged => out.extend_from_slice(frame.raw()),
            Masked::Changed => encode::message(out, backend::COPY_DATA, |out| {
                out.extend_from_slice(&hidden)
            }),
            // A row of COPY cannot be NULL, so a row that must not be shown is left out.
            Masked::Null => {}
        }
        self.count(out.len().saturating_sub(before));
    }

    /// Writes an ErrorResponse or NoticeResponse with what may remain of it.
    pub(crate) fn report(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), Malformed> {
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
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Records the outcome; only the first call does.
    pub(crate) async fn settle(
        &mut self,
        result: OperationResult,
        code: String,
    ) -> Result<(), Refusal> {
        let Some(receipt) = self.receipt.take() else {
            return Ok(());
        };
        let settlement = Settlement {
            result,
            code,
            rows: match self.rows {
                0 => self.affected,
                returned => returned,
            },
            bytes: self.bytes,
            masked: self.run.take(),
        };
        receipt.settle(settlement).await
    }
}

fn masked_row(
    frame: &Frame,
    columns: &[Treatment],
    run: &mut MaskRun,
    out: &mut BytesMut,
) -> Result<(), Malformed> {
    let values = backend::data_row(frame.body())?;
    if values.len() != columns.len() {
        return Err(Malformed::Body {
            what: "a row does not fit its description",
        });
    }
    // Most rows hold nothing that must be hidden, and go on as they are.
    let mut hidden: Vec<(usize, Masked, Vec<u8>)> = Vec::new();
    for (index, (value, treatment)) in values.iter().zip(columns).enumerate() {
        let Some(value) = value else { continue };
        let mut replacement = Vec::new();
        match values::hide(*treatment, value, run, &mut replacement) {
            Masked::Unchanged => {}
            masked @ (Masked::Changed | Masked::Null) => hidden.push((index, masked, replacement)),
        }
    }
    if hidden.is_empty() {
        out.extend_from_slice(frame.raw());
        return Ok(());
    }
    let mut hidden = hidden.into_iter().peekable();
    let mut body = BytesMut::with_capacity(frame.body().len());
    body.extend_from_slice(frame.body().get(..2).unwrap_or_default());
    for (index, value) in values.into_iter().enumerate() {
        match hidden.next_if(|(hidden, ..)| *hidden == index) {
            Some((_, Masked::Changed, replacement)) => put_value(&mut body, Some(&replacement)),
            Some(_) => put_value(&mut body, None),
            None => put_value(&mut body, value),
        }
    }
    encode::message(out, backend::DATA_ROW, |out| out.extend_from_slice(&body));
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
