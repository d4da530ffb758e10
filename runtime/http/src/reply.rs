//! Outcomes and responses as the client gets them: problem documents for refusals, and the upstream's response with what
//! must be hidden hidden, its end released only once its record stands.

mod body;
mod conceal;
mod masking;
mod problem;

pub(crate) use body::Reply;
pub(crate) use problem::{BadBody, Problem};

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hpol_session::OperationResult;
use hpol_session::masking::{MaskRun, Masked};
use hpol_session::permit::{Receipt, Settlement};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

use crate::codec;
use crate::config::Credential;
use crate::forward::UpstreamBody;
use body::{Source, Streaming, Withheld};
use conceal::Conceal;
use masking::Reading;

/// Names the operation in the audit log.
const OPERATION: HeaderName = HeaderName::from_static("hpol-operation");

/// Bytes of a body that tell what it is.
const TELLING: usize = 4;
/// Bodies of so many bytes are read whole before their head is released.
const SHORT: u64 = 64 << 10;

/// The upstream's response for the client.
pub(crate) async fn relay(
    response: Response<UpstreamBody>,
    receipt: Receipt,
    credential: Option<&Credential>,
    idle: Duration,
) -> Response<Reply> {
    let operation = receipt.operation().to_owned();
    let (mut parts, mut body) = response.into_parts();
    let mut run = receipt.masker();
    let reading = match masking::reading(&parts, &run) {
        Ok(reading) => reading,
        Err(why) => return unusable(&why, parts.status, receipt).await,
    };
    let beginning = match beginning(&mut body, &parts.headers, reading, idle).await {
        Ok(beginning) => beginning,
        Err(why) => return unusable(&why, parts.status, receipt).await,
    };
    let conceal = Conceal::new(credential);
    parts.headers = headers(&parts.headers, parts.status, &mut run, conceal.as_ref());
    name_operation(&mut parts.headers, &operation);
    let source = Source {
        upstream: body,
        beginning,
        status: parts.status,
        idle,
    };
    let streaming = Streaming::new(source, reading, run, conceal, receipt);
    match streaming.settle_if_whole().await {
        Ok(reply) => {
            // A new head: the upstream's version, extensions and reason are its own.
            let mut response = Response::new(reply);
            *response.status_mut() = parts.status;
            *response.headers_mut() = parts.headers;
            response
        }
        Err(Withheld::Unrecorded(refusal)) => Problem::of(&refusal).response(),
        Err(Withheld::Broken(broken)) => {
            Problem::unusable(&broken.to_string(), &operation).response()
        }
    }
}

/// Marks a response with the operation it belongs to.
pub(crate) fn name_operation(headers: &mut HeaderMap, operation: &str) {
    headers.remove(&OPERATION);
    if let (Ok(value), false) = (HeaderValue::from_str(operation), operation.is_empty()) {
        headers.insert(OPERATION, value);
    }
}

/// The upstream has answered, and its answer cannot be passed on.
async fn unusable(why: &str, status: StatusCode, receipt: Receipt) -> Response<Reply> {
    let operation = receipt.operation().to_owned();
    let settlement = Settlement::empty(OperationResult::Failed, status.as_str().to_owned());
    match receipt.settle(settlement).await {
        Ok(()) => Problem::unusable(why, &operation).response(),
        Err(refusal) => Problem::of(&refusal).response(),
    }
}

/// What of a body is read before its head is released.
struct Beginning {
    ahead: Bytes,
    /// Whether this is all of it.
    whole: bool,
}

/// Reads ahead: short bodies whole, so that what goes wrong with them can still be told in the head; of others that must
/// be masked as much as shows whether detectors can read them. A stream of events is text by its definition, and its
/// client waits for the head.
async fn beginning(
    body: &mut UpstreamBody,
    headers: &HeaderMap,
    reading: Option<Reading>,
    idle: Duration,
) -> Result<Beginning, String> {
    let short = body.size_hint().upper().is_some_and(|most| most <= SHORT);
    let is_text = matches!(reading, Some(Reading::Text { .. }));
    let needed = match reading {
        _ if short => usize::MAX,
        None => 0,
        Some(_) if is_text && masking::is_event_stream(headers) => 0,
        Some(_) => TELLING,
    };
    let mut ahead = BytesMut::new();
    let mut whole = body.is_end_stream();
    while !whole && ahead.len() < needed {
        let frame = timeout(idle, body.frame()).await;
        match frame.map_err(|_| "it stopped".to_owned())? {
            None => whole = true,
            Some(Err(error)) => return Err(format!("it broke off: {error}")),
            Some(Ok(frame)) => {
                ahead.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
                whole = body.is_end_stream();
            }
        }
    }
    if let Some(reading) = reading {
        masking::readable(reading, &ahead)?;
    }
    Ok(Beginning {
        ahead: ahead.freeze(),
        whole,
    })
}

fn headers(
    received: &HeaderMap,
    status: StatusCode,
    run: &mut MaskRun,
    conceal: Option<&Conceal>,
) -> HeaderMap {
    let mut headers = codec::response_headers(received);
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        headers.remove(header::CONTENT_LENGTH);
    }
    if let Some(conceal) = conceal {
        retain(&mut headers, |value| !conceal.is_in(value.as_bytes()));
    }
    if !run.is_empty() {
        codec::forget_the_bytes(&mut headers);
        mask(&mut headers, run);
    }
    headers
}

/// Hides findings in header fields; a field that becomes NULL, or cannot be a field any more, goes.
fn mask(headers: &mut HeaderMap, run: &mut MaskRun) {
    let mut out = Vec::new();
    let mut gone = Vec::new();
    for (name, value) in headers.iter_mut() {
        out.clear();
        match run.text(value.as_bytes(), &mut out) {
            Masked::Unchanged => {}
            Masked::Null => gone.push(name.clone()),
            Masked::Changed => match HeaderValue::from_bytes(&out) {
                Ok(masked) => *value = masked,
                Err(_) => gone.push(name.clone()),
            },
        }
    }
    for name in gone {
        headers.remove(name);
    }
}

fn retain(headers: &mut HeaderMap, keep: impl Fn(&HeaderValue) -> bool) {
    let gone: Vec<HeaderName> = headers
        .iter()
        .filter(|(_, value)| !keep(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in gone {
        headers.remove(name);
    }
}
