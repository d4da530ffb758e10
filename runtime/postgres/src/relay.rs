//! One session in progress: a client, its upstream, and one task that owns both. Decides what is read next and when the
//! session ends; what messages mean is in `forward` (from the client) and `reply` (from the upstream).

use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use hpol_session::OperationResult;
use hpol_session::permit::{Conclusion, Settlement};
use hpol_session::session::{Outcome, Session};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cancel::CancelKey;
use crate::codec::backend::{self, TransactionStatus};
use crate::codec::encode::{self, Report, Severity};
use crate::codec::{Frame, frontend};
use crate::connection::PostgresConnection;
use crate::ended::Ended;
use crate::facts::Reader;
use crate::forward::Purpose;
use crate::forward::settings::FixedSettings;
use crate::refuse;
use crate::states::prepared::{Owed, Prepared};
use crate::upstream::{self, UpstreamKey};
use crate::wire::{Progress, Wire};

/// What a client may send ahead while it is not read: enough to see it leave, and too little to fill memory.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// How long a peer may take to accept a cancel request, or the last words of a session.
const PEER_TIME: Duration = Duration::from_secs(5);

/// A session in progress.
pub(crate) struct Relay<'a> {
    pub(crate) client: Wire,
    pub(crate) upstream: Wire,
    pub(crate) session: &'a Session,
    pub(crate) connection: &'a PostgresConnection,
    pub(crate) upstream_key: Option<UpstreamKey>,
    pub(crate) reader: Reader,
    pub(crate) catalogue_read: Instant,
    pub(crate) catalogue_stale: bool,
    pub(crate) changed_in_transaction: bool,
    /// Something that is masked has run in the transaction, and what the server put off to its end may quote it.
    pub(crate) masked_in_transaction: bool,
    pub(crate) prepared: Prepared,
    pub(crate) settings: FixedSettings,
    pub(crate) status: TransactionStatus,
    /// Messages of the extended protocol were sent since the last Sync.
    pub(crate) segment_open: bool,
    /// An error was sent; the client's messages count for nothing up to its Sync.
    pub(crate) skipping: bool,
    pub(crate) copy_in: CopyIn,
    pub(crate) holding: Option<Holding>,
    /// A message that is looked at again once everything owed is there.
    pub(crate) parked: Option<Frame>,
    /// Outcomes to be recorded before what was written to the client since then is released.
    due: Vec<Conclusion>,
    unreleased: Option<usize>,
    /// What runs is to be canceled, since nothing more of it may be shown.
    pub(crate) cancel_cut: bool,
    /// When the client went away and until when what it asked for may go on.
    gone: Option<(&'static str, Instant)>,
    draining: bool,
    asked_for_replies: bool,
}

/// Where a COPY from the client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyIn {
    None,
    /// The client sends rows.
    Active,
}

/// An operation that waits for its approvers. Dropping it withdraws the request.
pub(crate) struct Holding {
    pub(crate) outcome: Pin<Box<dyn Future<Output = Outcome<Bytes>> + Send>>,
    pub(crate) purpose: Purpose,
}

