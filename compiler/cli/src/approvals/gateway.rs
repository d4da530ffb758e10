//! The gateway's admin API as seen from the terminal: one request, one bounded answer. Owns the care for
//! the token; prints nothing.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::approval::{Approval, List};

/// Largest answer that is read: a request for approval carries at most one operation.
const ANSWER_BYTES: usize = 32 << 20;

/// Where approvals are.
const APPROVALS: &str = "/api/v1/approvals";

/// Largest token file: identity tokens stay far below.
const TOKEN_BYTES: u64 = 64 << 10;

/// How long a whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an approver says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Approve,
    Reject,
}

/// Id of a request for approval; safe in a path.
#[derive(Debug, Clone)]
pub(super) struct ApprovalId(String);

/// Why the gateway gave no answer, or the answer no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayFailure {
    #[error("`{url}` is not the address of a gateway; write `https://host:port`")]
    Address { url: String },
    #[error(
        "the token would cross the network in clear to `{host}`; use `https://`, or `http://` on a loopback address"
    )]
    ClearText { host: String },
    #[error("no token: give `--token-file FILE` or set HPOL_TOKEN")]
    NoToken,
    #[error("cannot read the token file `{}`: {source}", path.display())]
    TokenFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the token holds characters that a token cannot have")]
    Token,
    #[error("cannot use the authorities in `{}`: {why}", path.display())]
    Authorities { path: PathBuf, why: String },
    #[error("cannot reach the gateway at `{url}`: {why}")]
    Unreachable { url: String, why: String },
    #[error("the gateway refused: {title}{}", if detail.is_empty() { String::new() } else { format!(": {detail}") })]
    Refused { title: String, detail: String },
    #[error("the gateway failed with status {status}: {title}{}", if detail.is_empty() { String::new() } else { format!(": {detail}") })]
    Broken {
        status: u16,
        title: String,
        detail: String,
    },
    #[error("the gateway's answer is not understood: {why}")]
    Answer { why: String },
}

/// A gateway's admin API, with the token to show it.
pub(crate) struct Gateway {
    base: String,
    authorization: HeaderValue,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// RFC 9457.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
}

impl GatewayFailure {
    /// Whether the gateway understood and said no.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, GatewayFailure::Refused { .. })
    }
}

impl FromStr for ApprovalId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<ApprovalId, &'static str> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=128).contains(&text.len()) && text.bytes().all(plain) {
            Ok(ApprovalId(text.to_owned()))
        } else {
            Err("an id is letters, digits, `-` and `_`; see `hpol approvals list`")
        }
    }
}

impl Gateway {
    /// Reads token and authorities; connects with the first request.
    pub(super) fn connect(
        url: &str,
        token_file: Option<&Path>,
        ca_file: Option<&Path>,
    ) -> Result<Gateway, GatewayFailure> {
        let base = address(url)?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(PATIENCE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(ca_file)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Gateway {
            base,
            authorization: token(token_file)?,
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    pub(super) async fn list(&self) -> Result<List, GatewayFailure> {
        self.exchange(Method::GET, APPROVALS, Bytes::new()).await
    }

    pub(super) async fn show(&self, id: &ApprovalId) -> Result<Approval, GatewayFailure> {
        self.exchange(Method::GET, &format!("{APPROVALS}/{}", id.0), Bytes::new())
            .await
    }

    pub(super) async fn answer(
        &self,
        id: &ApprovalId,
        answer: Answer,
        reason: &str,
    ) -> Result<Approval, GatewayFailure> {
        let verb = match answer {
            Answer::Approve => "approve",
            Answer::Reject => "reject",
        };
        let body = serde_json::json!({ "reason": reason }).to_string();
        let path = format!("{APPROVALS}/{}/{verb}", id.0);
        self.exchange(Method::POST, &path, body.into()).await
    }

    /// Says what was found of the operation whose decision is the record at `sequence`.
    pub(crate) async fn review(
        &self,
        sequence: u64,
        finding: &str,
        reason: &str,
    ) -> Result<serde_json::Value, GatewayFailure> {
        let body = serde_json::json!({ "finding": finding, "reason": reason }).to_string();
        let path = format!("/api/v1/reviews/{sequence}");
        self.exchange(Method::POST, &path, body.into()).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, GatewayFailure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|_| GatewayFailure::Address {
                url: self.base.clone(),
            })?;
        let unreachable = |why: String| GatewayFailure::Unreachable {
            url: self.base.clone(),
            why,
        };
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|failure| unreachable(chain(&failure)))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES)
                .collect()
                .await;
            Ok((
                status,
                body.map_err(|failure| GatewayFailure::Answer {
                    why: failure.to_string(),
                })?
                .to_bytes(),
            ))
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer.and_then(|(status, body)| read(status, &body)),
            Err(_) => Err(unreachable(format!(
                "no answer within {} s",
                PATIENCE.as_secs()
            ))),
        }
    }
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, GatewayFailure> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|failure| GatewayFailure::Answer {
            why: failure.to_string(),
        });
    }
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let title = if problem.title.is_empty() {
        status.to_string()
    } else {
        crate::visible::line(&problem.title)
    };
    let detail = crate::visible::line(&problem.detail);
    if status.is_client_error() {
        Err(GatewayFailure::Refused { title, detail })
    } else {
        Err(GatewayFailure::Broken {
            status: status.as_u16(),
            title,
            detail,
        })
    }
}

