//! From what is written to what is meant: checks every value and reports all problems at once.
//! Reads no other file: keys, certificates and the bundle are read when the gateway starts or reloads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use hpol_evidence::checkpoint::Origin;

use super::connection::check_connection;
use super::place::Problem;
use super::table::{AuditTable, ConfigTable, DevTable, IdentityTable, LimitsTable};
use super::{Audit, Bundle, Config, Connection, Dev, Identity, Limits, Log, Mode, Tls};

/// Largest tolerated difference of clocks, in seconds: more would stretch the life of every token.
const MAX_LEEWAY_SECONDS: u64 = 300;
/// Longest life of a token of the embedded issuer, in seconds.
const MAX_DEV_TOKEN_SECONDS: u64 = 24 * 3600;
/// Longest wait for open operations at the end, in seconds.
const MAX_DRAIN_SECONDS: u64 = 3600;
/// Most clients one listener may be told to hold.
const MAX_CLIENTS: usize = 100_000;

/// Where relative paths start, and the problems found so far.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    folder: &'a Path,
    pub(super) problems: Vec<Problem>,
}

impl Findings<'_> {
    pub(super) fn path(&self, path: PathBuf) -> PathBuf {
        self.folder.join(path)
    }

    pub(super) fn report(
        &mut self,
        key: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::at_key(key, message, help));
    }

    /// An address to listen on; port 0 lets the system choose.
    pub(super) fn listen(&mut self, key: &[&str], text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            self.report(
                key,
                format!("`{text}` is not an IP address with a port"),
                "write it like `127.0.0.1:7432` or `[::1]:7432`",
            );
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }
}

pub(super) fn check(
    table: ConfigTable,
    folder: &Path,
    text: &str,
    mode: Mode,
) -> Result<Config, Vec<Problem>> {
    let mut findings = Findings {
        folder,
        problems: Vec::new(),
    };
    let admin = findings.listen(&["admin", "listen"], &table.admin.listen);
    let tls = table.tls.map(|tls| Tls {
        certificate: findings.path(tls.certificate),
        key: findings.path(tls.key),
    });
    let may_serve_tls = tls.is_some() || mode == Mode::Development;
    if !admin.ip().is_loopback() && !may_serve_tls {
        findings.report(
            &["admin", "listen"],
            "approvals would travel in plain HTTP over the network",
            "add a `[tls]` section, or listen on a loopback address",
        );
    }
    let connections = check_connections(table.connections, may_serve_tls, &mut findings);
    check_addresses(&connections, admin, &mut findings);
    let audit = check_audit(table.audit, &mut findings);
    let bundle = Bundle {
        path: findings.path(table.bundle.path),
        trusted_keys: trusted_keys(table.bundle.trusted_keys, &mut findings),
    };
    let state_dir = findings.path(table.state.dir);
    let mask_key = table.masking.key_file.map(|path| findings.path(path));
    let identity = check_identities(table.identity, mode, &mut findings);
    let dev = (mode == Mode::Development).then(|| check_dev(table.dev, &mut findings));
    let limits = check_limits(&table.limits, &mut findings);
    let log = Log {
        format: table.log.format,
        level: check_level(table.log.level, &mut findings),
    };
    let digest = HEXLOWER.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    match audit {
        Some(audit) if findings.problems.is_empty() => Ok(Config {
            bundle,
            audit,
            state_dir,
            admin,
            tls,
            mask_key,
            identity,
            connections,
            dev,
            limits,
            log,
            digest,
        }),
        _ => Err(findings.problems),
    }
}

fn check_audit(table: AuditTable, findings: &mut Findings<'_>) -> Option<Audit> {
    let origin = Origin::new(&table.origin).map_err(|error| {
        findings.report(
            &["audit", "origin"],
            error.to_string(),
            "write a name such as `gateway-1.example.com/hpol`",
        );
    });
    Some(Audit {
        dir: findings.path(table.dir),
        signing_key: findings.path(table.signing_key),
        former_signing_key: table.former_signing_key.map(|path| findings.path(path)),
        origin: origin.ok()?,
        reads: table.reads,
    })
}

fn trusted_keys(keys: Vec<PathBuf>, findings: &mut Findings<'_>) -> Vec<PathBuf> {
    if keys.is_empty() {
        findings.report(
            &["bundle", "trusted_keys"],
            "no key is trusted, so no bundle could ever be loaded",
            "name the public key that `hpol keygen` wrote",
        );
    }
    keys.into_iter().map(|key| findings.path(key)).collect()
}

fn check_identities(
    tables: Vec<IdentityTable>,
    mode: Mode,
    findings: &mut Findings<'_>,
) -> Vec<Identity> {
    if tables.is_empty() && mode == Mode::Production {
        findings.report(
            &["identity"],
            "no issuer is trusted, so nobody could ever connect",
            "add an `[[identity]]` section, or run with `--dev` to try the gateway on this machine",
        );
    }
    let mut identities: Vec<Identity> = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let index = index.to_string();
        let identity = check_identity(table, &index, findings);
        if identities
            .iter()
            .any(|other| other.issuer == identity.issuer)
        {
            findings.report(
                &["identity", &index, "issuer"],
                format!("issuer `{}` is configured twice", identity.issuer),
                "keep one section for each issuer",
            );
        }
        identities.push(identity);
    }
    identities
}

