//! Where the gateway can be reached, for people and for programs that started it with port 0.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use crate::state::write_atomically;

/// The bound addresses.
#[derive(Debug, Serialize)]
pub(crate) struct Addresses {
    /// Of the admin API.
    pub(crate) admin: SocketAddr,
    /// URL of the embedded issuer; absent without `--dev`.
    pub(crate) issuer: Option<String>,
    /// Of every connection, by name.
    pub(crate) connections: BTreeMap<String, SocketAddr>,
}

impl Addresses {
    /// Writes one line for each listener to standard output.
    pub(crate) fn print(&self) {
        let mut lines = format!("admin API on {}\n", self.admin);
        if let Some(issuer) = &self.issuer {
            lines.push_str(&format!("embedded issuer at {issuer} (development only)\n"));
        }
        for (name, address) in &self.connections {
            lines.push_str(&format!("connection {name} on {address}\n"));
        }
        // Nobody may be reading; that is no reason not to serve.
        let _ = io::stdout().write_all(lines.as_bytes());
        let _ = io::stdout().flush();
    }

    /// Writes them to `path` as JSON, whole or not at all.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut json = serde_json::to_vec(self).map_err(io::Error::other)?;
        json.push(b'\n');
        write_atomically(path, &json)
    }
}
