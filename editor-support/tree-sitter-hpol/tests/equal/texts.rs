//! The texts that both parsers read.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hpol_syntax::lex::tokens;
use hpol_syntax::span::Span;
use hpol_syntax::split::split;

/// A text, and where it comes from.
pub(crate) struct Text {
    pub(crate) from: String,
    pub(crate) text: String,
    /// What it was before it was broken.
    pub(crate) whole: Option<Rc<str>>,
}

impl Text {
    fn new(from: String, text: String) -> Text {
        Text {
            from,
            text,
            whole: None,
        }
    }
}

/// Every policy of the repository: its files, the examples of its documents, and a test for each decision of the
/// conformance cases.
pub(crate) fn all() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap();
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let from = file.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        if file
            .extension()
            .is_some_and(|extension| extension == "hpol")
        {
            texts.push(Text::new(from, text));
            continue;
        }
        for (number, text) in blocks(&text).into_iter().enumerate() {
            let from = format!("{from}, block {}", number + 1);
            texts.push(Text::new(from, text));
        }
        if from.starts_with("lang-spec/conformance/") && !from.ends_with("README.md") {
            let text = expectations(&text);
            texts.push(Text::new(from, text));
        }
    }
    texts
}

/// Items of these texts, each with a token left out or swapped with the next. Which items is chosen by their number,
/// so that each run has the same.
pub(crate) fn broken() -> Vec<Text> {
    const STRIDE: usize = 5;
    let mut broken = Vec::new();
    let texts = all();
    let items = texts.iter().flat_map(|text| {
        split(&text.text)
            .0
            .into_iter()
            .map(|item| (&text.from, item.text))
    });
    let mut seen = std::collections::BTreeSet::new();
    for (from, item) in items
        .filter(|(_, item)| seen.insert(item.clone()))
        .step_by(STRIDE)
    {
        let whole: Rc<str> = item.as_str().into();
        let spans: Vec<Span> = tokens(&item).iter().map(|token| token.span).collect();
        for (index, &span) in spans.iter().enumerate() {
            let (before, after) = (&item[..span.start as usize], &item[span.end as usize..]);
            broken.push(Text {
                from: format!("{from}, without token {index}"),
                text: format!("{before}{after}"),
                whole: Some(Rc::clone(&whole)),
            });
            if let Some(&next) = spans.get(index + 1) {
                let gap = &item[span.end as usize..next.start as usize];
                let after = &item[next.end as usize..];
                broken.push(Text {
                    from: format!("{from}, with tokens {index} and {} swapped", index + 1),
                    text: format!("{before}{}{gap}{}{after}", next.of(&item), span.of(&item)),
                    whole: Some(Rc::clone(&whole)),
                });
            }
        }
    }
    broken
}

