//! The gateway's own cancel keys: a client never sees the upstream's, and what it cancels is its own session's operation
//! or nothing.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, rand};
use tokio::sync::Notify;

use crate::codec::login::CancelSecret;

/// The only length that protocol 3.0 has room for, and the one that PostgreSQL gives from 3.2 on.
const SHORT_SECRET_BYTES: usize = 4;
const LONG_SECRET_BYTES: usize = 32;

/// Requests with a wrong key that one address may make in a window before they are told of. A key that comes too late is a
/// wrong one, so a busy client makes some in good faith. Many clients can share an address, so that a right key cancels
/// however many wrong ones came from there.
const WRONG_KEYS: u32 = 100;
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are watched at once. Beyond it, guesses are not counted: a short key has 63 random bits.
const WATCHED_ADDRESSES: usize = 4096;

/// The keys of all sessions. One for a whole gateway, so that a session keeps its key when its connection is configured
/// anew.
#[derive(Debug, Default)]
pub struct CancelKeys {
    sessions: Mutex<HashMap<u32, Registered>>,
    guesses: Mutex<Guesses>,
}

#[derive(Debug)]
struct Registered {
    secret: CancelSecret,
    client: IpAddr,
    cancelled: Arc<Notify>,
}

/// A session's key. Ends with the session.
#[derive(Debug)]
pub(crate) struct CancelKey<'a> {
    keys: &'a CancelKeys,
    pub(crate) process: u32,
    pub(crate) secret: CancelSecret,
    cancelled: Arc<Notify>,
}

/// No randomness is to be had, so no key can be made.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub(crate) struct NoRandomness;

