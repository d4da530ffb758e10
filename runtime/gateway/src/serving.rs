//! How the clients of one connection are served: the adapter of its protocol, with everything it was configured with.
//! Knows both adapters by name and neither protocol.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use hpol_http::{BadUpstream, HttpConnection};
use hpol_postgres::{Analyser, CancelKeys, PostgresConnection, Settings};
use hpol_session::door::Door;
use hpol_session::ports::Authenticate;
use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use crate::config::secret::{ReadSecret, SecretSource};
use crate::config::{self, ChannelBinding, Connection, HttpUpstream, PostgresUpstream, Upstream};
use crate::shutdown::{Stop, StopSwitch};
use crate::tls::{self, LoadTls};

/// Why a connection cannot be served as configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildServing {
    #[error("connection `{name}`: {why}")]
    Secret { name: String, why: ReadSecret },
    #[error("connection `{name}`: {why}")]
    Tls { name: String, why: LoadTls },
    #[error("connection `{name}`: {why}")]
    Upstream { name: String, why: BadUpstream },
    #[error("connection `{name}`: `{host}` is not a name that a certificate can bear")]
    Host { name: String, host: String },
    #[error("connection `{name}`: `{path}` cannot be read: {why}")]
    File {
        name: String,
        path: PathBuf,
        why: std::io::Error,
    },
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) door: Arc<Door>,
    pub(crate) identities: Arc<dyn Authenticate>,
    pub(crate) analyser: Arc<Analyser>,
    pub(crate) cancels: Arc<CancelKeys>,
    /// Certificate shown to clients.
    pub(crate) tls: Option<config::Tls>,
}

/// Serves the clients of one connection.
pub(crate) struct Serving {
    door: Arc<Door>,
    identities: Arc<dyn Authenticate>,
    tls: Option<Arc<ServerConfig>>,
    adapter: Adapter,
    fingerprint: [u8; 32],
    /// Says that clients are served otherwise by now.
    replaced: StopSwitch,
    told: Stop,
}

enum Adapter {
    Postgres(Arc<PostgresConnection>),
    Http(Arc<HttpConnection>),
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.adapter {
            Adapter::Postgres(_) => "postgres",
            Adapter::Http(_) => "http",
        };
        f.debug_struct("Serving")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

impl Serving {
    /// Reads the secrets and certificates of `connection`; contacts nobody.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(crate) fn build(
        name: &str,
        connection: &Connection,
        shared: &Shared,
    ) -> Result<Serving, BuildServing> {
        let mut material = Material::new(name, connection);
        let (adapter, protocol) = match &connection.upstream {
            Upstream::Postgres(upstream) => {
                let settings = material.postgres(upstream, connection.allow_plaintext)?;
                let adapter = PostgresConnection::new(
                    settings,
                    Arc::clone(&shared.analyser),
                    Arc::clone(&shared.cancels),
                );
                (Adapter::Postgres(adapter), &b"postgresql"[..])
            }
            Upstream::Http(upstream) => (
                Adapter::Http(Arc::new(material.http(upstream)?)),
                &b"http/1.1"[..],
            ),
        };
        // A PostgreSQL client asks for TLS or not on the same port; an HTTP port speaks one or the other.
        let plain = connection.allow_plaintext && matches!(adapter, Adapter::Http(_));
        let tls = match &shared.tls {
            Some(tls) if !plain => Some(material.server(tls, protocol)?),
            _ => None,
        };
        let (replaced, told) = StopSwitch::new();
        Ok(Serving {
            replaced,
            told,
            door: Arc::clone(&shared.door),
            identities: Arc::clone(&shared.identities),
            tls,
            adapter,
            fingerprint: material.fingerprint(),
        })
    }

    /// Equal for two that serve alike: same configuration, same secrets, same certificates.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Says that clients are served otherwise from now on. A session goes on as it began; an HTTP connection that is kept
    /// open ends with the request under way, since each request is on its own.
    pub(crate) fn is_replaced(&self) {
        self.replaced.stop();
    }

    /// Serves one client until it leaves, or until its work is done after stop was said.
    pub(crate) async fn serve(&self, client: TcpStream, peer: SocketAddr, mut stop: Stop) {
        let (door, identities, tls) = (
            Arc::clone(&self.door),
            Arc::clone(&self.identities),
            self.tls.clone(),
        );
        match &self.adapter {
            Adapter::Postgres(connection) => {
                hpol_postgres::serve(
                    client,
                    Arc::clone(connection),
                    door,
                    identities,
                    tls,
                    stop.receiver(),
                )
                .await;
            }
            Adapter::Http(connection) => {
                let mut told = self.told.clone();
                let stopped = async move {
                    tokio::select! {
                        () = stop.wait() => {}
                        () = told.wait() => {}
                    }
                };
                hpol_http::serve(
                    client,
                    peer,
                    Arc::clone(connection),
                    door,
                    identities,
                    tls,
                    stopped,
                )
                .await;
            }
        }
    }
}

/// Reads what one connection refers to, and digests all of it.
struct Material<'a> {
    name: &'a str,
    digest: Context,
}

