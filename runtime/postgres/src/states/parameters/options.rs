//! The startup parameter `options` (PGOPTIONS): a command line of the server, split and read as the server does, of which
//! only settings are taken. Which settings may be chosen is known to `allowed`.
//! Source: PostgreSQL manual, "postgres" and "Database Connection Control Functions" (`options`).

/// Why a command line is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadOptions {
    #[error("`{switch}` in startup parameter `options` is not accepted")]
    Switch { switch: String },
    #[error("`{setting}` in startup parameter `options` has no value")]
    NoValue { setting: String },
}

/// The settings in `line`, in the order given.
pub(super) fn settings(line: &str) -> Result<Vec<(String, String)>, BadOptions> {
    let mut settings = Vec::new();
    let mut words = words(line).into_iter();
    while let Some(word) = words.next() {
        let given = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(""), _) | (None, None) => return Err(BadOptions::Switch { switch: word }),
            (None, Some("")) => words.next().ok_or(BadOptions::NoValue { setting: word })?,
            (Some(given), _) | (None, Some(given)) => given.to_owned(),
        };
        let Some((name, value)) = given.split_once('=') else {
            return Err(BadOptions::NoValue { setting: given });
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Splits at white space; a backslash takes the next character as it is.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            // What C calls white space.
            ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => words.extend(word.take()),
            '\\' => {
                let word = word.get_or_insert_default();
                word.extend(characters.next());
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> String {
        match settings(line) {
            Ok(settings) => settings
                .iter()
                .map(|(name, value)| format!("[{name}={value}]"))
                .collect(),
            Err(bad) => bad.to_string(),
        }
    }

    #[test]
    fn pg_11_options_are_split_as_the_server_splits_them() {
        for (line, expected) in [
            ("", ""),
            ("  \t\n", ""),
            ("-c geqo=off", "[geqo=off]"),
            ("-cgeqo=off --jit=off", "[geqo=off][jit=off]"),
            ("--statement-timeout=5s", "[statement_timeout=5s]"),
            ("-c search_path=a,b\\ c", "[search_path=a,b c]"),
            ("-c DateStyle=ISO,\\ MDY", "[DateStyle=ISO, MDY]"),
            ("-c a=b=c", "[a=b=c]"),
            ("-c a=", "[a=]"),
            ("-c a=\\\\ -c b=\\-", "[a=\\][b=-]"),
            ("-c a=x\\", "[a=x]"),
            ("-c", "`-c` in startup parameter `options` has no value"),
            (
                "-c role",
                "`role` in startup parameter `options` has no value",
            ),
            ("--x", "`x` in startup parameter `options` has no value"),
            ("--", "`--` in startup parameter `options` is not accepted"),
            (
                "-d5",
                "`-d5` in startup parameter `options` is not accepted",
            ),
            ("-e", "`-e` in startup parameter `options` is not accepted"),
            (
                "-W 5",
                "`-W` in startup parameter `options` is not accepted",
            ),
            (
                "role=x",
                "`role=x` in startup parameter `options` is not accepted",
            ),
            (
                "\\ -crole=x",
                "` -crole=x` in startup parameter `options` is not accepted",
            ),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[-c=\\\\ a\\t\u{e9}]{0,40}") {
            let _ = settings(&line);
        }

        #[test]
        fn what_is_escaped_comes_back(value in "[ -~]{0,20}") {
            let escaped: String = value.chars().flat_map(|c| ['\\', c]).collect();
            let read = settings(&format!("-c a={escaped}")).unwrap();
            prop_assert_eq!(read, vec![("a".to_owned(), value)]);
        }
    }
}
