//! Listeners of the connections: accept, bound, serve, drain. What is spoken on an accepted socket is the adapter's
//! affair; see `serving`.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::config::Limits;
use crate::evidence::AuditLog;
use crate::metrics;
use crate::peers::network;
use crate::serving::Serving;
use crate::shutdown::{Stop, StopSwitch};
use crate::workers::Workers;

/// First pause after the system had no room for another connection (EMFILE, ENFILE, ENOBUFS, ENOMEM).
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    serving: Arc<ArcSwap<Serving>>,
    limits: Arc<ArcSwap<Limits>>,
    switch: StopSwitch,
    task: JoinHandle<()>,
}

impl Listener {
    /// Accepts clients on `socket` from now on.
    pub(crate) fn start(
        name: String,
        socket: TcpListener,
        serving: Serving,
        limits: &Limits,
        log: Arc<AuditLog>,
        workers: Arc<Workers>,
    ) -> io::Result<Listener> {
        let address = socket.local_addr()?;
        let serving = Arc::new(ArcSwap::from_pointee(serving));
        let limits = Arc::new(ArcSwap::from_pointee(limits.clone()));
        let (switch, stop) = StopSwitch::new();
        let loop_ = AcceptLoop {
            name,
            serving: Arc::clone(&serving),
            limits: Arc::clone(&limits),
            clients: Arc::default(),
            callers: Arc::default(),
            log,
            workers,
        };
        let task = tokio::spawn(loop_.run(socket, stop));
        Ok(Listener {
            address,
            serving,
            limits,
            switch,
            task,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How clients are served from now on. Sessions that are open stay with what they have.
    pub(crate) fn replace(&self, serving: Serving) {
        if self.serving.load().fingerprint() != serving.fingerprint() {
            self.serving.swap(Arc::new(serving)).is_replaced();
        }
    }

    /// How many clients are admitted from now on, and how long they are waited for at the end; those connected already stay.
    pub(crate) fn limit(&self, limits: &Limits) {
        self.limits.store(Arc::new(limits.clone()));
    }

    /// Stops to accept, tells every client's task to finish, and waits for them, at most as long as configured.
    pub(crate) async fn drained(self) {
        self.switch.stop();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener ended by a fault");
        }
    }
}

struct AcceptLoop {
    name: String,
    serving: Arc<ArcSwap<Serving>>,
    limits: Arc<ArcSwap<Limits>>,
    clients: Arc<AtomicUsize>,
    callers: Arc<Callers>,
    log: Arc<AuditLog>,
    workers: Arc<Workers>,
}

impl AcceptLoop {
    async fn run(self, socket: TcpListener, mut stop: Stop) {
        let mut clients = JoinSet::new();
        let mut pause = FIRST_PAUSE;
        let (mut leave, mut told) = StopSwitch::new();
        let mut failed = pin!(self.log.failed());
        let mut has_failed = false;
        let mut cut_off = None;
        loop {
            tokio::select! {
                () = stop.wait() => break,
                () = failed.as_mut(), if !has_failed => {
                    has_failed = true;
                    tracing::error!(connection = self.name, clients = clients.len(), "sessions end, because the audit log has failed");
                    leave.stop();
                    cut_off = Some(Instant::now() + self.limits.load().drain);
                    // Those that come now get no session, and are told why.
                    (leave, told) = StopSwitch::new();
                }
                () = until(cut_off) => {
                    cut_off = None;
                    clients.abort_all();
                }
                Some(ended) = clients.join_next() => self.ended(ended),
                accepted = socket.accept() => match accepted {
                    Ok((client, peer)) => {
                        pause = FIRST_PAUSE;
                        self.admit(client, peer, &mut clients, &told);
                    }
                    Err(error) => {
                        tracing::warn!(connection = self.name, %error, "a client could not be accepted");
                        tokio::time::sleep(pause).await;
                        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                    }
                },
            }
        }
        drop(socket);
        leave.stop();
        self.drain(clients).await;
    }

    /// Serves a client if there is room; otherwise its socket is closed at once, before it costs anything.
    fn admit(&self, client: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>, stop: &Stop) {
        let limits = self.limits.load();
        let Some(place) = Place::take(&self.clients, limits.clients) else {
            metrics::client_refused("clients");
            tracing::warn!(connection = self.name, %peer, "too many clients; this one is closed");
            return;
        };
        let limit = limits.clients_per_address;
        let Some(caller) = Caller::count(&self.callers, peer.ip(), limit) else {
            metrics::client_refused("clients_per_address");
            tracing::warn!(connection = self.name, %peer, "too many clients from one address; this one is closed");
            return;
        };
        if let Err(error) = client.set_nodelay(true) {
            tracing::debug!(connection = self.name, %peer, %error, "delays cannot be turned off");
        }
        let (serving, stop) = (self.serving.load_full(), stop.clone());
        let serve = move |client| async move {
            serving.serve(client, peer, stop).await;
            drop((place, caller));
        };
        if let Err(error) = self.workers.serve(client, clients, serve) {
            tracing::warn!(connection = self.name, %peer, %error, "a client could not be handed over");
        }
    }

    fn ended(&self, ended: Result<(), tokio::task::JoinError>) {
        if ended.is_err_and(|error| error.is_panic()) {
            // The session's own destructor has recorded its end.
            metrics::connection_panic();
            tracing::error!(
                connection = self.name,
                "a client's connection ended by a fault of the gateway"
            );
        }
    }

    async fn drain(&self, mut clients: JoinSet<()>) {
        let deadline = Instant::now() + self.limits.load().drain;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, clients.join_next()).await {
            self.ended(ended);
        }
        if !clients.is_empty() {
            tracing::warn!(
                connection = self.name,
                clients = clients.len(),
                "clients are cut off at the end of the drain"
            );
            clients.shutdown().await;
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// One client among all of a listener, until dropped.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(clients: &Arc<AtomicUsize>, limit: usize) -> Option<Place> {
        let one_more = |count: usize| count.checked_add(1).filter(|count| *count <= limit);
        clients
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()
            .map(|_| Place(Arc::clone(clients)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How many clients every address has, or every network of IPv6: one client has a whole /64 of addresses.
#[derive(Debug, Default)]
struct Callers {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One client in the count of its address, until dropped.
#[derive(Debug)]
struct Caller {
    callers: Arc<Callers>,
    address: IpAddr,
}

impl Caller {
    fn count(callers: &Arc<Callers>, address: IpAddr, limit: usize) -> Option<Caller> {
        let address = network(address);
        let mut counts = callers
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limit {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Caller {
            callers: Arc::clone(callers),
            address,
        })
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut counts = self
            .callers
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_changes_holds_for_the_next_client() {
        let clients = Arc::new(AtomicUsize::new(0));
        let first = Place::take(&clients, 1).unwrap();
        assert!(Place::take(&clients, 1).is_none());
        let second = Place::take(&clients, 2).unwrap();
        assert!(Place::take(&clients, 1).is_none(), "two are there");
        drop((first, second));
        assert!(Place::take(&clients, 1).is_some());
    }

    #[test]
    fn an_address_has_no_more_clients_than_its_limit() {
        let (callers, address) = (Arc::default(), IpAddr::from([192, 0, 2, 1]));
        let first = Caller::count(&callers, address, 1).unwrap();
        assert!(Caller::count(&callers, address, 1).is_none());
        assert!(Caller::count(&callers, address, 2).is_some());
        assert!(Caller::count(&callers, IpAddr::from([192, 0, 2, 2]), 1).is_some());
        drop(first);
        assert!(callers.counts.lock().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_and_a_mapped_address_count_as_one() {
        let callers = Arc::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let _first = Caller::count(&callers, address("2001:db8::1"), 1).unwrap();
        assert!(Caller::count(&callers, address("2001:db8::ffff:2"), 1).is_none());
        assert!(Caller::count(&callers, address("2001:db8:0:1::1"), 1).is_some());
        let _mapped = Caller::count(&callers, address("::ffff:192.0.2.1"), 1).unwrap();
        assert!(Caller::count(&callers, address("192.0.2.1"), 1).is_none());
    }
}
