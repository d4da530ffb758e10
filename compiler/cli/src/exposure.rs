//! Whether masks can be carried out on a statement, as far as that shows without a database: the relations that it names
//! are taken for plain tables, and the columns that it names for theirs.

use std::collections::BTreeSet;

use hpol_operation::sql::{
    Catalogue, CatalogueBuilder, ClassifiedColumn, Exposure, RelationKind, SqlAnalysis,
};

/// Columns that one statement can name beside the classified ones before it is no longer looked at.
const COLUMNS: usize = 256;

/// Why the gateway would refuse the statement while `classified` are masked; `None` where nothing shows that it would.
pub(crate) fn cannot_mask(
    analysis: &SqlAnalysis,
    classified: &[ClassifiedColumn],
) -> Option<String> {
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
            Exposure::None | Exposure::Plain => return None,
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
    use hpol_operation::sql::{Analyser, Limits, SqlSession};

    use super::*;

    fn why(sql: &str) -> Option<String> {
        let session = SqlSession {
            search_path: vec!["public".to_owned()],
            catalogue: None,
        };
        let analysis = Analyser::new(Limits::default())
            .analyse(sql, &session)
            .unwrap();
        let [schema, table, column] = ["public", "customers", "ssn"].map(str::to_owned);
        cannot_mask(
            &analysis,
            &[ClassifiedColumn {
                schema,
                table,
                column,
            }],
        )
    }

    #[test]
    fn plain_columns_can_be_masked() {
        for sql in [
            "SELECT id, name, ssn FROM customers",
            "SELECT * FROM customers WHERE id = 7 ORDER BY name",
            "SELECT c.name, c.ssn, o.total FROM customers c JOIN public.orders o ON o.customer_id = c.id WHERE c.city = 'x'",
            "SELECT status, count(*) FROM orders GROUP BY status",
            "UPDATE orders SET status = 'shipped' WHERE id = 7",
        ] {
            assert_eq!(why(sql), None, "{sql}");
        }
    }

    #[test]
    fn other_uses_cannot() {
        for sql in [
            "SELECT id FROM customers WHERE ssn = '1'",
            "SELECT substr(ssn, 1, 3) FROM customers",
            "SELECT c.name FROM customers c WHERE c.id = 1 AND c.ssn > '5'",
            "SELECT ssn FROM customers UNION SELECT item FROM orders",
            "SELECT count(*) FROM customers GROUP BY ssn",
        ] {
            assert!(why(sql).is_some(), "{sql}");
        }
    }
}
