//! An upstream: a real HTTP server that remembers what it was asked and answers what the path says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    /// Feeds the bodies of `/stream` and `/pii/stream`, one at a time.
    pub(crate) feed: mpsc::Sender<Bytes>,
    _served: JoinSet<()>,
}

type Feed = Arc<tokio::sync::Mutex<mpsc::Receiver<Bytes>>>;

impl Served {
    pub(crate) async fn start() -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (feed, fed) = mpsc::channel(8);
        let fed: Feed = Arc::new(tokio::sync::Mutex::new(fed));
        let mut served = JoinSet::new();
        let log = seen.clone();
        served.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, fed) = (log.clone(), fed.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let (log, fed) = (log.clone(), fed.clone());
                        async move { Ok::<_, Infallible>(answer(request, &log, fed).await) }
                    });
                    drop(
                        http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
        Served {
            address,
            seen,
            feed,
            _served: served,
        }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: &Mutex<Vec<String>>,
    feed: Feed,
) -> Response<Answer> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let text = format!(
        "{} {}\n{}\n\n{}",
        parts.method,
        parts.uri,
        headers.join("\n"),
        String::from_utf8_lossy(&body)
    );
    seen.lock().unwrap().push(text.clone());
    let response = Response::builder();
    let whole = |text: &str| Answer::Whole(Some(Bytes::copy_from_slice(text.as_bytes())));
    match parts.uri.path() {
        "/pii/json" => response
            .header("content-type", "application/json")
            .header("etag", "\"1\"")
            .header("x-owner", "ana@example.com")
            .body(whole(
                r#"{"ssn":"987\u002d65-4320","card":4111111111111111,"mail":"ana@example.com"}"#,
            )),
        "/pii/text" => response
            .header("content-type", "text/plain")
            .body(whole("ssn 987-65-4320\n")),
        "/pii/gzip" => response
            .header("content-encoding", "gzip")
            .body(whole("whatever")),
        "/pii/zip" => response
            .header("content-type", "application/octet-stream")
            .body(whole("PK\u{3}\u{4}...")),
        "/pii/utf-16" => response
            .header("content-type", "text/plain; charset=utf-16")
            .body(whole("9\x008\x007\x00")),
        "/pii/part" => response
            .status(206)
            .header("content-range", "bytes 0-1/9")
            .body(whole("98")),
        "/pii/nul" => response
            .header("content-type", "application/json")
            .body(whole("\"9\x008\x007\x00\"")),
        "/pii/zeros" => response.body(whole("9\x008\x007\x00")),
        "/pii/image" => response
            .header("content-type", "image/png")
            .body(whole("\x00PNG\x00")),
        "/crm/json" => response
            .header("content-type", "application/json")
            .body(whole(
                "{ \"customer\": {\"n\\u0061me\":\"Grete Muster\", \"ssn\":\"987-65-4320\"},\r\n\"list\":[{\"name\":[1]},{\"name\":\"Ina\"}] ,\"name\":\"Uwe\"}",
            )),
        "/crm/long" => response
            .header("content-type", "application/json")
            .body(whole(&format!("[{}{{\"name\":1}}]", "0,".repeat(50_000)))),
        "/crm/broken" => response
            .header("content-type", "application/json")
            .body(whole("{'customer': {'name': 'Grete Muster'}}")),
        "/crm/cut" => response
            .header("content-type", "application/json")
            .body(whole(&format!("[{}", "0,".repeat(1_000_000)))),
        "/crm/html" => response
            .header("content-type", "text/html")
            .body(whole("<p>Grete Muster</p>")),
        "/crm/empty" => response.status(404).body(Answer::Whole(None)),
        "/stream" | "/pii/stream" => {
            let feed = feed.lock_owned().await;
            response
                .header("content-type", "text/event-stream")
                .body(Answer::Fed(feed))
        }
        "/fault" => response
            .status(StatusCode::INTERNAL_SERVER_ERROR)
            .body(whole("boom")),
        "/none" => response
            .status(StatusCode::NO_CONTENT)
            .body(Answer::Whole(None)),
        "/hop" => response
            .header("connection", "x-private")
            .header("x-private", "1")
            .header("keep-alive", "timeout=5")
            .header("alt-svc", "h3=\":443\"")
            .header("x-leak", super::SECRET)
            .header("hpol-operation", "spoofed")
            .header("location", "/next")
            .body(whole("ok")),
        _ => response.body(whole(&text)),
    }
    .unwrap()
}

/// A body: at once, or as it is fed, until an empty piece ends it.
enum Answer {
    Whole(Option<Bytes>),
    Fed(tokio::sync::OwnedMutexGuard<mpsc::Receiver<Bytes>>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Answer::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Answer::Fed(feed) => feed.poll_recv(context).map(|bytes| {
                bytes
                    .filter(|bytes| !bytes.is_empty())
                    .map(|bytes| Ok(Frame::data(bytes)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Answer::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Answer::Whole(bytes) => hyper::body::SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            ),
            Answer::Fed(_) => hyper::body::SizeHint::default(),
        }
    }
}
