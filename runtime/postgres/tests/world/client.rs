//! A client that sends the bytes it is told to and writes down what comes back, one line a message.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer takes this long but one that never comes.
const ANSWER_TIME: Duration = Duration::from_secs(60);

pub struct Client {
    pub stream: TcpStream,
    pub process: u32,
    pub secret: u32,
}

impl Client {
    pub async fn connect(address: SocketAddr, parameters: &[(&str, &str)]) -> Client {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(&startup(196_608, parameters))
            .await
            .unwrap();
        Client {
            stream,
            process: 0,
            secret: 0,
        }
    }

    /// Logs in to `orders` with `token`.
    pub async fn login(address: SocketAddr, token: &str) -> Client {
        let mut client =
            Client::connect(address, &[("user", "whoever"), ("database", "orders")]).await;
        client.send(&message(b'p', &text(token))).await;
        loop {
            let (tag, body) = client.receive().await.unwrap();
            match tag {
                b'K' => {
                    client.process = u32::from_be_bytes(body[0..4].try_into().unwrap());
                    client.secret = u32::from_be_bytes(body[4..8].try_into().unwrap());
                }
                b'Z' => return client,
                b'E' => panic!("{}", line(tag, &body)),
                _ => {}
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next message; `None` at the end of the connection.
    pub async fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let answer = tokio::time::timeout(ANSWER_TIME, self.message()).await;
        answer.expect("an answer in time")
    }

    async fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let tag = self.stream.read_u8().await.ok()?;
        let length = self.stream.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body).await.unwrap();
        Some((tag, body))
    }

    /// Messages up to `count` ReadyForQuery, or the end.
    pub async fn lines(&mut self, count: usize) -> String {
        let (mut lines, mut ready) = (Vec::new(), 0);
        while ready < count {
            let Some((tag, body)) = self.receive().await else {
                lines.push("(closed)".to_owned());
                break;
            };
            ready += usize::from(tag == b'Z');
            lines.push(line(tag, &body));
        }
        lines.join("\n")
    }

    /// Sends and writes down the answer up to ReadyForQuery.
    pub async fn ask(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        self.lines(1).await
    }

    pub async fn query(&mut self, sql: &str) -> String {
        self.ask(&query(sql)).await
    }

    /// Each text with what it is answered.
    pub async fn told(&mut self, texts: &[&str]) -> String {
        let mut lines = Vec::new();
        for text in texts {
            let answer = self.query(text).await;
            lines.push(format!("{text}\n    {}", answer.replace('\n', "\n    ")));
        }
        lines.join("\n")
    }

    /// The next line.
    pub async fn line(&mut self) -> String {
        self.receive()
            .await
            .map_or("(closed)".to_owned(), |(tag, body)| line(tag, &body))
    }

    pub async fn cancel(&self, address: SocketAddr) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut packet = vec![0, 0, 0, 16, 4, 210, 22, 46];
        packet.extend(self.process.to_be_bytes());
        packet.extend(self.secret.to_be_bytes());
        stream.write_all(&packet).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
}

pub fn startup(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend(text(name));
        body.extend(text(value));
    }
    body.push(0);
    let mut packet = u32::try_from(body.len() + 4)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    packet.extend(body);
    packet
}

pub fn text(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &text(sql))
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[text(name), text(sql), vec![0, 0]].concat())
}

/// Binds text parameters; results come in `format`.
pub fn bind(portal: &str, statement: &str, parameters: &[&str], format: u8) -> Vec<u8> {
    let mut body = [text(portal), text(statement), vec![0, 0]].concat();
    body.extend(u16::try_from(parameters.len()).unwrap().to_be_bytes());
    for parameter in parameters {
        body.extend(u32::try_from(parameter.len()).unwrap().to_be_bytes());
        body.extend(parameter.as_bytes());
    }
    body.extend([0, 1, 0, format]);
    message(b'B', &body)
}

pub fn describe(kind: u8, name: &str) -> Vec<u8> {
    message(b'D', &[vec![kind], text(name)].concat())
}

pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[text(portal), rows.to_be_bytes().to_vec()].concat())
}

/// Prepares a text, binds it without parameters and runs it, without names.
pub fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[], 0), execute("", 0)].concat()
}

pub fn close(kind: u8, name: &str) -> Vec<u8> {
    message(b'C', &[vec![kind], text(name)].concat())
}

pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

/// A message as a person reads it.
pub fn line(tag: u8, body: &[u8]) -> String {
    let shown = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .replace('\0', "|")
            .trim_end_matches('|')
            .to_owned()
    };
    match tag {
        b'E' | b'N' => {
            let field = |wanted: u8| {
                let fields = body
                    .split(|byte| *byte == 0)
                    .filter(|field| field.first() == Some(&wanted));
                fields.map(|field| shown(&field[1..])).next()
            };
            let parts = [
                Some(field(b'V').unwrap_or_default()),
                field(b'C'),
                field(b'M'),
                field(b'H'),
            ];
            format!(
                "{} {}",
                char::from(tag),
                parts.into_iter().flatten().collect::<Vec<_>>().join(" / ")
            )
        }
        b'R' => format!("R {}", u32::from_be_bytes(body[..4].try_into().unwrap())),
        b'T' => {
            let count = u16::from_be_bytes([body[0], body[1]]);
            format!("T {count} columns")
        }
        b'D' => {
            let mut rest = &body[2..];
            let mut values = Vec::new();
            while !rest.is_empty() {
                let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
                rest = &rest[4..];
                match usize::try_from(length) {
                    Ok(length) => {
                        let value = &rest[..length];
                        values.push(if value.iter().all(|byte| (32..127).contains(byte)) {
                            shown(value)
                        } else {
                            format!("{value:?}")
                        });
                        rest = &rest[length..];
                    }
                    Err(_) => values.push("NULL".to_owned()),
                }
            }
            format!("D {}", values.join(" | "))
        }
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b't' | b'G' | b'H' | b'c' => {
            char::from(tag).to_string()
        }
        _ => format!("{} {}", char::from(tag), shown(body).trim_end()),
    }
}
