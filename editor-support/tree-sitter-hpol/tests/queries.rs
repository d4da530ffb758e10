//! The queries name nodes that there are, and colour a policy as a reader expects it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tree_sitter::{Parser, Query, QueryCursor, StreamingIterator};
use tree_sitter_hpol::{FOLDS_QUERY, HIGHLIGHTS_QUERY, INJECTIONS_QUERY, LANGUAGE};

const EXAMPLE: &str = r#"package orders.production
use nist.sp800_53r5 baseline moderate

/// Where orders are.
connection orders_db = postgres "orders-prod" labels { env = "prod" }
group agents = subject.groups has "agents" and subject.claims["level"] >= 3
schedule office = mon-fri 09:00-17:00 in "Europe/Berlin"
predicate touches(table) = sql.writes has table
data pii.ssn {
    column public.customers."ssn" on orders_db
    detector ssn
}

// Deletes need a second pair of eyes.
rule guard "Guards orders" {
    satisfies AC-3, AC-6(9) because "least privilege"
    who       everyone except dbas
    on        connections where env == "prod"
    when      touches(public.orders) or not (sql.filtered or true)
    unless    subject.ip in [10.0.0.0/8] and during office
    require approval by 2 of dbas within 15m
}

test "guarded" {
    as     subject "agent-7" groups ["agents"]
    on     orders_db
    sql    "DELETE FROM orders\nWHERE id = 1"
    expect require approval by guard citing AC-3
}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_query_names_nodes_that_there_are() {
    let language = LANGUAGE.into();
    let mut count = 0;
    for folder in ["tree-sitter-hpol/queries", "zed/languages/hpol"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "scm") {
                let text = fs::read_to_string(&path).unwrap();
                let query = Query::new(&language, &text);
                assert!(query.is_ok(), "{}: {:?}", path.display(), query.err());
                count += 1;
            }
        }
    }
    assert!(count >= 9, "only {count} queries were found");
}

#[test]
fn zed_colours_as_the_others_do() {
    let text = fs::read_to_string(root().join("zed/languages/hpol/highlights.scm")).unwrap();
    assert_eq!(text, HIGHLIGHTS_QUERY);
}

#[test]
fn every_word_has_its_colour() {
    let colours = captures(HIGHLIGHTS_QUERY, EXAMPLE);
    let mut shown = String::new();
    for line in EXAMPLE.lines() {
        let start = line.as_ptr() as usize - EXAMPLE.as_ptr() as usize;
        writeln!(shown, "{line}").unwrap();
        for (range, name) in &colours {
            if (start..start + line.len()).contains(&range.start) {
                writeln!(shown, "    {name}: {}", &EXAMPLE[range.clone()]).unwrap();
            }
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn every_word_of_the_language_is_coloured() {
    let forgotten: Vec<String> = words()
        .into_iter()
        .filter(|word| !HIGHLIGHTS_QUERY.contains(&format!("\"{word}\"")))
        // These are nodes with a name of their own, by which they are coloured.
        .filter(|word| !DAYS_AND_VALUES.contains(&word.as_str()))
        .collect();
    assert_eq!(forgotten, [""; 0]);
}

/// The words that mean something somewhere.
fn words() -> Vec<String> {
    let language: tree_sitter::Language = LANGUAGE.into();
    let mut words = Vec::new();
    for id in 0..u16::try_from(language.node_kind_count()).unwrap() {
        let kind = language.node_kind_for_id(id).unwrap();
        let word = kind
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if word && !language.node_kind_is_named(id) && language.node_kind_is_visible(id) {
            words.push(kind.to_owned());
        }
    }
    assert!(words.len() > 80, "only {} words were found", words.len());
    words
}

const DAYS_AND_VALUES: [&str; 12] = [
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "daily", "weekdays", "weekends", "true",
    "false",
];

#[test]
fn statements_are_sql_and_blocks_fold() {
    let statements = captures(INJECTIONS_QUERY, EXAMPLE);
    let texts: Vec<&str> = statements
        .iter()
        .map(|(range, _)| &EXAMPLE[range.clone()])
        .collect();
    assert_eq!(texts, ["DELETE FROM orders", "WHERE id = 1"]);
    let folds = captures(FOLDS_QUERY, EXAMPLE);
    let firsts: Vec<&str> = folds
        .iter()
        .filter_map(|(range, _)| EXAMPLE[range.clone()].lines().next())
        .collect();
    assert_eq!(
        firsts,
        [
            "labels { env = \"prod\" }",
            "data pii.ssn {",
            "rule guard \"Guards orders\" {",
            "[10.0.0.0/8]",
            "test \"guarded\" {"
        ]
    );
}

/// What a query captures, the last one where several capture the same place.
fn captures(query: &str, text: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let mut parser = Parser::new();
    let language = LANGUAGE.into();
    parser.set_language(&language).unwrap();
    let tree = parser.parse(text, None).unwrap();
    assert!(!tree.root_node().has_error());
    let query = Query::new(&language, query).unwrap();
    let mut cursor = QueryCursor::new();
    let mut found = std::collections::BTreeMap::new();
    let mut matches = cursor.captures(&query, tree.root_node(), text.as_bytes());
    while let Some((one, index)) = matches.next() {
        let capture = one.captures()[*index];
        let range = capture.node.byte_range();
        let name = query.capture_names()[capture.index as usize];
        let pattern = one.pattern_index;
        let entry = found
            .entry((range.start, range.end))
            .or_insert((pattern, name.to_owned()));
        if entry.0 <= pattern {
            *entry = (pattern, name.to_owned());
        }
    }
    let named = |((start, end), (_, name))| (start..end, name);
    found.into_iter().map(named).collect()
}
