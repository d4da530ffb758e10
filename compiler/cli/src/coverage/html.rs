//! The report as a page.

use hpol_nist_mappings::catalogue;

use super::assess::{Coverage, Covered, Standing, mechanism};
use crate::html::{escape, page as whole, table};

pub(super) fn page(coverage: &Coverage, baseline: &str) -> String {
    let total = ("all", coverage.total());
    let families = coverage.families().into_iter().chain([total]);
    let families = families.map(|(family, tally)| {
        let counts = [
            tally.all(),
            tally.rules,
            tally.gateway,
            tally.others,
            tally.open,
        ];
        let counts = counts.map(|count| count.to_string());
        [vec![escape(family)], counts.to_vec()].concat()
    });
    let mut body = format!(
        "<p class=\"dim\">NIST SP 800-53 Rev 5 ({}), {} baseline.</p>\n",
        escape(catalogue().release()),
        escape(baseline)
    );
    let headings = [
        "Family",
        "Controls",
        "By rules",
        "By the gateway",
        "By others",
        "Open",
    ];
    body.push_str(&table(&headings, &families.collect::<Vec<_>>()));
    let rows: Vec<Vec<String>> = coverage.controls.iter().map(row).collect();
    body.push_str(&table(&["Control", "Title", "Standing", "By"], &rows));
    whole("Coverage of controls", &body)
}

fn row(covered: &Covered) -> Vec<String> {
    let (class, standing) = match covered.standing() {
        Standing::Rules => ("good", "rules"),
        Standing::Gateway => ("good", "gateway"),
        Standing::Others => ("good", "others"),
        Standing::Open => ("bad", "open"),
    };
    let strength = covered
        .strength()
        .map_or(String::new(), |word| format!(", {word}"));
    let rules = covered.rules.iter().map(|claim| {
        let (rule, by) = (escape(&claim.rule), escape(&claim.by()));
        format!("<code>{rule}</code> {}: {by}", claim.strength.as_str())
    });
    let always = covered.always.iter().map(|mapping| {
        let name = mechanism(mapping.mechanism);
        format!(
            "the gateway {}: {}",
            mapping.strength.as_str(),
            escape(&name)
        )
    });
    let idle = covered.idle.iter().map(|(claim, why)| {
        let (rule, strength) = (escape(&claim.rule), claim.strength.as_str());
        let why = why.said();
        format!("<span class=\"dim\">does nothing: <code>{rule}</code> {strength}, {why}</span>")
    });
    let never = covered
        .never
        .filter(|_| covered.standing() == Standing::Open);
    let never = never.map(|why| format!("<span class=\"dim\">{}</span>", escape(why)));
    let others = covered.others.iter();
    let others = others.map(|(who, because)| format!("{}: {}", escape(who), escape(because)));
    let by: Vec<String> = rules
        .chain(always)
        .chain(others)
        .chain(idle)
        .chain(never)
        .collect();
    vec![
        escape(&covered.control.id.to_string()),
        escape(covered.control.title),
        format!("<span class=\"{class}\">{standing}{strength}</span>"),
        by.join("<br>"),
    ]
}
