//! The body of a reply: a problem document, or the upstream's body as it comes, with what must be hidden hidden.
//!
//! INVARIANT: the last bytes, and the end itself, are released only after the outcome was recorded.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hpol_session::OperationResult;
use hpol_session::masking::{MaskRun, NotJson, StreamKind};
use hpol_session::permit::{Receipt, Settlement};
use hpol_session::refusal::Refusal;
use http::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::Beginning;
use super::conceal::Conceal;
use super::masking::Reading;
use crate::forward::UpstreamBody;

/// What hyper sends to the client.
pub(crate) enum Reply {
    /// All there.
    Whole(Option<Bytes>),
    /// As it comes.
    Streaming(Box<Streaming>),
}

/// Why a reply has no proper end. The client sees a connection that breaks off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the upstream broke off: {0}")]
    Upstream(#[source] hyper::Error),
    #[error("the upstream stopped")]
    Idle,
    #[error("the response is not the text that it says it is, so it cannot be masked")]
    NotText,
    #[error("{0}, so it cannot be masked")]
    NotJson(#[source] NotJson),
    #[error("the outcome cannot be recorded")]
    NotRecorded,
}

/// Why a body that is all there is not released.
#[derive(Debug)]
pub(super) enum Withheld {
    Unrecorded(Refusal),
    Broken(Broken),
}

type Settling = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// Where a body comes from.
pub(super) struct Source {
    pub(super) upstream: UpstreamBody,
    /// What was read before the head was released.
    pub(super) beginning: Beginning,
    pub(super) status: StatusCode,
    /// How long the upstream may pause.
    pub(super) idle: Duration,
}

/// The upstream's body on its way.
pub(crate) struct Streaming {
    source: Source,
    /// Runs while the upstream pauses.
    timer: Option<Pin<Box<Sleep>>>,
    /// How it is read; `None` where nothing has to be hidden.
    reading: Option<Reading>,
    /// Taken when the outcome is recorded.
    run: Option<MaskRun>,
    conceal: Option<Conceal>,
    receipt: Option<Receipt>,
    released: u64,
    state: State,
}

enum State {
    Reading,
    /// Recording; then these bytes, or this fault, is the end.
    Settling(Settling, Result<Bytes, Broken>),
    Ended,
}

impl Streaming {
    pub(super) fn new(
        source: Source,
        reading: Option<Reading>,
        run: MaskRun,
        conceal: Option<Conceal>,
        receipt: Receipt,
    ) -> Streaming {
        Streaming {
            timer: None,
            source,
            reading,
            run: Some(run),
            conceal,
            receipt: Some(receipt),
            released: 0,
            state: State::Reading,
        }
    }

    /// Records the outcome at once where the whole body is at hand, so that a fault can still be told in the head.
    pub(super) async fn settle_if_whole(mut self) -> Result<Reply, Withheld> {
        if !self.source.beginning.whole {
            return Ok(Reply::Streaming(Box::new(self)));
        }
        let ahead = std::mem::take(&mut self.source.beginning.ahead);
        let (result, body) = match self.mask(Some(ahead), true) {
            Ok(body) => (self.result(), Ok(body)),
            Err(broken) => (OperationResult::Failed, Err(broken)),
        };
        if let Some(settling) = self.settling(result) {
            settling.await.map_err(Withheld::Unrecorded)?;
        }
        let body = body.map_err(Withheld::Broken)?;
        Ok(Reply::Whole(Some(body).filter(|body| !body.is_empty())))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            match &mut self.state {
                State::Reading => {
                    if let Some(data) = ready!(self.read(context)) {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                State::Settling(settling, end) => {
                    let recorded = ready!(settling.as_mut().poll(context));
                    let end = std::mem::replace(end, Err(Broken::NotRecorded));
                    self.state = State::Ended;
                    return Poll::Ready(match (recorded, end) {
                        (Err(_), Ok(_)) => Some(Err(Broken::NotRecorded)),
                        (_, Err(broken)) => Some(Err(broken)),
                        (Ok(()), Ok(last)) if last.is_empty() => None,
                        (Ok(()), Ok(last)) => Some(Ok(Frame::data(last))),
                    });
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    /// Reads on: data to release now, or `None` when the state has changed.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let chunk = if self.source.beginning.ahead.is_empty() {
                match ready!(self.poll_upstream(context)) {
                    Ok(chunk) => chunk,
                    Err(broken) => {
                        self.end(OperationResult::Interrupted, Err(broken));
                        return Poll::Ready(None);
                    }
                }
            } else {
                Some(std::mem::take(&mut self.source.beginning.ahead))
            };
            let last = chunk.is_none() || self.source.upstream.is_end_stream();
            match self.mask(chunk, last) {
                Err(broken) => {
                    self.end(OperationResult::Failed, Err(broken));
                    return Poll::Ready(None);
                }
                Ok(data) if last => {
                    self.end(self.result(), Ok(data));
                    return Poll::Ready(None);
                }
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(data)),
            }
        }
    }

    /// The next data of the upstream; `None` at its end. Trailers go no further.
    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Broken>> {
        loop {
            match Pin::new(&mut self.source.upstream).poll_frame(context) {
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Broken::Upstream(error))),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(timer) = &mut self.timer {
                        timer.as_mut().reset(Instant::now() + self.source.idle);
                    }
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                Poll::Pending => {
                    let idle = self.source.idle;
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
                    ready!(timer.as_mut().poll(context));
                    return Poll::Ready(Err(Broken::Idle));
                }
            }
        }
    }

    fn mask(&mut self, chunk: Option<Bytes>, last: bool) -> Result<Bytes, Broken> {
        let mut chunk = chunk.unwrap_or_default();
        if let Some(conceal) = &mut self.conceal {
            chunk = conceal.push(chunk, last);
        }
        let data = match (self.reading, &mut self.run) {
            (Some(reading), Some(run)) => hide(reading, run, &chunk, last)?,
            (None, _) | (_, None) => chunk,
        };
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.released = self.released.saturating_add(length);
        Ok(data)
    }

    fn result(&self) -> OperationResult {
        if self.source.status.is_client_error() || self.source.status.is_server_error() {
            OperationResult::Failed
        } else {
            OperationResult::Completed
        }
    }

    fn end(&mut self, result: OperationResult, end: Result<Bytes, Broken>) {
        self.state = match self.settling(result) {
            Some(settling) => State::Settling(settling, end),
            None => State::Ended,
        };
    }

    fn settling(&mut self, result: OperationResult) -> Option<Settling> {
        let receipt = self.receipt.take()?;
        let settlement = Settlement {
            result,
            code: self.source.status.as_str().to_owned(),
            rows: 0,
            counted: Some(0),
            // The head shows what the upstream likes.
            told: hpol_session::history::Told::Text,
            bytes: self.released,
            masked: self.run.take(),
        };
        Some(Box::pin(receipt.settle(settlement)))
    }
}

