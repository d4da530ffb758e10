//! Where tokens come from: the certified OIDC provider of the tests, asked with curl like any client would.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::process::{Running, check, first_line};

/// The secret of every client of the provider.
const CLIENT_SECRET: &str = "client-secret-of-the-tests";

/// A running npm `oidc-provider`.
#[derive(Debug)]
pub struct OidcProvider {
    _process: Running,
    issuer: String,
}

impl OidcProvider {
    /// Starts the provider whose packages are installed in `folder`, with `people` and their groups as its clients.
    pub fn start(folder: &Path, people: &[(&str, &[&str])]) -> Result<OidcProvider> {
        let people: Vec<Value> = people
            .iter()
            .map(|(id, groups)| json!({ "id": id, "secret": CLIENT_SECRET, "groups": groups }))
            .collect();
        let mut command = Command::new("node");
        command
            .arg("provider.mjs")
            .arg(Value::from(people).to_string())
            .current_dir(folder);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Running::start(&mut command)?;
        let ready: Value = serde_json::from_str(&first_line(&mut process)?)?;
        let issuer = ready["issuer"]
            .as_str()
            .context("the provider did not tell its issuer")?
            .to_owned();
        Ok(OidcProvider {
            _process: process,
            issuer,
        })
    }

    /// Its `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token for `subject`, by client credentials.
    pub fn token(&self, subject: &str) -> Result<String> {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--fail-with-body",
            "-u",
            &format!("{subject}:{CLIENT_SECRET}"),
        ]);
        curl.args([
            "-d",
            "grant_type=client_credentials",
            "-d",
            "resource=urn:hpol",
        ]);
        access_token(curl.arg(format!("{}/token", self.issuer)))
    }
}

/// Runs a curl that asks for a token.
pub(crate) fn access_token(curl: &mut Command) -> Result<String> {
    let answer: Value = serde_json::from_slice(&check(curl)?.stdout)?;
    Ok(answer["access_token"]
        .as_str()
        .context("the issuer gave no access token")?
        .to_owned())
}
