//! One client connection: the walk of each request through the door. What is decided is the door's; what goes over the
//! wire is hyper's.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use hpol_operation::Operation;
use hpol_session::OperationResult;
use hpol_session::door::Door;
use hpol_session::masking::MaskingPlan;
use hpol_session::permit::{Permit, Settlement};
use hpol_session::ports::Authenticate;
use hpol_session::refusal::NotAccepted;
use hpol_session::session::{CannotMask, Carrier, Outcome, Session};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::codec::{self, Strict};
use crate::config::{HttpConnection, Limits};
use crate::facts::{self, Judged, NoFacts};
use crate::forward::{self, Link, NoResponse};
use crate::reply::{self, BadBody, Problem, Reply};
use crate::states::{Client, Nobody, Parked};

/// Serves one client that connected from `address`, until it leaves or `shutdown` resolves and the request at hand is
/// answered. Cancel-safe: dropped, it ends the session and withdraws what waits for approval; both are recorded.
pub async fn serve<S>(
    stream: S,
    address: SocketAddr,
    config: Arc<HttpConnection>,
    door: Arc<Door>,
    identity: Arc<dyn Authenticate>,
    tls: Option<Arc<ServerConfig>>,
    shutdown: impl Future<Output = ()> + Send,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let client = Arc::new(Client::new(config, door, identity, address));
    let Some(tls) = tls else {
        return converse(stream, &client, shutdown).await;
    };
    let handshake = TlsAcceptor::from(tls).accept(stream);
    match timeout(client.config.limits.head_time, handshake).await {
        Ok(Ok(stream)) => converse(stream, &client, shutdown).await,
        Ok(Err(error)) => {
            client
                .turn_away(&format!("TLS handshake failed: {error}"))
                .await
        }
        Err(_) => client.turn_away("TLS handshake took too long").await,
    }
}

async fn converse<S>(stream: S, client: &Arc<Client>, shutdown: impl Future<Output = ()> + Send)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = client.config.limits;
    let service = service_fn(|request| {
        let client = Arc::clone(client);
        async move { Ok::<_, Infallible>(answer(&client, request).await) }
    });
    let stream = TokioIo::new(Strict::new(stream, limits.head_bytes));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .half_close(false)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    let reason = match ended {
        Ok(()) => "connection closed",
        Err(error) if error.is_parse() || error.is_parse_too_large() => {
            client
                .turn_away("the request is not HTTP/1.1 with one reading")
                .await;
            "request not understood"
        }
        Err(error) if error.is_timeout() => "client too slow",
        Err(_) => "connection lost",
    };
    client.take().close(reason).await;
}

async fn answer(client: &Client, request: Request<Incoming>) -> Response<Reply> {
    let mut parked = client.take();
    let answered = walk(client, &mut parked, request).await;
    client.put(parked);
    answered.unwrap_or_else(Problem::response)
}

/// The walk of one request; what stops it is told as a problem.
async fn walk(
    client: &Client,
    parked: &mut Parked,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Problem> {
    let (parts, body) = request.into_parts();
    let token = match codec::token(&parts.headers) {
        Ok(token) => token,
        Err(none) => {
            client.turn_away(&none.to_string()).await;
            return Err(Problem::no_token());
        }
    };
    match parked.identify(client, token).await {
        Ok(()) => {}
        Err(Nobody::Unauthenticated) => return Err(Problem::bad_token()),
        Err(Nobody::Unavailable) => return Err(Problem::no_authentication()),
        Err(Nobody::Refused(refusal)) => return Err(Problem::of(&refusal)),
    }
    let (session, link) = parked.speaking().ok_or_else(Problem::no_authentication)?;
    let (operation, judged) = understand(session, &client.config, parts, body).await?;
    let mut outcome = session.request(operation, judged, &Responses).await;
    loop {
        outcome = match outcome {
            Outcome::Permit(permit) => return forward(permit, link, &client.config).await,
            Outcome::Refuse(refusal) => {
                if refusal.ends_session {
                    parked.close("ended by a rule").await;
                }
                return Err(Problem::of(&refusal));
            }
            Outcome::Hold(hold) => {
                tracing::info!(session = session.id(), "{}", hold.notice());
                hold.wait(&Responses).await
            }
        };
    }
}

/// The operation, with the whole body at hand. What cannot be understood is recorded before it is refused.
async fn understand(
    session: &Session,
    config: &HttpConnection,
    parts: Parts,
    body: Incoming,
) -> Result<(Operation, Judged), Problem> {
    let refuse = async |why: String| {
        let why = NotAccepted::NotUnderstood { why };
        let (masked, digest) = (facts::masked(&parts), facts::digest_of_head(&parts));
        session.refuse(&masked, digest, why).await
    };
    let justified = codec::justification(&parts.headers);
    if let Err(why) = justified.and_then(|given| {
        session.justify(given);
        codec::check(&parts)
    }) {
        let refusal = refuse(why.to_string()).await;
        return Err(Problem::bad_request(&refusal, &NoFacts::BadRequest(why)));
    }
    let body = match read(body, &config.limits).await {
        Ok(body) => body,
        Err(why) => return Err(Problem::bad_body(&refuse(why.to_string()).await, why)),
    };
    match facts::operation(&parts, body, &config.upstream) {
        Ok(understood) => Ok(understood),
        Err(why) => Err(Problem::bad_request(&refuse(why.to_string()).await, &why)),
    }
}

/// The whole body, within its bounds.
async fn read(body: Incoming, limits: &Limits) -> Result<Bytes, BadBody> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let most = limits.body_bytes;
    let too_large = BadBody::TooLarge { most };
    if body.size_hint().lower() > most {
        return Err(too_large);
    }
    let whole = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX)).collect();
    match timeout(limits.body_time, whole).await {
        Err(_) => Err(BadBody::Late),
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large),
        Ok(Err(_)) => Err(BadBody::Broken),
    }
}

async fn forward(
    permit: Permit<Judged>,
    link: &mut Option<Link>,
    config: &HttpConnection,
) -> Result<Response<Reply>, Problem> {
    let masked = !permit.masking().is_empty();
    let operation = permit.operation().to_owned();
    let (judged, receipt) = permit.forward();
    let sent = match judged.into_request(&config.upstream, masked) {
        Some(request) => forward::send(link, config, request).await,
        None => Err(NoResponse::Unsendable),
    };
    match sent {
        Ok(response) => {
            let credential = config.upstream.credential.as_ref();
            Ok(reply::relay(response, receipt, credential, config.limits.response_time).await)
        }
        Err(why) => {
            tracing::warn!(connection = config.name, operation, %why, "no response from the upstream");
            let result = if why.may_have_run() {
                OperationResult::Interrupted
            } else {
                OperationResult::NotRun
            };
            let settlement = Settlement::empty(result, String::new());
            match receipt.settle(settlement).await {
                Ok(()) => Err(Problem::no_response(&why, &operation)),
                Err(refusal) => Err(Problem::of(&refusal)),
            }
        }
    }
}

/// What of a policy's obligations HTTP can carry out: JSON paths in bodies, and detectors in bodies and headers. There are no
/// columns, and no rows to count.
struct Responses;

impl Carrier for Responses {
    fn can_mask(&self, plan: &MaskingPlan) -> Result<(), CannotMask> {
        match plan.columns().next() {
            None => Ok(()),
            Some((slot, column)) => Err(CannotMask {
                class: plan.class(slot).to_owned(),
                why: format!(
                    "column `{}` is not something an HTTP response has",
                    column.column
                ),
            }),
        }
    }
}
