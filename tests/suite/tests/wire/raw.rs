//! A client of the PostgreSQL protocol that sends bytes and writes down what comes back, one line a message.

use std::io::Read;

use hpol_support::wire::Wire;
pub(crate) use hpol_support::wire::{VERSION_3, message, packet, startup, text};
use hpol_support::world::World;

/// A client that sends what it is told to.
pub(crate) struct Raw(pub(crate) Wire);

impl Raw {
    pub(crate) fn connect(world: &World) -> Raw {
        Raw(Wire::connect(&world.gateway).unwrap())
    }

    pub(crate) fn login(world: &World, name: &str) -> Raw {
        Raw(Wire::login(&world.gateway, name).unwrap())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.send(bytes).unwrap();
    }

    /// The next message as a line; `None` when the gateway has hung up.
    pub(crate) fn next(&mut self) -> Option<String> {
        let (tag, body) = self.0.receive().ok()??;
        Some(line(tag, &body))
    }

    /// Everything up to ReadyForQuery, or to the end.
    pub(crate) fn until_ready(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next() {
            // What the server says of itself is not the point.
            if !line.starts_with(['S', 'K', 'R']) {
                lines.push(line);
            }
            if lines.last().is_some_and(|line| line.starts_with("Z ")) {
                return lines;
            }
        }
        lines.push("(closed)".to_owned());
        lines
    }

    pub(crate) fn ask(&mut self, bytes: &[u8]) -> Vec<String> {
        self.send(bytes);
        self.until_ready()
    }

    pub(crate) fn query(&mut self, sql: &str) -> Vec<String> {
        self.ask(&message(b'Q', &text(sql)))
    }

    /// Whatever comes until the gateway hangs up.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is a way of hanging up too.
        let _ = self.0.0.read_to_end(&mut bytes);
        bytes
    }
}

/// A message of the server, with what matters of it.
fn line(tag: u8, body: &[u8]) -> String {
    let letter = char::from(tag);
    match tag {
        b'E' | b'N' => {
            let fields: Vec<String> = body
                .split(|byte| *byte == 0)
                .filter(|field| {
                    field
                        .first()
                        .is_some_and(|kind| matches!(kind, b'S' | b'C' | b'M'))
                })
                .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
                .collect();
            format!("{letter} {}", fields.join(" / "))
        }
        b'D' => {
            let mut values = Vec::new();
            let mut rest = &body[2..];
            while let Some((length, after)) = rest.split_at_checked(4) {
                let length = i32::from_be_bytes(length.try_into().unwrap());
                let (value, after) = after.split_at(usize::try_from(length).unwrap_or_default());
                values.push(String::from_utf8_lossy(value).into_owned());
                rest = after;
            }
            format!("D {}", values.join("|"))
        }
        b'C' | b'Z' => {
            let text = String::from_utf8_lossy(body);
            format!("{letter} {}", text.trim_end_matches('\0'))
        }
        _ => letter.to_string(),
    }
}

pub(crate) fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[text(name), text(sql), vec![0, 0]].concat())
}

pub(crate) fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[text(portal), text(statement), vec![0; 6]].concat())
}

pub(crate) fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[text(portal), rows.to_be_bytes().to_vec()].concat())
}

pub(crate) fn close(kind: u8, name: &str) -> Vec<u8> {
    message(b'C', &[vec![kind], text(name)].concat())
}

pub(crate) fn sync() -> Vec<u8> {
    message(b'S', b"")
}
