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
pub mod identity;
pub mod policy;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use hpol_evidence::record::Event;
use hpol_operation::sql::{Analyser, Limits as SqlLimits};
use hpol_ports::policy::in_force;
use hpol_ports::{ManualClock, MemoryLog, MemoryStore, principal};
use hpol_postgres::{CancelKeys, Limits, PostgresConnection, Secret, Settings, UpstreamTls, serve};
use hpol_session::door::Door;
use hpol_session::ports::{Authenticate, AuthenticationRefused, Pending};
use hpol_session::principal::Principal;
use hpol_support::postgres::{GATEWAY_USER, PostgresServer};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

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

impl World {
    /// Another gate before the same server, with changes to the connection's settings.
    pub async fn beside(&self, change: impl FnOnce(&mut Settings)) -> Gate {
        let mut settings = with_password(&self.server);
        change(&mut settings);
        Gate::open(settings, None).await
    }
}

fn with_password(server: &PostgresServer) -> Settings {
    Settings {
        password: Some(Secret::new(server.password().to_owned())),
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
        password: Some(Secret::new("unknown".to_owned())),
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
        let log = Arc::new(MemoryLog::new(word));
        let clock = Arc::new(ManualClock::default());
        let door = Door::new(clock.clone(), log.clone(), Arc::new(MemoryStore::default()));
        door.install(in_force(policy::policy(), 1));
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

    /// Waits for the end of the first session; tells why it ended.
    pub async fn closed(&self) -> String {
        let ended = self.log.first(|event| match event {
            Event::SessionClosed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        ended.await
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
                "agent" => Ok(principal("agent", &["agents"])),
                "dana" | "dirk" => Ok(principal(token, &["dba"])),
                _ => Err(AuthenticationRefused {
                    why: "the signature is not valid".to_owned(),
                    temporary: false,
                }),
            }
        })
    }
}

/// One line for each record but those of sessions that were let in.
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
