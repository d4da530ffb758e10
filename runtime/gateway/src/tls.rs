//! TLS of the gateway's own listeners and towards issuers and upstreams: certificates, keys and roots from files.
//! One provider (aws-lc-rs), TLS 1.2 and 1.3, no switch to turn verification off.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::config::Tls;
use crate::config::secret::{ReadSecret, read_private};

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadTls {
    #[error("certificates in `{path}` cannot be read: {why}")]
    Certificates { path: PathBuf, why: String },
    #[error("`{path}` holds no certificate")]
    NoCertificate { path: PathBuf },
    #[error(transparent)]
    Key(#[from] ReadSecret),
    #[error("`{path}` holds no private key that can be used: {why}")]
    NotAKey { path: PathBuf, why: String },
    #[error("certificate `{certificate}` and key `{key}` do not belong together: {why}")]
    Mismatch {
        certificate: PathBuf,
        key: PathBuf,
        why: String,
    },
    #[error("the development certificate cannot be made: {0}")]
    Development(String),
}

/// Verifies the peer's chain and name against the certificates in `ca_file`, or against the system's roots.
///
/// # Errors
/// When there are no roots to verify against.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, LoadTls> {
    let roots = roots(ca_file)?;
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(config.with_no_client_auth())
}

/// The same, and shows the gateway's own certificate to a peer that asks for one.
///
/// # Errors
/// When there are no roots, or the files of the certificate cannot be read or do not belong together.
pub(crate) fn client_config_showing(
    ca_file: Option<&Path>,
    own: &Tls,
) -> Result<ClientConfig, LoadTls> {
    let (chain, key) = own_certificate(own)?;
    ClientConfig::builder()
        .with_root_certificates(roots(ca_file)?)
        .with_client_auth_cert(chain, key)
        .map_err(|error| mismatch(own, &error))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, LoadTls> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            for certificate in certificates(path)? {
                let refused = |why: rustls::Error| LoadTls::Certificates {
                    path: path.to_owned(),
                    why: why.to_string(),
                };
                roots.add(certificate).map_err(refused)?;
            }
        }
        None => {
            let (added, _) =
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if added == 0 {
                // An issuer on loopback needs none; anything else fails to verify and says so.
                tracing::debug!("the system has no root certificates");
            }
        }
    }
    Ok(roots)
}

/// What is shown to clients; `protocol` is the ALPN name they may ask for.
///
/// # Errors
/// When the files cannot be read or do not belong together.
pub(crate) fn server_config(tls: &Tls, protocol: &[u8]) -> Result<Arc<ServerConfig>, LoadTls> {
    let (chain, key) = own_certificate(tls)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| mismatch(tls, &error))?;
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

fn own_certificate(
    tls: &Tls,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), LoadTls> {
    let chain = certificates(&tls.certificate)?;
    let pem = read_private(&tls.key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| LoadTls::NotAKey {
        path: tls.key.clone(),
        why: error.to_string(),
    })?;
    Ok((chain, key))
}

fn mismatch(tls: &Tls, error: &rustls::Error) -> LoadTls {
    LoadTls::Mismatch {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        why: error.to_string(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadTls> {
    let unreadable = |why: rustls::pki_types::pem::Error| LoadTls::Certificates {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let list: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if list.is_empty() {
        Err(LoadTls::NoCertificate {
            path: path.to_owned(),
        })
    } else {
        Ok(list)
    }
}

/// The self-signed certificate for `--dev`, made on first use and kept, so that clients can pin it.
///
/// # Errors
/// When it can be neither read nor made.
pub(crate) fn development_certificate(state_dir: &Path) -> Result<Tls, LoadTls> {
    let tls = Tls {
        certificate: state_dir.join("dev-certificate.pem"),
        key: state_dir.join("dev-key.pem"),
    };
    if tls.certificate.exists() && tls.key.exists() {
        return Ok(tls);
    }
    let names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let failed = |error: &dyn std::fmt::Display| LoadTls::Development(error.to_string());
    let pair = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    write_new(&tls.key, pair.signing_key.serialize_pem().as_bytes(), 0o600)
        .map_err(|error| failed(&error))?;
    write_new(&tls.certificate, pair.cert.pem().as_bytes(), 0o644)
        .map_err(|error| failed(&error))?;
    Ok(tls)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
