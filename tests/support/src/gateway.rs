//! A real gateway with a policy built by the real compiler, both as a user would run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::issuer::access_token;
use crate::postgres::{GATEWAY_USER, PostgresServer};
use crate::process::{Running, check, wait_until, workspace_binary};
use crate::upstream::HttpUpstream;

/// What the gateway fronts and whom it believes.
#[derive(Debug, Default)]
pub struct Deployment<'a> {
    /// The folder of the policy.
    pub policy: PathBuf,
    /// Behind the connection `orders-prod`.
    pub postgres: Option<&'a PostgresServer>,
    /// Behind the connection `crm-api`.
    pub http: Option<&'a HttpUpstream>,
    /// An issuer other than the embedded one.
    pub issuer: Option<&'a str>,
    /// `reads = "buffered"` instead of durable.
    pub buffered_reads: bool,
    /// PostgreSQL clients may do without TLS.
    pub plaintext_clients: bool,
    /// A program that starts the gateway in its own place, with its arguments, such as `env`.
    pub through: &'a [&'a str],
}

/// A gateway that is killed when dropped. Its folder holds keys, bundle, configuration, state and audit log.
#[derive(Debug)]
pub struct Gateway {
    process: Running,
    folder: TempDir,
    through: Vec<String>,
    ready: Value,
}

impl Gateway {
    /// Makes keys, builds the policy, writes the configuration and starts the gateway in `--dev`.
    pub fn start(deployment: &Deployment<'_>) -> Result<Gateway> {
        let folder = tempfile::Builder::new().prefix("hpol-gateway-").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        check(hpol()?.arg("keygen").arg(at("policy.key")))?;
        check(
            hpol()?
                .arg("keygen")
                .arg(at("audit.key"))
                .args(["--for", "audit"]),
        )?;
        build_policy(&deployment.policy, folder.path(), 1)?;
        if let Some(postgres) = deployment.postgres {
            write_secret(&at("postgres-password"), postgres.password())?;
        }
        fs::write(at("gateway.toml"), configuration(deployment))?;
        let through: Vec<String> = deployment
            .through
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
        let (process, ready) = launch(folder.path(), &through)?;
        Ok(Gateway {
            process,
            folder,
            through,
            ready,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where everything of it stands.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The audit log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    /// The key that verifies the audit log.
    #[must_use]
    pub fn audit_key(&self) -> PathBuf {
        self.folder.path().join("audit.key.pub")
    }

    /// The certificate that it shows to clients, which they can pin.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("state/dev-certificate.pem")
    }

    /// `host:port` where `connection` listens.
    pub fn address(&self, connection: &str) -> Result<String> {
        let address = self.ready["connections"][connection].as_str();
        Ok(address
            .with_context(|| format!("the gateway has no connection `{connection}`"))?
            .to_owned())
    }

    /// The port where `connection` listens.
    pub fn port(&self, connection: &str) -> Result<u16> {
        let address = self.address(connection)?;
        let (_, port) = address.rsplit_once(':').context("an address has a port")?;
        Ok(port.parse()?)
    }

    /// The base URL of the admin API.
    pub fn admin(&self) -> Result<String> {
        Ok(format!(
            "http://{}",
            self.ready["admin"]
                .as_str()
                .context("the gateway has no admin API")?
        ))
    }

    /// A token of the embedded issuer.
    pub fn token(&self, subject: &str, groups: &[&str]) -> Result<String> {
        self.token_with(subject, groups, &[])
    }

    /// The same with more form fields, each `name=value`: `expires_in`, `audience`.
    pub fn token_with(&self, subject: &str, groups: &[&str], more: &[&str]) -> Result<String> {
        let issuer = self.ready["issuer"]
            .as_str()
            .context("the embedded issuer is not running")?;
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--fail-with-body",
            "-d",
            "grant_type=client_credentials",
        ]);
        curl.arg("-d").arg(format!("client_id={subject}"));
        curl.arg("--data-urlencode")
            .arg(format!("groups={}", groups.join(" ")));
        for field in more {
            curl.arg("--data-urlencode").arg(field);
        }
        access_token(curl.arg(format!("{}/token", issuer.trim_end_matches('/'))))
    }

    /// An `hpol` that talks to this gateway as the holder of `token`.
    pub fn hpol(&self, token: &str) -> Result<Command> {
        let mut command = hpol()?;
        command
            .env("HPOL_GATEWAY", self.admin()?)
            .env("HPOL_TOKEN", token)
            .env("NO_COLOR", "1");
        Ok(command)
    }

