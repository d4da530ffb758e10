//! curl before the gateway, as a user runs it.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines in lower case, without the status line.
    pub headers: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("the body is not JSON: {}", self.body))
    }
}

/// Runs curl with these arguments and waits for the response. The token goes through curl's standard input: command
/// lines can be seen by every user of a machine.
pub fn curl(token: Option<&str>, arguments: &[&str]) -> Result<Answer> {
    finish(start(token, arguments)?)
}

/// Starts curl without waiting for the response.
pub fn start(token: Option<&str>, arguments: &[&str]) -> Result<Child> {
    let mut child = Command::new("curl")
        .args(["-sS", "-i", "--max-time", "60", "--config", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run curl")?;
    let mut stdin = child.stdin.take().context("standard input is piped")?;
    if let Some(token) = token {
        writeln!(stdin, "header = \"Authorization: Bearer {token}\"")?;
    }
    drop(stdin);
    Ok(child)
}

/// Waits for the response.
pub fn finish(child: Child) -> Result<Answer> {
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("curl: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    loop {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .context("the response has no head")?;
        let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let status: u16 = first
            .split(' ')
            .nth(1)
            .context("the response has no status")?
            .parse()?;
        // An interim response (100 Continue) stands before the real one.
        if status >= 200 {
            return Ok(Answer {
                status,
                headers: headers.to_ascii_lowercase(),
                body: body.to_owned(),
            });
        }
        text = body.to_owned();
    }
}
