//! A gateway that allows what does not write `forbidden`, and PostgreSQL, which can be reached without the gateway too.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hpol_bundle::policy::{
    ClassId, Column, Connection, DataClass, Effect, Mask, Policy, Predicate,
};
use hpol_bundle::vocabulary::Protocol;
use hpol_evidence::record::Event;
use hpol_operation::sql::{Analyser, Limits as SqlLimits};
use hpol_ports::policy::{in_force, member, rule, test};
use hpol_ports::{ManualClock, MemoryStore};
use hpol_postgres::{CancelKeys, Limits, PostgresConnection, Secret, Settings, serve};
use hpol_session::door::Door;
use hpol_session::ports::{Durability, Evidence, EvidenceUnavailable, Pending};
use hpol_support::postgres::{GATEWAY_USER, PostgresServer};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::world::{self, Names, client::Client};

/// Of the database behind the gateway, and of `mirror`, which is reached directly.
const SCHEMA: &str = "CREATE TABLE allowed (n int); CREATE TABLE forbidden (n int);
    CREATE TABLE customers (id int, ssn text, note text);
    INSERT INTO customers VALUES (1, '987-65-4320', 'call 987-65-4321 today'), (2, NULL, 'none'), (3, '987-65-4322', 'x');
    ALTER TABLE allowed OWNER TO hpol_gateway; ALTER TABLE forbidden OWNER TO hpol_gateway;
    ALTER TABLE customers OWNER TO hpol_gateway";

/// Who must bring a password: all but the gateway's role in `mirror`.
const ACCESS: &str = "host mirror hpol_gateway 127.0.0.1/32 trust
    host all all 127.0.0.1/32 scram-sha-256\n";

pub(crate) struct Gate {
    pub(crate) server: PostgresServer,
    pub(crate) log: Arc<Log>,
    address: SocketAddr,
    /// Sessions end when it is dropped.
    _stop: watch::Sender<bool>,
}

impl Gate {
    pub(crate) async fn open() -> Gate {
        let server = server();
        let log = Arc::new(Log::default());
        let clock = Arc::new(ManualClock::default());
        let door = Door::new(clock, log.clone(), Arc::new(MemoryStore::default()));
        door.install(in_force(policy(), 1));
        let settings = Settings {
            password: Some(Secret::new(server.password().to_owned())),
            limits: Limits {
                drain: Duration::from_secs(2),
                ..Limits::default()
            },
            ..world::settings(server.port())
        };
        let analyser = Arc::new(Analyser::new(SqlLimits::default()));
        let connection =
            PostgresConnection::new(settings, analyser, Arc::new(CancelKeys::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (connection, door) = (Arc::clone(&connection), Arc::clone(&door));
                let stopped = stopped.clone();
                tokio::spawn(serve(
                    stream,
                    connection,
                    door,
                    Arc::new(Names),
                    None,
                    stopped,
                ));
            }
        });
        Gate {
            server,
            log,
            address,
            _stop: stop,
        }
    }

    pub(crate) async fn login(&self) -> Client {
        Client::login(self.address, "agent").await
    }

    /// A session of `mirror`, without the gateway.
    pub(crate) async fn direct(&self) -> Client {
        let address = SocketAddr::from(([127, 0, 0, 1], self.server.port()));
        let parameters = [("user", GATEWAY_USER), ("database", "mirror")];
        let mut client = Client::connect(address, &parameters).await;
        client.lines(1).await;
        client
    }
}

fn server() -> PostgresServer {
    let folder = tempfile::tempdir().unwrap();
    // The server may run as another account.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let access = folder.path().join("access");
    std::fs::write(&access, ACCESS).unwrap();
    let server = PostgresServer::start_with(&[&format!("hba_file={}", access.display())]).unwrap();
    server
        .execute("postgres", "CREATE DATABASE mirror OWNER hpol_gateway")
        .unwrap();
    for database in ["demo", "mirror"] {
        server.execute(database, SCHEMA).unwrap();
    }
    server
}

/// What a decision's record says of a text without parameters.
pub(crate) fn digest(text: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let none = 0_u64.to_be_bytes();
    for part in [b"hpol sql operation 1", text.as_bytes(), &none] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The records by session.
#[derive(Debug, Default)]
pub(crate) struct Log {
    events: Mutex<Vec<(String, Event)>>,
    appended: Notify,
}

impl Log {
    /// Waits for the end of the session with this client, and takes its records out.
    pub(crate) async fn session(&self, of: SocketAddr) -> Vec<Event> {
        loop {
            let appended = self.appended.notified();
            if let Some(events) = self.take(&of.to_string()) {
                return events;
            }
            appended.await;
        }
    }

    fn take(&self, of: &str) -> Option<Vec<Event>> {
        let mut events = self.events.lock().unwrap();
        let id = events.iter().find_map(|(id, event)| match event {
            Event::SessionOpened { client, .. } if client == of => Some(id.clone()),
            _ => None,
        })?;
        let ended = |(session, event): &(String, Event)| {
            *session == id && matches!(event, Event::SessionClosed { .. })
        };
        if !events.iter().any(ended) {
            return None;
        }
        let taken = events.extract_if(.., |(session, _)| *session == id);
        Some(taken.map(|(_, event)| event).collect())
    }

    fn push(&self, session: Option<&str>, event: Event) {
        let session = session.unwrap_or_default().to_owned();
        self.events.lock().unwrap().push((session, event));
        self.appended.notify_waiters();
    }
}

impl Evidence for Log {
    fn append(
        &self,
        session: Option<&str>,
        event: Event,
        _: Durability,
    ) -> Pending<'_, Result<(), EvidenceUnavailable>> {
        self.push(session, event);
        Box::pin(async { Ok(()) })
    }

    fn append_detached(&self, session: Option<&str>, event: Event) {
        self.push(session, event);
    }
}

fn policy() -> Policy {
    let agents = || member("agents");
    let forbidden = Predicate::HasAny(vec!["public.forbidden".into()]);
    Policy {
        connections: vec![Connection {
            name: "shop.orders_db".to_owned(),
            protocol: Protocol::Postgres,
            target: "orders-prod".to_owned(),
            observe: false,
        }],
        groups: Vec::new(),
        classes: vec![DataClass {
            name: "shop.pii.ssn".to_owned(),
            columns: vec![Column {
                target: "orders-prod".to_owned(),
                schema: "public".to_owned(),
                table: "customers".to_owned(),
                column: "ssn".to_owned(),
            }],
            json: vec![],
            detectors: vec!["us_ssn".to_owned()],
        }],
        rules: vec![
            rule("agents_work", agents(), Effect::ALLOW),
            rule(
                "hide_ssn",
                agents(),
                Effect::Mask {
                    class: ClassId(0),
                    mask: Mask::KeepLast(4),
                },
            ),
            rule(
                "not_there",
                test("sql.writes", forbidden),
                Effect::Block {
                    message: "not there".to_owned(),
                    terminates: false,
                },
            ),
        ],
        exceptions: vec![],
        responsibilities: vec![],
    }
}
