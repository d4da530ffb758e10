//! The PostgreSQL protocol without a driver: a client that sends the bytes it is told to and hands out the messages that
//! come back. What they mean is up to the test.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::gateway::Gateway;

/// PostgreSQL protocol 3.0.
pub const VERSION_3: u32 = 3 << 16;

/// A gateway that keeps quiet for longer where it should answer or hang up fails the test instead of holding it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message of the server: its type and what follows its length.
pub type Message = (u8, Vec<u8>);

/// A client in the clear.
#[derive(Debug)]
pub struct Wire(pub TcpStream);

impl Wire {
    /// Connects to `orders-prod` and says nothing yet.
    pub fn connect(gateway: &Gateway) -> Result<Wire> {
        let stream = TcpStream::connect(gateway.address("orders-prod")?)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Wire(stream))
    }

    /// Connects and logs in as an agent of this name; `Ok` once the gateway is ready.
    pub fn login(gateway: &Gateway, name: &str) -> Result<Wire> {
        let mut wire = Wire::connect(gateway)?;
        wire.send(&startup(VERSION_3, &[("user", name), ("database", "demo")]))?;
        let token = gateway.token(name, &["autonomous-agents"])?;
        wire.send(&message(b'p', &text(&token)))?;
        while let Some((tag, body)) = wire.receive()? {
            match tag {
                b'Z' => return Ok(wire),
                b'E' => bail!("not logged in: {}", String::from_utf8_lossy(&body)),
                _ => {}
            }
        }
        bail!("the gateway hung up during the login")
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.write_all(bytes)?)
    }

    /// Sends a text in the simple protocol.
    pub fn query(&mut self, sql: &str) -> Result<()> {
        self.send(&message(b'Q', &text(sql)))
    }

    /// The next message; `None` when the gateway has hung up.
    pub fn receive(&mut self) -> Result<Option<Message>> {
        let mut head = [0; 5];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            // A reset is a way of hanging up too.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let [tag, length @ ..] = head;
        let Some(length) = u32::from_be_bytes(length).checked_sub(4) else {
            bail!("a message of type {tag} with an impossible length");
        };
        let mut body = vec![0; usize::try_from(length)?];
        self.0.read_exact(&mut body)?;
        Ok(Some((tag, body)))
    }

    /// Hands each message up to and with ReadyForQuery to `each`.
    pub fn until_ready(&mut self, mut each: impl FnMut(u8, &[u8])) -> Result<()> {
        while let Some((tag, body)) = self.receive()? {
            each(tag, &body);
            if tag == b'Z' {
                return Ok(());
            }
        }
        bail!("the gateway hung up")
    }
}

/// A message of a client.
#[must_use]
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).map_or(u32::MAX, |length| length.saturating_add(4));
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A string of the protocol.
#[must_use]
pub fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// A startup message.
#[must_use]
pub fn startup(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend(text(name));
        body.extend(text(value));
    }
    body.push(0);
    packet(&body)
}

/// A message without a type, as before the login.
#[must_use]
pub fn packet(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).map_or(u32::MAX, |length| length.saturating_add(4));
    [&length.to_be_bytes()[..], body].concat()
}
