//! HTTP: a request head and the digest of its body to facts.
//!
//! Judges and forwards one form: [`analyse`] gives the canonical target, and what has more than one reading is refused.
//! Connections, headers other than those named here and bodies are not known here.

use hpol_bundle::vocabulary::Vocabulary;

use crate::Operation;

/// A request, as received. Everything is hostile.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// `http` or `https`, of the upstream.
    pub scheme: &'a str,
    /// The one `Host` header or the authority of an absolute target; where both are present they must be equal, which
    /// the adapter checks.
    pub authority: &'a str,
    /// Path and query in origin form, as sent.
    pub target: &'a str,
    /// The one `Content-Type` header, if there is one.
    pub content_type: Option<&'a str>,
    /// SHA-256 of the whole body; of no bytes where there is none.
    pub body_digest: [u8; 32],
    /// The body, or as much of its beginning as an approver is shown.
    pub body_preview: &'a [u8],
    /// Bytes in the whole body.
    pub body_bytes: u64,
}

/// A request that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnalysis {
    /// What is asked for, with its facts.
    pub operation: Operation,
    /// The method to forward.
    pub method: &'static str,
    /// The host, as in the fact.
    pub host: String,
    /// Path and query to forward, in place of what was received.
    pub target: String,
}

/// Why a request was not understood. The adapter answers 400, for the method 501.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpRefusal {
    /// A method that policies have no word for.
    #[error("method `{method}` is not supported")]
    Method {
        /// As sent, shortened.
        method: String,
    },
    /// A scheme other than http and https.
    #[error("scheme `{scheme}` is not supported")]
    Scheme {
        /// As sent, shortened.
        scheme: String,
    },
    /// A host that is not a plain name, IPv4 or bracketed IPv6 address with an optional port.
    #[error("host is refused: {why}")]
    Host {
        /// What is wrong.
        why: &'static str,
    },
    /// A path that two servers could read differently.
    #[error("path is refused: {why}")]
    Path {
        /// What is wrong.
        why: &'static str,
    },
    /// A query with characters that do not belong there.
    #[error("query is refused: {why}")]
    Query {
        /// What is wrong.
        why: &'static str,
    },
    /// A Content-Type that is not a media type.
    #[error("content type is refused: {why}")]
    ContentType {
        /// What is wrong.
        why: &'static str,
    },
}

/// The facts of a request and the one form of it to forward.
///
/// # Errors
/// Whatever has more than one reading.
pub fn analyse(
    request: &HttpRequest<'_>,
    _vocabulary: &Vocabulary,
) -> Result<HttpAnalysis, HttpRefusal> {
    Err(HttpRefusal::Method {
        method: request.method.chars().take(32).collect(),
    })
}
