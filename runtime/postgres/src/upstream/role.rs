//! What the gateway's own role could do upstream even if the gateway failed: said once, so that the operator can take away
//! what is not needed. The gateway's own rules do not depend on it.

use super::{ReachUpstream, query};
use crate::wire::Wire;

/// One row: a word for each power, true where the role has it. Membership counts, since it can be used.
const POWERS: &str = "SELECT r.rolsuper, r.rolcreaterole, r.rolbypassrls, r.rolreplication, \
     pg_catalog.pg_has_role(r.oid, 'pg_read_server_files', 'MEMBER'), \
     pg_catalog.pg_has_role(r.oid, 'pg_write_server_files', 'MEMBER'), \
     pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program', 'MEMBER') \
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

const WORDS: [&str; 7] = [
    "is a superuser",
    "can create roles",
    "bypasses row security",
    "can replicate",
    "can read the server's files",
    "can write the server's files",
    "can run programs on the server",
];

/// The powers of the role of this session that a gateway does not need, in words.
pub(crate) async fn powers(wire: &mut Wire) -> Result<Vec<&'static str>, ReachUpstream> {
    let mut powers = Vec::new();
    query(wire, POWERS, |row| {
        let held = WORDS
            .iter()
            .zip(row)
            .filter(|(_, value)| **value == Some(b"t"));
        powers.extend(held.map(|(word, _)| *word));
        Ok(())
    })
    .await?;
    Ok(powers)
}
