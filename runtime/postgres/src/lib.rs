//! PostgreSQL on the wire: turns a client's messages into operations for the door, and the door's answers into messages.
//!
//! The five nouns: `codec` (bytes), `states` (where a connection stands), `facts` (statements to operations), `forward`
//! (to the upstream, on a permit), `reply` (to the client, masked and recorded). [`serve`] is the way in. What SQL means,
//! who decides and what is recorded are not known here.
//! Source: PostgreSQL manual, "Frontend/Backend Protocol".

mod cancel;
mod catalogue;
mod codec;
mod connection;
mod ended;
mod facts;
mod forward;
pub mod fuzzing;
mod refuse;
mod relay;
mod reply;
mod serve;
mod states;
mod upstream;
mod wire;

pub use hpol_operation::sql::{Analyser, Limits as AnalyserLimits};

pub use cancel::CancelKeys;
pub use connection::{ChannelBinding, Limits, PostgresConnection, Secret, Settings, UpstreamTls};
pub use serve::serve;
