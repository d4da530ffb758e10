//! Problem documents (RFC 9457): how a refusal looks over HTTP.

use bytes::Bytes;
use hpol_session::refusal::{Refusal, RefusalKind};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use super::{Reply, name_operation};
use crate::codec::BadRequest;
use crate::facts::NoFacts;
use crate::forward::NoResponse;

/// A refusal or fault, told to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    document: Document,
    challenge: Option<HeaderValue>,
    closes: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    help: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    operation: String,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBody {
    #[error("the body is longer than {most} bytes")]
    TooLarge { most: u64 },
    #[error("the body did not arrive in time")]
    Late,
    #[error("the body is not framed as it says")]
    Broken,
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: String) -> Problem {
        let document = Document {
            kind: format!("urn:hpol:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail,
            rules: Vec::new(),
            help: String::new(),
            operation: String::new(),
        };
        Problem {
            status,
            document,
            challenge: None,
            closes: false,
        }
    }

    /// A refusal of the door.
    pub(crate) fn of(refusal: &Refusal) -> Problem {
        let (status, slug, title) = match refusal.kind {
            RefusalKind::Policy => (StatusCode::FORBIDDEN, "policy", "blocked by policy"),
            RefusalKind::ApprovalRejected => {
                (StatusCode::FORBIDDEN, "approval-rejected", "not approved")
            }
            RefusalKind::ApprovalExpired => (
                StatusCode::FORBIDDEN,
                "approval-expired",
                "not approved in time",
            ),
            RefusalKind::ApprovalVoid => {
                (StatusCode::FORBIDDEN, "approval-void", "approval is void")
            }
            RefusalKind::CannotMask => (StatusCode::FORBIDDEN, "cannot-mask", "cannot be masked"),
            RefusalKind::CannotLimit => {
                (StatusCode::FORBIDDEN, "cannot-limit", "cannot be limited")
            }
            RefusalKind::NotUnderstood => {
                (StatusCode::BAD_REQUEST, "not-understood", "not understood")
            }
            RefusalKind::Unsupported => {
                (StatusCode::NOT_IMPLEMENTED, "unsupported", "not supported")
            }
            RefusalKind::TokenExpired => {
                (StatusCode::UNAUTHORIZED, "token", "authentication needed")
            }
            RefusalKind::EvidenceUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "audit-log",
                "audit log unavailable",
            ),
            RefusalKind::ApprovalsUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "approvals",
                "approvals unavailable",
            ),
            RefusalKind::NoPolicy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "no-policy",
                "no policy in force",
            ),
        };
        let mut problem = Problem::new(status, slug, title, refusal.message());
        problem.document.rules.clone_from(&refusal.rules);
        problem.document.help.clone_from(&refusal.help);
        problem.document.operation.clone_from(&refusal.operation);
        problem.closes = refusal.ends_session;
        if refusal.kind == RefusalKind::TokenExpired {
            problem.challenge = Some(HeaderValue::from_static(EXPIRED));
        }
        problem
    }

    /// No token came with the request.
    pub(crate) fn no_token() -> Problem {
        let detail = "this connection needs a token: `Authorization: Bearer ...`".to_owned();
        let mut problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "token",
            "authentication needed",
            detail,
        );
        problem.challenge = Some(HeaderValue::from_static("Bearer"));
        problem
    }

    /// The token was not accepted. Why stands in the gateway's log only.
    pub(crate) fn bad_token() -> Problem {
        let detail = "the token was not accepted".to_owned();
        let mut problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "token",
            "authentication failed",
            detail,
        );
        problem.challenge = Some(HeaderValue::from_static(EXPIRED));
        problem
    }

    /// Tokens cannot be checked now.
    pub(crate) fn no_authentication() -> Problem {
        let detail = "tokens cannot be checked at the moment; try again".to_owned();
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "identity",
            "authentication unavailable",
            detail,
        )
    }

    /// A request that could not be understood; `refusal` is what was recorded of it.
    pub(crate) fn bad_request(refusal: &Refusal, why: &NoFacts) -> Problem {
        Problem::of(refusal).instead(match why {
            NoFacts::BadRequest(BadRequest::Method { .. } | BadRequest::Upgrade) => {
                StatusCode::NOT_IMPLEMENTED
            }
            NoFacts::BadRequest(BadRequest::Version) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            NoFacts::Refused(hpol_operation::http::HttpRefusal::Method { .. }) => {
                StatusCode::NOT_IMPLEMENTED
            }
            NoFacts::BadRequest(_) | NoFacts::Refused(_) => StatusCode::BAD_REQUEST,
        })
    }

    /// A body that was not read; the connection ends with it, since its rest may be anything.
    pub(crate) fn bad_body(refusal: &Refusal, why: BadBody) -> Problem {
        let mut problem = Problem::of(refusal).instead(match why {
            BadBody::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BadBody::Late => StatusCode::REQUEST_TIMEOUT,
            BadBody::Broken => StatusCode::BAD_REQUEST,
        });
        problem.closes = true;
        problem
    }

    /// There is no response. What went wrong inside is for the operator.
    pub(crate) fn no_response(why: &NoResponse, operation: &str) -> Problem {
        let (status, slug, title, detail) = match why {
            NoResponse::Unreachable(_) | NoResponse::Handshake(_) => (
                StatusCode::BAD_GATEWAY,
                "unreachable",
                "upstream unreachable",
                "the upstream cannot be reached",
            ),
            NoResponse::Unsendable => (
                StatusCode::BAD_REQUEST,
                "unsendable",
                "not sendable",
                "the request cannot be written as it was judged",
            ),
            NoResponse::Broken(_) => (
                StatusCode::BAD_GATEWAY,
                "broken",
                "broken response",
                "the upstream's response is broken",
            ),
            NoResponse::Late => (
                StatusCode::GATEWAY_TIMEOUT,
                "late",
                "upstream too slow",
                "the upstream did not respond in time",
            ),
        };
        let mut problem = Problem::new(status, slug, title, detail.to_owned());
        operation.clone_into(&mut problem.document.operation);
        problem
    }

    /// There is a response that cannot be passed on.
    pub(crate) fn unusable(why: &str, operation: &str) -> Problem {
        let detail = format!("the upstream's response was withheld: {why}");
        let mut problem = Problem::new(
            StatusCode::BAD_GATEWAY,
            "withheld",
            "response withheld",
            detail,
        );
        operation.clone_into(&mut problem.document.operation);
        problem
    }

    /// As a response.
    pub(crate) fn response(self) -> Response<Reply> {
        let document = serde_json::to_vec(&self.document).unwrap_or_default();
        let mut response = Response::new(Reply::Whole(Some(Bytes::from(document))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        name_operation(headers, &self.document.operation);
        response
    }

    /// With the status that says more precisely what was wrong with the request, unless the fault is the gateway's.
    fn instead(mut self, status: StatusCode) -> Problem {
        if !self.status.is_server_error() || self.status == StatusCode::NOT_IMPLEMENTED {
            self.status = status;
            self.document.status = status.as_u16();
        }
        self
    }
}

const EXPIRED: &str = "Bearer error=\"invalid_token\"";