impl Material<'_> {
    fn new<'a>(name: &'a str, connection: &Connection) -> Material<'a> {
        let mut digest = Context::new(&SHA256);
        digest.update(format!("{connection:?}").as_bytes());
        Material { name, digest }
    }

    fn postgres(
        &mut self,
        upstream: &PostgresUpstream,
        allow_plaintext: bool,
    ) -> Result<Settings, BuildServing> {
        let password = match &upstream.password {
            Some(source) => Some(self.secret(source)?),
            None => None,
        };
        let tls = match &upstream.tls {
            None => hpol_postgres::UpstreamTls::Disable,
            Some(tls) => {
                let host = || BuildServing::Host {
                    name: self.name.to_owned(),
                    host: upstream.host.clone(),
                };
                let name = ServerName::try_from(upstream.host.clone()).map_err(|_| host())?;
                hpol_postgres::UpstreamTls::Require {
                    config: self.upstream(tls)?,
                    name,
                    channel_binding: match tls.channel_binding {
                        ChannelBinding::Disable => hpol_postgres::ChannelBinding::Disable,
                        ChannelBinding::Prefer => hpol_postgres::ChannelBinding::Prefer,
                        ChannelBinding::Require => hpol_postgres::ChannelBinding::Require,
                    },
                }
            }
        };
        Ok(Settings {
            name: self.name.to_owned(),
            host: upstream.host.clone(),
            port: upstream.port,
            user: upstream.user.clone(),
            password: password.map(|password| hpol_postgres::Secret::new(password.to_string())),
            databases: upstream
                .databases
                .iter()
                .map(|database| (database.clone(), database.clone()))
                .collect(),
            tls,
            danger_plaintext_clients: allow_plaintext,
            danger_upstream_without_password: false,
            limits: hpol_postgres::Limits::default(),
        })
    }

    fn http(&mut self, upstream: &HttpUpstream) -> Result<HttpConnection, BuildServing> {
        let refused = |why| BuildServing::Upstream {
            name: self.name.to_owned(),
            why,
        };
        let tls = match upstream.url.starts_with("https:") {
            true => Some(self.client(upstream.ca_file.as_deref())?),
            false => None,
        };
        let mut target = hpol_http::Upstream::new(&upstream.url, tls).map_err(refused)?;
        if let Some(credential) = &upstream.credential {
            let value = self.secret(&credential.value)?;
            let refused = |why| BuildServing::Upstream {
                name: self.name.to_owned(),
                why,
            };
            target = target.with_credential(
                hpol_http::Credential::new(&credential.header, &value).map_err(refused)?,
            );
        }
        let limits = hpol_http::Limits {
            body_bytes: upstream.max_body_bytes,
            ..hpol_http::Limits::DEFAULT
        };
        Ok(HttpConnection {
            name: self.name.to_owned(),
            upstream: target,
            limits,
        })
    }

    fn secret(
        &mut self,
        source: &SecretSource,
    ) -> Result<zeroize::Zeroizing<String>, BuildServing> {
        let secret = source.read().map_err(|why| BuildServing::Secret {
            name: self.name.to_owned(),
            why,
        })?;
        self.digest.update(secret.as_bytes());
        Ok(secret)
    }

    fn client(
        &mut self,
        ca_file: Option<&Path>,
    ) -> Result<Arc<rustls::ClientConfig>, BuildServing> {
        if let Some(path) = ca_file {
            self.file(path)?;
        }
        let config = tls::client_config(ca_file);
        config.map(Arc::new).map_err(|why| BuildServing::Tls {
            name: self.name.to_owned(),
            why,
        })
    }

    /// TLS to a PostgreSQL server.
    fn upstream(
        &mut self,
        tls: &config::UpstreamTls,
    ) -> Result<Arc<rustls::ClientConfig>, BuildServing> {
        let Some(own) = &tls.client_certificate else {
            return self.client(tls.ca_file.as_deref());
        };
        for path in tls.ca_file.iter().chain([&own.certificate]) {
            self.file(path)?;
        }
        self.secret(&SecretSource::File(own.key.clone()))?;
        tls::client_config_showing(tls.ca_file.as_deref(), own)
            .map(Arc::new)
            .map_err(|why| BuildServing::Tls {
                name: self.name.to_owned(),
                why,
            })
    }

    fn server(
        &mut self,
        tls: &config::Tls,
        protocol: &[u8],
    ) -> Result<Arc<ServerConfig>, BuildServing> {
        self.file(&tls.certificate)?;
        tls::server_config(tls, protocol).map_err(|why| BuildServing::Tls {
            name: self.name.to_owned(),
            why,
        })
    }

    fn file(&mut self, path: &Path) -> Result<(), BuildServing> {
        let content = fs::read(path).map_err(|why| BuildServing::File {
            name: self.name.to_owned(),
            path: path.to_owned(),
            why,
        })?;
        self.digest.update(&content);
        Ok(())
    }

    fn fingerprint(self) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        fingerprint
            .iter_mut()
            .zip(self.digest.finish().as_ref())
            .for_each(|(to, from)| *to = *from);
        fingerprint
    }
}
