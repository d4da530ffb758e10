//! A guard before hyper's parser: lets through only requests whose framing has one reading, whoever reads it. Where hyper
//! mends (two lengths, a length beside a transfer coding, bare line feeds), this refuses, since others mend otherwise.
//! Source: RFC 9112, sections 2.2, 5, 6 and 7.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read at once.
const READ: usize = 8 << 10;
/// The size of a chunk: eight hexadecimal digits and the end of the line.
const LONGEST_SIZE_LINE: usize = 10;
/// No request and no chunk: hyper answers it with 400, or fails the body it is reading.
const POISON: &[u8] = b"\0\r\n\r\n";

/// A client's stream, of which hyper sees only what is strict.
#[derive(Debug)]
pub(crate) struct Strict<S> {
    inner: S,
    guard: Guard,
    /// Checked, for hyper to read.
    checked: Vec<u8>,
    read: usize,
}

#[derive(Debug)]
struct Guard {
    most: usize,
    expect: Expect,
    /// The part of a head or line that has arrived.
    held: Vec<u8>,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Head,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    LastChunkEnd,
    /// Nothing more is let through.
    Nothing,
}

/// The framing has no reading, or more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ambiguous;

impl<S> Strict<S> {
    /// Guards `inner`; heads longer than `most` bytes are left to hyper to refuse.
    pub(crate) fn new(inner: S, most: usize) -> Strict<S> {
        let guard = Guard {
            most,
            expect: Expect::Head,
            held: Vec::new(),
        };
        Strict {
            inner,
            guard,
            checked: Vec::new(),
            read: 0,
        }
    }
}

impl Guard {
    /// Takes what arrived and appends what may be read to `checked`.
    fn push(&mut self, bytes: &[u8], checked: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.expect {
                Expect::Nothing => return,
                Expect::Body(left) => self.pass(rest, left, Expect::Head, Expect::Body, checked),
                Expect::Chunk(left) => {
                    self.pass(rest, left, Expect::ChunkEnd, Expect::Chunk, checked)
                }
                Expect::Head => self.hold(rest, self.most, b"\r\n\r\n", head, checked),
                Expect::ChunkSize => self.hold(rest, LONGEST_SIZE_LINE, b"\n", chunk_size, checked),
                Expect::ChunkEnd => {
                    self.hold(rest, 2, b"\n", |line| end(line, Expect::ChunkSize), checked)
                }
                // Trailers would say more about what was judged already.
                Expect::LastChunkEnd => {
                    self.hold(rest, 2, b"\n", |line| end(line, Expect::Head), checked)
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Lets through what belongs to a body.
    fn pass(
        &mut self,
        bytes: &[u8],
        left: u64,
        then: Expect,
        rest: fn(u64) -> Expect,
        checked: &mut Vec<u8>,
    ) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        checked.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        let left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
        self.expect = if left == 0 { then } else { rest(left) };
        taken
    }

    /// Holds bytes up to and including `terminator`, checks them, and lets them through.
    fn hold(
        &mut self,
        bytes: &[u8],
        most: usize,
        terminator: &[u8],
        check: impl Fn(&[u8]) -> Result<Expect, Ambiguous>,
        checked: &mut Vec<u8>,
    ) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            // Terminators end with a line feed; one byte more than there may be shows that there are too many.
            let room = most
                .saturating_add(1)
                .saturating_sub(self.held.len())
                .max(1);
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let piece = rest.get(..line.min(room)).unwrap_or(rest);
            self.held.extend_from_slice(piece);
            taken += piece.len();
            let complete = self.held.ends_with(terminator);
            if !complete && self.held.len() <= most {
                continue;
            }
            if self.expect == Expect::Head && !complete {
                // hyper answers 431.
                checked.append(&mut self.held);
                self.expect = Expect::Nothing;
                return bytes.len();
            }
            match check(&self.held) {
                Ok(next) => {
                    checked.append(&mut self.held);
                    self.expect = next;
                }
                Err(Ambiguous) => {
                    checked.extend_from_slice(POISON);
                    self.held.clear();
                    self.expect = Expect::Nothing;
                }
            }
            return taken;
        }
        bytes.len()
    }
}

fn end(line: &[u8], then: Expect) -> Result<Expect, Ambiguous> {
    if line == b"\r\n" {
        Ok(then)
    } else {
        Err(Ambiguous)
    }
}

/// Chunk extensions have no meaning that anybody agreed on, so there are none.
fn chunk_size(line: &[u8]) -> Result<Expect, Ambiguous> {
    let digits = line.strip_suffix(b"\r\n").ok_or(Ambiguous)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Ambiguous);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Ambiguous)?;
    match u64::from_str_radix(text, 16).map_err(|_| Ambiguous)? {
        0 => Ok(Expect::LastChunkEnd),
        size => Ok(Expect::Chunk(size)),
    }
}

/// What follows a head.
fn head(head: &[u8]) -> Result<Expect, Ambiguous> {
    let lines = head.strip_suffix(b"\r\n\r\n").ok_or(Ambiguous)?;
    // Every line ends with both, and neither stands elsewhere.
    let text = std::str::from_utf8(lines).map_err(|_| Ambiguous)?;
    let mut lines = text.split("\r\n");
    let is_old = request_line(lines.next().ok_or(Ambiguous)?)?;
    let mut length = None;
    let mut chunked = false;
    for line in lines {
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case("content-length") {
            if length.replace(decimal(value)?).is_some() {
                return Err(Ambiguous);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if is_old || chunked || !value.eq_ignore_ascii_case("chunked") {
                return Err(Ambiguous);
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(Ambiguous),
        (None, true) => Ok(Expect::ChunkSize),
        (None | Some(0), false) => Ok(Expect::Head),
        (Some(length), false) => Ok(Expect::Body(length)),
    }
}

/// Whether the request is of HTTP/1.0.
fn request_line(line: &str) -> Result<bool, Ambiguous> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Ambiguous);
    };
    if !is_token(method) || target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(Ambiguous);
    }
    match version {
        "HTTP/1.0" => Ok(true),
        "HTTP/1.1" => Ok(false),
        _ => Err(Ambiguous),
    }
}

fn field(line: &str) -> Result<(&str, &str), Ambiguous> {
    let (name, value) = line.split_once(':').ok_or(Ambiguous)?;
    let visible = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    if is_token(name) && value.bytes().all(visible) {
        Ok((name, value.trim_matches([' ', '\t'])))
    } else {
        Err(Ambiguous)
    }
}

fn decimal(value: &str) -> Result<u64, Ambiguous> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Ambiguous);
    }
    value.parse().map_err(|_| Ambiguous)
}

fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let rest = this.checked.get(this.read..).unwrap_or_default();
            if !rest.is_empty() {
                let length = rest.len().min(buffer.remaining());
                buffer.put_slice(rest.get(..length).unwrap_or_default());
                this.read += length;
                return Poll::Ready(Ok(()));
            }
            this.checked.clear();
            this.read = 0;
            if this.guard.expect == Expect::Nothing {
                return Poll::Ready(Ok(()));
            }
            let mut bytes = [const { MaybeUninit::uninit() }; READ];
            let mut arrived = ReadBuf::uninit(&mut bytes);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut arrived))?;
            if arrived.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.guard.push(arrived.filled(), &mut this.checked);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
