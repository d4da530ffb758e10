//! The pages and what stands on each.

use std::collections::{BTreeMap, BTreeSet};

use hpol_bundle::decision::Verdict;
use hpol_bundle::policy::{Condition, Connection, Group, Policy, Rule, RuleId};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::TestCase;
use hpol_nist_mappings::{ControlId, catalogue};

use crate::bundle::{control, does};
use crate::graph::There;
use crate::html::{escape, page, table};
use crate::sources::SourceFile;

/// The pages, by file name, and what they are called.
const NAMES: [(&str, &str); 5] = [
    ("index.html", "Policy"),
    ("rules.html", "Rules"),
    ("controls.html", "Controls"),
    ("connections.html", "Connections"),
    ("groups.html", "Groups"),
];

/// What the pages are about.
pub(super) struct Site<'a> {
    pub(super) policy: &'a Policy,
    pub(super) tests: &'a [TestCase],
    pub(super) files: &'a [SourceFile],
    pub(super) vocabulary: &'a Vocabulary,
}

impl Site<'_> {
    /// File names and pages.
    pub(super) fn pages(&self) -> Vec<(&'static str, String)> {
        let bodies = [
            self.index(),
            self.rules(),
            self.controls(),
            self.connections(),
            self.groups(),
        ];
        let pages = NAMES.into_iter().zip(bodies);
        pages
            .map(|((file, title), body)| (file, page(title, &(navigation() + &body))))
            .collect()
    }

    fn index(&self) -> String {
        let rows = self.policy.rules.iter().map(|rule| {
            vec![
                link_to_rule(&rule.name),
                escape(&rule.title),
                escape(&does(self.policy, rule)),
            ]
        });
        let counts = format!(
            "<p>{} rules, {} connections, {} groups, {} data classes, {} tests.</p>\n",
            self.policy.rules.len(),
            self.policy.connections.len(),
            self.policy.groups.len(),
            self.policy.classes.len(),
            self.tests.len(),
        );
        counts
            + &table(
                &["Rule", "Title", "What it does"],
                &rows.collect::<Vec<_>>(),
            )
    }

    fn rules(&self) -> String {
        self.policy
            .rules
            .iter()
            .map(|rule| self.rule(rule))
            .collect()
    }

    fn rule(&self, rule: &Rule) -> String {
        let name = escape(&rule.name);
        let mut body = format!("<h2 id=\"{name}\">{name}</h2>\n");
        if !rule.title.is_empty() {
            body += &format!("<p><strong>{}</strong></p>\n", escape(&rule.title));
        }
        if !rule.because.is_empty() {
            body += &format!("<p>{}</p>\n", escape(&rule.because));
        }
        let claims = rule.claims.iter().map(|claim| {
            let reason = claim
                .because
                .as_deref()
                .map(|because| format!(" ({})", escape(because)));
            link_to_control(&claim.control) + &reason.unwrap_or_default()
        });
        let claims: Vec<String> = claims.collect();
        let claims = match claims.is_empty() {
            true => "none".to_owned(),
            false => claims.join(", "),
        };
        let does = escape(&does(self.policy, rule));
        body += &format!("<p class=\"dim\">{does}. Satisfies {claims}.</p>\n");
        body += &format!("<pre>{}</pre>\n", escape(&self.source(rule)));
        let source = format!("{}:{}", rule.source.file, rule.source.line);
        body += &format!("<p class=\"dim\">{}</p>\n", escape(&source));
        let tests = self
            .tests
            .iter()
            .filter(|test| test.expect.by.contains(&rule.name));
        let rows: Vec<Vec<String>> = tests.map(test_row).collect();
        if !rows.is_empty() {
            body += &table(&["Test", "On", "Expects"], &rows);
        }
        body
    }

    /// The rule as it is written.
    fn source(&self, rule: &Rule) -> String {
        let file = self.files.iter().find(|file| file.name == rule.source.file);
        let first = usize::try_from(rule.source.line).unwrap_or(usize::MAX);
        let last = usize::try_from(rule.source.end_line).unwrap_or(usize::MAX);
        let lines = file.map(|file| file.text.lines()).into_iter().flatten();
        let lines = lines
            .skip(first.saturating_sub(1))
            .take(last.saturating_sub(first) + 1);
        lines.collect::<Vec<_>>().join("\n")
    }

    fn controls(&self) -> String {
        let mut claimed: BTreeMap<ControlId, Vec<String>> = BTreeMap::new();
        for rule in &self.policy.rules {
            for claim in &rule.claims {
                if let Ok(id) = ControlId::parse(&claim.control) {
                    let strength = format!("{:?}", claim.strength).to_lowercase();
                    let observed = if rule.observe { ", in observe" } else { "" };
                    let said = format!("{} {strength}{observed}", link_to_rule(&rule.name));
                    claimed.entry(id).or_default().push(said);
                }
            }
        }
        let rows = claimed.into_iter().map(|(id, rules)| {
            let title = catalogue().lookup(&id).map_or("", |control| control.title);
            let anchor = escape(&id.oscal());
            let name = escape(&id.to_string());
            vec![
                format!("<span id=\"{anchor}\">{name}</span>"),
                escape(title),
                rules.join("<br>"),
            ]
        });
        table(&["Control", "Title", "Rules"], &rows.collect::<Vec<_>>())
    }

    fn connections(&self) -> String {
        self.policy
            .connections
            .iter()
            .map(|connection| self.connection(connection))
            .collect()
    }

    fn connection(&self, connection: &Connection) -> String {
        let name = escape(&connection.name);
        let kind = connection.protocol.as_str();
        let target = escape(&connection.target);
        let mut body = format!(
            "<h2 id=\"{name}\">{name}</h2>\n<p class=\"dim\">{kind} <code>{target}</code></p>\n"
        );
        match There::of(self.policy, self.vocabulary, connection) {
            Ok(there) => {
                let rules = there.rules();
                let rules = rules.iter().filter_map(|id| self.rule_of(*id));
                let links: Vec<String> = rules.map(|rule| link_to_rule(&rule.name)).collect();
                body += &format!("<p>Rules that can apply: {}</p>\n", links.join(", "));
                body += &match there.picture(self.vocabulary) {
                    Ok(svg) => format!("<div class=\"picture\">\n{svg}\n</div>\n"),
                    Err(why) => format!("<p class=\"dim\">{}</p>\n", escape(&why)),
                };
            }
            Err(why) => body += &format!("<p class=\"dim\">{}</p>\n", escape(&why)),
        }
        body
    }

    fn rule_of(&self, id: RuleId) -> Option<&Rule> {
        self.policy.rules.get(id.0 as usize)
    }

    fn groups(&self) -> String {
        let rows = self.policy.groups.iter().map(|group| {
            let rules = self
                .policy
                .rules
                .iter()
                .filter(|rule| self.names(rule, group));
            let links: Vec<String> = rules.map(|rule| link_to_rule(&rule.name)).collect();
            let name = escape(&group.name);
            vec![
                format!("<span id=\"{name}\">{name}</span>"),
                links.join("<br>"),
            ]
        });
        table(
            &["Group", "Rules that speak of it"],
            &rows.collect::<Vec<_>>(),
        )
    }

    /// Whether a rule is about members of a group, or takes their approval.
    fn names(&self, rule: &Rule, group: &Group) -> bool {
        let approves = match &rule.effect {
            hpol_bundle::policy::Effect::RequireApproval { group: of, .. } => {
                self.policy.groups.get(of.0 as usize) == Some(group)
            }
            _ => false,
        };
        approves || holds(&rule.condition, &group.condition)
    }
}

