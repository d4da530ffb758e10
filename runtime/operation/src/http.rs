//! HTTP: a request head and the digest of its body to facts.
//!
//! Judges and forwards one form: [`analyse`] gives the canonical target, and what has more than one reading is refused.
//! Connections, headers other than those named here and bodies are not known here.

mod host;
mod path;

use aws_lc_rs::digest;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::{Class, Operation};

/// A request, as received. Everything is hostile.
#[derive(Clone, Copy)]
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
#[derive(Clone, PartialEq, Eq)]
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

impl std::fmt::Debug for HttpRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Query and body hold secrets.
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("bytes", &self.body_bytes)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for HttpAnalysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAnalysis")
            .field("masked", &self.operation.masked)
            .finish_non_exhaustive()
    }
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
    vocabulary: &Vocabulary,
) -> Result<HttpAnalysis, HttpRefusal> {
    let method = METHODS
        .iter()
        .copied()
        .find(|method| *method == request.method);
    let method = method.ok_or_else(|| HttpRefusal::Method {
        method: shortened(request.method),
    })?;
    if !matches!(request.scheme, "http" | "https") {
        return Err(HttpRefusal::Scheme {
            scheme: shortened(request.scheme),
        });
    }
    let authority = host::authority(request.authority).map_err(|why| HttpRefusal::Host { why })?;
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target, None),
    };
    let path = path::normalise(path).map_err(|why| HttpRefusal::Path { why })?;
    query
        .map_or(Ok(()), path::check_query)
        .map_err(|why| HttpRefusal::Query { why })?;
    let content_type = request.content_type.map(media_type).transpose()?;

    let target = query.map_or_else(
        || path.encoded.clone(),
        |query| format!("{}?{query}", path.encoded),
    );
    let origin = format!("{method} {}://{}", request.scheme, authority.shown);
    let parts = Parts {
        method,
        authority: &authority.shown,
        target: &target,
        content_type: content_type.as_deref(),
    };
    let mut facts = facts(
        vocabulary,
        method,
        &authority.host,
        &path.decoded,
        content_type.as_deref(),
    );
    if let Some((id, _)) = vocabulary.lookup("http.body_bytes") {
        let bytes = i64::try_from(request.body_bytes).unwrap_or(i64::MAX);
        facts.set(id, Fact::Known(Value::Int(bytes)));
    }
    let operation = Operation {
        protocol: Protocol::Http,
        facts,
        class: if matches!(method, "GET" | "HEAD" | "OPTIONS") {
            Class::Read
        } else {
            Class::Write
        },
        exact: exact(
            request,
            &format!("{origin}{target}"),
            content_type.as_deref(),
        ),
        masked: query.map_or_else(
            || format!("{origin}{}", path.encoded),
            |query| format!("{origin}{}?{}", path.encoded, path::masked_query(query)),
        ),
        digest: digest(request, &parts),
    };
    Ok(HttpAnalysis {
        operation,
        method,
        host: authority.host,
        target,
    })
}

/// The methods that policies have words for; the vocabulary's `http_method`.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What decides which request it is, in canonical form.
struct Parts<'a> {
    method: &'a str,
    authority: &'a str,
    target: &'a str,
    content_type: Option<&'a str>,
}

fn facts(
    vocabulary: &Vocabulary,
    method: &str,
    host: &str,
    path: &str,
    content_type: Option<&str>,
) -> Facts {
    let mut facts = Facts::new();
    let values = [
        ("http.method", Some(method)),
        ("http.host", Some(host)),
        ("http.path", Some(path)),
        ("http.content_type", content_type),
    ];
    for (name, value) in values {
        if let (Some((id, _)), Some(value)) = (vocabulary.lookup(name), value) {
            facts.set(id, Fact::Known(Value::Text(value.into())));
        }
    }
    facts
}

fn exact(request: &HttpRequest<'_>, line: &str, content_type: Option<&str>) -> String {
    let mut exact = line.to_owned();
    if let Some(content_type) = content_type {
        exact.push_str("\ncontent-type: ");
        exact.push_str(content_type);
    }
    if request.body_bytes == 0 {
        return exact;
    }
    let shown = match std::str::from_utf8(request.body_preview) {
        Ok(text) => text.to_owned(),
        Err(_) => request
            .body_preview
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    };
    let rest = request
        .body_bytes
        .saturating_sub(request.body_preview.len() as u64);
    let more = if rest == 0 {
        String::new()
    } else {
        format!("\n... and {rest} more bytes")
    };
    format!("{exact}\n\n{shown}{more}")
}

fn digest(request: &HttpRequest<'_>, parts: &Parts<'_>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut part = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    part(b"hpol http operation 1");
    for text in [parts.method, request.scheme, parts.authority, parts.target] {
        part(text.as_bytes());
    }
    // Whole, since parameters such as a boundary decide how the body is read.
    match (parts.content_type, request.content_type) {
        (Some(_), Some(content_type)) => part(content_type.as_bytes()),
        _ => part(b""),
    }
    part(&request.body_bytes.to_be_bytes());
    part(&request.body_digest);
    let mut out = [0; 32];
    // SHA-256 is 32 bytes long, so both are of one length.
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// The media type of a Content-Type, RFC 9110 section 8.3.1, in lower case and without parameters.
fn media_type(header: &str) -> Result<String, HttpRefusal> {
    let refused = |why| HttpRefusal::ContentType { why };
    if header.contains(|c: char| c.is_control() && c != '\t') {
        return Err(refused("it holds a control character"));
    }
    let essence = header
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_matches([' ', '\t']);
    let (kind, subtype) = essence
        .split_once('/')
        .ok_or_else(|| refused("it is not a media type"))?;
    if [kind, subtype]
        .iter()
        .any(|part| part.is_empty() || !part.bytes().all(is_token))
    {
        return Err(refused("it is not a media type"));
    }
    Ok(essence.to_ascii_lowercase())
}

/// A character of a token, RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn shortened(text: &str) -> String {
    text.chars()
        .take(32)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
