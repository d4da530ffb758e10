//! HP0709. A secret in a text.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let strings = lex::tokens(item.text).into_iter();
    for token in strings.filter(|token| token.kind == lex::Kind::String) {
        if let Some(what) = secret(token.span.of(item.text)) {
            let message = format!("this text looks like {what}");
            found.push(
                Problem::new(Code::SecretInText, message, token.span, "a secret").help(
                    "take it out and revoke it: policies are read by many, and kept for years",
                ),
            );
        }
    }
}

/// Beginnings by which services mark their secrets, how long what follows is at least, and what it is.
const MARKED: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an access key of AWS"),
    ("ASIA", 16, "an access key of AWS"),
    ("ghp_", 30, "a token of GitHub"),
    ("github_pat_", 30, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("xoxb-", 20, "a token of Slack"),
    ("xoxp-", 20, "a token of Slack"),
    ("sk_live_", 20, "a key of Stripe"),
    ("AIza", 30, "a key of Google"),
    ("eyJ", 40, "a JSON web token"),
    ("-----BEGIN ", 10, "a private key"),
];

fn secret(text: &str) -> Option<&'static str> {
    let marked = MARKED.iter().find(|(mark, length, _)| {
        text.match_indices(mark).any(|(place, _)| {
            let rest = text.get(place + mark.len()..).unwrap_or("");
            let word = rest.find(|char: char| char == '"' || char.is_whitespace());
            word.unwrap_or(rest.len()) >= *length || mark.ends_with(' ')
        })
    });
    if let Some((_, _, what)) = marked {
        return Some(what);
    }
    let lower = text.to_ascii_lowercase();
    let named = [
        "password=",
        "passwd=",
        "secret=",
        "apikey=",
        "api_key=",
        "token=",
    ];
    let given = named.iter().any(|name| {
        lower.match_indices(name).any(|(place, _)| {
            let rest = lower.get(place + name.len()..).unwrap_or("");
            rest.starts_with(|char: char| char.is_ascii_alphanumeric())
        })
    });
    given.then_some("a password")
}
