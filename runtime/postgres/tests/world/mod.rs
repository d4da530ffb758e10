//! A door with ports in memory, a small policy built by hand, a real PostgreSQL behind it, and a client that speaks bytes.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what fails here fails a test"
)]

pub mod client;
pub mod policy;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use hpol_evidence::record::Event;
use hpol_operation::sql::{Analyser, Limits as SqlLimits};
use hpol_postgres::{CancelKeys, Limits, PostgresConnection, Secret, Settings, UpstreamTls, serve};
use hpol_session::approvals::{Approval, State};
use hpol_session::door::Door;
use hpol_session::policy::InForce;
use hpol_session::ports::{
    ApprovalStore, ApprovalsUnavailable, Authenticate, AuthenticationRefused, Clock, Durability,
    Evidence, EvidenceUnavailable, Pending,
};
use hpol_session::principal::Principal;
use hpol_support::postgres::{GATEWAY_USER, PostgresServer};
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

/// A gateway with a real PostgreSQL behind it.
pub struct World {
    pub server: PostgresServer,
    gate: Gate,
}

/// What stands between a client and PostgreSQL.
pub struct Gate {
    pub door: Arc<Door>,
    pub log: Arc<MemoryLog>,
    pub clock: Arc<ManualClock>,
    pub cancels: Arc<CancelKeys>,
    pub address: SocketAddr,
    pub shutdown: watch::Sender<bool>,
}

impl Deref for World {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.gate
    }
}

/// Rows with reserved values only.
const SCHEMA: &str = "CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, note text);
    CREATE TABLE orders (id int PRIMARY KEY, customer int, total numeric(10,2), status text);
    INSERT INTO customers VALUES (1, 'Ada', '987-65-4320', 'call 987-65-4321 today'), (2, 'Ben', NULL, 'none');
    INSERT INTO orders SELECT n, 1, n * 1.5, 'open' FROM generate_series(1, 5) n;
    ALTER TABLE customers OWNER TO hpol_gateway; ALTER TABLE orders OWNER TO hpol_gateway;
    GRANT CREATE ON SCHEMA public TO hpol_gateway";

impl World {
    pub async fn start() -> World {
        World::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> World {
        World::build(&[], None, change).await
    }

    /// With settings of the server, a certificate for clients, and changes to the connection's settings.
    pub async fn build(
        server: &[&str],
        tls: Option<Arc<ServerConfig>>,
        change: impl FnOnce(&mut Settings),
    ) -> World {
        let server = PostgresServer::start_with(server).unwrap();
        server.execute("demo", SCHEMA).unwrap();
        let mut settings = with_password(&server);
        change(&mut settings);
        let gate = Gate::open(settings, tls).await;
        World { server, gate }
    }

    /// The same connection, configured anew.
    pub async fn anew(&self) -> Gate {
        let cancels = Arc::clone(&self.cancels);
        Gate::sharing(cancels, with_password(&self.server), None).await
    }
}

fn with_password(server: &PostgresServer) -> Settings {
    Settings {
        password: Secret::new(server.password().to_owned()),
        ..settings(server.port())
    }
}

/// Of a connection to a server on this machine.
pub fn settings(port: u16) -> Settings {
    Settings {
        name: "orders-prod".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        user: GATEWAY_USER.to_owned(),
        password: Secret::new("unknown".to_owned()),
        databases: BTreeMap::from([("orders".to_owned(), "demo".to_owned())]),
        tls: UpstreamTls::Disable,
        danger_plaintext_clients: true,
        danger_upstream_without_password: false,
        limits: Limits::default(),
    }
}

impl Gate {
    /// Listens, before the upstream of `settings`.
    pub async fn open(settings: Settings, tls: Option<Arc<ServerConfig>>) -> Gate {
        Gate::sharing(Arc::default(), settings, tls).await
    }

    /// As after a reload: the sessions before it keep their keys.
    pub async fn sharing(
        cancels: Arc<CancelKeys>,
        settings: Settings,
        tls: Option<Arc<ServerConfig>>,
    ) -> Gate {
        let log = Arc::new(MemoryLog::default());
        let clock = Arc::new(ManualClock(Mutex::new(Timestamp::UNIX_EPOCH)));
        let door = Door::new(clock.clone(), log.clone(), Arc::new(MemoryStore::default()));
        door.install(Arc::new(InForce::new(policy::bundle(), [1; 32]).unwrap()));
        let analyser = Arc::new(Analyser::new(SqlLimits::default()));
        let connection = PostgresConnection::new(settings, analyser, Arc::clone(&cancels));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, stop) = watch::channel(false);
        let accepting = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (connection, door) = (Arc::clone(&connection), Arc::clone(&accepting));
                let (tls, stop) = (tls.clone(), stop.clone());
                tokio::spawn(serve(stream, connection, door, Arc::new(Names), tls, stop));
            }
        });
        Gate {
            door,
            log,
            clock,
            cancels,
            address,
            shutdown,
        }
    }

    pub async fn login(&self) -> client::Client {
        client::Client::login(self.address, "agent").await
    }
}

/// Believes that a token is the name of its subject; `agent` is in `agents`, `dana` and `dirk` are in `dba`.
#[derive(Debug)]
pub struct Names;

