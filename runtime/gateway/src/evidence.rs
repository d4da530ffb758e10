//! The audit log behind the session's port: callbacks of its writer thread become futures, and every event is counted.
//! What a record says is decided by the session; how it is kept, by `hpol-evidence`.

mod refusals;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hpol_bundle::decision::Verdict;
use hpol_bundle::vocabulary::Protocol;
use hpol_evidence::log::{Health, LogHandle, LogUnavailable};
use hpol_evidence::record::Event;
use hpol_session::ports::{Durability, Evidence, EvidenceUnavailable, Pending};
use jiff::Timestamp;

use crate::config::ReadDurability;
use crate::{courier, metrics};
use refusals::{Admitted, COUNT_EVERY, Refusals};

/// How often a log that nothing is appended to is asked whether it has failed.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The audit log as the session sees it.
#[derive(Debug)]
pub(crate) struct AuditLog {
    log: LogHandle,
    reads: ReadDurability,
    failure_reported: AtomicBool,
    refusals: Arc<Mutex<Refusals>>,
}

/// How the log keeps one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Whoever appends waits until it is on disk.
    Awaited,
    /// Before whatever is appended next.
    InOrder,
    /// Likewise, and the record says that nobody waited.
    Buffered,
}

impl AuditLog {
    pub(crate) fn new(log: LogHandle, reads: ReadDurability) -> AuditLog {
        AuditLog {
            log,
            reads,
            failure_reported: AtomicBool::new(false),
            refusals: Arc::new(Mutex::new(Refusals::new(Instant::now()))),
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.log.health()
    }

    /// Appends an event of the gateway itself and waits until it is on disk.
    ///
    /// # Errors
    /// When the log does not take it.
    pub(crate) async fn record(&self, event: Event) -> Result<(), EvidenceUnavailable> {
        self.append(None, event, Durability::Durable).await
    }

    /// Puts the refusals that were counted and not recorded yet on record.
    pub(crate) fn record_counted_refusals(&self) {
        if record_counted(&self.log, &self.refusals) {
            return;
        }
        // There is no later time: at least the log says that a record was lost.
        let last = lock(&self.refusals).record_count(|event| self.log.append_detached(None, event));
        if let Err(why) = last {
            tracing::error!(%why, "how many clients were turned away could not be recorded");
        }
    }

    fn kept(&self, durability: Durability) -> Kept {
        match (durability, self.reads) {
            (Durability::Durable, _) | (Durability::ReadEnd, ReadDurability::Durable) => {
                Kept::Awaited
            }
            // Reads that never wait would fill the queue, and then every operation is refused.
            (Durability::ReadEnd, ReadDurability::Buffered) if self.log.is_behind() => {
                Kept::Awaited
            }
            (Durability::ReadEnd, ReadDurability::Buffered) => Kept::Buffered,
            (Durability::Buffered, _) => Kept::InOrder,
        }
    }

    /// Whether `event` gets a record of its own.
    fn admits(&self, event: &Event) -> bool {
        let Event::SessionRefused { client, .. } = event else {
            return true;
        };
        let admitted = lock(&self.refusals).admit(client, Instant::now(), Timestamp::now());
        if admitted == Admitted::First {
            let (log, refusals) = (self.log.clone(), Arc::clone(&self.refusals));
            tokio::spawn(async move {
                tokio::time::sleep(COUNT_EVERY).await;
                while !record_counted(&log, &refusals) {
                    tokio::time::sleep(COUNT_EVERY).await;
                }
            });
        }
        admitted == Admitted::Recorded
    }

    /// A session needs records that will not fit any more.
    fn has_room(&self, event: &Event) -> Result<(), EvidenceUnavailable> {
        if matches!(event, Event::SessionOpened { .. }) && self.log.health() == Health::Full {
            return Err(EvidenceUnavailable {
                why: "the disk of the audit log is full, so no session begins".to_owned(),
            });
        }
        Ok(())
    }

    /// Resolves once the log has failed and stays so. That is known for a moment before, so that whoever asks for something
    /// just then is told why it is refused. Cancel-safe.
    pub(crate) async fn failed(&self) {
        let mut known = false;
        loop {
            if let Health::Failed { why } = self.log.health() {
                if known {
                    return;
                }
                known = true;
                self.report_failure(&why);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Tells the operator, once.
    fn report_failure(&self, why: &dyn std::fmt::Display) {
        if !self.failure_reported.swap(true, Ordering::AcqRel) {
            tracing::error!(%why, "the audit log has failed; every operation is refused and sessions end, until the gateway is restarted");
        }
    }

    fn unavailable(&self, why: &LogUnavailable) -> EvidenceUnavailable {
        metrics::evidence_failure();
        if matches!(why, LogUnavailable::Failed(_)) {
            self.report_failure(why);
        }
        EvidenceUnavailable {
            why: why.to_string(),
        }
    }
}

impl Evidence for AuditLog {
    fn append(
        &self,
        session: Option<&str>,
        event: Event,
        durability: Durability,
    ) -> Pending<'_, Result<(), EvidenceUnavailable>> {
        if !self.admits(&event) {
            metrics::observe(&event);
            return Box::pin(std::future::ready(Ok(())));
        }
        if let Err(unavailable) = self.has_room(&event) {
            return Box::pin(std::future::ready(Err(unavailable)));
        }
        // Given to the log now and not when first polled, so that the order of calls is the order of records.
        let (taken, answered) = match self.kept(durability) {
            Kept::Awaited => {
                let (tell, answered) = courier::ask();
                let started = Instant::now();
                let taken = self.log.append(session, &event, Box::new(tell));
                (taken, Some((answered, started)))
            }
            Kept::InOrder => (self.log.append_in_order(session, &event), None),
            Kept::Buffered => (self.log.append_buffered(session, &event), None),
        };
        if taken.is_ok() && answered.is_none() {
            metrics::observe(&event);
            return Box::pin(std::future::ready(Ok(())));
        }
        Box::pin(async move {
            let result = match (taken, answered) {
                (Ok(()), Some((answered, started))) => answered
                    .await
                    .unwrap_or(Err(LogUnavailable::Closed))
                    .map(|_| metrics::evidence_append(started.elapsed())),
                (taken, _) => taken,
            };
            result.map_err(|why| {
                metrics::unrecorded(&event);
                self.unavailable(&why)
            })?;
            metrics::observe(&event);
            Ok(())
        })
    }

    fn append_detached(&self, session: Option<&str>, event: Event) {
        metrics::observe(&event);
        if let Err(why) = self.log.append_detached(session, &event) {
            if !matches!(why, LogUnavailable::Failed(_) | LogUnavailable::Closed) {
                metrics::evidence_lost();
            }
            let unavailable = self.unavailable(&why);
            tracing::error!(%unavailable, "the end of something could not be recorded");
        }
    }

    fn decided(&self, protocol: Protocol, verdict: Verdict, took: Duration) {
        metrics::decided(protocol, verdict, took);
    }
}

/// Whether nothing is left to be recorded later: a log that is behind gets the count, and what comes to it, once it is not.
fn record_counted(log: &LogHandle, refusals: &Mutex<Refusals>) -> bool {
    match lock(refusals).record_count(|event| log.append_in_order(None, event)) {
        Ok(()) => true,
        Err(LogUnavailable::Busy) => false,
        Err(why) => {
            tracing::error!(%why, "how many clients were turned away could not be recorded");
            matches!(why, LogUnavailable::Failed(_) | LogUnavailable::Closed)
        }
    }
}

fn lock(refusals: &Mutex<Refusals>) -> std::sync::MutexGuard<'_, Refusals> {
    refusals.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests;
