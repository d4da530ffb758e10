//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as a client, without I/O: each state takes a message of the server and gives the
//! next one. What the server sends is hostile until it has proved that it knows the password.
//! Source: RFC 5802, RFC 7677, and RFC 5929 for what the channel is bound to.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::ReachUpstream;

/// RFC 7677 asks for at least this many.
const MIN_ITERATIONS: u32 = 4096;

/// About a second of one core. A hostile server must not make us compute for longer.
const MAX_ITERATIONS: u32 = 1_000_000;

/// PostgreSQL's first message has about 80 bytes.
const MAX_MESSAGE_BYTES: usize = 1024;

/// As many random bytes as PostgreSQL's own client takes.
const NONCE_BYTES: usize = 18;

const KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;

type Key = Zeroizing<[u8; KEY_BYTES]>;

/// What the client says of channel binding; the server finds out whether somebody in between took its offer away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// This side cannot, or must not.
    None,
    /// This side could, and has seen no offer.
    NotOffered,
    /// To the certificate that was seen, by its hash (`tls-server-end-point`).
    Certificate(Vec<u8>),
}

impl Binding {
    /// The GS2 header and the data that the final message quotes.
    fn header(&self) -> (&'static str, &[u8]) {
        match self {
            Binding::None => ("n,,", &[]),
            Binding::NotOffered => ("y,,", &[]),
            Binding::Certificate(hash) => ("p=tls-server-end-point,,", hash),
        }
    }
}

/// Waits for the server's first message.
pub(super) struct First {
    password: Zeroizing<String>,
    binding: Binding,
    nonce: String,
    /// The client's first message without its header.
    bare: String,
}

/// Waits for the server's proof.
pub(super) struct Final {
    server_signature: hmac::Tag,
}

fn refused(why: &'static str) -> ReachUpstream {
    ReachUpstream::Scram { why }
}

/// The client's first message. The user name in it is empty: the server takes the one of the startup packet.
pub(super) fn begin(password: &str, binding: Binding) -> Result<(String, First), ReachUpstream> {
    let mut nonce = [0; NONCE_BYTES];
    rand::fill(&mut nonce).map_err(|_| refused("the system gives no random numbers"))?;
    Ok(begin_as("", password, binding, BASE64.encode(&nonce)))
}

fn begin_as(user: &str, password: &str, binding: Binding, nonce: String) -> (String, First) {
    let bare = format!("n={user},r={nonce}");
    let message = format!("{}{bare}", binding.header().0);
    // A password that SASLprep does not take is used as it is, as PostgreSQL does on both sides.
    let password = stringprep::saslprep(password).map_or(password.to_owned(), Into::into);
    let first = First {
        password: Zeroizing::new(password),
        binding,
        nonce,
        bare,
    };
    (message, first)
}

impl First {
    /// Answers the server's first message. Computes for a while: call it where blocking is allowed.
    pub(super) fn answer(self, message: &[u8]) -> Result<(String, Final), ReachUpstream> {
        let challenge = Challenge::read(&self.nonce, message)?;
        let (header, data) = self.binding.header();
        let quoted = BASE64.encode(&[header.as_bytes(), data].concat());
        let without_proof = format!("c={quoted},r={}", challenge.nonce);
        let exchange = format!("{},{},{without_proof}", self.bare, challenge.message);
        let salted = challenge.salt(&self.password);
        let client_key = sign(salted.as_ref(), b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), exchange.as_bytes());
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = sign(salted.as_ref(), b"Server Key");
        let answer = format!("{without_proof},p={}", BASE64.encode(&proof));
        let server_signature = sign(server_key.as_ref(), exchange.as_bytes());
        Ok((answer, Final { server_signature }))
    }
}