impl<'a> Relay<'a> {
    pub(crate) fn new(
        client: Wire,
        upstream: Wire,
        session: &'a Session,
        connection: &'a PostgresConnection,
        upstream_key: Option<UpstreamKey>,
        reader: Reader,
        settings: FixedSettings,
    ) -> Relay<'a> {
        Relay {
            client,
            upstream,
            session,
            connection,
            upstream_key,
            reader,
            catalogue_read: Instant::now(),
            catalogue_stale: false,
            changed_in_transaction: false,
            masked_in_transaction: false,
            prepared: Prepared::default(),
            settings,
            status: TransactionStatus::Idle,
            segment_open: false,
            skipping: false,
            copy_in: CopyIn::None,
            holding: None,
            parked: None,
            due: Vec::new(),
            unreleased: None,
            cancel_cut: false,
            gone: None,
            draining: false,
            asked_for_replies: false,
        }
    }

    /// Serves the client until the session ends; tells why.
    pub(crate) async fn run(
        &mut self,
        cancel: &CancelKey<'_>,
        shutdown: &mut watch::Receiver<bool>,
    ) -> String {
        // Waited for all the time, and not anew for each message.
        let canceled = || cancel.requested();
        let (mut cancel, mut stop) = (pin!(canceled()), pin!(asked_to_stop(shutdown)));
        let ended = loop {
            let step = self.step(cancel.as_mut(), stop.as_mut(), canceled);
            if let Err(ended) = step.await {
                break ended;
            }
        };
        self.finish(ended).await
    }

    async fn step<C: Future<Output = ()>>(
        &mut self,
        mut cancel: Pin<&mut C>,
        stop: Pin<&mut impl Future<Output = ()>>,
        canceled: impl Fn() -> C,
    ) -> Result<(), Ended> {
        self.answer_upstream().await?;
        self.answer_client().await?;
        self.ask_for_replies();
        self.conclude_not_run();
        self.release().await?;
        self.end_if_quiet()?;
        let read_client =
            self.gone.is_none() && (self.accepts() || self.client.unread() < READ_AHEAD_BYTES);
        let read_upstream = !self.client.is_congested();
        let deadline = self.gone.map(|(_, deadline)| deadline);
        // Only a session that ends waits for what was said to be gone.
        let tell = self.draining;
        let Relay {
            client,
            upstream,
            holding,
            ..
        } = self;
        tokio::select! {
            progress = upstream.drive(read_upstream, false) => match progress {
                Ok(Progress::Read | Progress::Wrote) => Ok(()),
                Ok(Progress::Closed) | Err(_) => self.upstream_left(),
            },
            progress = client.drive(read_client, tell) => {
                match progress {
                    Ok(Progress::Read | Progress::Wrote) => {}
                    Ok(Progress::Closed) | Err(_) => self.client_left("the client went away"),
                }
                Ok(())
            }
            outcome = decided(holding) => {
                if let Some(Holding { purpose, .. }) = self.holding.take() {
                    self.proceed_held(outcome, purpose).await?;
                }
                Ok(())
            }
            () = cancel.as_mut() => {
                cancel.set(canceled());
                self.cancel().await
            }
            () = stop, if !tell => {
                self.draining = true;
                Ok(())
            }
            () = until(deadline) => {
                self.cancel_upstream().await;
                Err(Ended::quietly("the client went away while an operation was running"))
            }
        }
    }

    /// Whether the client's next message may be looked at.
    pub(crate) fn accepts(&self) -> bool {
        self.gone.is_none()
            && self.holding.is_none()
            && !self.prepared.awaits_copy()
            && !self.prepared.is_full()
            && !self.upstream.is_congested()
            && (self.parked.is_none() || self.prepared.is_idle())
    }

    async fn answer_upstream(&mut self) -> Result<(), Ended> {
        while !self.client.is_congested() {
            match self.upstream.next(backend::limit) {
                Ok(Some(frame)) if frame.tag() == backend::NOTIFICATION => {
                    // What came before it is released before it.
                    self.release().await?;
                    self.notified(&frame).await?;
                }
                Ok(Some(frame)) => self.reply(&frame)?,
                Ok(None) => break,
                Err(malformed) => return Err(Ended::upstream_misbehaved(&malformed)),
            }
        }
        if std::mem::take(&mut self.cancel_cut) {
            // The server hangs up once the request has arrived, so it cannot reach what comes next.
            self.cancel_upstream().await;
        }
        self.release().await
    }

    /// Takes note of an outcome. What is written to the client from now on waits until it is recorded.
    pub(crate) fn conclude(&mut self, conclusion: Option<Conclusion>) {
        if let Some(conclusion) = conclusion {
            self.unreleased.get_or_insert(self.client.out.len());
            self.due.push(conclusion);
        }
    }

    /// Records the outcomes that are due, all at once, and releases the ends of their replies.
    async fn release(&mut self) -> Result<(), Ended> {
        if self.due.is_empty() {
            return Ok(());
        }
        let recorded = Conclusion::record(self.due.drain(..)).await;
        let unreleased = self.unreleased.take();
        recorded.map_err(|refusal| {
            self.client.out.truncate(unreleased.unwrap_or(0));
            Ended::with(refuse::fatal(&refusal))
        })
    }

    /// The server keeps replies back until a Sync, which a client that is not read any further cannot send.
    fn ask_for_replies(&mut self) {
        if self.prepared.is_full() && !std::mem::replace(&mut self.asked_for_replies, true) {
            encode::empty(&mut self.upstream.out, frontend::FLUSH);
        }
        self.asked_for_replies &= self.prepared.is_full();
    }

    async fn answer_client(&mut self) -> Result<(), Ended> {
        // A client that leaves takes what waits for approval with it.
        if self.holding.is_some() && self.client.peek_tag() == Some(frontend::TERMINATE) {
            self.client_left("the client ended the session");
        }
        while self.accepts() {
            let frame = match self.parked.take() {
                Some(frame) => frame,
                None => match self.client.next(frontend::session_limit) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => return Ok(()),
                    Err(malformed) => return Err(Ended::misbehaved(&malformed)),
                },
            };
            self.ask(frame).await?;
        }
        Ok(())
    }

    /// The client will send nothing more. What runs may end, so that its outcome is recorded; what waits is withdrawn.
    pub(crate) fn client_left(&mut self, why: &'static str) {
        self.holding = None;
        self.parked = None;
        self.gone.get_or_insert((
            why,
            Instant::now() + self.connection.settings().limits.drain,
        ));
    }

    fn upstream_left(&mut self) -> Result<(), Ended> {
        Err(Ended::with(Report::fatal(
            refuse::CONNECTION_FAILURE,
            "the upstream closed the connection",
        )))
    }

    fn end_if_quiet(&mut self) -> Result<(), Ended> {
        if !self.prepared.is_idle() || self.holding.is_some() {
            return Ok(());
        }
        if let Some((why, _)) = self.gone {
            return Err(Ended::quietly(why));
        }
        if self.draining
            && self.status == TransactionStatus::Idle
            && !self.segment_open
            && self.client.out.is_empty()
        {
            return Err(Ended::with(Report::fatal(
                refuse::ADMIN_SHUTDOWN,
                "the gateway is shutting down",
            )));
        }
        Ok(())
    }

    /// The client asked, on another connection, to cancel.
    async fn cancel(&mut self) -> Result<(), Ended> {
        match self.holding.take() {
            Some(Holding { outcome, purpose }) => {
                drop(outcome);
                let report = Report::error(
                    refuse::QUERY_CANCELED,
                    "canceled while waiting for approval",
                );
                self.fail(report, &purpose);
            }
            // A request that comes late finds nothing of this session running, and must not reach the next operation.
            None if self.prepared.is_idle() => {}
            None => self.cancel_upstream().await,
        }
        Ok(())
    }

    async fn cancel_upstream(&mut self) {
        let Some(key) = self.upstream_key else { return };
        match tokio::time::timeout(PEER_TIME, upstream::cancel(self.connection, key)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(session = self.session.id(), %error, "a cancel request was not delivered")
            }
            Err(_) => tracing::warn!(
                session = self.session.id(),
                "a cancel request was not answered in time"
            ),
        }
    }

    /// Takes note of operations that were permitted and then skipped.
    pub(crate) fn conclude_not_run(&mut self) {
        for receipt in self.prepared.take_not_run() {
            self.conclude(Some(receipt.conclude(not_run())));
        }
    }

    /// Both sides, to be closed.
    pub(crate) fn into_wires(self) -> (Wire, Wire) {
        (self.client, self.upstream)
    }

    /// Says goodbye to both sides and records what is still open.
    async fn finish(&mut self, ended: Ended) -> String {
        self.holding = None;
        let (owed, receipts) = self.prepared.abandon();
        let mut due = std::mem::take(&mut self.due);
        for owed in owed {
            if let Owed::Query(mut running) | Owed::Execute(mut running) = owed {
                due.extend(running.conclude(OperationResult::Interrupted, String::new()));
            }
        }
        for receipt in receipts.into_iter().chain(self.prepared.take_not_run()) {
            due.push(receipt.conclude(not_run()));
        }
        // The session ends whether or not the log takes this; what is not released stays so.
        if Conclusion::record(due).await.is_err()
            && let Some(unreleased) = self.unreleased.take()
        {
            self.client.out.truncate(unreleased);
        }
        if self.gone.is_none()
            && let Some(report) = ended.report
        {
            Report {
                severity: Severity::Fatal,
                ..report
            }
            .write(&mut self.client.out);
        }
        encode::empty(&mut self.upstream.out, frontend::TERMINATE);
        ended.reason
    }
}

fn not_run() -> Settlement {
    Settlement::empty(OperationResult::NotRun, String::new())
}

async fn decided(holding: &mut Option<Holding>) -> Outcome<Bytes> {
    match holding {
        Some(holding) => holding.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn asked_to_stop(shutdown: &mut watch::Receiver<bool>) {
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        // Whoever could ask is gone.
        std::future::pending().await
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
