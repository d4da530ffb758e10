//! The gateway's configuration: what the operator wrote, checked as a whole before anything starts.
//! Opens no socket and reads no secret; see [`secret`] for those and `docs/configuration.md` for every key.

mod check;
mod connection;
mod place;
pub(crate) mod secret;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hpol_evidence::checkpoint::Origin;

pub(crate) use self::place::Problems;
use self::secret::SecretSource;
pub(crate) use self::table::{ChannelBinding, LogFormat, ReadDurability};

/// Longest configuration file read, in bytes: far above any real one, far below what could hurt.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Whether the gateway runs for a developer on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As in production: identity and TLS must be configured.
    Production,
    /// `--dev`: an embedded issuer and a self-signed certificate stand in for what is missing.
    Development,
}

/// A checked configuration. Paths are absolute or relative to the working directory, never to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The compiled policy and who may sign it.
    pub(crate) bundle: Bundle,
    /// The audit log.
    pub(crate) audit: Audit,
    /// Where the gateway remembers across restarts.
    pub(crate) state_dir: PathBuf,
    /// Address of the admin API.
    pub(crate) admin: SocketAddr,
    /// Certificate shown to clients.
    pub(crate) tls: Option<Tls>,
    /// File with the key of `hash` masks.
    pub(crate) mask_key: Option<PathBuf>,
    /// Issuers whose tokens are accepted.
    pub(crate) identity: Vec<Identity>,
    /// The upstreams by name.
    pub(crate) connections: BTreeMap<String, Connection>,
    /// The embedded issuer, with `--dev`.
    pub(crate) dev: Option<Dev>,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Logging.
    pub(crate) log: Log,
    /// SHA-256 of the file, in hex; goes into the record of the start.
    pub(crate) digest: String,
}

/// `[bundle]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) path: PathBuf,
    pub(crate) trusted_keys: Vec<PathBuf>,
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) dir: PathBuf,
    pub(crate) signing_key: PathBuf,
    /// The key before it, until the log has gone over to the new one.
    pub(crate) former_signing_key: Option<PathBuf>,
    pub(crate) origin: Origin,
    pub(crate) reads: ReadDurability,
}

/// A certificate of the gateway's own: `[tls]`, or towards an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// One `[[identity]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) groups_claim: String,
    pub(crate) algorithms: Vec<jsonwebtoken::Algorithm>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) leeway: Duration,
}

/// `[dev]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dev {
    pub(crate) listen: SocketAddr,
    pub(crate) audience: String,
    pub(crate) token_lifetime: Duration,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) clients: usize,
    pub(crate) clients_per_address: usize,
    pub(crate) pending_approvals: usize,
    pub(crate) drain: Duration,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

/// One `[connections.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) listen: SocketAddr,
    pub(crate) allow_plaintext: bool,
    pub(crate) upstream: Upstream,
}

/// What a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upstream {
    Postgres(PostgresUpstream),
    Http(HttpUpstream),
}

/// `kind = "postgres"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresUpstream {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    /// `None`: by certificate alone.
    pub(crate) password: Option<SecretSource>,
    pub(crate) databases: Vec<String>,
    /// `None`: plain TCP to the upstream, as the operator wrote.
    pub(crate) tls: Option<UpstreamTls>,
}

/// Verified TLS to an upstream: certificate chain and host name, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamTls {
    /// Instead of the system's roots.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) channel_binding: ChannelBinding,
    /// What the gateway shows of itself.
    pub(crate) client_certificate: Option<Tls>,
}

/// `kind = "http"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpUpstream {
    pub(crate) url: String,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) credential: Option<Credential>,
    pub(crate) max_body_bytes: u64,
}

/// A header the gateway adds towards the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) header: String,
    pub(crate) value: SecretSource,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// Every problem found, each with its place and what to do.
    pub(crate) fn load(path: &Path, mode: Mode) -> Result<Config, Problems> {
        let unreadable = |why: String| Problems::whole_file(path, why);
        let length = std::fs::metadata(path)
            .map_err(|error| unreadable(format!("cannot be read: {error}")))?
            .len();
        if length > MAX_FILE_BYTES {
            return Err(unreadable(format!(
                "is {length} bytes long; at most {MAX_FILE_BYTES} are read"
            )));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        Config::parse(path, &text, mode)
    }

    /// Checks `text` as if it stood in the file at `path`; relative paths start from that file's folder.
    pub(crate) fn parse(path: &Path, text: &str, mode: Mode) -> Result<Config, Problems> {
        let table =
            table::read(text).map_err(|problem| Problems::new(path, text, vec![problem]))?;
        check::check(table, path.parent().unwrap_or(Path::new("")), text, mode)
            .map_err(|problems| Problems::new(path, text, problems))
    }
}

#[cfg(test)]
mod tests;
