//! An issuer that tests can rotate, stop and count, and the gateway's view of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use hpol_session::ports::{Authenticate, AuthenticationRefused, Clock};
use hpol_session::principal::Principal;
use http::{Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::merge;
use crate::identity::Identities;
use crate::identity::dev_issuer::DevIssuer;
use crate::identity::keys::Timing;
use crate::shutdown::StopSwitch;
use crate::web::{self, Answer, Reply};

/// A clock that stands still.
#[derive(Debug)]
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The embedded issuer behind a switch.
pub(super) struct TestIssuer {
    current: Mutex<Arc<DevIssuer>>,
    up: AtomicBool,
    fetches: AtomicUsize,
}

impl Answer for TestIssuer {
    async fn answer(&self, request: Request<Bytes>) -> Reply {
        if !self.up.load(Ordering::SeqCst) {
            return web::problem(StatusCode::SERVICE_UNAVAILABLE, "down");
        }
        if request.uri().path() == "/jwks" {
            self.fetches.fetch_add(1, Ordering::SeqCst);
        }
        let issuer = Arc::clone(&self.current.lock().unwrap());
        issuer.answer(request).await
    }
}

pub(super) struct World {
    pub(super) served: Arc<TestIssuer>,
    identities: Arc<Identities>,
    now: Timestamp,
    address: std::net::SocketAddr,
    _switch: StopSwitch,
}

impl World {
    pub(super) async fn new() -> World {
        let timing = Timing {
            spacing: Duration::ZERO,
            ..Timing::default()
        };
        World::build(timing, true, &[]).await
    }

    pub(super) async fn with_timing(timing: Timing, up: bool) -> World {
        World::build(timing, up, &[]).await
    }

    /// A second issuer; the gateway of this world trusts both.
    pub(super) async fn beside(other: &World) -> World {
        let timing = Timing {
            spacing: Duration::ZERO,
            ..Timing::default()
        };
        let identity = other.served.current.lock().unwrap().identity();
        World::build(timing, true, &[identity]).await
    }

    async fn build(timing: Timing, up: bool, others: &[crate::config::Identity]) -> World {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = DevIssuer::new(address, "hpol", Duration::from_secs(600)).unwrap();
        let mut identities = vec![issuer.identity()];
        identities.extend_from_slice(others);
        let served = Arc::new(TestIssuer {
            current: Mutex::new(Arc::new(issuer)),
            up: AtomicBool::new(up),
            fetches: AtomicUsize::new(0),
        });
        let (switch, stop) = StopSwitch::new();
        tokio::spawn(web::serve(listener, None, Arc::clone(&served), stop));
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let identities =
            Identities::with_timing(&identities, Arc::new(Still(now)), timing).unwrap();
        World {
            served,
            identities: Arc::new(identities),
            now,
            address,
            _switch: switch,
        }
    }

    pub(super) fn issuer(&self) -> String {
        self.current().issuer().to_owned()
    }

    fn current(&self) -> Arc<DevIssuer> {
        Arc::clone(&self.served.current.lock().unwrap())
    }

    /// The issuer signs with another key from now on, under `kid` if one is given.
    pub(super) fn rotate(&self, kid: Option<&str>) {
        let mut next = DevIssuer::new(self.address, "hpol", Duration::from_secs(600)).unwrap();
        if let Some(kid) = kid {
            next.kid = kid.to_owned();
            next.jwk["kid"] = json!(kid);
        }
        *self.served.current.lock().unwrap() = Arc::new(next);
    }

    pub(super) fn set_up(&self, up: bool) {
        self.served.up.store(up, Ordering::SeqCst);
    }

    pub(super) fn fetches(&self) -> usize {
        self.served.fetches.load(Ordering::SeqCst)
    }

    pub(super) fn now(&self) -> i64 {
        self.now.as_second()
    }

    pub(super) fn header(&self) -> Value {
        self.current().header()
    }

    pub(super) fn public_key(&self) -> Value {
        self.current().jwk.clone()
    }

    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.issuer(), "sub": "agent-7", "aud": "hpol", "groups": ["agents"],
            "iat": self.now(), "exp": self.now() + 600,
        })
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.current().sign(header, claims).unwrap()
    }

    /// A token whose parts are exactly these texts.
    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        // `Value` cannot hold a name twice, so the parts are put together here.
        let signed = [header, claims]
            .map(|part| BASE64URL_NOPAD.encode(part.as_bytes()))
            .join(".");
        format!("{signed}.{}", self.current().signature(&signed).unwrap())
    }

    /// A token with good claims but for these; null removes one.
    pub(super) fn with_claims(&self, alter: Value) -> String {
        let mut claims = self.claims();
        merge(&mut claims, alter);
        self.sign(&self.header(), &claims)
    }

    pub(super) fn good(&self) -> String {
        self.sign(&self.header(), &self.claims())
    }

    pub(super) fn identities(&self) -> Arc<Identities> {
        Arc::clone(&self.identities)
    }

    pub(super) async fn authenticate(
        &self,
        token: &str,
    ) -> Result<Principal, AuthenticationRefused> {
        self.identities.authenticate(token).await
    }

    pub(super) async fn accepted(&self, token: &str) -> Principal {
        self.authenticate(token).await.unwrap()
    }

    pub(super) async fn refused(&self, token: &str) -> String {
        let refused = self.authenticate(token).await.unwrap_err();
        assert!(!refused.temporary, "{refused}");
        refused.why
    }
}
