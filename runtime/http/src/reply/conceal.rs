//! Keeps the upstream's credential from coming back: an upstream that echoes what it was sent would hand it to the client.
//! It is overwritten in place, so that no length changes, wherever the chunks are cut.

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use crate::config::Credential;

/// Shorter secrets would be found in every text.
const SHORTEST: usize = 6;

/// Overwrites a secret in a stream of bytes.
pub(super) struct Conceal {
    secret: HeaderValue,
    /// Where in the value the secret begins, behind the scheme.
    from: usize,
    /// The end of what arrived, which may be the beginning of the secret.
    held: Vec<u8>,
}

impl Conceal {
    /// For a credential; `None` if there is none, or it is too short to be told from text.
    pub(super) fn new(credential: Option<&Credential>) -> Option<Conceal> {
        let secret = credential?.value.clone();
        let from = secret
            .as_bytes()
            .iter()
            .rposition(|byte| *byte == b' ')
            .map_or(0, |space| space + 1);
        let conceal = Conceal {
            secret,
            from,
            held: Vec::new(),
        };
        (conceal.secret().len() >= SHORTEST).then_some(conceal)
    }

    fn secret(&self) -> &[u8] {
        self.secret.as_bytes().get(self.from..).unwrap_or_default()
    }

    /// Whether `text` has the secret.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        find(text, self.secret()).is_some()
    }

    /// What can be released once `chunk` has arrived; all of it if it is the last.
    pub(super) fn push(&mut self, chunk: Bytes, last: bool) -> Bytes {
        // Most have nothing of it, and need no copy.
        if self.held.is_empty()
            && find(&chunk, self.secret()).is_none()
            && (last || self.begun(&chunk) == 0)
        {
            return chunk;
        }
        let mut text = BytesMut::from(self.held.as_slice());
        text.extend_from_slice(&chunk);
        self.held.clear();
        let secret = self.secret();
        let mut from = 0;
        while let Some(offset) = text.get(from..).and_then(|rest| find(rest, secret)) {
            let start = from + offset;
            from = start + secret.len();
            if let Some(found) = text.get_mut(start..from) {
                found.fill(b'*');
            }
        }
        let held = if last { 0 } else { self.begun(&text) };
        self.held = text.split_off(text.len() - held).to_vec();
        text.freeze()
    }

    /// The length of the longest end of `text` that the secret begins with.
    fn begun(&self, text: &[u8]) -> usize {
        let secret = self.secret();
        let longest = text.len().min(secret.len().saturating_sub(1));
        let begins = |length: &usize| {
            text.get(text.len() - length..)
                .is_some_and(|end| secret.starts_with(end))
        };
        (1..=longest).rev().find(begins).unwrap_or(0)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_18_a_secret_is_overwritten_wherever_it_is_cut() {
        let credential = Credential::new("authorization", "Bearer s3s3cret").unwrap();
        let text = b"a s3s3cret, s3s3s3cret; s3s3cre s3";
        for cut in 1..text.len() {
            let mut conceal = Conceal::new(Some(&credential)).unwrap();
            let mut out = Vec::new();
            for chunk in text.chunks(cut) {
                out.extend_from_slice(&conceal.push(Bytes::copy_from_slice(chunk), false));
            }
            out.extend_from_slice(&conceal.push(Bytes::new(), true));
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "a ********, s3********; s3s3cre s3"
            );
        }
    }
}
