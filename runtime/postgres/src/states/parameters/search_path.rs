//! Reads the list of schemas that a client asks for in `search_path`. Whether it may have them is known at login.
//! Source: PostgreSQL manual, "Client Connection Defaults" (`search_path`), and "Identifiers and Key Words".

use super::allowed::NotAllowed;

/// Far more than anyone has, and little to compare with the role's own.
const MAX_SCHEMAS: usize = 64;

/// PostgreSQL's own limit of names; what is longer would be cut there.
const NAME_BYTES: usize = 63;

/// The schemas in order: names in quotes as they are, others in lower case.
pub(super) fn schemas(value: &str) -> Result<Vec<String>, NotAllowed> {
    let mut schemas = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (name, after) = name(rest)?;
        if name.is_empty() || name.len() > NAME_BYTES || schemas.len() == MAX_SCHEMAS {
            return Err(NotAllowed::Value);
        }
        schemas.push(name);
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
            // A comma promises another name.
            if rest.is_empty() {
                return Err(NotAllowed::Value);
            }
        } else if !rest.is_empty() {
            return Err(NotAllowed::Value);
        }
    }
    Ok(schemas)
}

fn name(text: &str) -> Result<(String, &str), NotAllowed> {
    match text.strip_prefix('"') {
        Some(quoted) => in_quotes(quoted),
        None => {
            let end = text
                .find(|c: char| c == ',' || c.is_ascii_whitespace())
                .unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end).ok_or(NotAllowed::Value)?;
            // Letters beyond ASCII would be made small by rules of the server's locale.
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
            if name.chars().all(plain) {
                Ok((name.to_ascii_lowercase(), rest))
            } else {
                Err(NotAllowed::Value)
            }
        }
    }
}

fn in_quotes(quoted: &str) -> Result<(String, &str), NotAllowed> {
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"').ok_or(NotAllowed::Value)?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Ok((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_a_list_of_names() {
        for (value, expected) in [
            ("", Some(vec![])),
            ("public", Some(vec!["public"])),
            (
                "  App , \"My Shop\",public ",
                Some(vec!["app", "My Shop", "public"]),
            ),
            ("\"$user\", public", Some(vec!["$user", "public"])),
            ("\"a\"\"b\"", Some(vec!["a\"b"])),
            ("\"a,b\"", Some(vec!["a,b"])),
            ("public,", None),
            (",public", None),
            ("a b", None),
            ("\"a", None),
            ("\"\"", None),
            ("\"a\"b", None),
            ("a;b", None),
            ("\u{c4}pp", None),
        ] {
            let read = schemas(value).ok();
            let expected = expected.map(|names| {
                let names = names.into_iter().map(str::to_owned);
                names.collect::<Vec<_>>()
            });
            assert_eq!(read, expected, "{value}");
        }
        assert!(schemas(&vec!["a"; 65].join(",")).is_err());
    }

    proptest! {
        #[test]
        fn a_quoted_name_comes_back(name in "[ -~\u{e0}-\u{ff}]{1,30}") {
            let quoted = format!("\"{}\"", name.replace('"', "\"\""));
            prop_assert_eq!(schemas(&quoted), Ok(vec![name]));
        }
    }
}