impl Final {
    /// Whether the server knows the password too.
    pub(super) fn verify(self, message: &[u8]) -> Result<(), ReachUpstream> {
        let proof = message
            .strip_prefix(b"v=")
            .and_then(|proof| BASE64.decode(proof).ok())
            .ok_or(refused("there is no proof in the server's last message"))?;
        constant_time::verify_slices_are_equal(&proof, self.server_signature.as_ref())
            .map_err(|_| refused("the server could not prove that it knows the password"))
    }
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

/// The server's first message, checked before it costs anything.
#[derive(Debug)]
struct Challenge<'a> {
    message: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'a> Challenge<'a> {
    fn read(client_nonce: &str, message: &'a [u8]) -> Result<Challenge<'a>, ReachUpstream> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(refused("the server's first message is too long"));
        }
        let message = std::str::from_utf8(message)
            .map_err(|_| refused("the server's first message is malformed"))?;
        let mut parts = message.split(',');
        let mut part = |name| parts.next().and_then(|part| part.strip_prefix(name));
        let nonce = part("r=").ok_or(refused("there is no server nonce"))?;
        let (salt, iterations) = (part("s="), part("i="));
        if parts.next().is_some() {
            return Err(refused(
                "there is more than asked for in the server's first message",
            ));
        }
        let fresh = nonce.strip_prefix(client_nonce).unwrap_or_default();
        if fresh.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused("the server nonce does not extend ours"));
        }
        let salt = salt
            .and_then(|salt| BASE64.decode(salt.as_bytes()).ok())
            .filter(|salt| !salt.is_empty())
            .ok_or(refused("there is no salt"))?;
        let iterations = iterations
            .filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or(refused("there is no iteration count"))?
            .parse()
            .ok()
            .filter(|count| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(count))
            .and_then(NonZeroU32::new)
            .ok_or(refused(
                "the iteration count is not between 4,096 and 1,000,000",
            ))?;
        Ok(Challenge {
            message,
            nonce,
            salt,
            iterations,
        })
    }

    /// Hi() of RFC 5802.
    fn salt(&self, password: &str) -> Key {
        let mut salted = Key::default();
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(
            algorithm,
            self.iterations,
            &self.salt,
            password.as_bytes(),
            salted.as_mut(),
        );
        salted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const CHALLENGE: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// RFC 7677, section 3.
    #[test]
    fn the_exchange_of_rfc_7677_is_reproduced() {
        let (hello, first) = begin_as("user", "pencil", Binding::None, NONCE.to_owned());
        assert_eq!(hello, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (answer, last) = first.answer(CHALLENGE.as_bytes()).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        last.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .unwrap();
    }

    fn last(binding: Binding) -> (String, Final) {
        let (_, first) = begin_as("", "pencil", binding, NONCE.to_owned());
        first.answer(CHALLENGE.as_bytes()).unwrap()
    }

    #[test]
    fn a_channel_is_bound_by_what_both_sides_sign() {
        let hello = |binding| begin("pencil", binding).unwrap().0;
        assert!(hello(Binding::None).starts_with("n,,n=,r="));
        assert!(hello(Binding::NotOffered).starts_with("y,,n=,r="));
        let bound = Binding::Certificate(vec![0xab; 32]);
        assert!(hello(bound.clone()).starts_with("p=tls-server-end-point,,n=,r="));
        let (answer, _) = last(bound);
        let quoted = answer
            .strip_prefix("c=")
            .unwrap()
            .split(',')
            .next()
            .unwrap();
        let expected = [&b"p=tls-server-end-point,,"[..], &[0xab; 32]].concat();
        assert_eq!(BASE64.decode(quoted.as_bytes()).unwrap(), expected);
        let proofs: Vec<String> = [1, 2]
            .map(|byte| last(Binding::Certificate(vec![byte; 32])).0)
            .into_iter()
            .map(|answer| answer.rsplit(",p=").next().unwrap().to_owned())
            .collect();
        assert_ne!(proofs[0], proofs[1]);
    }

    #[test]
    fn nonces_are_fresh() {
        let nonce = || begin("pencil", Binding::None).unwrap().1.nonce;
        let (one, two) = (nonce(), nonce());
        assert_eq!(one.len(), 24);
        assert_ne!(one, two);
    }

    #[test]
    fn passwords_are_prepared_as_the_server_prepares_them() {
        let prepared = |password| {
            let (_, first) = begin(password, Binding::None).unwrap();
            first.password.as_str().to_owned()
        };
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("\u{2168}"), "IX");
        assert_eq!(prepared("a\u{a0}b"), "a b");
        // Not allowed by SASLprep, so as it is.
        assert_eq!(prepared("a\u{7}b"), "a\u{7}b");
    }

    #[test]
    fn pg_15_a_server_that_does_not_know_the_password_is_found_out() {
        for proof in [
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
            "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
            "v=",
            "v",
            "",
            "e=other-error",
            "v=!!!!",
        ] {
            assert!(
                last(Binding::None).1.verify(proof.as_bytes()).is_err(),
                "{proof}"
            );
        }
    }

    #[test]
    fn pg_14_15_a_server_message_is_checked_before_it_costs_anything() {
        for (message, why) in [
            ("r=abcdef,s=c2FsdA==,i=4096", None),
            ("r=abcdef,s=c2FsdA==,i=1000000", None),
            ("r=abc,s=c2FsdA==,i=4096", Some("does not extend ours")),
            ("r=xbcdef,s=c2FsdA==,i=4096", Some("does not extend ours")),
            ("r=abc\x07,s=c2FsdA==,i=4096", Some("does not extend ours")),
            ("r=abcdef,s=,i=4096", Some("no salt")),
            ("r=abcdef,s=!,i=4096", Some("no salt")),
            ("r=abcdef,s=c2FsdA==", Some("no iteration count")),
            ("r=abcdef,s=c2FsdA==,i=", Some("between")),
            ("r=abcdef,s=c2FsdA==,i=0", Some("between")),
            ("r=abcdef,s=c2FsdA==,i=1", Some("between")),
            ("r=abcdef,s=c2FsdA==,i=1000001", Some("between")),
            ("r=abcdef,s=c2FsdA==,i=2147483648", Some("between")),
            (
                "r=abcdef,s=c2FsdA==,i=18446744073709551617",
                Some("between"),
            ),
            ("r=abcdef,s=c2FsdA==,i=-1", Some("no iteration count")),
            ("r=abcdef,s=c2FsdA==,i=+4096", Some("no iteration count")),
            (
                "r=abcdef,s=c2FsdA==,i=4096,x=y",
                Some("more than asked for"),
            ),
            ("m=x,r=abcdef,s=c2FsdA==,i=4096", Some("no server nonce")),
            ("", Some("no server nonce")),
        ] {
            let error = Challenge::read("abc", message.as_bytes())
                .err()
                .map(|error| error.to_string());
            match (error, why) {
                (None, None) => {}
                (Some(error), Some(why)) => assert!(error.contains(why), "{message}: {error}"),
                (error, _) => panic!("{message}: {error:?}"),
            }
        }
        let long = format!("r=abc{},s=c2FsdA==,i=4096", "x".repeat(1024));
        assert!(Challenge::read("abc", long.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in "[rsi=,0-9a-zA-Z+/]{0,60}") {
            let _ = Challenge::read("abc", &bytes);
            let _ = Challenge::read("abc", format!("r=abcd,{tail}").as_bytes());
            let proof = Final { server_signature: sign(b"key", b"message") };
            prop_assert!(proof.verify(&bytes).is_err());
        }
    }
}
