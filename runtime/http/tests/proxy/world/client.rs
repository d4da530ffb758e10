//! A client on a raw socket: sends exactly the bytes of a test and reads one response after the other.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Whether the body had its proper end.
    pub(crate) complete: bool,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        Client {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// A request as an agent, with more header lines and a body.
    pub(crate) async fn ask(&mut self, line: &str, headers: &str, body: &str) -> Response {
        self.send(&request(line, headers, body)).await;
        self.response(line.starts_with("HEAD")).await
    }

    /// Whether the server has closed without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.more().await
    }

    /// The next response.
    pub(crate) async fn response(&mut self, head_only: bool) -> Response {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            assert!(
                self.more().await,
                "no response: {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect())
            .unwrap()
            .to_ascii_lowercase();
        let status = head[9..12].parse().unwrap();
        let (body, complete) = if head_only || matches!(status, 100 | 204 | 304) {
            (Vec::new(), true)
        } else if let Some(length) = field(&head, "content-length") {
            self.sized(length.parse().unwrap()).await
        } else if head.contains("transfer-encoding: chunked") {
            self.chunked().await
        } else {
            while self.more().await {}
            (std::mem::take(&mut self.buffer), true)
        };
        Response {
            status,
            head,
            body: String::from_utf8_lossy(&body).into_owned(),
            complete,
        }
    }

    /// Waits until what has arrived contains `text`.
    pub(crate) async fn arrives(&mut self, text: &str) {
        while find(&self.buffer, text.as_bytes()).is_none() {
            assert!(
                self.more().await,
                "closed after {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    async fn sized(&mut self, length: usize) -> (Vec<u8>, bool) {
        while self.buffer.len() < length {
            if !self.more().await {
                return (std::mem::take(&mut self.buffer), false);
            }
        }
        (self.buffer.drain(..length).collect(), true)
    }

    async fn chunked(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break end;
                }
                if !self.more().await {
                    return (body, false);
                }
            };
            let size = String::from_utf8(self.buffer.drain(..line + 2).collect()).unwrap();
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            let (chunk, complete) = self.sized(size + 2).await;
            if !complete {
                return (body, false);
            }
            if size == 0 {
                return (body, true);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        let read = timeout(Duration::from_secs(20), read)
            .await
            .expect("the server answers or closes");
        read.unwrap_or(0) > 0
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

pub(crate) fn request(line: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!(
        "{line} HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer agent-7\r\n{headers}{length}\r\n{body}"
    )
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = head
        .lines()
        .find(|line| line.starts_with(&format!("{name}: ")))?;
    Some(&line[name.len() + 2..])
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
