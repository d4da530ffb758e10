//! Certificates: self-signed, so each is its own authority.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hpol_postgres::{ChannelBinding, UpstreamTls};
use rcgen::{CertificateParams, DnType, KeyPair, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;

pub struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    /// Of the server `localhost`.
    pub fn new() -> Identity {
        Identity::of("localhost", &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub fn of(name: &str, algorithm: &'static SignatureAlgorithm) -> Identity {
        // Another test of this process may have been first; all install the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut parameters = CertificateParams::new([name.replace('_', "-")]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.self_signed(&key).unwrap();
        Identity { certificate, key }
    }

    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.der().clone()]
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub fn server(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(self.chain(), self.key()).unwrap())
    }

    /// Of a client that trusts this one only.
    pub fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder()
            .with_root_certificates(trusting(&[self]))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// As what verifies an upstream.
    pub fn upstream(&self, channel_binding: ChannelBinding) -> UpstreamTls {
        UpstreamTls::Require {
            config: self.client(&[]),
            name: localhost(),
            channel_binding,
        }
    }

    /// As files that PostgreSQL reads, and the settings that name them.
    pub fn files(&self) -> ServerFiles {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let files = ServerFiles { folder };
        files.write("server.crt", &self.pem());
        let key = files.write("server.key", &self.key.serialize_pem());
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        if hpol_support::process::is_root() {
            let chown = Command::new("chown").arg("postgres").arg(&key).status();
            assert!(chown.unwrap().success());
        }
        files
    }
}

pub fn trusting(identities: &[&Identity]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for identity in identities {
        roots.add(identity.certificate.der().clone()).unwrap();
    }
    roots
}

pub fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

pub struct ServerFiles {
    folder: TempDir,
}

impl ServerFiles {
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    /// Settings of a server that shows the certificate.
    pub fn settings(&self) -> Vec<String> {
        let file = |setting: &str, name: &str| format!("{setting}={}", self.path(name).display());
        vec![
            "ssl=on".to_owned(),
            file("ssl_cert_file", "server.crt"),
            file("ssl_key_file", "server.key"),
        ]
    }
}
