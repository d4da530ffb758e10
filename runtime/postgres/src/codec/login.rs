//! Messages of a login, on both sides, beyond frames and reports. What the gateway says is written by `pgwire`; what a peer
//! says is never read with it, since its decoders believe lengths that a peer gives.

use pgwire::messages::Message;
use pgwire::messages::startup::{BackendKeyData, SecretKey};

use bytes::{Bytes, BytesMut};

use super::Malformed;
use super::body::Body;

/// The longest secret of a cancel key (protocol 3.2).
const SECRET_BYTES: usize = 256;

/// The only length that protocol 3.0 knows.
const SHORT_SECRET_BYTES: usize = 4;

/// The secret of a cancel key. Never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CancelSecret {
    bytes: [u8; SECRET_BYTES],
    length: usize,
}

impl CancelSecret {
    /// `None` for what is too short or too long to be one.
    pub(crate) fn new(secret: &[u8]) -> Option<CancelSecret> {
        let mut bytes = [0; SECRET_BYTES];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        (secret.len() >= SHORT_SECRET_BYTES).then_some(CancelSecret {
            bytes,
            length: secret.len(),
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl std::fmt::Debug for CancelSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CancelSecret")
    }
}

/// Appends a message. A message with a part that is too long for it is not written at all.
pub(crate) fn write(out: &mut BytesMut, message: &impl Message) -> Result<(), Malformed> {
    let start = out.len();
    message.encode(out).map_err(|_| {
        out.truncate(start);
        Malformed::Body {
            what: "it is too long to be sent",
        }
    })
}

/// BackendKeyData for a client.
pub(crate) fn backend_key(process: u32, secret: &CancelSecret) -> BackendKeyData {
    let secret = SecretKey::Bytes(Bytes::copy_from_slice(secret.as_bytes()));
    BackendKeyData::new(process.cast_signed(), secret)
}

/// Process and secret of BackendKeyData in protocol 3 with this minor version.
pub(crate) fn read_backend_key(body: &[u8], minor: u16) -> Result<(u32, CancelSecret), Malformed> {
    let mut body = Body::new(body);
    let process = body.u32()?;
    let length = body.remaining();
    let secret = body.bytes(length)?;
    let fits = minor >= 2 || length == SHORT_SECRET_BYTES;
    CancelSecret::new(secret)
        .filter(|_| fits)
        .map(|secret| (process, secret))
        .ok_or(Malformed::Body {
            what: "its cancel key has an impossible length",
        })
}

/// The minor version of protocol 3 that NegotiateProtocolVersion tells. Servers send the whole version; the manual speaks of
/// the minor one alone.
pub(crate) fn read_negotiated(body: &[u8]) -> Result<u16, Malformed> {
    let mut body = Body::new(body);
    let [major_high, major_low, minor_high, minor_low] = body.u32()?.to_be_bytes();
    let major = u16::from_be_bytes([major_high, major_low]);
    let options = body.u32()?;
    body.end()?;
    // No protocol option was asked for, so none can be unknown.
    if options == 0 && matches!(major, 0 | 3) {
        Ok(u16::from_be_bytes([minor_high, minor_low]))
    } else {
        Err(Malformed::Body {
            what: "it negotiates something that was not asked for",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{backend, split};
    use super::*;

    #[test]
    fn a_key_comes_back() {
        for length in [4, 32, 256] {
            let secret = CancelSecret::new(&vec![7; length]).unwrap();
            let mut out = BytesMut::new();
            write(&mut out, &backend_key(5, &secret)).unwrap();
            let frame = split(&mut out, backend::limit).unwrap().unwrap();
            assert_eq!(frame.tag(), backend::BACKEND_KEY_DATA);
            assert_eq!(read_backend_key(frame.body(), 2), Ok((5, secret)));
            assert_eq!(read_backend_key(frame.body(), 0).is_ok(), length == 4);
        }
        assert!(read_backend_key(&[0; 7], 2).is_err());
        assert!(read_backend_key(&[0; 261], 2).is_err());
        assert_eq!(
            format!("{:?}", CancelSecret::new(&[9; 4])),
            "Some(CancelSecret)"
        );
    }

    #[test]
    fn pg_08_negotiation_tells_a_version() {
        assert_eq!(read_negotiated(b"\0\x03\0\0\0\0\0\0"), Ok(0));
        assert_eq!(read_negotiated(b"\0\x03\0\x02\0\0\0\0"), Ok(2));
        assert_eq!(read_negotiated(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert!(read_negotiated(b"\0\x02\0\0\0\0\0\0").is_err());
        assert!(read_negotiated(b"\0\x03\0\0\0\0\0\x01x\0").is_err());
        assert!(read_negotiated(b"\0\x03\0\0\0\0\0\0x").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), minor in any::<u16>()) {
            let _ = read_backend_key(&bytes, minor);
            let _ = read_negotiated(&bytes);
        }
    }
}
