//! What the client sends: read into an operation, brought before the door, and forwarded on its permit.
//!
//! A refusal has to leave the upstream where an error of its own would: the implicit transaction undone, an open one
//! failed. So in its place goes a message that must fail, and the server's answer to that becomes the refusal.

pub(crate) mod extended;
mod names;
pub(crate) mod settings;
mod tightening;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hpol_operation::Operation;
use hpol_operation::sql::{Catalogue, SqlRefusal};
use hpol_session::permit::Permit;
use hpol_session::refusal::{NotAccepted, Refusal};
use hpol_session::session::Outcome;
use tokio::time::Instant;

use crate::catalogue;
use crate::codec::backend::TransactionStatus;
use crate::codec::encode::{self, Report, Severity};
use crate::codec::{Frame, frontend};
use crate::ended::Ended;
use crate::facts::{self, Reading};
use crate::refuse;
use crate::relay::{CopyIn, Holding, Relay};
use crate::reply::running::Running;
use crate::states::prepared::{Owed, PortalId};
use names::Named;
use settings::Settings;
use tightening::{Carried, Protocol};

/// Not SQL, so it fails in every state of a transaction and without effect. Whoever reads the server's log sees why.
const FAILING_QUERY: &str = "refused by hpol";

/// What the record shows of a text that could not be read; the digest tells which it was.
const NOT_READ: &str = "(not understood)";

/// How old the catalogue may be for a COPY TO STDOUT: nothing else tells where its columns come from.
const COPY_AGE: Duration = Duration::from_secs(1);

const WAITED_TOO_LONG: &str =
    "tables may have changed while the COPY waited for approval; ask again, first behind a Sync";

/// What a permit is wanted for.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// A simple query.
    Query { reading: Reading },
    /// A portal, and its first Execute.
    Bind {
        portal: String,
        operation: Operation,
        reading: Reading,
    },
    /// A further Execute of a portal.
    Execute { portal: PortalId, reading: Reading },
}

impl Purpose {
    fn reading(&self) -> &Reading {
        match self {
            Purpose::Query { reading }
            | Purpose::Bind { reading, .. }
            | Purpose::Execute { reading, .. } => reading,
        }
    }
}

/// A text, read or not.
pub(crate) enum Understood {
    Reading(Reading),
    Refused(Refusal),
    /// It uses a name of a statement or cursor that is not known.
    Unnamed(Report),
    /// It cannot be run here and now.
    Fails(Report),
    /// Something must be known first, and for that everything owed must have come.
    Later,
}