/// What is easily read otherwise: beginnings of lines, unseen characters, words that are reserved in some places only.
pub(crate) fn borders() -> Vec<Text> {
    let texts = [
        "",
        "\u{feff}package a",
        "package a\r\n\r\ngroup g = x // y\r\n",
        "package a\rgroup g = x",
        "// only this",
        "  package a",
        "package a group g = x",
        "package a\n group g = x",
        "package a.b.c",
        "package a . b",
        "group a.b = x",
        "group g =\nrule",
        "group g =\n rule",
        "group rule = test or data",
        "group g = (a or b)",
        "group g = (a or true)",
        "group g = (a or b) == c",
        "group g = ((a or b) and c)",
        "group g = (subject.claims[\"x\"] or 5) >= 5",
        "group g = subject.claims [\"x\"] == 5",
        "group g = subject.claims[ \"x\"] == 5",
        "group g = or.x",
        "group g = or",
        "group g = like",
        "group g = has or",
        "group g = x in [or, and]",
        "group g = x has any",
        "group g = x has any [any]",
        "group g = x && y",
        "group g = !x",
        "group g = x = \"y\"",
        "group g = not not x",
        "group g = f(1, \"a\", b.\"C\".d,)",
        "group g = f()",
        "group g = f(b .c)",
        "group g = x == \"a\\q\"",
        "group g = x == \"a\\\\\"",
        "group g = x == \"// no comment\"",
        "group g = x == \"   \"",
        "group g = x == \"a",
        "group g = x == \"a\u{202e}b\"",
        "group g = x // \u{202e}",
        "group g = x /// doc\n  or y",
        "group g = x / y",
        "group g = x in [10.0.0.0/8, fd00::/8, ::1, 10MB, 5m, -3, 1_000]",
        "group g = x == 10.0.0.0.",
        "predicate p = x",
        "predicate p() = x",
        "predicate p(a, b,) = x == a",
        "rule r {}",
        "rule r { satisfies AC-3 because \"x\" }",
        "rule r { satisfies AC-3 // x\n because \"x\" }",
        "rule r { satisfies AC-3\n because \"x\" }",
        "rule r { satisfies AC-3\n because \"x\" because \"y\" }",
        "rule r { satisfies AC-3,\n AC-6(9)because \"x\" }",
        "rule r { satisfies AC-3, becauses \"x\" }",
        "rule r { satisfies ac-3 }",
        "rule r { satisfies AC-6 (9) }",
        "rule r { satisfies none because \"x\" }",
        "rule r { satisfies none\n because \"x\" }",
        "rule r { satisfies none }",
        "rule r { on any }",
        "rule r { on connections where not (env == \"a\" or has b) and c in [\"d\",] }",
        "rule r { on connections where has == \"a\" }",
        "rule r { on a, connections, any }",
        "rule r { who everyone except x and y }",
        "rule r { who everyone and x }",
        "rule r { allow limit rows 5 limit rows 6 }",
        "rule r { limit 5 rows }",
        "rule r { limit rows 5 rows }",
        "rule r { observe observe allow }",
        "rule r { permit }",
        "rule r { Deny \"x\" }",
        "rule r { mask a hash \"k\" }",
        "rule r { mask a keep last 4 }",
        "rule r { require justification reviewed by d }",
        "rule r { observe require justification reviewed by d.e }",
        "rule r { require justification by d }",
        "rule r { block terminate session }",
        "rule r { block \"x\" terminate session }",
        "rule r { block terminate session \"x\" }",
        "rule r { block terminate }",
        "test \"t\" { as subject \"a\" justification \"INC-1\" groups [\"b\"] }",
        "rule r { require approval by 1 of d within 10m for 1h }",
        "rule r { require approval by 1 of d within 10m for this operation }",
        "rule r { require approval by 1 of d within 10m for this 1h }",
        "rule r { when earlier within 5m in this session (a) and count(x) within 1h > 3 }",
        "rule r { when sum(result.rows where a) within 1h in this session >= 10_000 }",
        "data a.b { column \"A\".b.\"c d\" on e json $.a[\"x y\"].b on e detector d }",
        "data a { json x $.a on e }",
        "schedule s = mon-fri, sun 09:00-17:00 and 18:00-02:00 next day, sat 10:00-12:00 in \"Europe/Berlin\"",
        "schedule s = daily 9:00-17:00 in \"UTC\"",
        "exception e to a.b { until 2027-01-01 owner \"x\" }",
        "exception e to a.b { until 2027-1-01 }",
        "exception e to a.b { allow }",
        "responsibility AC-2, AC-3 \"x\" because \"y\"",
        "connection a = postgres \"b\" labels {} observe",
        "connection a = postgres \"b\" labels { c = \"d\", } observe",
        "connection a = postgres \"b\" observe labels { c = \"d\" }",
        "use nist.sp800_53r5 baseline moderate",
        "test \"t\" { as subject \"a\" claims { x = true, \"y\" = [\"z\"], n = -1, w = word } groups [] from \"::1\" issuer \"i\" }",
        "test \"t\" { earlier in flight 3 times (sql \"x\" on a rows 3 bytes 4 releasing b, c masking d in this session) }",
        "test \"t\" { expect require approval by a, b citing AC-3 masking c limit rows 3 observing d excepting e }",
        "test \"t\" { expect allow citing AC-3 by a }",
        "test \"t\" {\nas subject \"a\"\nsql \"x\"\n}",
        "test \"t\" {\nrule r {}",
        "rul r {}\nrule r {}",
        "rule r {}\nstray",
        "rule r {} }",
    ];
    texts
        .iter()
        .map(|text| Text::new("borders".to_owned(), (*text).to_owned()))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            let foreign =
                name.starts_with('.') || name.starts_with("target") || name == "node_modules";
            if !foreign {
                collect(&path, files);
            }
        } else if name.ends_with(".hpol") || name.ends_with(".md") {
            files.push(path);
        }
    }
}

/// The blocks of a page that are marked `hpol`.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("```hpol\n").skip(1);
    parts
        .filter_map(|part| part.split("\n```").next())
        .map(str::to_owned)
        .collect()
}

/// A test for each decision of a page of cases, with what happened before.
fn expectations(page: &str) -> String {
    let mut tests = String::new();
    let mut earlier = String::new();
    for line in page.lines() {
        if let Some(decision) = line.strip_prefix("decision: ") {
            write!(
                tests,
                "test \"x\" {{\n{earlier}    expect {decision}\n}}\n\n"
            )
            .unwrap();
            earlier.clear();
        } else if line.starts_with("earlier ") {
            writeln!(earlier, "    {line}").unwrap();
        }
    }
    tests
}
