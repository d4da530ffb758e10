//! The gateway's own cancel keys: a client never sees the upstream's, and what it cancels is its own session's operation
//! or nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{constant_time, rand};
use tokio::sync::Notify;

/// The keys of all sessions. One for a whole gateway, so that a session keeps its key when its connection is configured
/// anew.
#[derive(Debug, Default)]
pub struct CancelKeys {
    sessions: Mutex<HashMap<u32, (u32, Arc<Notify>)>>,
}

/// A session's key. Ends with the session.
#[derive(Debug)]
pub(crate) struct CancelKey<'a> {
    keys: &'a CancelKeys,
    pub(crate) process: u32,
    pub(crate) secret: u32,
    cancelled: Arc<Notify>,
}

/// No randomness is to be had, so no key can be made.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub(crate) struct NoRandomness;

impl CancelKeys {
    /// A fresh key.
    pub(crate) fn register(&self) -> Result<CancelKey<'_>, NoRandomness> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut bytes = [0; 8];
            rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
            let [a, b, c, d, e, f, g, h] = bytes;
            // Clients show the process as a signed number: keep it positive.
            let (process, secret) = (
                u32::from_be_bytes([a & 0x7f, b, c, d]),
                u32::from_be_bytes([e, f, g, h]),
            );
            if process == 0 || sessions.contains_key(&process) {
                continue;
            }
            let cancelled = Arc::new(Notify::new());
            sessions.insert(process, (secret, Arc::clone(&cancelled)));
            return Ok(CancelKey {
                keys: self,
                process,
                secret,
                cancelled,
            });
        }
    }

    /// Tells the session of this key that its client wants to cancel; whether there is one is nobody's business.
    ///
    /// A key holds 63 random bits, so there is no limit on wrong ones: it would let strangers silence the right ones.
    pub(crate) fn request(&self, process: u32, secret: u32) {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sessions.get(&process);
        let kept = known.map_or(0, |(kept, _)| *kept);
        let equal =
            constant_time::verify_slices_are_equal(&kept.to_be_bytes(), &secret.to_be_bytes())
                .is_ok();
        if let (Some((_, session)), true) = (known, equal) {
            // One permit is kept for a session that is not listening just now; several requests are one.
            session.notify_one();
        }
    }
}

impl CancelKey<'_> {
    /// Resolves when the client asked to cancel. Cancel-safe.
    pub(crate) async fn requested(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for CancelKey<'_> {
    fn drop(&mut self) {
        self.keys
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_cancelled(key: &CancelKey<'_>) -> bool {
        tokio::select! { biased; () = key.requested() => true, () = std::future::ready(()) => false }
    }

    #[tokio::test]
    async fn only_the_exact_key_cancels_and_only_its_session() {
        let keys = CancelKeys::default();
        let (one, two) = (keys.register().unwrap(), keys.register().unwrap());
        keys.request(one.process, one.secret ^ 1);
        keys.request(one.process ^ 1, one.secret);
        assert!(!is_cancelled(&one).await);
        keys.request(one.process, one.secret);
        assert!(is_cancelled(&one).await);
        assert!(!is_cancelled(&two).await);
        let (process, secret) = (one.process, one.secret);
        drop(one);
        keys.request(process, secret);
        assert!(!is_cancelled(&two).await);
    }
}
