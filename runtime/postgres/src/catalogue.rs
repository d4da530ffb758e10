//! Reads from the upstream what names mean there. What they are for is known to `facts`.

use hpol_operation::sql::{
    Catalogue, CatalogueBuilder, CatalogueQuery, RelationKind, catalogue_queries,
};

use crate::codec::backend::TransactionStatus;
use crate::upstream::{ReachUpstream, query};
use crate::wire::Wire;

/// One state of the database for all queries of a catalogue.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
const COMMIT: &str = "COMMIT";

/// Reads the catalogue, in the session's transaction if one is open.
pub(crate) async fn load(
    wire: &mut Wire,
    status: TransactionStatus,
) -> Result<Catalogue, ReachUpstream> {
    let own_transaction = status == TransactionStatus::Idle;
    if own_transaction {
        query(wire, BEGIN, |_| Ok(())).await?;
    }
    let mut builder = CatalogueBuilder::new();
    for asked in catalogue_queries() {
        query(wire, asked.sql(), |row| add(&mut builder, asked, row)).await?;
    }
    if own_transaction {
        query(wire, COMMIT, |_| Ok(())).await?;
    }
    Ok(builder.build())
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
            builder.column(number(row, 0)?, number(row, 1)?, text(row, 2)?);
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
