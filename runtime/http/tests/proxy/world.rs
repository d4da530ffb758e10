//! A door with ports in memory and a small policy, an upstream that is a real HTTP server, and the proxy between them on a
//! TCP socket.

mod client;
mod record;
mod tokens;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hpol_bundle::policy::{
    ClassId, Condition, Connection as PolicyConnection, DataClass, Effect, GroupId, JsonPath,
    JsonStep, Mask, Policy, Predicate,
};
use hpol_bundle::vocabulary::Protocol;
use hpol_http::{Credential, HttpConnection, Limits, Upstream, serve};
use hpol_ports::policy::{dbas, in_force, member, rule, test};
use hpol_ports::{ManualClock, MemoryLog, MemoryStore};
use hpol_session::door::Door;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use client::{Client, request};
pub(crate) use upstream::Served;

/// What the upstream is told in place of the client's token.
pub(crate) const SECRET: &str = "Bearer upstream-s3cret";

pub(crate) struct World {
    pub(crate) door: Arc<Door>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) upstream: Served,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: watch::Sender<bool>,
    _served: JoinSet<()>,
}

impl World {
    pub(crate) async fn new() -> World {
        World::with(Limits {
            body_bytes: 1000,
            head_bytes: 4096,
            headers: 20,
            ..Limits::DEFAULT
        })
        .await
    }

    /// The world, and a client that has connected.
    pub(crate) async fn with_client() -> (World, Client) {
        let world = World::new().await;
        let client = world.client().await;
        (world, client)
    }

    pub(crate) async fn with(limits: Limits) -> World {
        let upstream = Served::start().await;
        let url = format!("http://{}", upstream.address);
        World::before(limits, upstream, &url).await
    }

    pub(crate) async fn before(limits: Limits, upstream: Served, url: &str) -> World {
        let address = Upstream::new(url, None).unwrap();
        World::between(limits, upstream, address, None).await
    }

    pub(crate) async fn between(
        limits: Limits,
        served_by: Served,
        upstream: Upstream,
        tls: Option<Arc<ServerConfig>>,
    ) -> World {
        let log = Arc::new(MemoryLog::new(record::line));
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::default());
        let door = Door::new(clock.clone(), log.clone(), store.clone());
        door.install(in_force(policy(), 1));
        let credential = Credential::new("authorization", SECRET).unwrap();
        let config = Arc::new(HttpConnection {
            name: "crm-prod".to_owned(),
            upstream: upstream.with_credential(credential),
            limits,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, stop) = watch::channel(false);
        let mut served = JoinSet::new();
        let identity = Arc::new(tokens::Tokens);
        let opened = door.clone();
        served.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                let mut stop = stop.clone();
                let stop = async move { drop(stop.wait_for(|stop| *stop).await) };
                connections.spawn(serve(
                    stream,
                    peer,
                    config.clone(),
                    opened.clone(),
                    identity.clone(),
                    tls.clone(),
                    stop,
                ));
            }
        });
        World {
            door,
            log,
            store,
            clock,
            upstream: served_by,
            address,
            shutdown,
            _served: served,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Waits until the log has a record that starts with `word`, and returns all of them.
    pub(crate) async fn recorded(&self, word: &str) -> Vec<String> {
        tokio::time::timeout(Duration::from_secs(20), self.log.until(word))
            .await
            .unwrap_or_else(|_| {
                panic!("no `{word}` among {:?}", self.log.words());
            });
        self.log.words()
    }

    /// The same as text, with the upstream's address replaced.
    pub(crate) async fn story(&self, word: &str) -> String {
        let words = self.recorded(word).await.join("\n");
        words.replace(&self.upstream.address.to_string(), "[upstream]")
    }
}

/// Agents may read, and write where nobody forbids it or once a dba approves; what comes back below `/pii` and `/crm` is masked.
fn policy() -> Policy {
    let method = |methods: &[&str]| {
        test(
            "http.method",
            Predicate::In(methods.iter().map(|method| (*method).into()).collect()),
        )
    };
    let path = |path: &str| test("http.path", Predicate::StartsWith(path.into()));
    let class = |name: &str, places: &[&str], detectors: &[&str]| DataClass {
        name: format!("shop.{name}"),
        columns: Vec::new(),
        json: places.iter().map(|place| json_path(place)).collect(),
        detectors: detectors
            .iter()
            .map(|detector| (*detector).to_owned())
            .collect(),
    };
    let approval = Effect::RequireApproval {
        quorum: 1,
        group: GroupId(0),
        within_seconds: 900,
        stands_seconds: None,
    };
    let keep = Effect::Mask {
        class: ClassId(0),
        mask: Mask::KeepLast(4),
    };
    let redact = Effect::Mask {
        class: ClassId(1),
        mask: Mask::Redact,
    };
    let hide_name = Effect::Mask {
        class: ClassId(2),
        mask: Mask::KeepFirst(1),
    };
    Policy {
        connections: vec![PolicyConnection {
            name: "shop.crm".to_owned(),
            protocol: Protocol::Http,
            target: "crm-prod".to_owned(),
            observe: false,
        }],
        groups: vec![dbas()],
        classes: vec![
            class("numbers", &[], &["us_ssn", "payment_card"]),
            class("pii.email", &[], &["email"]),
            class("pii.name", &["customer.name", "list.*.name"], &[]),
        ],
        rules: vec![
            rule("approve_put", method(&["PUT"]), approval),
            rule("hide_email", path("/pii"), redact),
            rule("hide_name", path("/crm"), hide_name),
            rule(
                "hide_numbers",
                Condition::Any(vec![path("/pii"), path("/crm")]),
                keep,
            ),
            rule(
                "no_delete",
                method(&["DELETE"]),
                Effect::Block {
                    message: "open a ticket".to_owned(),
                    terminates: false,
                },
            ),
            rule(
                "read",
                Condition::All(vec![member("agents"), method(&["GET", "HEAD", "OPTIONS"])]),
                Effect::ALLOW,
            ),
            rule(
                "write",
                Condition::All(vec![member("agents"), method(&["POST"])]),
                Effect::ALLOW,
            ),
        ],
        exceptions: vec![],
        responsibilities: vec![],
    }
}

/// `$.a[*].b` of `a.*.b`.
fn json_path(text: &str) -> JsonPath {
    let step = |word: &str| match word {
        "*" => JsonStep::Any,
        name => JsonStep::Member(name.to_owned()),
    };
    JsonPath {
        target: "crm-prod".to_owned(),
        steps: text.split('.').map(step).collect(),
    }
}
