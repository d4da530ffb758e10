//! What names of relations and functions mean in a session.

use super::{Relation, SqlSession};

/// The name of a relation or function with its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The schema; `None` where the session does not say which.
    pub(super) schema: Option<String>,
    /// The name in it.
    pub(super) name: String,
}

impl Name {
    /// A name in a schema.
    pub(super) fn new(schema: &str, name: &str) -> Name {
        Name {
            schema: Some(schema.to_owned()),
            name: name.to_owned(),
        }
    }

    /// The name as facts have it, if the schema is known.
    pub(super) fn fact(&self) -> Option<String> {
        Some(dotted(&[self.schema.as_deref()?, &self.name]))
    }

    /// The name for messages.
    pub(super) fn shown(&self) -> String {
        self.fact().unwrap_or_else(|| dotted(&[&self.name]))
    }

    /// The relation in the session's catalogue.
    pub(super) fn relation<'s>(&self, session: &'s SqlSession) -> Option<&'s Relation> {
        session
            .catalogue
            .as_ref()?
            .relation(self.schema.as_deref()?, &self.name)
    }
}

/// Parts joined by dots. A part that would read as several is quoted, so that no name can pass for another.
pub(super) fn dotted(parts: &[&str]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| {
            if part.is_empty() || part.contains(['.', '"', '*']) {
                format!("\"{}\"", part.replace('"', "\"\""))
            } else {
                (*part).to_owned()
            }
        })
        .collect();
    parts.join(".")
}

/// The relation `name` with an optional schema, which is not a WITH query.
pub(super) fn relation(session: &SqlSession, schema: &str, name: &str) -> Name {
    if !schema.is_empty() {
        return Name::new(schema, name);
    }
    let path = || {
        session
            .search_path
            .iter()
            .filter(|schema| *schema != "pg_catalog")
    };
    if let Some(catalogue) = &session.catalogue {
        // pg_catalog comes first unless the path names it elsewhere.
        let implicit = (!names_catalog(session)).then_some("pg_catalog");
        let mut searched = implicit
            .into_iter()
            .chain(session.search_path.iter().map(String::as_str));
        if let Some(schema) = searched.find(|schema| catalogue.relation(schema, name).is_some()) {
            return Name::new(schema, name);
        }
    }
    if path().count() > 1 {
        // Which schema holds it cannot be told: the server's own relations come first in any case.
        let catalogue = super::builtin::is_catalogue_relation(name) && !names_catalog(session);
        return Name {
            schema: catalogue.then(|| "pg_catalog".to_owned()),
            name: name.to_owned(),
        };
    }
    if super::builtin::is_catalogue_relation(name) {
        return Name::new("pg_catalog", name);
    }
    Name {
        schema: path().next().cloned(),
        name: name.to_owned(),
    }
}

/// Where an unqualified new relation is made.
pub(super) fn creation(session: &SqlSession, schema: &str, name: &str) -> Name {
    let schema = if schema.is_empty() {
        session.search_path.first().cloned()
    } else {
        Some(schema.to_owned())
    };
    Name {
        schema,
        name: name.to_owned(),
    }
}

/// Whether unqualified names of PostgreSQL's own functions mean these.
pub(super) fn catalog_first(session: &SqlSession) -> bool {
    !names_catalog(session)
        || session
            .search_path
            .first()
            .is_some_and(|schema| schema == "pg_catalog")
}

fn names_catalog(session: &SqlSession) -> bool {
    session
        .search_path
        .iter()
        .any(|schema| schema == "pg_catalog")
}

/// Longest name; PostgreSQL cuts longer ones. Source: NAMEDATALEN.
const MAX_NAME_BYTES: usize = 63;

/// The parts of a name in a string literal, such as the argument of nextval: folded to lower case unless quoted.
/// `None` where it is not one or two plain parts; digits alone are not a name but the oid of a relation.
pub(super) fn parse_literal(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').map(|(part, after)| {
                let plain = !part.contains(char::is_whitespace);
                (plain.then(|| part.to_owned()), after)
            })?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let (part, after) = rest.split_at_checked(end)?;
                (is_plain(part).then(|| part.to_ascii_lowercase()), after)
            }
        };
        let part = part.filter(|part| (1..=MAX_NAME_BYTES).contains(&part.len()))?;
        if parts.len() == 2 {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None => return after.is_empty().then_some(parts),
        }
    }
}

/// Whether a part needs no quotes.
fn is_plain(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(path: &[&str]) -> SqlSession {
        SqlSession {
            search_path: path.iter().map(|schema| (*schema).to_owned()).collect(),
            catalogue: None,
        }
    }

    #[test]
    fn parts_that_would_read_as_several_are_quoted() {
        assert_eq!(dotted(&["public", "orders"]), "public.orders");
        assert_eq!(dotted(&["public", "a.b"]), "public.\"a.b\"");
        assert_eq!(dotted(&["public", "a\"b"]), "public.\"a\"\"b\"");
    }

    #[test]
    fn pg_38_a_path_of_several_schemas_is_not_guessed() {
        assert_eq!(
            relation(&session(&["a"]), "", "t").fact().as_deref(),
            Some("a.t")
        );
        assert_eq!(relation(&session(&["a", "b"]), "", "t").fact(), None);
        assert_eq!(relation(&session(&[]), "", "t").fact(), None);
        assert_eq!(
            relation(&session(&["a", "b"]), "", "pg_class")
                .fact()
                .as_deref(),
            Some("pg_catalog.pg_class")
        );
        assert_eq!(
            relation(&session(&["a", "pg_catalog", "b"]), "", "pg_class").fact(),
            None
        );
    }

    #[test]
    fn pg_38_what_the_catalogue_does_not_have_is_not_guessed() {
        let mut builder = crate::sql::CatalogueBuilder::new();
        builder.relation(1, "b", "t", crate::sql::RelationKind::Table);
        let session = SqlSession {
            catalogue: Some(builder.build().into()),
            ..session(&["a", "b"])
        };
        assert_eq!(relation(&session, "", "t").fact().as_deref(), Some("b.t"));
        assert_eq!(relation(&session, "", "u").fact(), None);
    }

    #[test]
    fn names_in_literals() {
        assert_eq!(parse_literal("Ticket_Seq").unwrap(), ["ticket_seq"]);
        assert_eq!(parse_literal("hr.\"S\"").unwrap(), ["hr", "S"]);
        let long = "a".repeat(64);
        for odd in [
            "",
            "a.b.c",
            "\"a\"\"b\"",
            "a b",
            "a.",
            "\"a\"b",
            "16401",
            "-",
            " a",
            "\u{a0}a",
            "É",
            &long,
        ] {
            assert_eq!(parse_literal(odd), None, "{odd}");
        }
    }
}
