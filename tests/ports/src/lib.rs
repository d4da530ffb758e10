//! The door's ports in memory, for tests of the door and of its adapters, and the parts a policy is built from by hand.
//! Holds no expectation of any test: what a policy says, who may log in, and how a record reads in a snapshot is theirs.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

pub mod log;
pub mod policy;
pub mod store;

use std::sync::Mutex;

use hpol_session::claims::Claims;
use hpol_session::ports::Clock;
use hpol_session::principal::Principal;
use jiff::Timestamp;

pub use log::MemoryLog;
pub use store::MemoryStore;

/// Stands still, at first at the epoch.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl Default for ManualClock {
    fn default() -> ManualClock {
        ManualClock(Mutex::new(Timestamp::UNIX_EPOCH))
    }
}

impl ManualClock {
    /// Puts the hands to `now`.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }

    /// Puts the hands to so many seconds after the epoch.
    pub fn set_second(&self, second: i64) {
        self.set(Timestamp::from_second(second).unwrap());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A subject whose token ends an hour after the epoch.
pub fn principal(id: &str, groups: &[&str]) -> Principal {
    Principal {
        id: id.to_owned(),
        issuer: "https://id.example.com".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        expires: Timestamp::from_second(3600).unwrap(),
        claims: Claims::default(),
    }
}
