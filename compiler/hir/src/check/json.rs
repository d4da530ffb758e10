//! Reads JSON paths, a subset of RFC 9535: members by name, and all members or elements at once.

use hpol_bundle::policy::{JsonPath, JsonStep, MAX_JSON_STEPS};
use hpol_bundle::vocabulary::Protocol;
use hpol_syntax::ast::JsonPlace;
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Span;

use super::Checker;

/// What is wrong with a path, and the bytes of it that show it.
struct Wrong {
    at: std::ops::Range<usize>,
    what: String,
    help: &'static str,
}

impl Checker<'_> {
    pub(super) fn json_path(&mut self, place: &JsonPlace) -> Option<JsonPath> {
        let symbols = self.symbols();
        let connection = self
            .lookup(&symbols.connections, &place.connection, "connection", &[])
            .and_then(|(_, found)| found);
        let steps = self.steps(place);
        let (connection, steps) = (connection?, steps?);
        if connection.protocol != Protocol::Http {
            let message = format!("`{}` has no JSON documents", place.connection.node);
            let label = format!("speaks {}", connection.protocol.as_str());
            self.report(
                Problem::new(Code::JsonConnection, message, place.connection.span, label)
                    .help("name an `http` connection, or the `column` that holds the data"),
            );
            return None;
        }
        Some(JsonPath {
            target: connection.target.clone(),
            steps,
        })
    }

    fn steps(&mut self, place: &JsonPlace) -> Option<Vec<JsonStep>> {
        match steps(&place.path.node) {
            Ok(steps) => Some(steps),
            Err(wrong) => {
                let start = place.path.span.start as usize;
                let span = Span::new(start + wrong.at.start, start + wrong.at.end);
                self.report(
                    Problem::new(Code::JsonPathForm, wrong.what, span, "here").help(wrong.help),
                );
                None
            }
        }
    }
}

fn steps(path: &str) -> Result<Vec<JsonStep>, Wrong> {
    let mut at = 1;
    let mut steps = Vec::new();
    while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
        let (step, length) = step(rest, at)?;
        steps.push(step);
        at += length;
        if steps.len() > MAX_JSON_STEPS {
            return Err(Wrong {
                at: at - length..at,
                what: format!("a path has at most {MAX_JSON_STEPS} steps"),
                help: "name a place further up; everything within it is hidden",
            });
        }
    }
    if steps.is_empty() {
        return Err(Wrong {
            at: 0..path.len(),
            what: "`$` is the whole document".to_owned(),
            help: "name a member: `$.customer.ssn`, or `$[*]` for each element",
        });
    }
    Ok(steps)
}

/// The first step of `rest`, which begins at byte `at` of the path, and its length.
fn step(rest: &str, at: usize) -> Result<(JsonStep, usize), Wrong> {
    let wrong = |length: usize, what: &str, help| Wrong {
        at: at..at + length.clamp(1, rest.len()),
        what: what.to_owned(),
        help,
    };
    if rest.starts_with("..") {
        let help = "name each step; `.*` stands for any one";
        return Err(wrong(2, "there is no `..` in a path", help));
    }
    if rest.starts_with(".*") {
        return Ok((JsonStep::Any, 2));
    }
    if let Some(name) = rest.strip_prefix('.') {
        let length = name.find(|other| !is_of_name(other)).unwrap_or(name.len());
        let (name, after) = name.split_at(length);
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            let help = "write other names in quotes: `$[\"first-name\"]`";
            return Err(wrong(1 + length, "a name has to follow the dot", help));
        }
        if after.starts_with(['.', '[']) || after.is_empty() {
            return Ok((JsonStep::Member(name.to_owned()), 1 + length));
        }
        let found = after.chars().next().map_or(1, char::len_utf8);
        return Err(Wrong {
            at: at + 1 + length..at + 1 + length + found,
            what: "a name without quotes has letters, digits and `_`".to_owned(),
            help: "write other names in quotes: `$[\"first-name\"]`",
        });
    }
    if rest.starts_with("[*]") {
        return Ok((JsonStep::Any, 3));
    }
    if let Some(inner) = rest.strip_prefix("[\"") {
        let (name, length) = quoted(inner).ok_or_else(|| {
            let help = "a name in quotes is written like a text: `$[\"first-name\"]`";
            wrong(rest.len(), "this name in quotes does not end well", help)
        })?;
        return Ok((JsonStep::Member(name), 2 + length));
    }
    let bracket = rest.find(']').map_or(rest.len(), |end| end + 1);
    if rest.starts_with("[?") {
        let help = "name the place; what stands there is hidden whatever it is";
        return Err(wrong(bracket, "there are no filters in a path", help));
    }
    if rest.starts_with("['") {
        let help = "write names in double quotes: `$[\"first-name\"]`";
        return Err(wrong(bracket, "names stand in double quotes", help));
    }
    if rest.starts_with('[') {
        let help = "`[*]` stands for each element";
        return Err(wrong(
            bracket,
            "there are no single elements in a path",
            help,
        ));
    }
    let found = rest.chars().next().map_or(1, char::len_utf8);
    let help = "a step is `.name`, `[\"name\"]`, `.*` or `[*]`";
    Err(wrong(found, "a step begins with `.` or `[`", help))
}

/// The text before a closing quote and bracket, escapes resolved, and the length with both.
fn quoted(inner: &str) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let closed = inner.get(at + 1..)?.starts_with(']');
                return closed.then_some((name, at + 2));
            }
            '\\' => match characters.next()?.1 {
                same @ ('"' | '\\') => name.push(same),
                _ => return None,
            },
            other => name.push(other),
        }
    }
    None
}

/// RFC 9535 section 2.5.1.1: letters, digits, `_`, and all that is not ASCII.
fn is_of_name(character: char) -> bool {
    character == '_' || character.is_ascii_alphanumeric() || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        match steps(path) {
            Ok(steps) => JsonPath {
                target: String::new(),
                steps,
            }
            .to_string(),
            Err(wrong) => format!("{} at {:?}", wrong.what, &path[wrong.at]),
        }
    }

    #[test]
    fn steps_are_names_quoted_names_and_all() {
        assert_eq!(read("$.customer.ssn"), "$.customer.ssn");
        assert_eq!(
            read(r#"$["customer"][*].größe.*"#),
            r#"$.customer[*]["größe"][*]"#
        );
        assert_eq!(read(r#"$["a\"b\\"].c"#), r#"$["a\"b\\"].c"#);
        assert_eq!(read(r#"$["a.b[0]"]"#), r#"$["a.b[0]"]"#);
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_is() {
        let wrong = [
            "$",
            "$..ssn",
            "$.a.",
            "$.a[0]",
            "$.a[?@.b]",
            "$['a']",
            "$.first-name",
            "$a",
            "$.1a",
            r#"$["a"#,
            r#"$["a\n"]"#,
            "$.a b",
        ];
        let read: Vec<String> = wrong.iter().map(|path| read(path)).collect();
        insta::assert_snapshot!(read.join("\n"));
    }

    #[test]
    fn a_path_ends() {
        assert!(steps(&format!("${}", ".a".repeat(MAX_JSON_STEPS))).is_ok());
        assert!(steps(&format!("${}", ".a".repeat(MAX_JSON_STEPS + 1))).is_err());
    }
}
