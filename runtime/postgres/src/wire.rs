//! A connection's bytes: what has come in and not been split into messages, what is to go out and not been taken.
//! Moves bytes in both directions at once, so that neither peer can stall the other by not reading.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::codec::{BodyLimit, Frame, Malformed, split};

/// Read at once; two TLS records.
const READ_BYTES: usize = 32 * 1024;

/// An empty buffer keeps at most this much for what comes next, so that an idle session holds next to nothing.
const KEPT_BYTES: usize = 4 * 1024;

/// When more than this waits to go out, the other side is not read any further. One message may pass it.
const OUT_HIGH_BYTES: usize = 256 * 1024;

/// How long a peer may take to accept our last words, and how long it may go on sending after them.
const GOODBYE_TIME: Duration = Duration::from_secs(5);
const LINGER_TIME: Duration = Duration::from_secs(1);

/// A stream of bytes: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for S {}

/// One side of a session.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    inbox: BytesMut,
    /// What goes to the peer; written by [`Wire::drive`] and [`Wire::flush`].
    pub(crate) out: BytesMut,
    unflushed: bool,
    /// Nothing can be moved any more, so what is said to the peer is thrown away.
    lost: bool,
}

/// What [`Wire::drive`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Bytes came in.
    Read,
    /// The peer has closed its side.
    Closed,
    /// Bytes went out, and somebody wants to know.
    Wrote,
}

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Receive {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
    #[error("the connection was closed")]
    Closed,
}

impl Wire {
    pub(crate) fn new(stream: impl Stream + 'static) -> Wire {
        Wire {
            stream: Box::new(stream),
            inbox: BytesMut::new(),
            out: BytesMut::new(),
            unflushed: false,
            lost: false,
        }
    }

    /// The next complete message, if there is one.
    pub(crate) fn next(&mut self, limit: BodyLimit) -> Result<Option<Frame>, Malformed> {
        split(&mut self.inbox, limit)
    }

    /// The type of the next message, complete or not.
    pub(crate) fn peek_tag(&self) -> Option<u8> {
        self.inbox.first().copied()
    }

    /// Bytes that came in and are not yet taken as messages.
    pub(crate) fn unread(&self) -> usize {
        self.inbox.len()
    }

    /// Whether so much waits to go out that nothing should be added.
    pub(crate) fn is_congested(&self) -> bool {
        !self.lost && self.out.len() >= OUT_HIGH_BYTES
    }

    /// Writes what is to go out, and reads if `read` is set; resolves when bytes have come in, when it is no longer
    /// congested, and with `tell` whenever bytes went out. With nothing to do it never resolves, and a failure to write is
    /// told once. Cancel-safe.
    pub(crate) async fn drive(&mut self, read: bool, tell: bool) -> io::Result<Progress> {
        if self.lost {
            self.out.clear();
            self.unflushed = false;
        }
        let moved = self.moved(read, tell || self.is_congested()).await;
        self.lost |= moved.is_err();
        moved
    }

    async fn moved(&mut self, read: bool, tell: bool) -> io::Result<Progress> {
        let Wire {
            stream,
            inbox,
            out,
            unflushed,
            lost: _,
        } = self;
        poll_fn(move |context| {
            let mut wrote = false;
            while !out.is_empty() {
                match Pin::new(&mut **stream).poll_write(context, out) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => {
                        out.advance(count);
                        (wrote, *unflushed) = (true, true);
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            if wrote && out.is_empty() {
                shrink(out);
            }
            if *unflushed && out.is_empty() {
                match Pin::new(&mut **stream).poll_flush(context) {
                    Poll::Ready(Ok(())) => *unflushed = false,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
            }
            if read {
                // Not into the inbox, which would have to hold room for it while nothing comes.
                let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
                let mut read = ReadBuf::uninit(&mut space);
                if let Poll::Ready(result) = Pin::new(&mut **stream).poll_read(context, &mut read) {
                    let read = read.filled();
                    if inbox.is_empty() {
                        shrink(inbox);
                    }
                    inbox.extend_from_slice(read);
                    return Poll::Ready(result.map(|()| {
                        if read.is_empty() {
                            Progress::Closed
                        } else {
                            Progress::Read
                        }
                    }));
                }
                if inbox.is_empty() {
                    shrink(inbox);
                }
            }
            if wrote && tell {
                Poll::Ready(Ok(Progress::Wrote))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Writes all that is to go out.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.out).await?;
        self.stream.flush().await?;
        self.unflushed = false;
        Ok(())
    }

    /// Waits for one message; for the phases in which only one side speaks.
    pub(crate) async fn receive(&mut self, limit: BodyLimit) -> Result<Frame, Receive> {
        self.flush().await?;
        loop {
            if let Some(frame) = self.next(limit)? {
                return Ok(frame);
            }
            self.inbox.reserve(READ_BYTES.min(8 * 1024));
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err(Receive::Closed);
            }
        }
    }

    /// Sends what is left and closes. A peer that neither reads nor closes does not hold it up for long.
    pub(crate) async fn close(mut self) {
        if let Ok(Ok(())) = tokio::time::timeout(GOODBYE_TIME, self.send_last()).await {
            // Closing while the peer still sends resets the connection, and it would not see our last words.
            let _ = tokio::time::timeout(LINGER_TIME, self.discard()).await;
        }
    }

    async fn send_last(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }

    async fn discard(&mut self) {
        self.inbox = BytesMut::with_capacity(READ_BYTES);
        while let Ok(1..) = self.stream.read_buf(&mut self.inbox).await {
            self.inbox.clear();
        }
    }
}

/// Gives back what an empty buffer took.
fn shrink(buffer: &mut BytesMut) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = BytesMut::new();
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Buffers hold the client's data.
        f.debug_struct("Wire")
            .field("unread", &self.inbox.len())
            .field("out", &self.out.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_is_lost_is_told_of_once_and_holds_nothing_up() {
        let (ours, theirs) = tokio::io::duplex(16);
        drop(theirs);
        let mut wire = Wire::new(ours);
        wire.out.resize(OUT_HIGH_BYTES, 0);
        assert!(wire.is_congested());
        assert!(wire.drive(false, true).await.is_err());
        wire.out.resize(OUT_HIGH_BYTES, 0);
        assert!(!wire.is_congested());
        tokio::select! {
            biased;
            moved = wire.drive(false, true) => panic!("{moved:?}"),
            () = std::future::ready(()) => {}
        }
        assert!(wire.out.is_empty());
    }
}
