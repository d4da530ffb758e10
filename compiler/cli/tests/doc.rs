//! `hpol doc`: the pages of a policy, which name what others chose.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::fs;
use std::path::Path;

#[path = "shared/folder.rs"]
mod folder;
#[path = "shared/run.rs"]
mod run;

use folder::folder_of;
use run::{hpol, text};

const POLICY: &str = r#"package shop

connection db  = postgres "shop-prod"
connection api = http     "shop-api"
connection lab = postgres "shop-lab" observe

group agents = subject.groups has "agents"
group dbas   = subject.groups has "dba"

rule read "Agents <script>alert(1)</script> read" {
    satisfies AC-3
    because   "They & their owners \"need\" to."
    who agents
    on db
    when sql.verbs within [select]
    allow
}

rule write {
    satisfies AC-5
    who agents
    on db
    when sql.verbs has any [insert, update]
    require approval by 1 of dbas within 15m
}

rule look {
    satisfies AC-3
    who agents
    on api
    when http.method == GET
    allow
}

rule lab_only {
    satisfies CM-7
    on lab
    when sql.verbs has drop
    block "Not <there>"
}

exception night_job to write {
    who     subject.id == "night-<job>"
    because "It moves what is old."
    owner   "Data & platform"
    until   2099-03-31
}

responsibility AT-2 "People <team>" because "They train everybody."

test "agents read" {
    as     subject "a" groups ["agents"]
    on     db
    sql    "SELECT 1"
    expect allow by read citing AC-3
}
"#;

fn page(site: &Path, name: &str) -> String {
    fs::read_to_string(site.join(name)).unwrap()
}

#[test]
fn a_policy_becomes_pages_that_stand_alone() {
    let folder = folder_of(&[("shop.hpol", POLICY)]);
    let output = hpol(folder.path(), &["doc", "shop.hpol", "--output", "site"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let site = folder.path().join("site");
    let mut names: Vec<_> = fs::read_dir(&site)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "connections.html",
            "controls.html",
            "groups.html",
            "index.html",
            "rules.html"
        ]
    );
    for name in &names {
        let page = page(&site, name.to_str().unwrap());
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
        for from_elsewhere in [
            "<script",
            "<img",
            "<link",
            "src=",
            "href=\"http",
            "@import",
            "url(",
        ] {
            assert!(!page.contains(from_elsewhere), "{name:?}: {from_elsewhere}");
        }
        links_lead_somewhere(&site, &page);
    }
    let rules = page(&site, "rules.html");
    assert!(rules.contains("Agents &lt;script&gt;alert(1)&lt;/script&gt; read"));
    assert!(rules.contains("<td>agents read</td><td>shop.db</td><td>allow citing AC-3</td>"));
    let connections = page(&site, "connections.html");
    assert_eq!(connections.matches("<svg").count(), 3);
    let observed = |name: &str| {
        let section = connections.split(&format!("id=\"{name}\"")).nth(1).unwrap();
        section.split("<h2").next().unwrap().contains("In observe:")
    };
    assert_eq!((observed("shop.db"), observed("shop.lab")), (false, true));
    let controls = page(&site, "controls.html");
    let table = controls.split("</nav>").nth(1).unwrap();
    insta::assert_snapshot!("controls", table);
    let db = connections.split("id=\"shop.db\"").nth(1).unwrap();
    assert!(db.contains("rules.html#shop.write") && !db.contains("rules.html#shop.look"));
    let groups = page(&site, "groups.html");
    insta::assert_snapshot!("groups", groups.split("</nav>").nth(1).unwrap());
    insta::assert_snapshot!("rules", rules.split("</nav>").nth(1).unwrap());
}

/// Every link of a page leads to a page, and to a place on it.
fn links_lead_somewhere(site: &Path, text: &str) {
    for link in text.split("href=\"").skip(1) {
        let link = link.split('"').next().unwrap();
        let (file, place) = link.split_once('#').unwrap_or((link, ""));
        let target = page(site, file);
        assert!(
            place.is_empty() || target.contains(&format!("id=\"{place}\"")),
            "{link}"
        );
    }
}
