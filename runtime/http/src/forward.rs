//! Sends what the door permits to the upstream and hands over the head of its response. The only place that can: what to
//! send is inside the permit.
//!
//! A link has no task of its own. Whoever waits for something from the upstream drives its connection meanwhile, so that a
//! request and its response pass through one task, without a switch to another.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{HttpConnection, Limits, Upstream};

/// A connection to the upstream that carries one request at a time.
#[derive(Debug)]
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    drive: Arc<Drive>,
}

type Driven = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// What moves the bytes of a connection to the upstream, until it has ended. Polled by the one task that waits for them.
struct Drive(Mutex<Option<Driven>>);

impl Drive {
    fn poll(&self, context: &mut Context<'_>) {
        let mut driven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = driven.as_mut() else {
            return;
        };
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            *driven = None;
            if let Err(error) = ended {
                tracing::debug!(%error, "the connection to the upstream ended");
            }
        }
    }

    /// Waits for what `awaited` gets from the connection.
    async fn until<T>(&self, mut awaited: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        poll_fn(|context| {
            self.poll(context);
            awaited(context)
        })
        .await
    }
}

impl fmt::Debug for Drive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Drive")
    }
}

/// The body of the upstream's response, which drives the connection it comes over.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    body: Incoming,
    drive: Arc<Drive>,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(context);
        if frame.is_ready() {
            return frame;
        }
        // The connection reads on once it knows that somebody wants more.
        this.drive.poll(context);
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
) -> Result<Response<UpstreamBody>, NoResponse> {
    let limits = config.limits;
    let mut request = request;
    // A link whose last response was not read to its end may never be ready again.
    if let Some(mut link) = slot.take()
        && let Ok(Ok(())) = timeout(limits.connect_time, link.ready()).await
    {
        let again = is_safe(request.method()).then(|| request.clone());
        let drive = Arc::clone(&link.drive);
        let mut sending = pin!(link.sender.try_send_request(request));
        let sent = drive.until(|context| sending.as_mut().poll(context));
        match timeout(limits.response_time, sent).await {
            Err(_) => return Err(NoResponse::Late),
            Ok(Ok(response)) => return Ok(link.keep(slot, response)),
            Ok(Err(mut failed)) => {
                request = match failed.take_message().or(again) {
                    Some(request) => request,
                    None => return Err(NoResponse::Broken(failed.into_error())),
                };
            }
        }
    }
    let mut link = connect(&config.upstream, &limits).await?;
    let drive = Arc::clone(&link.drive);
    let mut sending = pin!(link.sender.send_request(request));
    let sent = drive.until(|context| sending.as_mut().poll(context));
    let response = timeout(limits.response_time, sent)
        .await
        .map_err(|_| NoResponse::Late)?
        .map_err(NoResponse::Broken)?;
    Ok(link.keep(slot, response))
}

impl Link {
    async fn ready(&mut self) -> hyper::Result<()> {
        let sender = &mut self.sender;
        self.drive.until(|context| sender.poll_ready(context)).await
    }

    /// Puts the link in `slot` for the next request, and lets the response's body drive it.
    fn keep(self, slot: &mut Option<Link>, response: Response<Incoming>) -> Response<UpstreamBody> {
        let drive = Arc::clone(&self.drive);
        *slot = Some(self);
        response.map(|body| UpstreamBody { body, drive })
    }
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
            let connector = TlsConnector::from(Arc::clone(config));
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
    let drive = Arc::new(Drive(Mutex::new(Some(Box::pin(connection)))));
    Ok(Link { sender, drive })
}
