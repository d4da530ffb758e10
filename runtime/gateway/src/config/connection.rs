//! Checks one `[connections.NAME]`: which keys belong to its kind, and what its upstream is.

use std::path::PathBuf;

use http::HeaderName;
use hyper::Uri;

use super::check::Findings;
use super::secret::SecretSource;
use super::table::{ChannelBinding, ConnectionTable, Kind, UpstreamTlsMode};
use super::{Connection, Credential, HttpUpstream, PostgresUpstream, Tls, Upstream, UpstreamTls};

/// Largest request body when the operator sets none, in bytes. It is read whole: an approval is for exactly these bytes.
const DEFAULT_MAX_BODY_BYTES: u64 = 1024 * 1024;
/// Largest that may be set, in bytes.
const MAX_MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn check_connection(
    name: &str,
    table: ConnectionTable,
    may_serve_tls: bool,
    findings: &mut Findings<'_>,
) -> Connection {
    let mut checking = Checking { name, findings };
    let listen = checking.listen(&table.listen);
    let allow_plaintext = table.allow_plaintext;
    checking.protection(listen, allow_plaintext, may_serve_tls);
    let upstream = match table.kind {
        Kind::Postgres => Upstream::Postgres(checking.postgres(table)),
        Kind::Http => Upstream::Http(checking.http(table)),
    };
    Connection {
        listen,
        allow_plaintext,
        upstream,
    }
}

struct Checking<'a, 'f> {
    name: &'a str,
    findings: &'a mut Findings<'f>,
}

impl Checking<'_, '_> {
    fn report(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.findings
            .report(&["connections", self.name, key], message, help);
    }

    fn listen(&mut self, text: &str) -> std::net::SocketAddr {
        self.findings
            .listen(&["connections", self.name, "listen"], text)
    }

    /// Tokens travel on this connection, so it is TLS or it does not leave the machine.
    fn protection(
        &mut self,
        listen: std::net::SocketAddr,
        allow_plaintext: bool,
        may_serve_tls: bool,
    ) {
        if allow_plaintext && !listen.ip().is_loopback() {
            self.report(
                "allow_plaintext",
                format!("tokens would travel readable over the network to `{listen}`"),
                "listen on a loopback address, or set `allow_plaintext = false` and add a `[tls]` section",
            );
        }
        if !allow_plaintext && !may_serve_tls {
            self.report(
                "listen",
                "clients are required to use TLS, but the gateway has no certificate",
                "add a `[tls]` section, or set `allow_plaintext = true` on a loopback address",
            );
        }
    }

    fn postgres(&mut self, table: ConnectionTable) -> PostgresUpstream {
        let foreign = [
            ("credential_header", table.credential_header.is_some()),
            ("credential_file", table.credential_file.is_some()),
            ("credential_env", table.credential_env.is_some()),
            ("max_body_bytes", table.max_body_bytes.is_some()),
        ];
        self.foreign(Kind::Postgres, &foreign);
        let (host, port) = self.host_and_port(&table.upstream);
        if table.user.as_deref().is_none_or(str::is_empty) {
            self.report(
                "user",
                "is missing",
                "name the database role that the gateway connects as",
            );
        }
        let databases = table.databases.unwrap_or_default();
        if databases.is_empty() || databases.iter().any(String::is_empty) {
            self.report(
                "databases",
                "is missing or empty",
                "list the databases clients may reach, such as [\"orders\"]",
            );
        }
        let certificate = self.client_certificate(table.client_certificate, table.client_key);
        let password = self.secret("password", table.password_file, table.password_env);
        if password.is_none() && certificate.is_none() {
            self.report(
                "password_file",
                "is missing",
                "name the file, or with `password_env` the variable, that holds the password; or a `client_certificate`",
            );
        }
        let binding = table.channel_binding.unwrap_or_default();
        if binding == ChannelBinding::Require && password.is_none() {
            self.report(
                "channel_binding",
                "requires a login by password, and there is none",
                "add `password_file` or `password_env`, or remove the key",
            );
        }
        let disabled = table.upstream_tls == Some(UpstreamTlsMode::Disable);
        let binds = table
            .channel_binding
            .is_some_and(|binding| binding != ChannelBinding::Disable);
        let of_tls = [
            ("upstream_ca_file", table.upstream_ca_file.is_some()),
            ("channel_binding", binds),
            ("client_certificate", certificate.is_some()),
        ];
        for (key, _) in of_tls.iter().filter(|(_, present)| disabled && *present) {
            self.report(
                key,
                "has no effect with `upstream_tls = \"disable\"`",
                "remove one of the two",
            );
        }
        let ca_file = table.upstream_ca_file.map(|path| self.findings.path(path));
        PostgresUpstream {
            host,
            port,
            user: table.user.unwrap_or_default(),
            password,
            databases,
            tls: (!disabled).then_some(UpstreamTls {
                ca_file,
                channel_binding: binding,
                client_certificate: certificate,
            }),
        }
    }