fn check_identity(table: IdentityTable, index: &str, findings: &mut Findings<'_>) -> Identity {
    if let Err(why) = crate::identity::fetch::check_url(&table.issuer) {
        findings.report(
            &["identity", index, "issuer"],
            why.to_string(),
            "write the issuer exactly as its tokens name it",
        );
    }
    for (key, value) in [
        ("audience", &table.audience),
        ("groups_claim", &table.groups_claim),
    ] {
        if value.is_empty() {
            findings.report(
                &["identity", index, key],
                "is empty",
                "write the value that tokens carry, or remove the key",
            );
        }
    }
    if table.leeway_seconds > MAX_LEEWAY_SECONDS {
        findings.report(
            &["identity", index, "leeway_seconds"],
            format!("{} is more than {MAX_LEEWAY_SECONDS}", table.leeway_seconds),
            "synchronise the clocks instead",
        );
    }
    Identity {
        algorithms: check_algorithms(&table.algorithms, index, findings),
        issuer: table.issuer,
        audience: table.audience,
        groups_claim: table.groups_claim,
        ca_file: table.ca_file.map(|path| findings.path(path)),
        leeway: Duration::from_secs(table.leeway_seconds),
    }
}

fn check_algorithms(
    names: &[String],
    index: &str,
    findings: &mut Findings<'_>,
) -> Vec<jsonwebtoken::Algorithm> {
    let known = crate::identity::token::ALGORITHMS;
    if names.is_empty() {
        findings.report(
            &["identity", index, "algorithms"],
            "is empty",
            "name at least one, such as \"ES256\"",
        );
    }
    let mut algorithms = Vec::new();
    for (position, name) in names.iter().enumerate() {
        match known.iter().find(|(known, _)| known == name) {
            Some((_, algorithm)) => algorithms.push(*algorithm),
            None => {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                findings.report(
                    &["identity", index, "algorithms", &position.to_string()],
                    format!("`{name}` is not an asymmetric signature algorithm that is accepted"),
                    format!("choose from {}", names.join(", ")),
                );
            }
        }
    }
    algorithms
}

fn check_connections(
    tables: BTreeMap<String, super::table::ConnectionTable>,
    may_serve_tls: bool,
    findings: &mut Findings<'_>,
) -> BTreeMap<String, Connection> {
    let mut connections = BTreeMap::new();
    for (name, table) in tables {
        if name.is_empty()
            || name.len() > 64
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        {
            findings.report(
                &["connections", &name],
                format!("`{name}` cannot name a connection"),
                "use at most 64 letters, digits, `-`, `_` and `.`",
            );
        }
        let connection = check_connection(&name, table, may_serve_tls, findings);
        connections.insert(name, connection);
    }
    connections
}

/// Two listeners on one address: the second could never start.
fn check_addresses(
    connections: &BTreeMap<String, Connection>,
    admin: SocketAddr,
    findings: &mut Findings<'_>,
) {
    let mut seen: BTreeMap<SocketAddr, &str> = BTreeMap::from([(admin, "the admin API")]);
    for (name, connection) in connections {
        if connection.listen.port() == 0 {
            continue;
        }
        if let Some(other) = seen.insert(connection.listen, name) {
            findings.report(
                &["connections", name, "listen"],
                format!("`{}` is already used by {other}", connection.listen),
                "give every listener its own address",
            );
        }
    }
}

fn check_dev(table: DevTable, findings: &mut Findings<'_>) -> Dev {
    let listen = findings.listen(&["dev", "listen"], &table.listen);
    if !listen.ip().is_loopback() {
        findings.report(
            &["dev", "listen"],
            format!("the embedded issuer gives a token to whoever asks, and `{listen}` can be reached from elsewhere"),
            "listen on a loopback address such as `127.0.0.1:7481`",
        );
    }
    if table.token_seconds == 0 || table.token_seconds > MAX_DEV_TOKEN_SECONDS {
        findings.report(
            &["dev", "token_seconds"],
            format!(
                "{} is not between 1 and {MAX_DEV_TOKEN_SECONDS}",
                table.token_seconds
            ),
            "choose a shorter life",
        );
    }
    if table.audience.is_empty() {
        findings.report(
            &["dev", "audience"],
            "is empty",
            "write a name such as `hpol`, or remove the key",
        );
    }
    Dev {
        listen,
        audience: table.audience,
        token_lifetime: Duration::from_secs(table.token_seconds),
    }
}

fn check_limits(table: &LimitsTable, findings: &mut Findings<'_>) -> Limits {
    let counts = [
        ("clients", table.clients),
        ("clients_per_address", table.clients_per_address),
        ("pending_approvals", table.pending_approvals),
    ];
    for (key, value) in counts {
        if value == 0 || value > MAX_CLIENTS {
            findings.report(
                &["limits", key],
                format!("{value} is not between 1 and {MAX_CLIENTS}"),
                "choose a number in that range, or remove the key",
            );
        }
    }
    if table.drain_seconds > MAX_DRAIN_SECONDS {
        findings.report(
            &["limits", "drain_seconds"],
            format!("{} is more than {MAX_DRAIN_SECONDS}", table.drain_seconds),
            "choose a shorter wait",
        );
    }
    Limits {
        clients: table.clients,
        clients_per_address: table.clients_per_address,
        pending_approvals: table.pending_approvals,
        drain: Duration::from_secs(table.drain_seconds),
    }
}

fn check_level(level: String, findings: &mut Findings<'_>) -> String {
    if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
        findings.report(
            &["log", "level"],
            format!("`{level}` is not a level"),
            "choose from error, warn, info, debug, trace",
        );
    }
    level
}
