//! Which requests have one reading, and which header fields go on in either direction. Decides nothing by policy.
//! Sources: RFC 9110, RFC 9112.

mod framing;

pub(crate) use framing::Strict;

use hpol_session::{Justification, NoJustification};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, Version};

/// Why a request is refused before anybody looks at what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("method `{method}` is not supported")]
    Method { method: String },
    #[error("protocol upgrades are not supported")]
    Upgrade,
    #[error("HTTP version is not supported")]
    Version,
    #[error("one `Host` header with a plain host is needed")]
    Host,
    #[error("the `Host` header and the target name different hosts")]
    HostMismatch,
    #[error("the target has no path")]
    Target,
    #[error("`{header}` may appear once")]
    Repeated { header: &'static str },
    #[error("`{header}` is not readable text")]
    NotText { header: &'static str },
    #[error("`Hpol-Justification`: {0}")]
    Justification(#[from] NoJustification),
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoToken {
    #[error("no bearer token")]
    Missing,
    #[error("the `Authorization` header is not one bearer token")]
    Malformed,
}

/// Header fields about the connection they arrive on (RFC 9110, section 7.6.1), or about the message's framing.
const FRAMING: [HeaderName; 10] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::HOST,
    header::EXPECT,
];

/// Names by which clients tell upstreams who they are or what they meant. Only the gateway would be believed.
const SPOOFED: [&str; 13] = [
    "forwarded",
    "via",
    "keep-alive",
    "proxy-connection",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-method",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// What describes a body's bytes and is wrong once they are masked, or tells about bytes that are hidden.
const OF_THE_BYTES: [&str; 8] = [
    "content-length",
    "content-md5",
    "content-digest",
    "repr-digest",
    "digest",
    "etag",
    "accept-ranges",
    "content-range",
];

/// The header that gives the reason for a request. It is for the gateway.
const JUSTIFICATION: HeaderName = HeaderName::from_static("hpol-justification");

/// The reason that the client gives for a request, if it gives one.
pub(crate) fn justification(headers: &HeaderMap) -> Result<Option<Justification>, BadRequest> {
    let given = one(headers, JUSTIFICATION, "Hpol-Justification")?;
    Ok(given.map(Justification::read).transpose()?)
}

/// Whether a header belongs to the framing of messages.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    FRAMING.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// The bearer token (RFC 6750, section 2.1).
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, NoToken> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(NoToken::Missing)?;
    if values.next().is_some() {
        return Err(NoToken::Malformed);
    }
    let text = value.to_str().map_err(|_| NoToken::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(NoToken::Malformed)?;
    let token = token.trim_matches(' ');
    let plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if scheme.eq_ignore_ascii_case("bearer") && plain {
        Ok(token)
    } else {
        Err(NoToken::Malformed)
    }
}

/// Checks what the grammar allows and this proxy does not carry.
pub(crate) fn check(parts: &Parts) -> Result<(), BadRequest> {
    if !matches!(parts.version, Version::HTTP_10 | Version::HTTP_11) {
        return Err(BadRequest::Version);
    }
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        let method = parts.method.to_string();
        return Err(BadRequest::Method { method });
    }
    if parts.headers.contains_key(header::UPGRADE) {
        return Err(BadRequest::Upgrade);
    }
    if parts.uri.path_and_query().is_none() {
        return Err(BadRequest::Target);
    }
    check_host(parts)
}

fn check_host(parts: &Parts) -> Result<(), BadRequest> {
    let host = one(&parts.headers, header::HOST, "host")?.ok_or(BadRequest::Host)?;
    let host: Authority = host.parse().map_err(|_| BadRequest::Host)?;
    if host.as_str().contains('@') || host.host().is_empty() {
        return Err(BadRequest::Host);
    }
    match parts.uri.authority() {
        Some(target) if *target != host => Err(BadRequest::HostMismatch),
        Some(_) | None => Ok(()),
    }
}

/// The value of a header that may appear once.
pub(crate) fn one<'a>(
    headers: &'a HeaderMap,
    name: HeaderName,
    header: &'static str,
) -> Result<Option<&'a str>, BadRequest> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BadRequest::Repeated { header });
    }
    let text = value.to_str().map_err(|_| BadRequest::NotText { header })?;
    Ok(Some(text))
}

/// The header fields of a request that go on to the upstream. Bodies come back without encoding, so that what must be
/// hidden in them can be seen.
pub(crate) fn request_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = forwarded(headers);
    for name in [
        header::AUTHORIZATION,
        header::ACCEPT_ENCODING,
        JUSTIFICATION,
    ] {
        kept.remove(name);
    }
    kept.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    kept
}

/// Removes what asks for a part of a body, or whether it is one the client knows, since the body will be masked.
pub(crate) fn ask_for_the_whole(headers: &mut HeaderMap) {
    for name in [header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH] {
        headers.remove(name);
    }
}

/// The header fields of a response that go on to the client.
pub(crate) fn response_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = forwarded(headers);
    // It would show clients a way around the gateway.
    kept.remove(header::ALT_SVC);
    if let Some(length) = headers.get(header::CONTENT_LENGTH) {
        kept.insert(header::CONTENT_LENGTH, length.clone());
    }
    kept
}

/// Removes what describes bytes that are masked.
pub(crate) fn forget_the_bytes(headers: &mut HeaderMap) {
    for name in OF_THE_BYTES {
        headers.remove(name);
    }
}

fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<&str> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim_matches([' ', '\t']))
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let text = name.as_str();
        let stays = !is_framing(name)
            && !SPOOFED.contains(&text)
            && !text.starts_with("x-forwarded-")
            // Servers that turn `-` into `_` would take `x_forwarded_for` for another header than we do.
            && !text.contains('_')
            && !named.iter().any(|named| named.eq_ignore_ascii_case(text));
        if stays {
            kept.append(name, value.clone());
        }
    }
    kept
}
