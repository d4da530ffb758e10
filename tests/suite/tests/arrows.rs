//! The allowed arrows between crates (ARCHITECTURE.md, "Arrows point down"), held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of ours may name directly in its `[dependencies]`. A crate that is not here is an error, so that a new
/// one gets its place in the architecture first.
const ALLOWED: &[(&str, &[&str])] = &[
    ("hpol-syntax", &[]),
    ("hpol-bundle", &[]),
    ("hpol-nist-mappings", &[]),
    (
        "hpol-hir",
        &[
            "hpol-syntax",
            "hpol-bundle",
            "hpol-analysis",
            "hpol-nist-mappings",
        ],
    ),
    (
        "hpol-cli",
        &[
            "hpol-syntax",
            "hpol-hir",
            "hpol-bundle",
            "hpol-analysis",
            "hpol-oracle",
            "hpol-nist-mappings",
            "hpol-engine",
            "hpol-operation",
            "hpol-evidence",
        ],
    ),
    ("hpol-oracle", &["hpol-bundle"]),
    ("hpol-analysis", &["hpol-bundle"]),
    ("hpol-engine", &["hpol-bundle"]),
    ("hpol-operation", &["hpol-bundle"]),
    ("hpol-masking", &["hpol-bundle"]),
    ("hpol-evidence", &[]),
    (
        "hpol-session",
        &[
            "hpol-bundle",
            "hpol-engine",
            "hpol-masking",
            "hpol-evidence",
            "hpol-operation",
        ],
    ),
    ("hpol-postgres", &["hpol-session", "hpol-operation"]),
    ("hpol-http", &["hpol-session", "hpol-operation"]),
    (
        "hpol-gateway",
        &[
            "hpol-postgres",
            "hpol-http",
            "hpol-session",
            "hpol-evidence",
            "hpol-bundle",
        ],
    ),
    (
        "hpol-ports",
        &["hpol-session", "hpol-evidence", "hpol-bundle"],
    ),
    (
        "hpol-fuzz",
        &[
            "hpol-bundle",
            "hpol-engine",
            "hpol-evidence",
            "hpol-hir",
            "hpol-http",
            "hpol-masking",
            "hpol-operation",
            "hpol-ports",
            "hpol-postgres",
            "hpol-session",
            "hpol-syntax",
        ],
    ),
    ("hpol-support", &[]),
    ("hpol-suite", &[]),
    ("tree-sitter-hpol", &[]),
    ("xtask", &["hpol-support"]),
];

/// Heavy or dangerous dependencies, and the only crates that may name them.
const FENCED: &[(&str, &[&str])] = &[
    ("pg_query", &["hpol-operation"]),
    ("openidconnect", &["hpol-gateway"]),
    ("jsonwebtoken", &["hpol-gateway"]),
    ("pgwire", &["hpol-postgres"]),
    ("salsa", &["hpol-hir"]),
    ("pest", &["hpol-syntax"]),
    ("miette", &["hpol-cli"]),
    (
        "tokio",
        &[
            "hpol-session",
            "hpol-postgres",
            "hpol-http",
            "hpol-gateway",
            "hpol-cli",
            "hpol-fuzz",
            "hpol-ports",
            "hpol-support",
        ],
    ),
];

/// No crate on the left may reach a crate on the right, through whatever it depends on.
const UNREACHABLE: &[(&str, &[&str])] = &[
    (
        "hpol-gateway",
        &["hpol-syntax", "hpol-hir", "hpol-cli", "hpol-oracle"],
    ),
    (
        "hpol-hir",
        &[
            "hpol-engine",
            "hpol-operation",
            "hpol-session",
            "tokio",
            "hyper",
            "pg_query",
        ],
    ),
    (
        "hpol-engine",
        &["tokio", "hyper", "pg_query", "aws-sdk-sts"],
    ),
    (
        "hpol-evidence",
        &["tokio", "hyper", "pg_query", "hpol-engine", "hpol-session"],
    ),
];

struct Workspace {
    members: BTreeSet<String>,
    direct: BTreeMap<String, BTreeSet<String>>,
}

impl Workspace {
    fn load() -> Workspace {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", &host()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for package in metadata["packages"].as_array().unwrap() {
            names.insert(
                package["id"].as_str().unwrap(),
                package["name"].as_str().unwrap(),
            );
        }
        let members = metadata["workspace_members"].as_array().unwrap();
        let members = members
            .iter()
            .map(|id| names[id.as_str().unwrap()].to_owned())
            .collect();
        let mut direct: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let entry = direct
                .entry(names[node["id"].as_str().unwrap()].to_owned())
                .or_default();
            for dependency in node["deps"].as_array().unwrap() {
                let kinds = dependency["dep_kinds"].as_array().unwrap();
                if kinds.iter().any(|kind| kind["kind"] != "dev") {
                    entry.insert(names[dependency["pkg"].as_str().unwrap()].to_owned());
                }
            }
        }
        Workspace { members, direct }
    }

    fn reachable(&self, from: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            for next in self.direct.get(name).into_iter().flatten() {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen
    }
}

/// The platform that builds here. What only other platforms need is not downloaded, and cargo would ask for it.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

#[test]
fn every_arrow_between_our_crates_is_allowed() {
    let workspace = Workspace::load();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, arrows)| (*name, arrows.iter().copied().collect()))
        .collect();
    for member in &workspace.members {
        let arrows = allowed
            .get(member.as_str())
            .unwrap_or_else(|| panic!("`{member}` has no place in the table"));
        for target in workspace.direct[member]
            .iter()
            .filter(|target| workspace.members.contains(*target))
        {
            assert!(
                arrows.contains(target.as_str()),
                "`{member}` must not depend on `{target}`"
            );
        }
    }
    for name in allowed.keys() {
        assert!(
            workspace.members.contains(*name),
            "`{name}` stands in the table and not in the workspace"
        );
    }
}

#[test]
fn fenced_dependencies_stay_behind_their_fence() {
    let workspace = Workspace::load();
    for (dependency, owners) in FENCED {
        for member in workspace
            .members
            .iter()
            .filter(|member| workspace.direct[*member].contains(*dependency))
        {
            assert!(
                owners.contains(&member.as_str()),
                "`{member}` must not name `{dependency}`"
            );
        }
    }
}

#[test]
fn nothing_reaches_across_the_contract() {
    let workspace = Workspace::load();
    for (from, targets) in UNREACHABLE {
        let reachable = workspace.reachable(from);
        for target in *targets {
            assert!(!reachable.contains(target), "`{from}` reaches `{target}`");
        }
    }
}
