//! The HTTP server that stands behind the gateway in tests.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Running, first_line};

/// A running HTTP server that remembers what it received.
#[derive(Debug)]
pub struct HttpUpstream {
    _process: Running,
    port: u16,
    folder: TempDir,
}

impl HttpUpstream {
    /// Starts it.
    pub fn start() -> Result<HttpUpstream> {
        let folder = tempfile::Builder::new()
            .prefix("hpol-upstream-")
            .tempdir()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/upstream.py");
        let mut command = Command::new("python3");
        command
            .arg(script)
            .arg(folder.path().join("requests.jsonl"))
            .stdout(Stdio::piped());
        let mut process = Running::start(&mut command)?;
        let ready: Value = serde_json::from_str(&first_line(&mut process)?)?;
        let port = ready["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok());
        let port = port.context("the HTTP upstream did not tell its port")?;
        Ok(HttpUpstream {
            _process: process,
            port,
            folder,
        })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every request that arrived, oldest first.
    pub fn requests(&self) -> Result<Vec<Value>> {
        let path = self.folder.path().join("requests.jsonl");
        if !path.exists() {
            return Ok(Vec::new());
        }
        fs::read_to_string(path)?
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}
