//! The audit log behind the session's port: callbacks of its writer thread become futures, and every event is counted.
//! What a record says is decided by the session; how it is kept, by `hpol-evidence`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hpol_evidence::log::{Appended, Durability as Kept, Health, LogHandle, LogUnavailable};
use hpol_evidence::record::Event;
use hpol_session::ports::{Durability, Evidence, EvidenceUnavailable, Pending};
use tokio::sync::oneshot;

use crate::config::ReadDurability;
use crate::metrics;

/// The audit log as the session sees it.
#[derive(Debug)]
pub(crate) struct AuditLog {
    log: LogHandle,
    reads: ReadDurability,
    failure_reported: AtomicBool,
}

impl AuditLog {
    pub(crate) fn new(log: LogHandle, reads: ReadDurability) -> AuditLog {
        AuditLog {
            log,
            reads,
            failure_reported: AtomicBool::new(false),
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.log.health()
    }

    /// Appends an event of the gateway itself and waits until it is on disk.
    ///
    /// # Errors
    /// When the log does not take it.
    pub(crate) async fn record(&self, event: Event) -> Result<u64, EvidenceUnavailable> {
        self.append(None, event, Durability::Durable).await
    }

    fn kept(&self, durability: Durability) -> Kept {
        match (durability, self.reads) {
            (Durability::Durable, _) | (Durability::ReadEnd, ReadDurability::Durable) => {
                Kept::Durable
            }
            (Durability::ReadEnd, ReadDurability::Buffered) | (Durability::Buffered, _) => {
                Kept::Buffered
            }
        }
    }

    fn unavailable(&self, why: &LogUnavailable) -> EvidenceUnavailable {
        metrics::evidence_failure();
        if matches!(why, LogUnavailable::Failed(_))
            && !self.failure_reported.swap(true, Ordering::AcqRel)
        {
            tracing::error!(%why, "the audit log has failed; every operation is refused until the gateway is restarted");
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
    ) -> Pending<'_, Result<u64, EvidenceUnavailable>> {
        // Given to the log now and not when first polled, so that the order of calls is the order of records.
        let started = Instant::now();
        let (answer, answered) = oneshot::channel::<Result<Appended, LogUnavailable>>();
        let done = Box::new(move |result| drop(answer.send(result)));
        let taken = self
            .log
            .append(session, &event, self.kept(durability), done);
        Box::pin(async move {
            let result = match taken {
                Ok(()) => answered.await.unwrap_or(Err(LogUnavailable::Closed)),
                Err(why) => Err(why),
            };
            let appended = result.map_err(|why| self.unavailable(&why))?;
            metrics::evidence_append(started.elapsed());
            metrics::observe(&event);
            Ok(appended.sequence)
        })
    }

    fn append_detached(&self, session: Option<&str>, event: Event) {
        metrics::observe(&event);
        let done = Box::new(|result: Result<Appended, LogUnavailable>| {
            if result.is_err() {
                metrics::evidence_failure();
            }
        });
        if let Err(why) = self.log.append(session, &event, Kept::Durable, done) {
            let unavailable = self.unavailable(&why);
            tracing::error!(%unavailable, "the end of something could not be recorded");
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
