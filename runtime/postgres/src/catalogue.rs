//! Reads from the upstream what names mean there. What they are for is known to `facts`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use aws_lc_rs::digest;
use hpol_operation::sql::{
    Catalogue, CatalogueBuilder, CatalogueQuery, RelationKind, catalogue_queries,
};

use crate::codec::backend::TransactionStatus;
use crate::upstream::{ReachUpstream, query};
use crate::wire::Wire;

/// One state of the database for all queries of a catalogue.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
const COMMIT: &str = "COMMIT";

/// Catalogues kept for sessions to share; each database has its own, and so has a session with temporary tables.
const SHARED: usize = 64;

/// The catalogues that sessions of a connection have now, by digest. Sessions that see the same tables share one, and with
/// it the analyses of their texts.
#[derive(Debug, Default)]
pub(crate) struct Catalogues {
    known: Mutex<HashMap<[u8; 32], Weak<Catalogue>>>,
}

impl Catalogues {
    /// The catalogue with this digest, if a session has it.
    fn known(&self, digest: [u8; 32]) -> Option<Arc<Catalogue>> {
        self.lock().get(&digest).and_then(Weak::upgrade)
    }

    /// Shares a catalogue that was built meanwhile; where another session was faster, its one.
    fn share(&self, digest: [u8; 32], built: Catalogue) -> Arc<Catalogue> {
        let built = Arc::new(built);
        let mut known = self.lock();
        if let Some(shared) = known.get(&digest).and_then(Weak::upgrade) {
            return shared;
        }
        known.retain(|_, catalogue| catalogue.strong_count() > 0);
        if known.len() < SHARED {
            known.insert(digest, Arc::downgrade(&built));
        }
        built
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Weak<Catalogue>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the catalogue, in the session's transaction if one is open.
pub(crate) async fn load(
    wire: &mut Wire,
    status: TransactionStatus,
    shared: &Catalogues,
) -> Result<Arc<Catalogue>, ReachUpstream> {
    let own_transaction = status == TransactionStatus::Idle;
    if own_transaction {
        query(wire, BEGIN, |_| Ok(())).await?;
    }
    let mut builder = CatalogueBuilder::new();
    let mut digest = digest::Context::new(&digest::SHA256);
    for asked in catalogue_queries() {
        query(wire, asked.sql(), |row| {
            account(&mut digest, row);
            add(&mut builder, asked, row)
        })
        .await?;
        digest.update(b"end");
    }
    if own_transaction {
        query(wire, COMMIT, |_| Ok(())).await?;
    }
    let mut out = [0; 32];
    // SHA-256 is 32 bytes long, so both are of one length.
    out.copy_from_slice(digest.finish().as_ref());
    if let Some(known) = shared.known(out) {
        return Ok(known);
    }
    // Up to millions of rows: not under the lock of all sessions, nor on a thread that serves other connections.
    let built = tokio::task::spawn_blocking(move || builder.build())
        .await
        .map_err(|_| ReachUpstream::Catalogue)?;
    Ok(shared.share(out, built))
}

/// Adds a row, each value with its length, so that no two rows read the same.
fn account(digest: &mut digest::Context, row: &[Option<&[u8]>]) {
    for value in row {
        let value = value.unwrap_or_default();
        digest.update(&(value.len() as u64).to_be_bytes());
        digest.update(value);
    }
}

fn add(
    builder: &mut CatalogueBuilder,
    asked: CatalogueQuery,
    row: &[Option<&[u8]>],
) -> Result<(), ReachUpstream> {
    match asked {
        CatalogueQuery::Relations(_) => {
            let kind = text(row, 3)?
                .chars()
                .next()
                .ok_or(ReachUpstream::Catalogue)?;
            builder.relation(
                number(row, 0)?,
                text(row, 1)?,
                text(row, 2)?,
                RelationKind::from_relkind(kind),
            );
        }
        CatalogueQuery::Columns(_) => {
            let (relation, attnum) = (number(row, 0)?, number(row, 1)?);
            builder.column(relation, attnum, text(row, 2)?);
            builder.column_type(relation, attnum, number(row, 3)?, text(row, 4)? == "t");
        }
        CatalogueQuery::Generated(_) => {
            builder.generated(number(row, 0)?, number(row, 1)?, number(row, 2)?);
        }
        CatalogueQuery::Inheritance(_) => {
            builder.inherits(number(row, 0)?, number(row, 1)?);
        }
        CatalogueQuery::ViewReads(_) => {
            builder.view_reads(number(row, 0)?, number(row, 1)?);
        }
        CatalogueQuery::DisguisedFunctions(_) => {
            builder.disguised_function(text(row, 0)?);
        }
        CatalogueQuery::BaseTypes(_) => {
            builder.base_type(number(row, 0)?, number(row, 1)?);
        }
    }
    Ok(())
}

fn text<'a>(row: &[Option<&'a [u8]>], index: usize) -> Result<&'a str, ReachUpstream> {
    let value = row
        .get(index)
        .copied()
        .flatten()
        .ok_or(ReachUpstream::Catalogue)?;
    std::str::from_utf8(value).map_err(|_| ReachUpstream::Catalogue)
}

fn number<N: std::str::FromStr>(row: &[Option<&[u8]>], index: usize) -> Result<N, ReachUpstream> {
    text(row, index)?
        .parse()
        .map_err(|_| ReachUpstream::Catalogue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_see_the_same_share_one_catalogue() {
        let shared = Catalogues::default();
        let build = || CatalogueBuilder::new().build();
        assert!(shared.known([1; 32]).is_none());
        let first = shared.share([1; 32], build());
        // Another session built its own at the same time.
        assert!(Arc::ptr_eq(&shared.share([1; 32], build()), &first));
        assert!(
            shared
                .known([1; 32])
                .is_some_and(|known| Arc::ptr_eq(&known, &first))
        );
        assert!(!Arc::ptr_eq(&shared.share([2; 32], build()), &first));
        drop(first);
        assert!(shared.known([1; 32]).is_none());
    }
}
