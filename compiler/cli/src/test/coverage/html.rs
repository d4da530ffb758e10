//! Results and coverage as one page that stands alone.

use super::{Coverage, Reached};
use crate::html::{escape, page as whole, table};
use crate::project::counted;
use crate::tested::Tested;

pub(in crate::test) fn page(coverage: &Coverage, tests: &[Tested]) -> String {
    let failed = tests.iter().filter(|test| !test.passed()).count();
    let mut body = format!(
        "<p>{}, {failed} failed. {} of {} rules reached ({} %), {} of {} parts of conditions both true and false ({} %).</p>\n",
        counted(tests.len(), "test"),
        coverage.reached,
        coverage.rules.len(),
        coverage.percent,
        coverage.parts.both,
        coverage.parts.all,
        coverage.parts.percent,
    );
    let rows: Vec<Vec<String>> = coverage.rules.iter().map(rule).collect();
    let headings = [
        "Rule",
        "Reached",
        "Decides in",
        "Matches in",
        "Parts not seen both true and false",
    ];
    body += &table(&headings, &rows);
    let controls = coverage.controls.iter().map(|control| {
        let (class, word) = match control.reached {
            true => ("good", "reached"),
            false => ("bad", "never"),
        };
        vec![escape(&control.control), painted(class, word)]
    });
    body += &table(
        &["Control", "By a rule that is reached"],
        &controls.collect::<Vec<_>>(),
    );
    let rows: Vec<Vec<String>> = tests.iter().map(test).collect();
    body += &table(&["Test", "Where", "Result"], &rows);
    whole("What the tests reach", &body)
}

fn rule(rule: &Reached) -> Vec<String> {
    let (class, word) = match (rule.decided, rule.matched) {
        (0, 0) => ("bad", "never"),
        (0, _) => ("dim", "matched"),
        _ => ("good", "decided"),
    };
    let open = rule.parts.iter().filter_map(|part| {
        let only = part.only()?;
        Some(format!("<code>{}</code> {only}", escape(&part.part)))
    });
    let place = escape(&format!("{}:{}", rule.file, rule.line));
    vec![
        format!(
            "<code>{}</code><br><span class=\"dim\">{place}</span>",
            escape(&rule.rule)
        ),
        painted(class, word),
        rule.decided.to_string(),
        rule.matched.to_string(),
        open.collect::<Vec<_>>().join("<br>"),
    ]
}

fn test(test: &Tested) -> Vec<String> {
    let result = match test.why() {
        None => painted("good", "passed"),
        Some(why) => {
            let why = escape(&test.explained(why)).replace('\n', "<br>");
            format!("{}<br>{why}", painted("bad", "failed"))
        }
    };
    let place = format!("{}:{}", test.file(), test.line());
    vec![escape(test.name()), escape(&place), result]
}

fn painted(class: &str, word: &str) -> String {
    format!("<span class=\"{class}\">{word}</span>")
}
