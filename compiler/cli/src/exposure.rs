//! Whether masks can be carried out on a statement, as far as that shows without a database: the relations that it names
//! are taken for plain tables, and the columns that it names for theirs.

use std::collections::BTreeSet;

use hpol_operation::sql::{
    Catalogue, CatalogueBuilder, ClassifiedColumn, Exposure, RelationKind, SqlAnalysis,
};

/// Columns that one statement can name beside the classified ones before it is no longer looked at.
const COLUMNS: usize = 256;

/// Why the gateway would refuse the statement while `classified` are masked, and all values are `searched` by detectors;
/// `None` where nothing shows that it would.
pub(crate) fn cannot_mask(
    analysis: &SqlAnalysis,
    classified: &[ClassifiedColumn],
    searched: bool,
) -> Option<String> {
    if let (false, Some(why)) = (
        classified.is_empty(),
        analysis.cannot_mask_notified(searched),
    ) {
        return Some(why.to_owned());
    }
    let mut tables: BTreeSet<(String, String)> = analysis
        .reads()
        .known
        .iter()
        .chain(&analysis.writes().known)
        .filter_map(|name| name.split_once('.'))
        .map(|(schema, table)| (unquoted(schema), unquoted(table)))
        .collect();
    tables.extend(
        classified
            .iter()
            .map(|column| (column.schema.clone(), column.table.clone())),
    );
    let mut named = BTreeSet::new();
    while named.len() < COLUMNS {
        let catalogue = catalogue(&tables, classified, &named);
        match analysis.exposure(&catalogue, classified) {
            exposure @ (Exposure::None | Exposure::Touched | Exposure::Plain) => {
                let exposed = exposure != Exposure::None;
                let why = analysis.cannot_mask_copy(&catalogue, exposed, searched);
                return why.map(str::to_owned);
            }
            Exposure::Refused { column, why, .. } if why == "is not a column of its table" => {
                // A column that the policy does not name; whether its table has it is the database's matter.
                let (_, name) = column.rsplit_once('.')?;
                if !named.insert(name.to_owned()) {
                    return None;
                }
            }
            Exposure::Refused { why, .. } if why == "is not known to the gateway" => return None,
            Exposure::Refused { column, why, place } => {
                return Some(format!("`{column}` {why} in {place}"));
            }
        }
    }
    None
}

/// Every table with the classified columns that it has and all columns that are named.
fn catalogue(
    tables: &BTreeSet<(String, String)>,
    classified: &[ClassifiedColumn],
    named: &BTreeSet<String>,
) -> Catalogue {
    let mut builder = CatalogueBuilder::new();
    for ((schema, table), oid) in tables.iter().zip(1..) {
        builder.relation(oid, schema, table, RelationKind::Table);
        let own = classified
            .iter()
            .filter(|column| column.schema == *schema && column.table == *table);
        let columns: BTreeSet<&str> = own
            .map(|column| column.column.as_str())
            .chain(named.iter().map(String::as_str))
            .collect();
        for (column, attnum) in columns.into_iter().zip(1..) {
            builder.column(oid, attnum, column);
        }
    }
    builder.build()
}

fn unquoted(name: &str) -> String {
    name.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hpol_operation::sql::{Analyser, Limits, SqlSession};

    use super::*;

    fn analysis(sql: &str) -> Arc<SqlAnalysis> {
        let session = SqlSession {
            search_path: vec!["public".to_owned()],
            catalogue: None,
        };
        Analyser::new(Limits::default())
            .analyse(sql, &session)
            .unwrap()
    }

    fn ssn() -> ClassifiedColumn {
        let [schema, table, column] = ["public", "customers", "ssn"].map(str::to_owned);
        ClassifiedColumn {
            schema,
            table,
            column,
        }
    }

    fn why(sql: &str) -> Option<String> {
        cannot_mask(&analysis(sql), &[ssn()], true)
    }

    #[test]
    fn plain_columns_can_be_masked() {
        for sql in [
            "SELECT id, name, ssn FROM customers",
            "SELECT * FROM customers WHERE id = 7 ORDER BY name",
            "SELECT c.name, c.ssn, o.total FROM customers c JOIN public.orders o ON o.customer_id = c.id WHERE c.city = 'x'",
            "SELECT status, count(*) FROM orders GROUP BY status",
            "UPDATE orders SET status = 'shipped' WHERE id = 7",
            "COPY customers TO STDOUT",
            "COPY (SELECT name, ssn FROM customers) TO STDOUT (FORMAT binary)",
            "COPY customers FROM STDIN",
        ] {
            assert_eq!(why(sql), None, "{sql}");
        }
    }

    #[test]
    fn what_is_notified_has_no_columns() {
        assert_eq!(why("LISTEN news"), None);
        let analysis = analysis("LISTEN news");
        assert!(cannot_mask(&analysis, &[ssn()], false).is_some());
        assert_eq!(cannot_mask(&analysis, &[], false), None);
    }

    #[test]
    fn other_uses_cannot() {
        for sql in [
            "SELECT id FROM customers WHERE ssn = '1'",
            "SELECT substr(ssn, 1, 3) FROM customers",
            "SELECT c.name FROM customers c WHERE c.id = 1 AND c.ssn > '5'",
            "SELECT ssn FROM customers UNION SELECT item FROM orders",
            "SELECT count(*) FROM customers GROUP BY ssn",
            "COPY (SELECT upper(ssn) FROM customers) TO STDOUT",
            "COPY customers TO STDOUT; SELECT 1",
            "COPY (SELECT count(*) FROM orders) TO STDOUT (FORMAT binary)",
        ] {
            assert!(why(sql).is_some(), "{sql}");
        }
    }
}