impl CancelKeys {
    /// A fresh key for a client that speaks this minor version of protocol 3.
    pub(crate) fn register(
        &self,
        minor: u16,
        client: IpAddr,
    ) -> Result<CancelKey<'_>, NoRandomness> {
        let length = if minor >= 2 {
            LONG_SECRET_BYTES
        } else {
            SHORT_SECRET_BYTES
        };
        let mut sessions = locked(&self.sessions);
        loop {
            let (mut process, mut secret) = ([0; 4], [0; LONG_SECRET_BYTES]);
            rand::fill(&mut process).map_err(|_| NoRandomness)?;
            rand::fill(&mut secret).map_err(|_| NoRandomness)?;
            // Clients show the process as a signed number: keep it positive.
            let process = u32::from_be_bytes(process) >> 1;
            if process == 0 || sessions.contains_key(&process) {
                continue;
            }
            let secret = secret.get(..length).and_then(CancelSecret::new);
            let secret = secret.ok_or(NoRandomness)?;
            let cancelled = Arc::new(Notify::new());
            let registered = Registered {
                secret,
                client: client.to_canonical(),
                cancelled: Arc::clone(&cancelled),
            };
            sessions.insert(process, registered);
            return Ok(CancelKey {
                keys: self,
                process,
                secret,
                cancelled,
            });
        }
    }

    /// Tells the session of this key that its client wants to cancel; whether there is one is nobody's business. A request
    /// has no name, so that it is the session's client who asks is told by the key and by where it comes from.
    pub(crate) fn request(
        &self,
        process: u32,
        secret: &CancelSecret,
        client: IpAddr,
        now: Instant,
    ) {
        let client = client.to_canonical();
        let sessions = locked(&self.sessions);
        let known = sessions.get(&process);
        // Compared in any case, so that the time tells nothing of which sessions there are.
        let kept = known.map_or(secret, |registered| &registered.secret);
        let equal = constant_time::verify_slices_are_equal(kept.as_bytes(), secret.as_bytes());
        match known.filter(|registered| equal.is_ok() && registered.client == client) {
            // One permit is kept for a session that is not listening just now; several requests are one.
            Some(registered) => registered.cancelled.notify_one(),
            None => {
                drop(sessions);
                match locked(&self.guesses).count(client, now) {
                    Guess::Counted => {
                        tracing::debug!(%client, "a cancel request has no session's key");
                    }
                    Guess::Last => {
                        tracing::debug!(%client, "too many cancel requests have no session's key; no more are told of for a while");
                    }
                    Guess::Barred => {}
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CancelKey<'_> {
    /// Resolves when the client asked to cancel. Cancel-safe.
    pub(crate) async fn requested(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for CancelKey<'_> {
    fn drop(&mut self) {
        locked(&self.keys.sessions).remove(&self.process);
    }
}

/// Wrong keys, by where they came from. Strangers elsewhere cannot silence a client with theirs.
#[derive(Debug, Default)]
struct Guesses {
    /// When the window began, and how many there were in it.
    by_address: HashMap<IpAddr, (Instant, u32)>,
}

/// What a wrong key is to its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    /// One of those that happen.
    Counted,
    /// The last of them.
    Last,
    /// One more, of no interest.
    Barred,
}

impl Guesses {
    fn count(&mut self, client: IpAddr, now: Instant) -> Guess {
        if !self.by_address.contains_key(&client) && self.by_address.len() >= WATCHED_ADDRESSES {
            self.by_address
                .retain(|_, (since, _)| is_recent(*since, now));
            if self.by_address.len() >= WATCHED_ADDRESSES {
                return Guess::Barred;
            }
        }
        let (since, wrong) = self.by_address.entry(client).or_insert((now, 0));
        if !is_recent(*since, now) {
            (*since, *wrong) = (now, 0);
        }
        *wrong = wrong.saturating_add(1);
        match (*wrong).cmp(&WRONG_KEYS) {
            Ordering::Less => Guess::Counted,
            Ordering::Equal => Guess::Last,
            Ordering::Greater => Guess::Barred,
        }
    }
}

fn is_recent(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < WINDOW
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ELSEWHERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    async fn is_cancelled(key: &CancelKey<'_>) -> bool {
        tokio::select! { biased; () = key.requested() => true, () = std::future::ready(()) => false }
    }

    fn changed(secret: &CancelSecret) -> CancelSecret {
        let mut bytes = secret.as_bytes().to_vec();
        bytes[0] ^= 1;
        CancelSecret::new(&bytes).unwrap()
    }

    #[tokio::test]
    async fn pg_29_30_only_the_exact_key_cancels_and_only_its_session() {
        let (keys, now) = (CancelKeys::default(), Instant::now());
        for minor in [0, 2] {
            let one = keys.register(minor, HERE).unwrap();
            let two = keys.register(minor, HERE).unwrap();
            assert_ne!(one.secret, two.secret);
            let longer = [one.secret.as_bytes(), &[0]].concat();
            let longer = CancelSecret::new(&longer).unwrap();
            let front = CancelSecret::new(&one.secret.as_bytes()[..4]).unwrap();
            keys.request(one.process, &changed(&one.secret), HERE, now);
            keys.request(one.process, &longer, HERE, now);
            keys.request(one.process ^ 1, &one.secret, HERE, now);
            keys.request(one.process, &two.secret, HERE, now);
            keys.request(one.process, &one.secret, ELSEWHERE, now);
            if minor == 2 {
                keys.request(one.process, &front, HERE, now);
            }
            assert!(!is_cancelled(&one).await);
            let mapped = IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
            keys.request(one.process, &one.secret, mapped, now);
            assert!(is_cancelled(&one).await);
            assert!(!is_cancelled(&two).await);
            let (process, secret) = (one.process, one.secret);
            drop(one);
            keys.request(process, &secret, HERE, now);
            assert!(!is_cancelled(&two).await);
        }
    }

    #[test]
    fn a_key_is_as_long_as_the_protocol_has_room() {
        let keys = CancelKeys::default();
        let length = |minor| {
            let key = keys.register(minor, HERE).unwrap();
            (key.secret.as_bytes().len(), key.process <= i32::MAX as u32)
        };
        assert_eq!([0, 1, 2].map(length), [(4, true), (4, true), (32, true)]);
    }

    #[tokio::test]
    async fn pg_29_wrong_keys_bar_nobody_who_has_the_right_one() {
        let (keys, now) = (CancelKeys::default(), Instant::now());
        let (here, elsewhere) = (
            keys.register(2, HERE).unwrap(),
            keys.register(2, ELSEWHERE).unwrap(),
        );
        for _ in 0..10 * WRONG_KEYS {
            keys.request(here.process, &changed(&here.secret), HERE, now);
            keys.request(elsewhere.process, &elsewhere.secret, HERE, now);
        }
        assert!(!is_cancelled(&here).await);
        assert!(!is_cancelled(&elsewhere).await);
        // The one who guesses may share the address with everybody else.
        keys.request(here.process, &here.secret, HERE, now);
        assert!(is_cancelled(&here).await);
    }

    #[test]
    fn pg_29_wrong_keys_are_told_of_up_to_a_number_in_a_window() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for _ in 1..WRONG_KEYS {
            assert_eq!(guesses.count(HERE, now), Guess::Counted);
        }
        assert_eq!(guesses.count(HERE, now), Guess::Last);
        assert_eq!(guesses.count(HERE, now), Guess::Barred);
        assert_eq!(guesses.count(ELSEWHERE, now), Guess::Counted);
        assert_eq!(guesses.count(HERE, now + WINDOW), Guess::Counted);
    }

    #[test]
    fn what_is_remembered_of_guesses_is_bounded() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let address = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(n));
        for n in 0..10_000 {
            guesses.count(address(n), now);
        }
        assert_eq!(guesses.by_address.len(), WATCHED_ADDRESSES);
        guesses.count(address(20_000), now + WINDOW);
        assert_eq!(guesses.by_address.len(), 1);
    }
}