impl Relay<'_> {
    /// Takes one message of the client.
    pub(crate) async fn ask(&mut self, frame: Frame) -> Result<(), Ended> {
        if self.copy_in == CopyIn::Active {
            return self.ask_in_copy(&frame);
        }
        match frame.tag() {
            frontend::TERMINATE => self.client_left("the client ended the session"),
            frontend::SYNC => self.sync(&frame),
            // PostgreSQL too ignores what is left of a COPY that has failed.
            frontend::COPY_DATA | frontend::COPY_DONE | frontend::COPY_FAIL => {}
            _ if self.skipping => {}
            frontend::QUERY => self.query(frame).await?,
            frontend::PARSE => self.parse(frame).await?,
            frontend::BIND => self.bind(frame).await?,
            frontend::EXECUTE => self.execute(frame).await?,
            frontend::DESCRIBE => self.describe(frame)?,
            frontend::CLOSE => self.close(&frame)?,
            frontend::FLUSH => self.upstream.out.extend_from_slice(frame.raw()),
            frontend::FUNCTION_CALL => self.function_call(&frame).await?,
            tag => return Err(Ended::misbehaved(&crate::codec::Malformed::Tag { tag })),
        }
        Ok(())
    }

    /// Between CopyInResponse and the end of the client's rows.
    fn ask_in_copy(&mut self, frame: &Frame) -> Result<(), Ended> {
        match frame.tag() {
            frontend::COPY_DATA => {
                if let Some(Owed::Query(running) | Owed::Execute(running)) = self.prepared.head() {
                    running.count_sent(frame.body().len());
                }
            }
            frontend::COPY_DONE | frontend::COPY_FAIL => {
                self.copy_in = CopyIn::None;
                // The text of a simple query may go on with another COPY, whose rows can be on their way.
                if let Some(Owed::Query(running)) = self.prepared.head() {
                    running.awaits_copy = true;
                }
            }
            // The server ignores these during a COPY. If it has failed meanwhile, it would answer, and nobody could tell
            // what its answer is to: the Sync that follows the rows is the one that counts.
            frontend::SYNC | frontend::FLUSH => return Ok(()),
            frontend::TERMINATE => {
                self.client_left("the client ended the session during a COPY");
                // Without its end the rows must not be taken for all of them.
                encode::message(&mut self.upstream.out, frontend::COPY_FAIL, |out| {
                    encode::text(out, "the client left")
                });
                return Ok(());
            }
            tag => return Err(Ended::misbehaved(&crate::codec::Malformed::Tag { tag })),
        }
        self.upstream.out.extend_from_slice(frame.raw());
        Ok(())
    }

    async fn query(&mut self, frame: Frame) -> Result<(), Ended> {
        let text = frontend::single_text(frame.body())
            .map_err(|malformed| Ended::misbehaved(&malformed))?;
        let reading = match self.understand(text, Protocol::Simple).await? {
            Understood::Reading(reading) => reading,
            Understood::Refused(refusal) => return self.refuse_query(&refusal),
            Understood::Unnamed(report) | Understood::Fails(report) => {
                self.fail_query(report);
                return Ok(());
            }
            Understood::Later => {
                self.parked = Some(frame);
                return Ok(());
            }
        };
        let operation = reading.operation();
        let outcome = self
            .session
            .request(operation, frame.into_raw(), &reading)
            .await;
        self.proceed(outcome, Purpose::Query { reading })
    }

    async fn function_call(&mut self, frame: &Frame) -> Result<(), Ended> {
        let what =
            "the FunctionCall message is not supported; call the function in a SELECT".to_owned();
        let digest = facts::digest_of(frame.body());
        let refusal = self
            .session
            .refuse("(FunctionCall)", digest, NotAccepted::Unsupported { what })
            .await;
        self.refuse_query(&refusal)
    }

    fn sync(&mut self, frame: &Frame) {
        self.skipping = false;
        self.segment_open = false;
        self.prepared.push(Owed::Sync);
        self.upstream.out.extend_from_slice(frame.raw());
    }

    /// Goes on with what the door answered.
    pub(crate) fn proceed(
        &mut self,
        outcome: Outcome<Bytes>,
        purpose: Purpose,
    ) -> Result<(), Ended> {
        match outcome {
            Outcome::Permit(permit) => {
                self.forward(permit, purpose);
                Ok(())
            }
            Outcome::Hold(hold) => {
                let notice = Report::notice(hold.notice());
                notice
                    .with_hint("the statement waits; cancel it to withdraw the request")
                    .write(&mut self.client.out);
                let reading = purpose.reading().clone();
                let outcome = Box::pin(async move { hold.wait(&reading).await });
                self.holding = Some(Holding { outcome, purpose });
                Ok(())
            }
            Outcome::Refuse(refusal) => {
                let report = ending(&refusal)?;
                self.fail(report, &purpose);
                Ok(())
            }
        }
    }

    /// Goes on once approvers have decided. What a COPY gives out is told by the catalogue alone, and that may have changed
    /// while they thought.
    pub(crate) async fn proceed_held(
        &mut self,
        outcome: Outcome<Bytes>,
        purpose: Purpose,
    ) -> Result<(), Ended> {
        let outdated = match &outcome {
            Outcome::Permit(permit) if !permit.masking().is_empty() => {
                let reading = purpose.reading();
                reading.analysis.copies_out() && !self.still_knows(&reading.catalogue).await?
            }
            _ => false,
        };
        match outcome {
            Outcome::Permit(permit) if outdated => {
                self.prepared.not_run(permit.forward().1);
                self.fail(
                    Report::error(refuse::UNSUPPORTED, WAITED_TOO_LONG),
                    &purpose,
                );
                Ok(())
            }
            outcome => self.proceed(outcome, purpose),
        }
    }

    /// Whether the catalogue, read anew, is this one.
    async fn still_knows(&mut self, catalogue: &Arc<Catalogue>) -> Result<bool, Ended> {
        let can_ask = !self.segment_open
            && self.status != TransactionStatus::Failed
            && self.prepared.is_idle();
        if can_ask {
            self.read_catalogue().await?;
        }
        Ok(can_ask && self.reader.has(catalogue))
    }

    fn forward(&mut self, permit: Permit<Bytes>, purpose: Purpose) {
        let (bytes, receipt) = permit.forward();
        let masks = purpose.reading().masks(receipt.masking());
        let behind_masked = self.masked_in_transaction;
        self.masked_in_transaction |= !masks.is_empty();
        match purpose {
            Purpose::Query { reading } => {
                let mut running = Running::new(receipt, masks, &reading);
                running.ends_masked = behind_masked && reading.commits();
                self.upstream.out.extend_from_slice(&bytes);
                self.segment_open = false;
                // From now on, not from its completion: what is sent behind it runs on the changed catalogue.
                self.catalogue_stale |= reading.changes_catalogue();
                self.settings.sent(&reading, self.status);
                if tightening::empties_path(&reading) {
                    self.reader.empty_search_path();
                } else if tightening::resets_path(&reading) {
                    self.reader.reset_search_path();
                }
                self.prepared.push(Owed::Query(Box::new(running)));
            }
            Purpose::Bind {
                portal,
                operation,
                reading,
            } => {
                self.forward_bind(&bytes, receipt, masks, &portal, operation, reading);
            }
            Purpose::Execute { portal, reading } => {
                self.forward_execute(&bytes, receipt, masks, portal, &reading)
            }
        }
    }

    /// Makes the upstream fail, and gives this to the client in place of the upstream's error.
    pub(crate) fn fail(&mut self, report: Report, purpose: &Purpose) {
        match purpose {
            Purpose::Query { .. } => self.fail_query(report),
            Purpose::Bind { .. } | Purpose::Execute { .. } => self.fail_segment(report),
        }
    }

    fn refuse_query(&mut self, refusal: &Refusal) -> Result<(), Ended> {
        let report = ending(refusal)?;
        self.fail_query(report);
        Ok(())
    }

    fn fail_query(&mut self, report: Report) {
        encode::query(&mut self.upstream.out, FAILING_QUERY);
        self.segment_open = false;
        self.prepared.push(Owed::RefusedQuery(report));
    }

    /// Reads a text, with a catalogue and settings that are as they should be where that can be.
    pub(crate) async fn understand(
        &mut self,
        text: &str,
        protocol: Protocol,
    ) -> Result<Understood, Ended> {
        // In the middle of a segment, or of a failed transaction, the gateway can ask nothing of its own.
        let can_ask = !self.segment_open && self.status != TransactionStatus::Failed;
        let settings = self.keep_settings().await?;
        if settings == Settings::Undecided {
            return Ok(self.later());
        }
        let mut reading = self.read(text).await;
        let unknown = matches!(&reading, Named::Reading(reading) if reading.names_unknown());
        let copies = matches!(&reading, Named::Reading(reading) if reading.analysis.copies_out());
        let longest = self.connection.settings().limits.catalogue_age;
        let longest = if copies {
            longest.min(COPY_AGE)
        } else {
            longest
        };
        let age = self.catalogue_read.elapsed();
        let old = age > longest;
        // The other messages of its segment are read by the same catalogue, so that may not be about to be too old.
        let ages = copies && age > longest / 2;
        if can_ask && (self.catalogue_stale || unknown || old || ages) {
            if !self.prepared.is_idle() {
                return Ok(self.later());
            }
            self.read_catalogue().await?;
            reading = self.read(text).await;
        }
        let reading = match reading {
            Named::Reading(reading) => reading,
            Named::NotAccepted(refusal) => return self.not_understood(text, &refusal).await,
            // The server looks no name up in a transaction that has failed.
            Named::Unnamed(_)
                if self.status == TransactionStatus::Failed && self.prepared.is_idle() =>
            {
                return Ok(Understood::Fails(behind_reset(self.status)));
            }
            Named::Unnamed(report) => return Ok(Understood::Unnamed(report)),
            Named::Fails(report) => return Ok(Understood::Fails(report)),
            Named::Undecided => return Ok(self.later()),
        };
        let not_carried = match self.carries(&reading, protocol) {
            Carried::Yes if self.settings.goes_on_undone(&reading) => {
                Some(Reading::goes_on_undone())
            }
            Carried::Yes => reading.undoes_settings(),
            Carried::No(not_carried) => Some(not_carried),
            Carried::Later => return Ok(self.later()),
        };
        if let Some(not_carried) = not_carried {
            let digest = facts::digest_of(text.as_bytes());
            let masked = reading.analysis.masked();
            let refused = self.session.refuse(masked, digest, not_carried).await;
            return Ok(Understood::Refused(refused));
        }
        if settings == Settings::Lost && !reading.is_transaction_control() {
            return Ok(Understood::Fails(behind_reset(self.status)));
        }
        let too_old = copies && old && !can_ask;
        let stale = self.catalogue_stale || reading.stale || too_old;
        Ok(Understood::Reading(Reading { stale, ..reading }))
    }

    async fn read(&mut self, text: &str) -> Named {
        match self.reader.read(text).await {
            Ok(reading) if reading.concerns_names() => {
                let stale = self.catalogue_stale;
                self.with_names(Reading { stale, ..reading }).await
            }
            Ok(reading) => Named::Reading(reading),
            Err(refusal) => Named::NotAccepted(refusal),
        }
    }

    async fn not_understood(
        &mut self,
        text: &str,
        refusal: &SqlRefusal,
    ) -> Result<Understood, Ended> {
        let shown = facts::shown(text, refusal).await;
        let digest = facts::digest_of(text.as_bytes());
        let not_accepted = facts::not_accepted(refusal);
        let shown = shown.as_deref().unwrap_or(NOT_READ);
        let refused = self.session.refuse(shown, digest, not_accepted).await;
        Ok(Understood::Refused(refused))
    }

    /// Everything owed has to come first. The server keeps it back until it is asked, which the client cannot do now.
    fn later(&mut self) -> Understood {
        self.flush();
        Understood::Later
    }

    fn flush(&mut self) {
        encode::empty(&mut self.upstream.out, frontend::FLUSH);
    }

    async fn read_catalogue(&mut self) -> Result<(), Ended> {
        let time = self.connection.settings().limits.handshake;
        match tokio::time::timeout(
            time,
            catalogue::load(&mut self.upstream, self.status, &self.connection.catalogues),
        )
        .await
        {
            Ok(Ok(catalogue)) => {
                self.reader.replace_catalogue(catalogue);
                self.catalogue_stale = false;
                self.catalogue_read = Instant::now();
                Ok(())
            }
            Ok(Err(error)) => Err(Ended::with(Report::fatal(
                refuse::CONNECTION_FAILURE,
                format!("the catalogue cannot be read: {error}"),
            ))),
            Err(_) => Err(Ended::with(Report::fatal(
                refuse::CONNECTION_FAILURE,
                "the catalogue cannot be read in time",
            ))),
        }
    }
}

/// Why nothing but the end of the transaction may follow a command that resets all settings.
fn behind_reset(status: TransactionStatus) -> Report {
    match status {
        TransactionStatus::Failed => Report::error(
            "25P02",
            "current transaction is aborted, commands ignored until end of transaction block",
        ),
        TransactionStatus::Idle | TransactionStatus::Open => Report::error(
            refuse::UNSUPPORTED,
            "RESET ALL and DISCARD ALL are supported where nothing is sent with them before the next Sync",
        ),
    }
}

/// The refusal in PostgreSQL's form, unless it ends the session.
pub(crate) fn ending(refusal: &Refusal) -> Result<Report, Ended> {
    let report = refuse::report(refusal);
    match report.severity {
        Severity::Fatal => Err(Ended::with(report)),
        Severity::Error | Severity::Notice => Ok(report),
    }
}