/// Whether `part` stands in `whole`.
fn holds(whole: &Condition, part: &Condition) -> bool {
    whole == part
        || match whole {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().any(|of| holds(of, part)),
            Condition::Not(inner) => holds(inner, part),
            _ => false,
        }
}

fn navigation() -> String {
    let links = NAMES.map(|(file, title)| format!("<a href=\"{file}\">{title}</a>"));
    format!("<nav>{}</nav>\n", links.join(" "))
}

fn link_to_rule(name: &str) -> String {
    let name = escape(name);
    format!("<a href=\"rules.html#{name}\"><code>{name}</code></a>")
}

fn link_to_control(id: &str) -> String {
    format!(
        "<a href=\"controls.html#{}\">{}</a>",
        escape(id),
        escape(&control(id))
    )
}

fn test_row(test: &TestCase) -> Vec<String> {
    let verdict = match test.expect.verdict {
        Verdict::Allow => "allow",
        Verdict::RequireApproval => "require approval",
        Verdict::Block => "block",
    };
    let citing: BTreeSet<String> = test.expect.citing.iter().map(ToString::to_string).collect();
    let citing: Vec<String> = citing.into_iter().collect();
    let citing = match citing.is_empty() {
        true => String::new(),
        false => format!(" citing {}", citing.join(", ")),
    };
    vec![
        escape(&test.name),
        escape(&test.connection.name),
        escape(&format!("{verdict}{citing}")),
    ]
}
