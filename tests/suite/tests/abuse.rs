//! Every case of the list of abuses that this version holds has a test whose name carries its id: `pg_18_multi_statement`
//! holds PG-18, `pg_20_to_24_...` holds five.

use std::collections::BTreeMap;
use std::path::Path;

/// The groups of cases, and how many of each from the first on.
const HELD: [(&str, u32); 5] = [("pg", 30), ("b", 8), ("o", 7), ("p", 5), ("u", 4)];

/// Folders with tests.
const FOLDERS: [&str; 4] = ["runtime", "compiler", "lang-spec", "tests"];

/// The groups and numbers that the name of a test carries: `b_01_b_02_refused` carries B-01 and B-02.
fn ids(name: &str) -> Vec<(String, u32)> {
    let mut ids = Vec::new();
    let mut group = None;
    let mut range = false;
    for word in name.split('_') {
        let number = (word.len() == 2)
            .then(|| word.parse::<u32>().ok())
            .flatten();
        match (number, &group) {
            (Some(number), Some(group)) => {
                let first = match ids.last() {
                    Some((_, last)) if range => *last + 1,
                    _ => number,
                };
                ids.extend((first..=number).map(|number| (String::clone(group), number)));
                range = false;
            }
            (None, _) if HELD.iter().any(|(held, _)| *held == word) => {
                group = Some(word.to_owned());
            }
            (None, Some(_)) if word == "to" => range = true,
            _ => break,
        }
    }
    ids
}

/// The names of the tests in the Rust files under `folder`.
fn tests(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut attributes = Vec::new();
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[") {
                    attributes.push(line);
                    continue;
                }
                let is_test = attributes
                    .drain(..)
                    .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
                let line = line.strip_prefix("async ").unwrap_or(line);
                // Property tests stand inside a macro, with their attribute on the line above like any other.
                if let Some(name) = line.strip_prefix("fn ").filter(|_| is_test) {
                    let name = name.split(['(', '<']).next().unwrap();
                    names.push(name.to_owned());
                }
            }
        }
    }
}

#[test]
fn every_case_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut names = Vec::new();
    for folder in FOLDERS {
        tests(&root.join(folder), &mut names);
    }
    let mut held: BTreeMap<(String, u32), Vec<&str>> = BTreeMap::new();
    for name in &names {
        for id in ids(name) {
            held.entry(id).or_default().push(name);
        }
    }
    let mut missing = Vec::new();
    for (group, last) in HELD {
        for number in 1..=last {
            let id = format!("{}-{number:02}", group.to_uppercase());
            match held.get(&(group.to_owned(), number)) {
                Some(names) => println!("{id}: {}", names.join(", ")),
                None => missing.push(id),
            }
        }
    }
    assert!(missing.is_empty(), "no test carries {missing:?}");
}

#[test]
fn names_carry_what_they_say() {
    let carried = |name: &str| {
        let ids = ids(name).into_iter();
        ids.map(|(group, number)| format!("{group}-{number}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(carried("pg_18_multi_statement"), "pg-18");
    assert_eq!(
        carried("pg_20_to_24_what_was_judged"),
        "pg-20 pg-21 pg-22 pg-23 pg-24"
    );
    assert_eq!(carried("b_01_b_02_a_refused_bundle"), "b-1 b-2");
    assert_eq!(carried("o_01_02_03_a_header"), "o-1 o-2 o-3");
    assert_eq!(carried("a_block_is_never_approved_away"), "");
    assert_eq!(carried("pg_dump"), "");
}
