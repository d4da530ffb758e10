//! A request to an operation, and what to forward once it is permitted. What the facts mean is `hpol_operation`'s.

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;
use hpol_operation::http::{HttpAnalysis, HttpRefusal, HttpRequest, analyse};
use hpol_operation::{Class, Operation};
use hpol_session::Vocabulary;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request};
use http_body_util::Full;

use crate::codec::{self, BadRequest};
use crate::config::Upstream;

/// So much of a body an approver is shown.
const PREVIEW_BYTES: usize = 16 << 10;

/// Why a request has no facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoFacts {
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    #[error(transparent)]
    Refused(#[from] HttpRefusal),
}

/// Exactly what goes upstream if the operation is permitted: what was judged, in the one form it was judged in.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The operation that a request asks for. It is judged with the host that the upstream will be told, not with the one
/// the client wrote, since the two may differ and only the first has an effect.
pub(crate) fn operation(
    parts: &Parts,
    body: Bytes,
    upstream: &Upstream,
) -> Result<(Operation, Judged), NoFacts> {
    // What the upstream does not get, as `Connection: content-type` asks for, is no fact.
    let headers = codec::request_headers(&parts.headers);
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let request = HttpRequest {
        method: parts.method.as_str(),
        scheme: upstream.scheme(),
        authority: upstream.authority.as_str(),
        target,
        content_type: codec::one(&headers, header::CONTENT_TYPE, "content-type")?,
        body_digest: sha256(&body),
        body_preview: body.get(..PREVIEW_BYTES).unwrap_or(&body),
        body_bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
    };
    let analysis: HttpAnalysis = analyse(&request, Vocabulary::builtin())?;
    let mut operation = analysis.operation;
    bind(&mut operation, &headers);
    let judged = Judged {
        method: analysis.method,
        target: analysis.target,
        headers,
        body,
    };
    Ok((operation, judged))
}

/// Makes `headers` a part of what is asked for: `SOAPAction`, `X-Amz-Target` and their like say what a request does as much
/// as its path. The digest covers them all; an approver sees them, but for values that let somebody in.
fn bind(operation: &mut Operation, headers: &HeaderMap) {
    let mut context = Context::new(&SHA256);
    context.update(&operation.digest);
    let mut shown = String::new();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        if operation.class == Class::Write && !UNSHOWN.contains(name) {
            let value = match value.to_str() {
                Ok(_) if lets_in(name) => "[hidden]",
                Ok(value) => value,
                Err(_) => "[not text]",
            };
            shown.extend(["\n", name.as_str(), ": ", value]);
        }
    }
    operation.digest = array(context.finish().as_ref());
    // The body follows the first empty line.
    let at = operation.exact.find("\n\n");
    operation
        .exact
        .insert_str(at.unwrap_or(operation.exact.len()), &shown);
}

/// Shown elsewhere, or without a bearing on what is asked for.
const UNSHOWN: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::ACCEPT_ENCODING,
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
];

/// Whether the values of such a header are credentials by its name.
fn lets_in(name: &HeaderName) -> bool {
    const WORDS: [&str; 6] = ["auth", "cookie", "key", "token", "secret", "password"];
    WORDS.iter().any(|word| name.as_str().contains(word))
}

/// What a request that is not understood looks like in the log: no query, no body, no header.
pub(crate) fn masked(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}

/// Digest of what is known of a request that is not understood.
pub(crate) fn digest_of_head(parts: &Parts) -> [u8; 32] {
    sha256(format!("{} {}", parts.method, parts.uri).as_bytes())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    array(digest(&SHA256, bytes).as_ref())
}

fn array(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    out
}

impl Judged {
    /// The request to send to `upstream`; `whole` asks for the whole body of what may be asked for in parts.
    pub(crate) fn into_request(
        mut self,
        upstream: &Upstream,
        whole: bool,
    ) -> Option<Request<Full<Bytes>>> {
        if whole {
            codec::ask_for_the_whole(&mut self.headers);
        }
        self.headers.insert(header::HOST, upstream.host.clone());
        if let Some(credential) = &upstream.credential {
            self.headers
                .insert(&credential.header, credential.value.clone());
        }
        // hyper writes the length of a body that has one; a method that usually has none needs no zero.
        let method = Method::from_bytes(self.method.as_bytes()).ok()?;
        if self.body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            self.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(self.target)
            .body(Full::new(self.body))
            .ok()?;
        *request.headers_mut() = self.headers;
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpol_bundle::facts::{Fact, Value};

    #[test]
    fn headers_are_part_of_what_is_approved() {
        let ask = |name: &str, value: &str| {
            let request = Request::put("/a").header(name, value).body(()).unwrap();
            let upstream = Upstream::new("http://crm", None).unwrap();
            let body = Bytes::from_static(b"x\n\ny");
            operation(&request.into_parts().0, body, &upstream)
                .unwrap()
                .0
        };
        let action = ask("SOAPAction", "urn:delete");
        assert_eq!(
            action.exact,
            "PUT http://crm/a\nsoapaction: urn:delete\n\nx\n\ny"
        );
        assert_ne!(action.digest, ask("SOAPAction", "urn:read").digest);
        assert_ne!(action.digest, ask("SOAPActio", "nurn:delete").digest);
        let cookie = ask("Cookie", "s=s3cret");
        assert!(
            cookie.exact.contains("\ncookie: [hidden]\n"),
            "{}",
            cookie.exact
        );
        assert_ne!(cookie.digest, ask("Cookie", "s=other").digest);
    }

    #[test]
    fn h_07_a_header_that_does_not_go_on_is_no_fact() {
        for (connection, forwarded) in [("close", true), ("close, Content-Type", false)] {
            let request = Request::post("/a")
                .header("content-type", "application/json")
                .header("connection", connection);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let upstream = Upstream::new("http://crm", None).unwrap();
            let (operation, judged) = operation(&parts, Bytes::new(), &upstream).unwrap();
            let (id, _) = Vocabulary::builtin().lookup("http.content_type").unwrap();
            let text = Fact::Known(Value::Text("application/json".into()));
            assert_eq!(*operation.facts.fact(id) == text, forwarded);
            assert_eq!(judged.headers.contains_key(header::CONTENT_TYPE), forwarded);
        }
    }
}