    /// A certificate and its key, or neither.
    fn client_certificate(
        &mut self,
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Option<Tls> {
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Tls {
                certificate: self.findings.path(certificate),
                key: self.findings.path(key),
            }),
            (Some(_), None) => {
                self.report(
                    "client_certificate",
                    "has no key",
                    "name the file of its private key with `client_key`",
                );
                None
            }
            (None, Some(_)) => {
                self.report(
                    "client_key",
                    "has no certificate",
                    "name the file with `client_certificate`",
                );
                None
            }
            (None, None) => None,
        }
    }

    fn http(&mut self, table: ConnectionTable) -> HttpUpstream {
        let foreign = [
            ("user", table.user.is_some()),
            ("password_file", table.password_file.is_some()),
            ("password_env", table.password_env.is_some()),
            ("databases", table.databases.is_some()),
            ("upstream_tls", table.upstream_tls.is_some()),
            ("channel_binding", table.channel_binding.is_some()),
            ("client_certificate", table.client_certificate.is_some()),
            ("client_key", table.client_key.is_some()),
        ];
        self.foreign(Kind::Http, &foreign);
        self.base_url(&table.upstream);
        let value = self.secret("credential", table.credential_file, table.credential_env);
        let max_body_bytes = table.max_body_bytes.unwrap_or(DEFAULT_MAX_BODY_BYTES);
        if max_body_bytes == 0 || max_body_bytes > MAX_MAX_BODY_BYTES {
            self.report(
                "max_body_bytes",
                format!("{max_body_bytes} is not between 1 and {MAX_MAX_BODY_BYTES}"),
                "choose a number in that range, or remove the key",
            );
        }
        let ca_file = table.upstream_ca_file.map(|path| self.findings.path(path));
        if ca_file.is_some() && table.upstream.starts_with("http://") {
            self.report(
                "upstream_ca_file",
                "has no effect on an `http://` upstream",
                "remove it, or use `https://`",
            );
        }
        HttpUpstream {
            credential: self.credential(table.credential_header, value),
            url: table.upstream,
            ca_file,
            max_body_bytes,
        }
    }

    fn foreign(&mut self, kind: Kind, keys: &[(&str, bool)]) {
        let kind = match kind {
            Kind::Postgres => "postgres",
            Kind::Http => "http",
        };
        for (key, _) in keys.iter().filter(|(_, present)| *present) {
            self.report(
                key,
                format!("does not belong to `kind = \"{kind}\"`"),
                "remove the key, or correct `kind`",
            );
        }
    }

    fn host_and_port(&mut self, upstream: &str) -> (String, u16) {
        let parsed = upstream.rsplit_once(':').and_then(|(host, port)| {
            let host = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .unwrap_or(host);
            let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
            (!host.is_empty() && !host.contains(['/', '@', ' '])).then(|| (host.to_owned(), port))
        });
        parsed.unwrap_or_else(|| {
            self.report(
                "upstream",
                format!("`{upstream}` is not a host with a port"),
                "write it like `db.example.com:5432`",
            );
            (String::new(), 0)
        })
    }

    fn base_url(&mut self, upstream: &str) {
        let uri: Option<Uri> = upstream.parse().ok();
        let accepted = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
                && matches!(uri.path(), "" | "/")
                && uri.query().is_none()
        });
        if !accepted {
            self.report(
                "upstream",
                format!("`{upstream}` is not the address of an HTTP server"),
                "write scheme, host and port only, like `https://crm.example.com:8443`",
            );
        }
    }

    /// The one of `NAME_file` and `NAME_env` that is there.
    fn secret(
        &mut self,
        stem: &str,
        file: Option<PathBuf>,
        env: Option<String>,
    ) -> Option<SecretSource> {
        if file.is_some() && env.is_some() {
            let (file_key, env_key) = (format!("{stem}_file"), format!("{stem}_env"));
            self.report(
                &env_key,
                format!("is given together with `{file_key}`"),
                "keep one of the two",
            );
        }
        file.map(|path| SecretSource::File(self.findings.path(path)))
            .or(env.map(SecretSource::Environment))
    }

    fn credential(
        &mut self,
        header: Option<String>,
        value: Option<SecretSource>,
    ) -> Option<Credential> {
        match (header, value) {
            (Some(header), Some(value)) => {
                if header.parse::<HeaderName>().is_err() {
                    self.report(
                        "credential_header",
                        format!("`{header}` is not the name of a header"),
                        "write it like `authorization`",
                    );
                }
                Some(Credential { header, value })
            }
            (Some(_), None) => {
                self.report(
                    "credential_header",
                    "has no value",
                    "name the file with `credential_file`, or the variable with `credential_env`",
                );
                None
            }
            (None, Some(_)) => {
                self.report(
                    "credential_file",
                    "is for no header",
                    "name the header with `credential_header`",
                );
                None
            }
            (None, None) => None,
        }
    }
}