/// What `run` leaves of the next piece of a body.
fn hide(reading: Reading, run: &mut MaskRun, chunk: &[u8], last: bool) -> Result<Bytes, Broken> {
    let mut out = Vec::with_capacity(chunk.len());
    let (kind, zeros) = match reading {
        Reading::Empty if chunk.is_empty() => return Ok(Bytes::new()),
        Reading::Empty => return Err(Broken::NotText),
        Reading::Document => {
            run.push_document(chunk, &mut out)
                .map_err(Broken::NotJson)?;
            if last {
                run.finish_document(&mut out).map_err(Broken::NotJson)?;
            }
            return Ok(Bytes::from(out));
        }
        Reading::Json => (StreamKind::Json, false),
        Reading::Text { zeros } => (StreamKind::Text, zeros),
    };
    // UTF-16 without a mark at its beginning has them.
    if !zeros && memchr::memchr(0, chunk).is_some() {
        return Err(Broken::NotText);
    }
    run.push(kind, chunk, &mut out);
    if last {
        run.finish(&mut out);
    }
    Ok(Bytes::from(out))
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Reply::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Reply::Streaming(streaming) => streaming.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Reply::Whole(bytes) => bytes.is_none(),
            Reply::Streaming(streaming) => matches!(streaming.state, State::Ended),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Reply::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Reply::Streaming(_) => SizeHint::default(),
        }
    }
}
