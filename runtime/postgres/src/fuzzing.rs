//! Ways in for the fuzz targets: the decoders of untrusted bytes, with what they decode thrown away. Nothing else uses it.

use bytes::BytesMut;

use crate::codec::frontend::{self, Bind, Parse, Target};
use crate::codec::{BodyLimit, Frame, backend, split, startup};

/// Reads what a client sends after login, as it arrives in `chunks`. Returns the bytes of the whole messages.
#[must_use]
pub fn frontend(chunks: &[&[u8]]) -> Vec<u8> {
    messages(chunks, frontend::session_limit, |frame| {
        let body = frame.body();
        drop(frontend::single_text(body));
        drop(frontend::execute(body));
        drop(Parse::decode(body));
        drop(Target::decode(body));
        if let Ok(bind) = Bind::decode(body) {
            (0..bind.parameters.len()).for_each(|index| _ = bind.is_binary(index));
        }
    })
}

/// Reads what an upstream sends, as it arrives in `chunks`. Returns the bytes of the whole messages.
#[must_use]
pub fn backend(chunks: &[&[u8]]) -> Vec<u8> {
    messages(chunks, backend::limit, |frame| {
        let body = frame.body();
        drop(backend::TransactionStatus::decode(body));
        drop(backend::row_description(body));
        drop(backend::data_row(body));
        drop(backend::copy_response(body));
        drop(backend::parameter_status(body));
        drop(backend::counted(body));
        drop(backend::backend_key(body));
        drop(backend::error_fields(body));
        drop(backend::sqlstate(body));
    })
}

/// Reads one packet as it comes before login.
pub fn startup(packet: &[u8]) {
    if let Some((head, body)) = packet.split_at_checked(startup::FIXED_BYTES)
        && let Some(code) = head.last_chunk()
    {
        drop(startup::decode(u32::from_be_bytes(*code), body));
    }
}

fn messages(chunks: &[&[u8]], limit: BodyLimit, decode: fn(&Frame)) -> Vec<u8> {
    let (mut inbox, mut whole) = (BytesMut::new(), Vec::new());
    for chunk in chunks {
        inbox.extend_from_slice(chunk);
        while let Ok(Some(frame)) = split(&mut inbox, limit) {
            decode(&frame);
            whole.extend_from_slice(frame.raw());
        }
    }
    whole
}
