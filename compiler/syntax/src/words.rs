//! The words of the language outside of the grammar: which begin items and clauses, which belong to constructs that
//! this version refuses, and how near two words are.

/// Words that begin an item.
pub const ITEMS: &[&str] = &[
    "package",
    "use",
    "connection",
    "group",
    "predicate",
    "schedule",
    "data",
    "rule",
    "exception",
    "responsibility",
    "test",
];

/// Words of constructs that this version does not have, and what they are.
pub const UNSUPPORTED: &[(&str, &str)] = &[
    ("header", "data classes by HTTP header"),
    ("notify", "notifications"),
    ("record", "recordings"),
    ("like", "patterns over text"),
    ("matches", "patterns over text"),
    ("contains", "patterns over text"),
    ("ends", "patterns over text"),
    ("command", "shell commands"),
    ("aws", "AWS calls"),
];

/// Words that begin a clause of a rule.
pub const RULE_CLAUSES: &[&str] = &[
    "satisfies",
    "because",
    "who",
    "on",
    "when",
    "unless",
    "allow",
    "block",
    "require",
    "mask",
    "limit",
    "observe",
    "permit",
    "deny",
];

/// Words that begin a clause of a data class.
pub const DATA_CLAUSES: &[&str] = &["column", "json", "detector"];

/// Words that begin a clause of an exception.
pub const EXCEPTION_CLAUSES: &[&str] =
    &["because", "who", "on", "when", "unless", "owner", "until"];

/// Words that begin a clause of a test.
pub const TEST_CLAUSES: &[&str] = &["as", "on", "at", "sql", "http", "earlier", "expect"];

/// Words of other languages that begin a clause of a rule, and are answered with the right one.
pub const FOREIGN_CLAUSES: &[&str] = &["permit", "deny"];

/// Words that cannot be the name of a group or a predicate, since they mean something in a condition; the grammar's `reserved`.
pub const RESERVED: &[&str] = &[
    "satisfies",
    "because",
    "none",
    "who",
    "on",
    "when",
    "allow",
    "block",
    "require",
    "mask",
    "everyone",
    "except",
    "and",
    "or",
    "not",
    "in",
    "starts",
    "under",
    "during",
    "has",
    "within",
    "as",
    "expect",
    "permit",
    "deny",
    "unless",
    "earlier",
    "never",
    "count",
    "sum",
    "distinct",
    "limit",
    "observe",
    "notify",
    "record",
    "like",
    "matches",
    "contains",
    "ends",
    "owner",
    "until",
    "for",
    "true",
    "false",
];

/// Words of fitting length that one misspelt word is compared with, at most; so many mistakes beside many names do not
/// take time in the product of both.
const MAX_CANDIDATES: usize = 200;

/// The words that begin a clause of an item, those of other languages among them.
#[must_use]
pub fn clauses(item: &str) -> &'static [&'static str] {
    match item {
        "rule" => RULE_CLAUSES,
        "exception" => EXCEPTION_CLAUSES,
        "data" => DATA_CLAUSES,
        "test" => TEST_CLAUSES,
        _ => &[],
    }
}

/// What the unsupported construct of `word` is, if it is one.
#[must_use]
pub fn unsupported(word: &str) -> Option<&'static str> {
    UNSUPPORTED
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, what)| *what)
}

/// The candidate nearest to `word`, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = ((length + 1) / 3).min(3);
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| {
            *candidate != word && candidate.chars().count().abs_diff(length) <= limit
        })
        .take(MAX_CANDIDATES)
        .map(|candidate| {
            (
                distance(&lower, &candidate.to_lowercase(), limit),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`, in backticks.
#[must_use]
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// `text`, cut where a message would become unreadable.
#[must_use]
pub fn shorten(text: &str) -> String {
    const KEPT: usize = 40;
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(KEPT) {
        Some((cut, _)) => format!("{}...", line.get(..cut).unwrap_or("")),
        None => line.to_owned(),
    }
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other; more than `limit` where it is surely
/// beyond it.
fn distance(from: &str, to: &str, limit: usize) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    if from.len().abs_diff(to.len()) > limit || from.len() > 200 || to.len() > 200 {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, column) + usize::from(a != b))
                .min(at(&last, column + 1) + 1)
                .min(at(&next, column) + 1);
            let swapped = row > 0
                && column > 0
                && from.get(row - 1) == Some(b)
                && to.get(column - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
        }
        if next.iter().min().is_some_and(|best| *best > limit) {
            return limit + 1;
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_offered_and_far_ones_are_not() {
        assert_eq!(
            nearest("sql.verb", ["sql.reads", "sql.verbs"]),
            Some("sql.verbs")
        );
        assert_eq!(nearest("wen", RULE_CLAUSES.iter().copied()), Some("when"));
        assert_eq!(nearest("slq.verbs", ["sql.verbs"]), Some("sql.verbs"));
        assert_eq!(nearest("agents", ["dbas", "humans"]), None);
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn reserved_words_are_those_of_the_grammar() {
        let grammar = include_str!("../../../lang-spec/grammar/hpol.pest");
        let rule = grammar.split("\nreserved = @{").nth(1).unwrap();
        let alternatives = rule.split("~ !").next().unwrap();
        let words: Vec<&str> = alternatives.split('"').skip(1).step_by(2).collect();
        assert_eq!(words, RESERVED);
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
