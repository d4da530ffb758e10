//! Everything a test works against at once: PostgreSQL with the demo data, an HTTP service, and the gateway before both.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;

use crate::gateway::{Deployment, Gateway};
use crate::postgres::PostgresServer;
use crate::psql::Psql;
use crate::upstream::HttpUpstream;

/// The servers. They stop when it is dropped.
#[derive(Debug)]
pub struct World {
    /// In front of the other two: connections `orders-prod` and `crm-api`.
    pub gateway: Gateway,
    /// Holds the demo data in the database `demo`.
    pub postgres: PostgresServer,
    /// The HTTP service.
    pub upstream: HttpUpstream,
}

impl World {
    /// Starts them with the policy in this folder.
    pub fn start(policy: &Path) -> Result<World> {
        World::start_with(Deployment {
            policy: policy.to_owned(),
            ..Deployment::default()
        })
    }

    /// The same with more to say about the gateway. The upstreams are those of the world.
    pub fn start_with(deployment: Deployment<'_>) -> Result<World> {
        let postgres = PostgresServer::start()?;
        postgres.load("demo", &demo_data())?;
        let upstream = HttpUpstream::start()?;
        let gateway = Gateway::start(&Deployment {
            postgres: Some(&postgres),
            http: Some(&upstream),
            ..deployment
        })?;
        Ok(World {
            gateway,
            postgres,
            upstream,
        })
    }

    /// A psql before `orders-prod`, with `token` as its password.
    pub fn psql(&self, token: &str) -> Result<Psql> {
        Ok(Psql::new(self.gateway.port("orders-prod")?, token))
    }

    /// The URL of a target of `crm-api`.
    pub fn url(&self, target: &str) -> Result<String> {
        Ok(format!(
            "http://{}{target}",
            self.gateway.address("crm-api")?
        ))
    }
}

/// The script of the demo database.
#[must_use]
pub fn demo_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo.sql")
}

/// One value for the tests of a binary that run at the same time. Unlike a plain static it is dropped with its last user,
/// so that no server outlives the tests.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared::new()
    }
}

impl<T> Shared<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Shared<T> {
        Shared(Mutex::new(Weak::new()))
    }

    /// The value in use, or else a new one.
    pub fn get(&self, start: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = held.upgrade() {
            return Ok(value);
        }
        let value = Arc::new(start()?);
        *held = Arc::downgrade(&value);
        Ok(value)
    }
}
