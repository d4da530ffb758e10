//! Approvers of the tests: what they see and decide with real `hpol approvals` processes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::process::START_DEADLINE;

/// What `hpol approvals` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `hpol approvals` as the holder of `token`, with these arguments.
pub fn run(gateway: &Gateway, token: &str, arguments: &[&str]) -> Result<Said> {
    let mut command = gateway.hpol(token)?;
    let output = command.arg("approvals").args(arguments).output()?;
    Ok(Said {
        code: output.status.code().context("hpol was ended by a signal")?,
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// The requests of `requester` that the holder of `token` sees.
pub fn listed(gateway: &Gateway, token: &str, requester: &str) -> Result<Vec<Value>> {
    let said = run(gateway, token, &["list", "--json"])?;
    if said.code != 0 {
        bail!("cannot list approvals: {}", said.err);
    }
    let list: Value = serde_json::from_str(&said.out)?;
    let approvals = list["approvals"]
        .as_array()
        .context("the list has approvals")?;
    Ok(approvals
        .iter()
        .filter(|approval| approval["requester"]["id"] == requester)
        .cloned()
        .collect())
}

/// Waits until `requester` has a request that is open, and returns it; fails when `ended` says that none will come.
pub fn await_request(
    gateway: &Gateway,
    token: &str,
    requester: &str,
    mut ended: impl FnMut() -> bool,
) -> Result<Value> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let over = ended() || Instant::now() >= deadline;
        let pending = listed(gateway, token, requester)?
            .into_iter()
            .find(|approval| approval["state"] == "pending");
        if let Some(pending) = pending {
            return Ok(pending);
        }
        if over {
            bail!("`{requester}` never asked for anything");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Votes with a reason: `verb` is `approve` or `reject`.
pub fn vote(gateway: &Gateway, token: &str, verb: &str, id: &str) -> Result<Said> {
    run(
        gateway,
        token,
        &[verb, id, "--reason", "because of the test"],
    )
}
