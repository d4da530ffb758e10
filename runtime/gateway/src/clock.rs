//! The wall clock, behind the session's port.

use hpol_session::ports::Clock;
use jiff::Timestamp;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
