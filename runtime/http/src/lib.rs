//! HTTP on the wire: a reverse proxy with one upstream per connection, behind the door.
//!
//! `codec` says which requests have one reading and what of them goes on; `states` holds who a client connection speaks
//! for; `facts` turns a request into an operation; `forward` sends what the door permits; `reply` turns outcomes and
//! responses into bytes. Policy, approval, masking and records are the door's.

mod codec;
mod config;
mod connection;
mod facts;
mod forward;
mod reply;
mod states;

pub use config::{BadUpstream, Credential, HttpConnection, Limits, Upstream};
pub use connection::serve;
