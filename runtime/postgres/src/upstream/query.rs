//! Queries that the gateway itself asks while the upstream is idle: the catalogue, the search path. Never a client's text.
//!
//! They go by the extended protocol under names that clients cannot use, since a simple query would take the place of the
//! client's unnamed statement.

use bytes::{BufMut, BytesMut};

use super::ReachUpstream;
use crate::codec::backend::{self, TransactionStatus};
use crate::codec::{encode, frontend};
use crate::wire::Wire;

/// Rows of a catalogue at most: a database with a hundred thousand relations of twenty columns.
const MAX_ROWS: usize = 2_000_000;

/// The gateway's own statement and portal; `forward` refuses names that begin like this.
pub(crate) const OWN_NAME: &str = "hpol_gateway";

/// Runs `sql` and hands each row's values, in text format, to `row`.
///
/// # Errors
/// Everything but success; the session with the upstream cannot be used after one, except after [`ReachUpstream::Refused`].
pub(crate) async fn query(
    wire: &mut Wire,
    sql: &str,
    mut row: impl FnMut(&[Option<&[u8]>]) -> Result<(), ReachUpstream>,
) -> Result<TransactionStatus, ReachUpstream> {
    ask(&mut wire.out, sql);
    let mut rows = 0_usize;
    let (mut refused, mut completed) = (None, false);
    loop {
        let frame = wire.receive(backend::limit).await?;
        match frame.tag() {
            backend::DATA_ROW => {
                rows += 1;
                if rows > MAX_ROWS {
                    return Err(ReachUpstream::Catalogue);
                }
                row(&backend::data_row(frame.body())?)?;
            }
            backend::ERROR_RESPONSE => {
                refused = Some(ReachUpstream::Refused {
                    sqlstate: backend::sqlstate(frame.body()),
                });
            }
            backend::READY_FOR_QUERY => {
                let status = TransactionStatus::decode(frame.body())?;
                return match refused {
                    Some(refused) => Err(refused),
                    // No rows are an answer only if the server says that these are all.
                    None if !completed => Err(ReachUpstream::Catalogue),
                    None => Ok(status),
                };
            }
            backend::COMMAND_COMPLETE => completed = true,
            backend::PARSE_COMPLETE
            | backend::BIND_COMPLETE
            | backend::CLOSE_COMPLETE
            | backend::NOTICE_RESPONSE
            | backend::PARAMETER_STATUS
            | backend::NOTIFICATION => {}
            _ => return Err(ReachUpstream::Catalogue),
        }
    }
}

fn ask(out: &mut BytesMut, sql: &str) {
    encode::message(out, frontend::PARSE, |out| {
        encode::text(out, OWN_NAME);
        encode::text(out, sql);
        out.put_i16(0);
    });
    encode::message(out, frontend::BIND, |out| {
        encode::text(out, OWN_NAME);
        encode::text(out, OWN_NAME);
        // No parameters, and every column as text.
        out.put_i16(0);
        out.put_i16(0);
        out.put_i16(0);
    });
    encode::message(out, frontend::EXECUTE, |out| {
        encode::text(out, OWN_NAME);
        out.put_i32(0);
    });
    for kind in [b'P', b'S'] {
        encode::message(out, frontend::CLOSE, |out| {
            out.put_u8(kind);
            encode::text(out, OWN_NAME);
        });
    }
    encode::empty(out, frontend::SYNC);
}
