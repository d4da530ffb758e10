//! What a fresh upstream session is given before its client may use it: a search path that stays, and the client's own
//! time limits. What they are then is noted, so that it can be set again.

use super::{ReachUpstream, query};
use crate::wire::Wire;

/// The schemas that unqualified names are looked up in, as they are for this role at login.
const SEARCH_PATH: &str = "SELECT s FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) AS s";

/// Who runs what follows, what names mean, what rows are seen, and how long anything may take.
const FIXED: &str = "SELECT name, pg_catalog.current_setting(name, true) FROM pg_catalog.unnest('{role, search_path, \
     row_security, statement_timeout, lock_timeout, transaction_timeout, idle_session_timeout, \
     idle_in_transaction_session_timeout}'::pg_catalog.text[]) AS name";

/// Fixes the search path to some of these schemas, given by position and in that order. Temporary tables come last, so
/// that none can stand in the place of a table of the same name (PostgreSQL looks there first unless the path names
/// `pg_temp`).
fn pin(positions: &[usize]) -> String {
    let positions: Vec<String> = positions.iter().map(usize::to_string).collect();
    let chosen = format!("'{{{}}}'::pg_catalog.int8[]", positions.join(","));
    format!(
        "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s), ', ' \
         ORDER BY pg_catalog.array_position({chosen}, position)) \
         FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS path(s, position) \
         WHERE position OPERATOR(pg_catalog.=) ANY ({chosen})), 'pg_temp'), false)"
    )
}

/// Pins the search path to the role's own, or to the schemas of it that the client asks for; tells what is in it.
///
/// # Errors
/// Besides what a query may end in, [`ReachUpstream::Schema`] for one that is not in the role's path.
pub(crate) async fn pin_search_path(
    wire: &mut Wire,
    role: &str,
    asked: Option<&[String]>,
) -> Result<Vec<String>, ReachUpstream> {
    let mut own = Vec::new();
    query(wire, SEARCH_PATH, |row| {
        let schema = row.first().copied().flatten();
        let schema = schema.and_then(|schema| std::str::from_utf8(schema).ok());
        own.push(schema.ok_or(ReachUpstream::Catalogue)?.to_owned());
        Ok(())
    })
    .await?;
    let positions = match asked {
        Some(asked) => choose(&own, asked, role)?,
        None => (0..own.len()).collect(),
    };
    let counted: Vec<usize> = positions.iter().map(|position| position + 1).collect();
    query(wire, &pin(&counted), |_| Ok(())).await?;
    let chosen = positions.into_iter().filter_map(|at| own.get(at).cloned());
    Ok(chosen.collect())
}

/// Where the schemas that a client asks for stand in the role's own path. What names mean is the operator's to say, so a
/// client can choose among the role's schemas, and no others.
fn choose(own: &[String], asked: &[String], role: &str) -> Result<Vec<usize>, ReachUpstream> {
    let mut chosen: Vec<usize> = Vec::new();
    for (place, schema) in asked.iter().enumerate() {
        let own_schema = schema == "$user";
        let name = if own_schema { role } else { schema };
        match own.iter().position(|known| known == name) {
            Some(at) if !chosen.contains(&at) => chosen.push(at),
            Some(_) => {}
            // As the server does for a role without a schema of its own; and `pg_catalog` is first without being named.
            None if own_schema || (place == 0 && schema == "pg_catalog") => {}
            None => {
                return Err(ReachUpstream::Schema {
                    schema: schema.clone(),
                });
            }
        }
    }
    Ok(chosen)
}

/// Sets each time limit, in milliseconds, that is stricter than what the role has; zero is no limit. It also holds for
/// what the gateway asks itself, so this comes last.
///
/// # Errors
/// Besides what a query may end in, [`ReachUpstream::Timeout`] for one that this server does not have.
pub(crate) async fn limit(
    wire: &mut Wire,
    asked: &[(&'static str, u32)],
) -> Result<(), ReachUpstream> {
    for (name, milliseconds) in asked {
        if *milliseconds == 0 {
            continue;
        }
        let mut known = false;
        let sql = format!(
            "SELECT CASE WHEN setting = '0' OR setting::pg_catalog.int8 > {milliseconds} \
             THEN pg_catalog.set_config(name, '{milliseconds}', false) END \
             FROM pg_catalog.pg_settings WHERE name = '{name}'"
        );
        query(wire, &sql, |_| {
            known = true;
            Ok(())
        })
        .await?;
        if !known {
            return Err(ReachUpstream::Timeout { name });
        }
    }
    Ok(())
}

/// Settings that a session keeps, and their values. Outside any transaction, and before the client can change them.
pub(crate) async fn fixed_settings(
    wire: &mut Wire,
) -> Result<Vec<(String, String)>, ReachUpstream> {
    let mut values = Vec::new();
    query(wire, FIXED, |row| {
        let [Some(name), value] = row else {
            return Err(ReachUpstream::Catalogue);
        };
        // A server that does not know the setting has nothing to keep.
        if let Some(value) = value {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
            let pair = text(name).and_then(|name| Ok((name, text(value)?)));
            values.push(pair.map_err(|_| ReachUpstream::Catalogue)?);
        }
        Ok(())
    })
    .await?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_chooses_among_the_schemas_of_the_role() {
        let own = ["public", "shop", "gateway"].map(str::to_owned);
        let check = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            choose(&own, &asked, "gateway").map_err(|error| error.to_string())
        };
        assert_eq!(check(&[]), Ok(vec![]));
        assert_eq!(check(&["shop", "public", "shop"]), Ok(vec![1, 0]));
        assert_eq!(check(&["$user", "public"]), Ok(vec![2, 0]));
        assert_eq!(check(&["pg_catalog", "public"]), Ok(vec![0]));
        for strange in [
            &["public", "pg_catalog"][..],
            &["evil"],
            &["pg_temp"],
            &["Public"],
        ] {
            assert!(check(strange).is_err(), "{strange:?}");
        }
        assert_eq!(choose(&[], &["$user".to_owned()], "x").ok(), Some(vec![]));
    }
}