impl Authenticate for Names {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pending<'a, Result<Principal, AuthenticationRefused>> {
        Box::pin(async move {
            match token {
                "agent" => Ok(principal("agent", "agents")),
                "dana" | "dirk" => Ok(principal(token, "dba")),
                _ => Err(AuthenticationRefused {
                    why: "the signature is not valid".to_owned(),
                    temporary: false,
                }),
            }
        })
    }
}

pub fn principal(id: &str, group: &str) -> Principal {
    Principal {
        id: id.to_owned(),
        issuer: "https://id.example.com".to_owned(),
        groups: vec![group.to_owned()],
        expires: Timestamp::from_second(3600).unwrap(),
    }
}

#[derive(Debug)]
pub struct ManualClock(pub Mutex<Timestamp>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Debug, Default)]
pub struct MemoryLog {
    pub events: Mutex<Vec<Event>>,
    pub full: std::sync::atomic::AtomicBool,
    appended: Notify,
}

impl MemoryLog {
    fn push(&self, event: Event) -> Result<u64, EvidenceUnavailable> {
        if self.full.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(EvidenceUnavailable {
                why: "disk full".to_owned(),
            });
        }
        let mut events = self.events.lock().unwrap();
        events.push(event);
        self.appended.notify_waiters();
        Ok(events.len() as u64 - 1)
    }

    /// One line for each record but those of sessions.
    pub fn words(&self) -> Vec<String> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter_map(word)
            .collect()
    }

    /// Waits for the end of the first session; tells why it ended.
    pub async fn closed(&self) -> String {
        loop {
            let appended = self.appended.notified();
            let reason = self
                .events
                .lock()
                .unwrap()
                .iter()
                .find_map(|event| match event {
                    Event::SessionClosed { reason, .. } => Some(reason.clone()),
                    _ => None,
                });
            if let Some(reason) = reason {
                return reason;
            }
            appended.await;
        }
    }

    /// Waits until a line begins with `start`.
    pub async fn until(&self, start: &str) {
        loop {
            let appended = self.appended.notified();
            if self.words().iter().any(|word| word.starts_with(start)) {
                return;
            }
            appended.await;
        }
    }
}

fn word(event: &Event) -> Option<String> {
    match event {
        Event::Decision(record) => Some(format!(
            "{} by {}: {}",
            record.verdict,
            record.rules.join("+"),
            record.masked
        )),
        Event::Outcome(record) => {
            let masked: Vec<String> = record
                .masked
                .iter()
                .map(|masked| format!(" {}x{}", masked.class, masked.values))
                .collect();
            Some(format!(
                "{:?} {} rows {}{}",
                record.result,
                record.code,
                record.rows,
                masked.concat()
            ))
        }
        Event::ApprovalClosed { state, .. } => Some(format!("closed {state:?}")),
        Event::SessionRefused { reason, .. } => Some(format!("refused: {reason}")),
        _ => None,
    }
}

impl Evidence for MemoryLog {
    fn append(
        &self,
        _: Option<&str>,
        event: Event,
        _: Durability,
    ) -> Pending<'_, Result<u64, EvidenceUnavailable>> {
        let pushed = self.push(event);
        Box::pin(async move { pushed })
    }

    fn append_detached(&self, _: Option<&str>, event: Event) {
        let _ = self.push(event);
    }
}

#[derive(Debug, Default)]
pub struct MemoryStore {
    approvals: Mutex<BTreeMap<String, Approval>>,
    changed: Notify,
}

impl ApprovalStore for MemoryStore {
    fn insert(&self, approval: Approval) -> Pending<'_, Result<(), ApprovalsUnavailable>> {
        self.approvals
            .lock()
            .unwrap()
            .insert(approval.id.clone(), approval);
        Box::pin(async { Ok(()) })
    }

    fn fetch(&self, id: &str) -> Pending<'_, Result<Option<Approval>, ApprovalsUnavailable>> {
        let found = self.approvals.lock().unwrap().get(id).cloned();
        Box::pin(async { Ok(found) })
    }

    fn list(&self) -> Pending<'_, Result<Vec<Approval>, ApprovalsUnavailable>> {
        let all = self.approvals.lock().unwrap().values().cloned().collect();
        Box::pin(async { Ok(all) })
    }

    fn update(&self, mut approval: Approval) -> Pending<'_, Result<bool, ApprovalsUnavailable>> {
        let mut approvals = self.approvals.lock().unwrap();
        let current = approvals
            .get(&approval.id)
            .is_some_and(|kept| kept.version == approval.version);
        if current {
            approval.version += 1;
            approvals.insert(approval.id.clone(), approval);
        }
        drop(approvals);
        self.changed.notify_waiters();
        Box::pin(async move { Ok(current) })
    }

    fn changed(&self, id: &str, seen: u64) -> Pending<'_, Result<Approval, ApprovalsUnavailable>> {
        let id = id.to_owned();
        Box::pin(async move {
            loop {
                let notified = self.changed.notified();
                let kept = self
                    .approvals
                    .lock()
                    .unwrap()
                    .get(&id)
                    .filter(|kept| kept.version > seen)
                    .cloned();
                if let Some(approval) = kept {
                    return Ok(approval);
                }
                notified.await;
            }
        })
    }

    fn withdraw_detached(&self, id: &str) {
        if let Some(approval) = self.approvals.lock().unwrap().get_mut(id) {
            approval.state = State::Withdrawn;
            approval.version += 1;
        }
    }
}
