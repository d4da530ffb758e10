//! Sends what the door permits to the upstream and hands over the head of its response. The only place that can: what to
//! send is inside the permit.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{HttpConnection, Limits, Upstream};

/// A connection to the upstream that carries one request at a time.
#[derive(Debug)]
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; ends with the link.
    task: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoResponse {
    /// Nothing was sent.
    #[error("the upstream cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// Nothing was sent.
    #[error("the upstream did not accept the connection: {0}")]
    Handshake(#[source] hyper::Error),
    /// Something may have been sent.
    #[error("the upstream's response is broken: {0}")]
    Broken(#[source] hyper::Error),
    /// Nothing was sent.
    #[error("the request cannot be written")]
    Unsendable,
    /// The request was sent.
    #[error("the upstream did not respond in time")]
    Late,
}

impl NoResponse {
    /// Whether the upstream may have done what was asked.
    pub(crate) fn may_have_run(&self) -> bool {
        match self {
            NoResponse::Unreachable(_) | NoResponse::Handshake(_) | NoResponse::Unsendable => false,
            NoResponse::Broken(_) | NoResponse::Late => true,
        }
    }
}

/// Sends `request` over the link in `slot`, or over a new one that is then put there. A link that the upstream has closed
/// meanwhile is replaced, as long as nothing was sent, or what was sent changes nothing.
pub(crate) async fn send(
    slot: &mut Option<Link>,
    config: &HttpConnection,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, NoResponse> {
    let limits = config.limits;
    let mut request = request;
    // A link whose last response was not read to its end may never be ready again.
    if let Some(mut link) = slot.take()
        && let Ok(Ok(())) = timeout(limits.connect_time, link.sender.ready()).await
    {
        let again = is_safe(request.method()).then(|| request.clone());
        match timeout(limits.response_time, link.sender.try_send_request(request)).await {
            Err(_) => return Err(NoResponse::Late),
            Ok(Ok(response)) => {
                *slot = Some(link);
                return Ok(response);
            }
            Ok(Err(mut failed)) => {
                request = match failed.take_message().or(again) {
                    Some(request) => request,
                    None => return Err(NoResponse::Broken(failed.into_error())),
                };
            }
        }
    }
    let mut link = connect(&config.upstream, &limits).await?;
    let sent = timeout(limits.response_time, link.sender.send_request(request)).await;
    let response = sent
        .map_err(|_| NoResponse::Late)?
        .map_err(NoResponse::Broken)?;
    *slot = Some(link);
    Ok(response)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

async fn connect(upstream: &Upstream, limits: &Limits) -> Result<Link, NoResponse> {
    let stream = in_time(
        limits.connect_time,
        TcpStream::connect((upstream.name(), upstream.port)),
    )
    .await?;
    stream.set_nodelay(true).map_err(NoResponse::Unreachable)?;
    match &upstream.tls {
        None => handshake(stream, limits).await,
        Some((config, name)) => {
            let connector = TlsConnector::from(std::sync::Arc::clone(config));
            let stream =
                in_time(limits.connect_time, connector.connect(name.clone(), stream)).await?;
            handshake(stream, limits).await
        }
    }
}

async fn in_time<T>(
    time: Duration,
    attempt: impl Future<Output = io::Result<T>>,
) -> Result<T, NoResponse> {
    let late = |_| NoResponse::Unreachable(io::ErrorKind::TimedOut.into());
    timeout(time, attempt)
        .await
        .map_err(late)?
        .map_err(NoResponse::Unreachable)
}

async fn handshake<S>(stream: S, limits: &Limits) -> Result<Link, NoResponse>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(NoResponse::Handshake)?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the upstream ended");
        }
    });
    Ok(Link { sender, task })
}
