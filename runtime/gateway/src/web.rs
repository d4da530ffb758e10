//! A small HTTP/1.1 server for the gateway's own pages: bounded in connections, header time and body size.
//! Client traffic does not come through here; that is `hpol-http`.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::shutdown::Stop;

/// Connections served at once: people, probes and scrapers are few.
const MAX_CONNECTIONS: usize = 128;
/// Longest request body read, in bytes: a vote with its reason, or a token request.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Longest wait for a request's header or body, or a handshake.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait at the end for requests under way: a peer that does not read its reply must not hold up the stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who sent a request; in its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A reply with its whole body.
pub(crate) type Reply = Response<Full<Bytes>>;

/// What answers requests.
pub(crate) trait Answer: Send + Sync + 'static {
    /// The reply to `request`.
    fn answer(&self, request: Request<Bytes>) -> impl Future<Output = Reply> + Send;
}

/// Serves until told to stop; then requests under way are finished, for a bounded time.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    answer: Arc<A>,
    mut stop: Stop,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Some((socket, peer)) = (tokio::select! {
            () = stop.wait() => break,
            accepted = listener.accept() => accept(accepted).await,
        }) else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let (tls, answer, stop) = (tls.clone(), Arc::clone(&answer), stop.clone());
        connections.spawn(async move {
            connection(socket, peer, tls, answer, stop).await;
            drop(place);
        });
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIMEOUT, finished).await.is_err() {
        tracing::warn!("requests to the gateway's own pages are cut off at the stop");
        connections.shutdown().await;
    }
}

async fn accept(
    accepted: std::io::Result<(TcpStream, SocketAddr)>,
) -> Option<(TcpStream, SocketAddr)> {
    match accepted {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection<A: Answer>(
    socket: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    answer: Arc<A>,
    stop: Stop,
) {
    // Nothing is lost without it but a little time.
    let _ = socket.set_nodelay(true);
    let Some(tls) = tls else {
        return exchange(socket, peer, answer, stop).await;
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, TlsAcceptor::from(tls).accept(socket)).await {
        Ok(Ok(socket)) => exchange(socket, peer, answer, stop).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
    }
}

async fn exchange<A: Answer, S>(socket: S, peer: SocketAddr, answer: Arc<A>, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let answer = Arc::clone(&answer);
        async move { Ok::<_, Infallible>(whole(request, answer.as_ref()).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT);
    let serving = builder.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = stop.wait() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "HTTP connection ended early");
    }
}

async fn whole<A: Answer>(request: Request<Incoming>, answer: &A) -> Reply {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(
        REQUEST_TIMEOUT,
        Limited::new(body, MAX_BODY_BYTES).collect(),
    )
    .await;
    match read {
        Ok(Ok(body)) => {
            answer
                .answer(Request::from_parts(head, body.to_bytes()))
                .await
        }
        Ok(Err(_)) => problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the request body is longer than {MAX_BODY_BYTES} bytes"),
        ),
        Err(_) => problem(
            StatusCode::REQUEST_TIMEOUT,
            "the request body did not arrive in time",
        ),
    }
}

/// `value` as JSON.
pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Reply {
    with_type(
        status,
        "application/json",
        serde_json::to_vec(value).unwrap_or_default(),
    )
}

/// An error as RFC 9457 describes it.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Reply {
    let title = status.canonical_reason().unwrap_or("error");
    let body = serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    with_type(
        status,
        "application/problem+json",
        body.to_string().into_bytes(),
    )
}

/// A body of the given content type. Nothing that the gateway says about itself is to be kept by anyone.
pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply.headers_mut().insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    reply
}
