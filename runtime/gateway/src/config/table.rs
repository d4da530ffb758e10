//! The configuration file as it is written: names of keys, their TOML types and their defaults.
//! Knows nothing of what values mean; see `check`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::place::Problem;

pub(crate) fn read(text: &str) -> Result<ConfigTable, Problem> {
    toml::from_str(text).map_err(|error| {
        let span = error.span();
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let help = if message.contains("unknown field") {
            "remove the key, or correct its name; `docs/configuration.md` lists every key"
        } else if message.contains("missing field") {
            "add the key; `docs/configuration.md` describes it"
        } else {
            "correct the value; `docs/configuration.md` gives the type of every key"
        };
        let message = message
            .replace("unknown field", "unknown key")
            .replace("missing field", "missing key")
            .replace("unknown variant", "unknown value");
        Problem::at_span(span, message, help)
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigTable {
    pub(crate) bundle: BundleTable,
    pub(crate) audit: AuditTable,
    pub(crate) state: StateTable,
    #[serde(default)]
    pub(crate) admin: AdminTable,
    pub(crate) tls: Option<TlsTable>,
    #[serde(default)]
    pub(crate) masking: MaskingTable,
    #[serde(default)]
    pub(crate) identity: Vec<IdentityTable>,
    #[serde(default)]
    pub(crate) connections: BTreeMap<String, ConnectionTable>,
    #[serde(default)]
    pub(crate) dev: DevTable,
    #[serde(default)]
    pub(crate) limits: LimitsTable,
    #[serde(default)]
    pub(crate) log: LogTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundleTable {
    pub(crate) path: PathBuf,
    pub(crate) trusted_keys: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditTable {
    pub(crate) dir: PathBuf,
    pub(crate) signing_key: PathBuf,
    pub(crate) former_signing_key: Option<PathBuf>,
    #[serde(default = "origin")]
    pub(crate) origin: String,
    #[serde(default)]
    pub(crate) reads: ReadDurability,
}

fn origin() -> String {
    "hpol-gateway".to_owned()
}

/// How durable the record of a read is before the end of its result is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReadDurability {
    #[default]
    Durable,
    Buffered,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateTable {
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminTable {
    pub(crate) listen: String,
}

impl Default for AdminTable {
    fn default() -> Self {
        AdminTable {
            listen: "127.0.0.1:7480".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsTable {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MaskingTable {
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityTable {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    #[serde(default = "groups_claim")]
    pub(crate) groups_claim: String,
    #[serde(default = "algorithms")]
    pub(crate) algorithms: Vec<String>,
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(default = "leeway_seconds")]
    pub(crate) leeway_seconds: u64,
}

fn groups_claim() -> String {
    "groups".to_owned()
}

fn algorithms() -> Vec<String> {
    ["RS256", "ES256", "PS256", "EdDSA"]
        .map(str::to_owned)
        .to_vec()
}

fn leeway_seconds() -> u64 {
    60
}

/// Keys of both kinds; `connection` says which belong to which.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionTable {
    pub(crate) kind: Kind,
    pub(crate) listen: String,
    pub(crate) upstream: String,
    #[serde(default)]
    pub(crate) allow_plaintext: bool,
    pub(crate) upstream_ca_file: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) password_env: Option<String>,
    pub(crate) databases: Option<Vec<String>>,
    pub(crate) upstream_tls: Option<UpstreamTlsMode>,
    pub(crate) channel_binding: Option<ChannelBinding>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) credential_header: Option<String>,
    pub(crate) credential_file: Option<PathBuf>,
    pub(crate) credential_env: Option<String>,
    pub(crate) max_body_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Postgres,
    Http,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UpstreamTlsMode {
    VerifyFull,
    Disable,
}

/// Whether a login by password is bound to the upstream's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChannelBinding {
    Disable,
    #[default]
    Prefer,
    Require,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DevTable {
    pub(crate) listen: String,
    pub(crate) audience: String,
    pub(crate) token_seconds: u64,
}

impl Default for DevTable {
    fn default() -> Self {
        DevTable {
            listen: "127.0.0.1:7481".to_owned(),
            audience: "hpol".to_owned(),
            token_seconds: 3600,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsTable {
    pub(crate) clients: usize,
    pub(crate) clients_per_address: usize,
    pub(crate) pending_approvals: usize,
    pub(crate) drain_seconds: u64,
}

impl Default for LimitsTable {
    fn default() -> Self {
        LimitsTable {
            clients: 1024,
            clients_per_address: 256,
            pending_approvals: 1000,
            drain_seconds: 30,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogTable {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

impl Default for LogTable {
    fn default() -> Self {
        LogTable {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}