/// The address without path, if a token may be sent there.
fn address(url: &str) -> Result<String, GatewayFailure> {
    let bad = || GatewayFailure::Address {
        url: url.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (scheme, authority) = (
        uri.scheme_str().ok_or_else(bad)?,
        uri.authority().ok_or_else(bad)?,
    );
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@')
    {
        return Err(bad());
    }
    match scheme {
        "https" => Ok(format!("https://{authority}")),
        "http" if is_loopback(authority.host()) => Ok(format!("http://{authority}")),
        "http" => Err(GatewayFailure::ClearText {
            host: authority.host().to_owned(),
        }),
        _ => Err(bad()),
    }
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || literal
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn token(file: Option<&Path>) -> Result<HeaderValue, GatewayFailure> {
    let text = match file {
        Some(path) => crate::sources::read_text(path, TOKEN_BYTES).map_err(|failure| {
            GatewayFailure::TokenFile {
                path: path.to_owned(),
                source: std::io::Error::other(failure.to_string()),
            }
        })?,
        None => std::env::var("HPOL_TOKEN")
            .ok()
            .filter(|token| !token.is_empty())
            .ok_or(GatewayFailure::NoToken)?,
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
        .map_err(|_| GatewayFailure::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, GatewayFailure> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let bad = |why: String| GatewayFailure::Authorities {
            path: path.to_owned(),
            why,
        };
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|failure| bad(failure.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|failure| bad(failure.to_string()))?;
            roots
                .add(certificate)
                .map_err(|failure| bad(failure.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|failure| GatewayFailure::Answer {
            why: failure.to_string(),
        })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The failure with its causes: the outermost alone says only that something went wrong.
fn chain(failure: &dyn std::error::Error) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_crosses_the_network_in_clear() {
        for url in [
            "https://gateway.example:7480",
            "http://127.0.0.1:7480/",
            "http://[::1]:7480",
            "http://localhost:7480",
        ] {
            assert!(address(url).is_ok(), "{url}");
        }
        for url in [
            "http://gateway.example:7480",
            "http://10.0.0.1:7480",
            "http://localhost.example",
        ] {
            assert!(
                matches!(address(url), Err(GatewayFailure::ClearText { .. })),
                "{url}"
            );
        }
        for url in [
            "",
            "gateway:7480",
            "ftp://127.0.0.1",
            "http://127.0.0.1@evil.example",
            "https://gateway/path",
        ] {
            assert!(
                matches!(address(url), Err(GatewayFailure::Address { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn ids_are_safe_in_a_path() {
        assert!("8f2c-1_A".parse::<ApprovalId>().is_ok());
        for text in ["", "..", "a/b", "a?b", "ä", &"x".repeat(129)] {
            assert!(text.parse::<ApprovalId>().is_err(), "{text}");
        }
    }

    #[test]
    fn problems_are_told_apart_from_breakage() {
        let problem = br#"{"type":"about:blank","title":"Not eligible","status":403,"detail":"only members of `dbas` may vote"}"#;
        let refused = read::<Approval>(StatusCode::FORBIDDEN, problem).unwrap_err();
        assert!(refused.is_refusal());
        assert_eq!(
            refused.to_string(),
            "the gateway refused: Not eligible: only members of `dbas` may vote"
        );
        let broken = read::<Approval>(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err();
        assert!(!broken.is_refusal());
        assert_eq!(
            broken.to_string(),
            "the gateway failed with status 502: 502 Bad Gateway"
        );
        assert!(matches!(
            read::<Approval>(StatusCode::OK, b"{}"),
            Err(GatewayFailure::Answer { .. })
        ));
    }
}
