//! `/api/v1/reviews`: what somebody found of an operation that went ahead by a justification. Who may review is judged by the
//! door; here the record is read and HTTP is spoken. What is still to be reviewed is read from the log: `hpol reviews list`.

use std::path::Path;

use bytes::Bytes;
use hpol_evidence::reader::{LogReader, ReadLog};
use hpol_evidence::record::Event;
use hpol_session::justified::ReviewRefused;
use hpol_session::{DecisionRecord, Finding};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::Admin;
use crate::web::{self, Reply};

/// The body of a review.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewRequest {
    finding: Finding,
    reason: String,
}

impl Admin {
    pub(super) async fn reviews(&self, request: &Request<Bytes>, path: &[&str]) -> Reply {
        let reviewer = match self.viewer(request).await {
            Ok(reviewer) => reviewer,
            Err(reply) => return reply,
        };
        let (&Method::POST, [sequence]) = (request.method(), path) else {
            let detail = "POST a finding to `/api/v1/reviews/NUMBER`, the number of a record";
            return web::problem(StatusCode::METHOD_NOT_ALLOWED, detail);
        };
        let asked = (
            sequence.parse::<u64>(),
            serde_json::from_slice(request.body()),
        );
        let (Ok(sequence), Ok(ReviewRequest { finding, reason })) = asked else {
            let detail = "the body is `{\"finding\": \"justified\", \"reason\": \"...\"}` or `unjustified`, for the number of a record";
            return web::problem(StatusCode::BAD_REQUEST, detail);
        };
        // Reading costs: it is done for those only whose review could count.
        if !self.door.is_reviewer(&reviewer) {
            return refusal(&ReviewRefused::NotFound { sequence });
        }
        let folder = self.log_folder.clone();
        let read = tokio::task::spawn_blocking(move || decision(&folder, sequence)).await;
        let reviewed = match read {
            Ok(Ok(Some(decided))) => {
                let review = self
                    .door
                    .review(&reviewer, sequence, &decided, finding, &reason);
                review.await
            }
            Ok(Ok(None)) => Err(ReviewRefused::NotFound { sequence }),
            Ok(Err(_)) | Err(_) => Err(ReviewRefused::Unavailable {
                why: "the log cannot be read to there".to_owned(),
            }),
        };
        match reviewed {
            Ok(()) => web::json(
                StatusCode::OK,
                &json!({ "reviewed": sequence, "finding": finding }),
            ),
            Err(refused) => refusal(&refused),
        }
    }
}

/// The decision at `sequence` of the log in `folder`. Reads one segment at most.
fn decision(folder: &Path, sequence: u64) -> Result<Option<DecisionRecord>, ReadLog> {
    let read = LogReader::open(folder)?.record(sequence)?;
    Ok(read.and_then(|read| match read.record.event {
        Event::Decision(decided) if read.record.sequence == sequence => Some(*decided),
        _ => None,
    }))
}

pub(super) fn refusal(refused: &ReviewRefused) -> Reply {
    let status = match refused {
        ReviewRefused::NotFound { .. } => StatusCode::NOT_FOUND,
        ReviewRefused::OwnOperation => StatusCode::FORBIDDEN,
        ReviewRefused::NoReason => StatusCode::BAD_REQUEST,
        ReviewRefused::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    web::problem(status, &refused.to_string())
}
