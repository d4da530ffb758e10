//! Documents fetched from an issuer: over verified TLS, or in plain HTTP from this machine only, bounded in size and time.
//! Follows no redirect and knows nothing of what the documents say.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::tls::{LoadTls, client_config};

/// Largest document read, in bytes: key sets of large issuers are about 20 KiB.
const MAX_DOCUMENT_BYTES: usize = 512 * 1024;
/// Longest wait for one document.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a URL of an issuer is not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlRefused {
    #[error("`{0}` is not a URL")]
    NotAUrl(String),
    #[error("`{0}` is neither https, nor http on a loopback address")]
    Unprotected(String),
    #[error("`{0}` carries a user name, a query or a fragment")]
    Decorated(String),
}

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fetch {
    #[error(transparent)]
    Url(#[from] UrlRefused),
    #[error("no reply within {} s", FETCH_TIMEOUT.as_secs())]
    Timeout,
    #[error("the request failed: {0}")]
    Request(String),
    #[error("the reply could not be read, or is longer than {MAX_DOCUMENT_BYTES} bytes: {0}")]
    Reply(String),
}

/// Whether `url` may name an issuer or one of its documents.
///
/// # Errors
/// When tokens or keys would travel unprotected, or the URL carries what an issuer's never does.
pub(crate) fn check_url(url: &str) -> Result<(), UrlRefused> {
    let uri: Uri = url
        .parse()
        .map_err(|_| UrlRefused::NotAUrl(url.to_owned()))?;
    let authority = uri
        .authority()
        .ok_or_else(|| UrlRefused::NotAUrl(url.to_owned()))?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(authority.host()) => {}
        _ => return Err(UrlRefused::Unprotected(url.to_owned())),
    }
    if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
        return Err(UrlRefused::Decorated(url.to_owned()));
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The HTTP client for one issuer.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Fetcher {
    /// # Errors
    /// When the roots of trust cannot be read.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Fetcher, LoadTls> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(FETCH_TIMEOUT));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(client_config(ca_file)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        // A kept connection to an issuer that has restarted would fail the next fetch.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(https);
        Ok(Fetcher { client })
    }

    async fn bounded(&self, request: HttpRequest) -> Result<HttpResponse, Fetch> {
        check_url(&request.uri().to_string())?;
        tokio::time::timeout(FETCH_TIMEOUT, self.exchange(request))
            .await
            .map_err(|_| Fetch::Timeout)?
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, Fetch> {
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let reply = self
            .client
            .request(request)
            .await
            .map_err(|error| Fetch::Request(with_causes(&error)))?;
        let (head, body) = reply.into_parts();
        let body = Limited::new(body, MAX_DOCUMENT_BYTES)
            .collect()
            .await
            .map_err(|error| Fetch::Reply(error.to_string()))?
            .to_bytes();
        Ok(http::Response::from_parts(head, body.to_vec()))
    }
}

impl<'c> AsyncHttpClient<'c> for Fetcher {
    type Error = Fetch;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Fetch>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.bounded(request))
    }
}

/// The message of an error with those of its causes: a client error alone says only that it failed.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
