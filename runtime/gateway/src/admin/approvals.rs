//! `/api/v1/approvals`: list, show, approve, reject. The same door as every other channel; here only HTTP is spoken.

use bytes::Bytes;
use hpol_session::Vote;
use hpol_session::approvals::VoteRefused;
use hpol_session::principal::Principal;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::Admin;
use crate::web::{self, Peer, Reply};

/// The body of a vote.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct VoteRequest {
    /// Why, for the record.
    #[serde(default)]
    reason: String,
}

impl Admin {
    pub(super) async fn approvals(&self, request: &Request<Bytes>, path: &[&str]) -> Reply {
        let viewer = match self.viewer(request).await {
            Ok(viewer) => viewer,
            Err(reply) => return reply,
        };
        match (request.method(), path) {
            (&Method::GET, [] | [""]) => match self.door.approvals(&viewer).await {
                Ok(approvals) => web::json(StatusCode::OK, &json!({ "approvals": approvals })),
                Err(refused) => refusal(&refused),
            },
            (&Method::GET, [id]) => match self.door.approval(&viewer, id).await {
                Ok(approval) => web::json(StatusCode::OK, &approval),
                Err(refused) => refusal(&refused),
            },
            (&Method::POST, [id, "approve"]) => {
                self.vote(&viewer, id, Vote::Approve, request.body()).await
            }
            (&Method::POST, [id, "reject"]) => {
                self.vote(&viewer, id, Vote::Reject, request.body()).await
            }
            (_, [] | [_] | [_, "approve" | "reject"]) => web::problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "approvals are read with GET; POST to `/approve` or `/reject` of one to vote",
            ),
            _ => web::problem(
                StatusCode::NOT_FOUND,
                "an approval has `/approve` and `/reject` and nothing else",
            ),
        }
    }

    async fn vote(&self, viewer: &Principal, id: &str, vote: Vote, body: &[u8]) -> Reply {
        let request: VoteRequest = match body {
            [] => VoteRequest::default(),
            body => match serde_json::from_slice(body) {
                Ok(request) => request,
                Err(error) => {
                    let detail = format!("the body is not `{{\"reason\": \"...\"}}`: {error}");
                    return web::problem(StatusCode::BAD_REQUEST, &detail);
                }
            },
        };
        match self.door.vote(viewer, id, vote, &request.reason).await {
            Ok(approval) => web::json(StatusCode::OK, &approval),
            Err(refused) => refusal(&refused),
        }
    }

    /// Who asks (RFC 6750).
    pub(super) async fn viewer(&self, request: &Request<Bytes>) -> Result<Principal, Reply> {
        let header = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|header| header.to_str().ok());
        let scheme_and_token = header.and_then(|header| header.split_once(' '));
        let token = scheme_and_token
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            return Err(unauthorized("send a token: `Authorization: Bearer ...`"));
        };
        match self.identities.authenticate(token).await {
            Ok(principal) => Ok(principal),
            Err(refused) => {
                let peer = request
                    .extensions()
                    .get::<Peer>()
                    .map(|peer| peer.0.to_string())
                    .unwrap_or_default();
                self.door
                    .turn_away(None, &peer, &format!("admin API: {refused}"))
                    .await;
                Err(match refused.temporary {
                    true => web::problem(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "the issuer of the token cannot be asked now; try again",
                    ),
                    false => {
                        unauthorized("the token is not accepted; get a fresh one for this gateway")
                    }
                })
            }
        }
    }
}

fn unauthorized(detail: &str) -> Reply {
    let mut reply = web::problem(StatusCode::UNAUTHORIZED, detail);
    reply.headers_mut().insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"hpol\""),
    );
    reply
}

pub(super) fn refusal(refused: &VoteRefused) -> Reply {
    let status = match refused {
        VoteRefused::NotFound { .. } => StatusCode::NOT_FOUND,
        VoteRefused::OwnRequest | VoteRefused::NotEligible { .. } => StatusCode::FORBIDDEN,
        VoteRefused::AlreadyDecided { .. }
        | VoteRefused::AlreadyVoted
        | VoteRefused::PolicyChanged => StatusCode::CONFLICT,
        VoteRefused::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    web::problem(status, &refused.to_string())
}