    /// Every record of the log, oldest first.
    pub fn records(&self) -> Result<Vec<Value>> {
        let mut command = hpol()?;
        let output = check(
            command
                .args(["audit", "tail", "--json", "-n", "1000000", "--log"])
                .arg(self.log()),
        )?;
        let text = String::from_utf8(output.stdout)?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    /// Verifies the log offline; what the verifier prints.
    pub fn verify(&self) -> Result<String> {
        let mut command = hpol()?;
        command
            .env("NO_COLOR", "1")
            .args(["audit", "verify", "--log"])
            .arg(self.log());
        let output = check(command.arg("--key").arg(self.audit_key()))?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Whether the decision with this sequence is of exactly what `against` says: `--digest HEX` or `--sql FILE`.
    pub fn is_decision_of(&self, sequence: &Value, against: &[&str]) -> Result<bool> {
        let mut command = hpol()?;
        command
            .env("NO_COLOR", "1")
            .args(["audit", "match", &sequence.to_string(), "--log"])
            .arg(self.log())
            .args(against);
        let output = command.output()?;
        match (output.status.code(), String::from_utf8(output.stdout)?) {
            (Some(0), told) if told.contains("exactly what was asked") => Ok(true),
            (Some(1), told) if told.contains("something else was asked") => Ok(false),
            (code, told) => anyhow::bail!("{code:?}: {told}{}", String::from_utf8(output.stderr)?),
        }
    }

    /// Builds `policy` with this sequence number and has the gateway load it.
    pub fn build_policy(&self, policy: &Path, sequence: u64) -> Result<()> {
        build_policy(policy, self.folder.path(), sequence)
    }

    /// Tells the gateway to read its configuration and bundle again.
    pub fn reload(&self) -> Result<()> {
        self.process.signal("HUP")
    }

    /// Ends the gateway in good order.
    pub fn stop(&mut self) -> Result<bool> {
        self.process.signal("TERM")?;
        self.process.wait()
    }

    /// Ends the gateway as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on what it left. Addresses may differ.
    pub fn restart(&mut self) -> Result<()> {
        let (process, ready) = launch(self.folder.path(), &self.through)?;
        self.process = process;
        self.ready = ready;
        Ok(())
    }
}

/// The compiler as a user runs it.
pub fn hpol() -> Result<Command> {
    Ok(Command::new(workspace_binary("hpol")?))
}

/// The gateway as an operator runs it.
pub fn gateway() -> Result<Command> {
    Ok(Command::new(workspace_binary("hpol-gateway")?))
}

fn build_policy(policy: &Path, folder: &Path, sequence: u64) -> Result<()> {
    let mut build = hpol()?;
    build
        .arg("build")
        .arg(policy)
        .arg("--output")
        .arg(folder.join("policy.hpolb"));
    build
        .arg("--key")
        .arg(folder.join("policy.key"))
        .arg("--sequence")
        .arg(sequence.to_string());
    check(&mut build).map(|_| ())
}

fn launch(folder: &Path, through: &[String]) -> Result<(Running, Value)> {
    let ready_file = folder.join("ready.json");
    if ready_file.exists() {
        fs::remove_file(&ready_file)?;
    }
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("gateway.log"))?;
    let mut command = gateway()?;
    if let Some((program, arguments)) = through.split_first() {
        let gateway = command.get_program().to_owned();
        command = Command::new(program);
        command.args(arguments).arg(gateway);
    }
    command
        .args(["run", "--dev", "--config"])
        .arg(folder.join("gateway.toml"));
    command
        .arg("--ready-file")
        .arg(&ready_file)
        .env("NO_COLOR", "1");
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut process = Running::start(&mut command)?;
    let ready = wait_until(&mut process, "the gateway", || ready_file.exists());
    ready.with_context(|| fs::read_to_string(folder.join("gateway.log")).unwrap_or_default())?;
    Ok((process, serde_json::from_slice(&fs::read(&ready_file)?)?))
}

fn configuration(deployment: &Deployment<'_>) -> String {
    let mut text = String::from(
        "[bundle]\npath = \"policy.hpolb\"\ntrusted_keys = [\"policy.key.pub\"]\n\n\
         [audit]\ndir = \"audit\"\nsigning_key = \"audit.key\"\n",
    );
    if deployment.buffered_reads {
        text += "reads = \"buffered\"\n";
    }
    text += "\n[state]\ndir = \"state\"\n\n[admin]\nlisten = \"127.0.0.1:0\"\n\n[dev]\nlisten = \"127.0.0.1:0\"\n";
    if let Some(issuer) = deployment.issuer {
        text += &format!("\n[[identity]]\nissuer = \"{issuer}\"\naudience = \"hpol\"\n");
    }
    if let Some(postgres) = deployment.postgres {
        text += &format!(
            "\n[connections.orders-prod]\nkind = \"postgres\"\nlisten = \"127.0.0.1:0\"\n\
             upstream = \"127.0.0.1:{}\"\nupstream_tls = \"disable\"\nuser = \"{GATEWAY_USER}\"\n\
             password_file = \"postgres-password\"\ndatabases = [\"demo\"]\n",
            postgres.port()
        );
        if deployment.plaintext_clients {
            text += "allow_plaintext = true\n";
        }
    }
    if let Some(http) = deployment.http {
        text += &format!(
            "\n[connections.crm-api]\nkind = \"http\"\nlisten = \"127.0.0.1:0\"\nallow_plaintext = true\n\
             upstream = \"http://127.0.0.1:{}\"\n",
            http.port()
        );
    }
    text
}

/// Writes a file that only its owner can read, as the gateway demands of secrets.
fn write_secret(path: &Path, secret: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, secret)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
