//! The verifying keys of one issuer: kept for a bounded time, renewed in the background, and asked for anew when a token
//! names a key that is not known. However many such tokens arrive, the issuer is asked once in a while only.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::fetch::Fetcher;
use super::oidc::{Discover, VerifyingKey, discover};

/// How often keys are renewed and how long they live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Renewal while all is well.
    pub(crate) renewal: Duration,
    /// Shortest time between two fetches, whatever tokens ask for.
    pub(crate) spacing: Duration,
    /// How long keys are used while the issuer cannot be reached.
    pub(crate) longest_use: Duration,
    /// Longest wait of one authentication for a fetch.
    pub(crate) patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            renewal: Duration::from_secs(300),
            spacing: Duration::from_secs(5),
            longest_use: Duration::from_secs(3600),
            patience: Duration::from_secs(12),
        }
    }
}

/// Why there is no key to verify a token with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKey {
    #[error("token is signed by a key that the issuer does not publish")]
    Unknown,
    #[error("the issuer's keys are not known: {0}")]
    Unavailable(String),
}

/// What the last fetches brought.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    keys: Arc<[VerifyingKey]>,
    fetched: Option<Instant>,
    attempted: Option<Instant>,
    attempts: u64,
    failure: Option<Discover>,
}

/// The keys of one issuer. Its task ends with it.
#[derive(Debug)]
pub(crate) struct Keys {
    timing: Timing,
    snapshot: watch::Receiver<Snapshot>,
    wanted: Arc<Notify>,
    renewing: JoinHandle<()>,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl Keys {
    /// Begins to fetch at once.
    pub(crate) fn start(issuer: String, fetcher: Fetcher, timing: Timing) -> Keys {
        let (publish, snapshot) = watch::channel(Snapshot::default());
        let wanted = Arc::new(Notify::new());
        let renewing = tokio::spawn(renew(issuer, fetcher, timing, publish, Arc::clone(&wanted)));
        Keys {
            timing,
            snapshot,
            wanted,
            renewing,
        }
    }

    /// The keys that may have signed a token with this header: known ones, or those of a fresh fetch.
    ///
    /// # Errors
    /// When there is none, or none can be known. Cancel-safe.
    pub(crate) async fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<VerifyingKey>, NoKey> {
        let known = self.fitting(kid, algorithm);
        if !known.is_empty() {
            return Ok(known);
        }
        self.renewed().await;
        let known = self.fitting(kid, algorithm);
        if !known.is_empty() {
            return Ok(known);
        }
        let snapshot = self.snapshot.borrow();
        match (&snapshot.failure, self.usable(&snapshot)) {
            (Some(failure), _) => Err(NoKey::Unavailable(failure.to_string())),
            (None, true) => Err(NoKey::Unknown),
            (None, false) => Err(NoKey::Unavailable(
                "the issuer has not answered yet".to_owned(),
            )),
        }
    }

    /// The keys after a fetch that was asked for because a known key did not verify: the issuer may have given its id to
    /// another one.
    pub(crate) async fn candidates_anew(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Vec<VerifyingKey> {
        if self.renewed().await {
            self.fitting(kid, algorithm)
        } else {
            Vec::new()
        }
    }

    fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<VerifyingKey> {
        let snapshot = self.snapshot.borrow();
        if !self.usable(&snapshot) {
            return Vec::new();
        }
        let fitting: Vec<_> = snapshot
            .keys
            .iter()
            .filter(|key| key.fits(kid, algorithm))
            .cloned()
            .collect();
        // Without an id only a sole candidate is beyond doubt.
        if kid.is_none() && fitting.len() > 1 {
            Vec::new()
        } else {
            fitting
        }
    }

    fn usable(&self, snapshot: &Snapshot) -> bool {
        snapshot
            .fetched
            .is_some_and(|fetched| fetched.elapsed() < self.timing.longest_use)
    }

    /// Waits for a fetch, if one is due; tells whether there was one.
    async fn renewed(&self) -> bool {
        let mut snapshot = self.snapshot.clone();
        let (attempts, attempted) = {
            let now = snapshot.borrow_and_update();
            (now.attempts, now.attempted)
        };
        if attempted.is_some_and(|attempted| attempted.elapsed() < self.timing.spacing) {
            return false;
        }
        self.wanted.notify_one();
        let newer = snapshot.wait_for(|snapshot| snapshot.attempts > attempts);
        matches!(
            tokio::time::timeout(self.timing.patience, newer).await,
            Ok(Ok(_))
        )
    }
}

async fn renew(
    issuer: String,
    fetcher: Fetcher,
    timing: Timing,
    publish: watch::Sender<Snapshot>,
    wanted: Arc<Notify>,
) {
    loop {
        let outcome = discover(&issuer, &fetcher).await;
        if let Err(failure) = &outcome {
            tracing::warn!(issuer, %failure, "keys of the issuer could not be renewed");
        }
        let pause = if outcome.is_ok() {
            timing.renewal
        } else {
            timing.spacing
        };
        publish.send_modify(|snapshot| {
            let now = Instant::now();
            snapshot.attempted = Some(now);
            snapshot.attempts = snapshot.attempts.saturating_add(1);
            match outcome {
                Ok(keys) => {
                    snapshot.keys = keys.into();
                    snapshot.fetched = Some(now);
                    snapshot.failure = None;
                }
                Err(failure) => snapshot.failure = Some(failure),
            }
        });
        tokio::time::sleep(timing.spacing).await;
        let _ = tokio::time::timeout(pause.saturating_sub(timing.spacing), wanted.notified()).await;
    }
}
