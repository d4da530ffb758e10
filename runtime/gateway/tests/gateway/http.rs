//! As much HTTP as the tests need, on plain sockets: a client that sends one request, and an upstream that counts.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Longest wait for anything; far above what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shorter than the gateway waits for a client that is slow with its next request.
const KEPT_OPEN: Duration = Duration::from_secs(20);

pub(crate) struct Request {
    line: String,
    host: Option<String>,
    headers: String,
    body: String,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn get(path: &str) -> Request {
        Request::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Request {
        Request::new("POST", path)
    }

    pub(crate) fn new(method: &str, path: &str) -> Request {
        Request {
            line: format!("{method} {path} HTTP/1.1"),
            host: None,
            headers: String::new(),
            body: String::new(),
        }
    }

    pub(crate) fn host(mut self, host: &str) -> Request {
        self.host = Some(host.to_owned());
        self
    }

    pub(crate) fn bearer(mut self, token: &str) -> Request {
        self.headers
            .push_str(&format!("authorization: Bearer {token}\r\n"));
        self
    }

    pub(crate) fn form(mut self, form: &str) -> Request {
        self.headers
            .push_str("content-type: application/x-www-form-urlencoded\r\n");
        self.body = form.to_owned();
        self
    }

    pub(crate) fn json(mut self, value: &Value) -> Request {
        self.headers.push_str("content-type: application/json\r\n");
        self.body = value.to_string();
        self
    }

    pub(crate) fn send(self, address: SocketAddr) -> Reply {
        self.try_send(address).expect("a whole reply")
    }

    /// `None` when the peer closes without a reply.
    pub(crate) fn try_send(self, address: SocketAddr) -> Option<Reply> {
        let mut socket = TcpStream::connect(address).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = self.host.unwrap_or_else(|| address.to_string());
        let head = format!(
            "{}\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n",
            self.line,
            self.body.len(),
            self.headers
        );
        // A peer that refuses a long body may close before it has read all of it.
        let _ = socket
            .write_all(head.as_bytes())
            .and_then(|()| socket.write_all(self.body.as_bytes()));
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let header = |name: &str| {
            head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix(name)
                    .map(|value| value.trim().to_owned())
            })
        };
        let chunked = header("transfer-encoding:").is_some();
        Some(Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            content_type: header("content-type:").unwrap_or_default(),
            body: if chunked {
                unchunked(body)
            } else {
                body.to_owned()
            },
        })
    }
}

/// A connection that a client keeps open between its requests.
pub(crate) struct KeptOpen {
    socket: TcpStream,
    address: SocketAddr,
}

impl KeptOpen {
    pub(crate) fn to(address: SocketAddr) -> KeptOpen {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(KEPT_OPEN)).unwrap();
        KeptOpen { socket, address }
    }

    /// The reply of the upstream to a GET with `token`.
    pub(crate) fn get(&mut self, token: &str) -> String {
        let address = self.address;
        let request =
            format!("GET /x HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
        self.socket.write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"thing") {
            let mut byte = [0];
            self.socket.read_exact(&mut byte).unwrap();
            reply.extend(byte);
        }
        String::from_utf8(reply).unwrap()
    }

    /// Waits for the peer to close it.
    pub(crate) fn closed(mut self) -> bool {
        self.socket.read(&mut [0]).unwrap() == 0
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

/// Whether the peer closes the connection within a moment.
pub(crate) fn is_closed_by_peer(mut socket: &TcpStream) -> bool {
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    match socket.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Answers every request with `thing`, and keeps their heads.
pub(crate) struct Upstream {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    gate: Arc<Mutex<()>>,
}

impl Upstream {
    pub(crate) fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Upstream {
            address: listener.local_addr().unwrap(),
            heads: Arc::default(),
            gate: Arc::default(),
        };
        let (heads, gate) = (Arc::clone(&upstream.heads), Arc::clone(&upstream.gate));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (heads, gate) = (Arc::clone(&heads), Arc::clone(&gate));
                thread::spawn(move || answer(socket.unwrap(), &heads, &gate));
            }
        });
        upstream
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// The head of the latest request, in lower case.
    pub(crate) fn last_head(&self) -> String {
        self.heads.lock().unwrap().last().unwrap().clone()
    }

    /// No reply before the guard is dropped.
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }
}

fn answer(mut socket: TcpStream, heads: &Mutex<Vec<String>>, gate: &Mutex<()>) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Ok(read @ 1..) = socket.read(&mut buffer) else {
            return;
        };
        seen.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        if body.len() < length.map_or(0, |length| length.trim().parse().unwrap()) {
            continue;
        }
        heads.lock().unwrap().push(head.to_owned());
        seen.clear();
        drop(gate.lock().unwrap());
        if socket
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nthing",
            )
            .is_err()
        {
            return;
        }
    }
}
