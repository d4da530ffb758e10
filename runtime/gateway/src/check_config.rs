//! `check-config`: everything that `run` would read is read, nothing is served and nothing is written.

use std::path::Path;

use hpol_session::policy::InForce;

use crate::config::secret::SecretSource;
use crate::config::{Config, Mode, Tls, Upstream};
use crate::identity::fetch::Fetcher;
use crate::mask_key::{self, ConfiguredKey};
use crate::policy::{self, LoadPolicy};
use crate::run::audit_key;
use crate::tls;

/// What `check-config` has found in what the configuration names.
#[derive(Debug)]
pub(crate) struct Found {
    /// Everything that would keep the gateway from starting or from allowing anything; empty when all is well.
    pub(crate) problems: Vec<String>,
    /// What would be blocked, and was most likely not meant to be.
    pub(crate) warning: Option<String>,
}

/// Reads everything that the configuration names.
pub(crate) fn check(config: &Config) -> Found {
    let mut problems = Vec::new();
    let (key, told) = match ConfiguredKey::read(config.mask_key.as_deref()) {
        Ok(key) => (key, None),
        Err(error) => (ConfiguredKey::default(), Some(error.to_string())),
    };
    let unreadable_key = told.is_some();
    problems.extend(told);
    let policy = read_policy(config, &key);
    let warning = policy.as_ref().ok().and_then(mask_key::missing);
    let mut note = |result: Result<(), String>| problems.extend(result.err());
    note(
        audit_key(&config.audit.signing_key)
            .map(drop)
            .map_err(|error| error.to_string()),
    );
    if let Some(former) = &config.audit.former_signing_key {
        note(
            audit_key(former)
                .map(drop)
                .map_err(|error| error.to_string()),
        );
    }
    note(policy.map(drop).map_err(|error| error.to_string()));
    if let Some(certificate) = &config.tls {
        note(
            tls::server_config(certificate, b"http/1.1")
                .map(drop)
                .map_err(|error| error.to_string()),
        );
    }
    for identity in &config.identity {
        let checked = Fetcher::new(identity.ca_file.as_deref()).map(drop);
        note(checked.map_err(|error| format!("identity `{}`: {error}", identity.issuer)));
    }
    for (name, connection) in &config.connections {
        let (secret, ca_file) = match &connection.upstream {
            Upstream::Postgres(upstream) => (
                upstream.password.as_ref(),
                upstream.tls.as_ref().and_then(|tls| tls.ca_file.as_deref()),
            ),
            Upstream::Http(upstream) => (
                upstream
                    .credential
                    .as_ref()
                    .map(|credential| &credential.value),
                upstream.ca_file.as_deref(),
            ),
        };
        let named = |error: String| format!("connection `{name}`: {error}");
        note(secret.map_or(Ok(()), |secret: &SecretSource| {
            secret
                .read()
                .map(drop)
                .map_err(|error| named(error.to_string()))
        }));
        note(ca_file.map_or(Ok(()), |path: &Path| {
            tls::client_config(Some(path))
                .map(drop)
                .map_err(|error| named(error.to_string()))
        }));
        note(own_certificate(&connection.upstream).map_or(Ok(()), |own| {
            tls::client_config_showing(None, own)
                .map(drop)
                .map_err(|error| named(error.to_string()))
        }));
    }
    Found {
        problems,
        warning: warning.filter(|_| !unreadable_key),
    }
}

/// Whether the bundle is older than one before is known to the running gateway only.
fn read_policy(config: &Config, key: &ConfiguredKey) -> Result<InForce, LoadPolicy> {
    let loaded = policy::read(&config.bundle, None)?;
    policy::ready(&config.bundle, key, loaded)
}

/// What is shown to the upstream.
fn own_certificate(upstream: &Upstream) -> Option<&Tls> {
    match upstream {
        Upstream::Postgres(upstream) => upstream.tls.as_ref()?.client_certificate.as_ref(),
        Upstream::Http(_) => None,
    }
}

/// What is allowed and yet most likely a mistake.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let in_clear = |upstream: &Upstream| match upstream {
        Upstream::Http(upstream) => upstream.credential.is_some() && leaves_in_clear(&upstream.url),
        Upstream::Postgres(_) => false,
    };
    let connections = config.connections.iter();
    connections
        .filter(|(_, connection)| in_clear(&connection.upstream))
        .map(|(name, _)| {
            format!(
                "connection `{name}`: the credential is readable on its way to the upstream; write `https://` unless something else encrypts the way"
            )
        })
        .collect()
}

/// Whether requests to `url` leave the machine without TLS. A name is not looked up: it may be any machine.
fn leaves_in_clear(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}

/// One line for people: what would be served.
pub(crate) fn summary(path: &Path, config: &Config, mode: Mode) -> String {
    let dev = if mode == Mode::Development {
        ", embedded issuer"
    } else {
        ""
    };
    format!(
        "{}: ok: {}, {}{dev}, admin API on {}",
        path.display(),
        counted(config.connections.len(), "connection"),
        counted(config.identity.len(), "issuer"),
        config.admin,
    )
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_leaves_in_clear_unless_it_stays_on_the_machine() {
        for (url, in_clear) in [
            ("http://crm.example.com", true),
            ("http://10.0.0.7:8080/", true),
            ("http://[2001:db8::1]:80", true),
            ("https://crm.example.com", false),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080", false),
            ("http://[::1]", false),
            ("http://localhost:8080", false),
        ] {
            assert_eq!(leaves_in_clear(url), in_clear, "{url}");
        }
    }
}
