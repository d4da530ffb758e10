//! The pages and what stands on each.

use std::collections::{BTreeMap, BTreeSet};

use hpol_bundle::decision::Verdict;
use hpol_bundle::policy::{
    Claim, Condition, Connection, Exception, Group, Policy, Rule, RuleId, Source,
};
use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::TestCase;
use hpol_nist_mappings::{ControlId, catalogue};

use crate::bundle::{control, does};
use crate::graph::There;
use crate::html::{escape, page, table};
use crate::observed::Observed;
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
    pub(super) observed: Observed,
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
            "<p>{} rules, {} exceptions, {} connections, {} groups, {} data classes, {} tests.</p>\n",
            self.policy.rules.len(),
            self.policy.exceptions.len(),
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
        let rules = (0..).map(RuleId).zip(&self.policy.rules);
        rules.map(|(id, rule)| self.rule(id, rule)).collect()
    }

    fn rule(&self, id: RuleId, rule: &Rule) -> String {
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
            link_to_control(&claim.control)
                + &reason.unwrap_or_default()
                + &self.idle(id, rule, claim)
        });
        let claims: Vec<String> = claims.collect();
        let claims = match claims.is_empty() {
            true => "none".to_owned(),
            false => claims.join(", "),
        };
        let does = escape(&does(self.policy, rule));
        body += &format!("<p class=\"dim\">{does}. Satisfies {claims}.</p>\n");
        body += &self.written(&rule.source);
        let exceptions = self.policy.exceptions.iter();
        let exceptions = exceptions.filter(|exception| exception.rule == id);
        body.extend(exceptions.map(|exception| self.exception(exception)));
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

    /// Where a rule does not hold although it matches.
    fn exception(&self, exception: &Exception) -> String {
        let [name, because, owner, until] = [
            &exception.name,
            &exception.because,
            &exception.owner,
            &exception.until,
        ]
        .map(|text| escape(text));
        format!(
            "<h3 id=\"{name}\">Exception {name}</h3>\n<p>{because}</p>\n\
             <p class=\"dim\">Until {until} in UTC. Owner: {owner}.</p>\n{}",
            self.written(&exception.source)
        )
    }

    /// Why a claim counts for nothing, where it does.
    fn idle(&self, id: RuleId, rule: &Rule, claim: &Claim) -> String {
        let idle = self.observed.idle(id, rule, claim);
        idle.map_or(String::new(), |why| format!(" ({})", why.said()))
    }

    /// A part of the sources as it is written, and where.
    fn written(&self, source: &Source) -> String {
        let place = format!("{}:{}", source.file, source.line);
        format!(
            "<pre>{}</pre>\n<p class=\"dim\">{}</p>\n",
            escape(&self.text(source)),
            escape(&place)
        )
    }

    fn text(&self, source: &Source) -> String {
        let file = self.files.iter().find(|file| file.name == source.file);
        let first = usize::try_from(source.line).unwrap_or(usize::MAX);
        let last = usize::try_from(source.end_line).unwrap_or(usize::MAX);
        let lines = file.map(|file| file.text.lines()).into_iter().flatten();
        let lines = lines
            .skip(first.saturating_sub(1))
            .take(last.saturating_sub(first) + 1);
        lines.collect::<Vec<_>>().join("\n")
    }

    fn controls(&self) -> String {
        let mut claimed: BTreeMap<ControlId, Vec<String>> = BTreeMap::new();
        for (id, rule) in (0..).map(RuleId).zip(&self.policy.rules) {
            for claim in &rule.claims {
                if let Ok(control) = ControlId::parse(&claim.control) {
                    let strength = claim.strength.as_str();
                    let idle = self.idle(id, rule, claim);
                    let said = format!("{} {strength}{idle}", link_to_rule(&rule.name));
                    claimed.entry(control).or_default().push(said);
                }
            }
        }
        for others in &self.policy.responsibilities {
            if let Ok(control) = ControlId::parse(&others.control) {
                let said = format!("{}: {}", escape(&others.who), escape(&others.because));
                claimed.entry(control).or_default().push(said);
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
        table(
            &["Control", "Title", "Rules and others"],
            &rows.collect::<Vec<_>>(),
        )
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
        if let Some(observe) = self.observe(connection) {
            body += &format!("<p><strong>{observe}</strong></p>\n");
        }
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

    /// What being in observe does to a connection that says so.
    fn observe(&self, connection: &Connection) -> Option<&'static str> {
        match (connection.observe, self.policy.observes(&connection.target)) {
            (_, true) => Some(
                "In observe: nothing is blocked or held there, and it is recorded what would have been. Masks and limits hold.",
            ),
            (true, false) => Some(
                "Says that it is in observe, and is not: another connection with the same target does not say so.",
            ),
            (false, false) => None,
        }
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
            hpol_bundle::policy::Effect::RequireApproval { group: of, .. }
            | hpol_bundle::policy::Effect::RequireJustification { reviewers: of, .. } => {
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
