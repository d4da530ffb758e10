//! Packets before login, which have a length and no type. Reads exactly one packet and not a byte more, so nothing that
//! was sent in the clear is left over for the encrypted session.

use tokio::io::{AsyncRead, AsyncReadExt};

use super::Malformed;
use super::body::Body;
use super::login::CancelSecret;

/// PostgreSQL's own bound (MAX_STARTUP_PACKET_LENGTH).
pub(crate) const STARTUP_BYTES: usize = 10_000;

/// Length and code.
pub(crate) const FIXED_BYTES: usize = 8;

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// A packet before login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    /// Asks for TLS.
    Ssl,
    /// Asks for GSSAPI encryption.
    GssEnc,
    /// Asks to cancel what another connection runs.
    Cancel {
        process: u32,
        secret: Box<CancelSecret>,
    },
    /// Begins a session.
    Startup(Startup),
}

/// Protocol version and parameters, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Startup {
    pub(crate) major: u16,
    pub(crate) minor: u16,
    pub(crate) parameters: Vec<(String, String)>,
}

/// Why no packet could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadPacket {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
}

/// Reads one packet.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Packet, ReadPacket> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length < FIXED_BYTES {
        return Err(Malformed::Body {
            what: "its length is too small for a startup packet",
        }
        .into());
    }
    if length > STARTUP_BYTES {
        return Err(Malformed::Body {
            what: "its length is too large for a startup packet",
        }
        .into());
    }
    let code = stream.read_u32().await?;
    let mut body = vec![0; length - FIXED_BYTES];
    // A request with a length that it cannot have is refused before its body is awaited.
    match (code, body.len()) {
        // A process, and 4 to 256 bytes of secret (protocol 3.2).
        (SSL_REQUEST | GSSENC_REQUEST, 0) | (CANCEL_REQUEST, 8..=260) => {}
        (SSL_REQUEST | GSSENC_REQUEST | CANCEL_REQUEST, _) => {
            return Err(Malformed::Body {
                what: "its length does not fit the request",
            }
            .into());
        }
        _ => {}
    }
    stream.read_exact(&mut body).await?;
    Ok(decode(code, &body)?)
}

pub(crate) fn decode(code: u32, body: &[u8]) -> Result<Packet, Malformed> {
    match code {
        SSL_REQUEST => Ok(Packet::Ssl),
        GSSENC_REQUEST => Ok(Packet::GssEnc),
        CANCEL_REQUEST => {
            let mut body = Body::new(body);
            let process = body.u32()?;
            let secret = CancelSecret::new(body.bytes(body.remaining())?);
            let secret = secret.ok_or(Malformed::Body {
                what: "its cancel key has an impossible length",
            })?;
            Ok(Packet::Cancel {
                process,
                secret: Box::new(secret),
            })
        }
        version => {
            let [major_high, major_low, minor_high, minor_low] = version.to_be_bytes();
            let major = u16::from_be_bytes([major_high, major_low]);
            let minor = u16::from_be_bytes([minor_high, minor_low]);
            // The body of another major version may have any form: its number is all there is to answer.
            let parameters = if major == 3 {
                parameters(body)?
            } else {
                Vec::new()
            };
            Ok(Packet::Startup(Startup {
                major,
                minor,
                parameters,
            }))
        }
    }
}

fn parameters(body: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut body = Body::new(body);
    let mut parameters: Vec<(String, String)> = Vec::new();
    loop {
        let name = body.text()?;
        if name.is_empty() {
            body.end()?;
            return Ok(parameters);
        }
        let value = body.text()?;
        // Names of settings are not case-sensitive: two forms of one name are one setting given twice.
        if parameters
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            return Err(Malformed::Body {
                what: "it gives a parameter twice",
            });
        }
        parameters.push((name.to_owned(), value.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Packet, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut stream = bytes;
        runtime
            .block_on(read(&mut stream))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn requests_have_their_exact_length() {
        assert_eq!(decoded(b"\0\0\0\x08\x04\xd2\x16\x2f"), Ok(Packet::Ssl));
        assert_eq!(decoded(b"\0\0\0\x08\x04\xd2\x16\x30"), Ok(Packet::GssEnc));
        assert_eq!(
            decoded(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02"),
            Ok(Packet::Cancel {
                process: 1,
                secret: Box::new(CancelSecret::new(&[0, 0, 0, 2]).unwrap())
            })
        );
        let long = [&b"\0\0\x01\x0c\x04\xd2\x16\x2e\0\0\0\x01"[..], &[7; 256]].concat();
        assert_eq!(
            decoded(&long),
            Ok(Packet::Cancel {
                process: 1,
                secret: Box::new(CancelSecret::new(&[7; 256]).unwrap())
            })
        );
        assert!(
            decoded(b"\0\0\0\x09\x04\xd2\x16\x2f")
                .unwrap_err()
                .contains("does not fit the request")
        );
    }

    #[test]
    fn pg_02_a_cancel_request_has_a_key_of_possible_length() {
        for length in [8_u32, 12, 15, 269, 10_000] {
            let packet = [length.to_be_bytes(), CANCEL_REQUEST.to_be_bytes()].concat();
            // Nothing of the body is awaited.
            let told = decoded(&packet).unwrap_err();
            assert!(
                told.contains("does not fit the request"),
                "{length}: {told}"
            );
        }
        for length in [0x7fff_ffff_u32, 0xffff_ffff] {
            let packet = [length.to_be_bytes(), CANCEL_REQUEST.to_be_bytes()].concat();
            let told = decoded(&packet).unwrap_err();
            assert!(told.contains("too large"), "{length}: {told}");
        }
    }

    #[test]
    fn pg_01_impossible_lengths_are_refused_before_the_body() {
        for length in [0u32, 1, 7, 10_001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            assert!(
                decoded(&length.to_be_bytes())
                    .unwrap_err()
                    .contains("its length is too"),
                "{length}"
            );
        }
    }

    #[test]
    fn pg_01_startup_parameters_are_pairs_up_to_an_empty_name() {
        let body = b"\0\0\0\x15\0\x03\0\0user\0agent\0\0\0";
        assert!(decoded(body).is_err(), "a byte follows the end");
        let good = b"\0\0\0\x14\0\x03\0\0user\0agent\0\0";
        let Ok(Packet::Startup(startup)) = decoded(good) else {
            panic!("not read")
        };
        assert_eq!(
            startup.parameters,
            [("user".to_owned(), "agent".to_owned())]
        );
        let twice = b"\0\0\0\x1a\0\x03\0\0user\0a\0User\0root\0\0";
        assert!(decoded(twice).unwrap_err().contains("twice"));
        for unterminated in [
            &b"user"[..],
            b"user\0",
            b"user\0agent",
            b"user\0agent\0",
            b"",
        ] {
            assert!(decode(196_608, unterminated).is_err(), "{unterminated:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decoded(&bytes);
            let _ = decode(196_608, &bytes);
        }
    }
}
