//! Runs the tests of a policy: the production extractors make the facts, the production engine decides.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hpol_bundle::address;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::digest::sha256;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::justification;
use hpol_bundle::policy::{ClassId, Effect, Policy, Rule, RuleId};
use hpol_bundle::program::Program;
use hpol_bundle::schedule;
use hpol_bundle::vocabulary::{Derived, Vocabulary};
use hpol_hir::{ControlId, TestCase, TestOperation};
use hpol_operation::http::{self, HttpRequest};
use hpol_operation::sql::{Analyser, ClassifiedColumn, Limits, SqlAnalysis, SqlSession};

use crate::verdicts::{Verdicts, refused};

#[path = "trial/before.rs"]
pub(crate) mod before;

/// What decides where no rule does.
pub(crate) const DEFAULT_DENY: &str = "default_deny";
/// What `default_deny` cites (lang-spec, semantics 1).
const DEFAULT_DENY_CONTROLS: [&str; 3] = ["AC-3", "AC-24", "SC-7(5)"];
/// The host of a request whose test names a path alone.
const HOST: &str = "localhost";

/// A policy, ready to be tried.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    policy: &'a Policy,
    program: &'a Program,
    vocabulary: &'a Vocabulary,
    analyser: Analyser,
}

/// An operation that is understood.
pub(crate) struct Asked {
    pub(crate) facts: Facts,
    /// For SQL: what a mask has to be carried out on.
    analysis: Option<Arc<SqlAnalysis>>,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(
        policy: &'a Policy,
        program: &'a Program,
        vocabulary: &'a Vocabulary,
    ) -> Trial<'a> {
        Trial {
            policy,
            program,
            vocabulary,
            analyser: Analyser::new(Limits::default()),
        }
    }

    /// Runs one test.
    ///
    /// # Errors
    /// How the outcome differs from what the test expects.
    pub(crate) fn run(&self, case: &TestCase) -> Result<(), String> {
        self.before(case)?;
        self.verdicts(case).compare(case)
    }

    /// What comes of the operation of a test.
    pub(crate) fn verdicts(&self, case: &TestCase) -> Verdicts {
        let asked = match self.asked(&case.operation) {
            Ok(asked) => asked,
            Err(why) => return refused(&why),
        };
        let decision = self.decide(case, &asked.facts);
        match decision.verdict {
            Verdict::Block => None,
            Verdict::Allow | Verdict::RequireApproval => self
                .cannot_mask(case, &asked, &decision)
                .or_else(|| self.cannot_limit(&asked, &decision)),
        }
        .unwrap_or_else(|| self.outcome(case, &decision))
    }

    /// What is known of any operation of `case`: its time, now where it says none, and what is given as the justification.
    pub(crate) fn time(&self, case: &TestCase) -> Facts {
        let mut facts = Facts::new();
        let time = case.at.unwrap_or_else(now);
        facts.extend(&schedule::facts(self.vocabulary, time));
        if let Some((id, _)) = self.vocabulary.lookup("time.now") {
            facts.set(id, Fact::Known(Value::Int(time)));
        }
        let given = self.vocabulary.lookup(justification::FACT);
        if let (Some((id, _)), Some(given)) = (given, &case.subject.justification) {
            facts.set(id, Fact::Known(Value::Text(given.as_str().into())));
        }
        facts
    }

    /// Subject and connection of `case`.
    pub(crate) fn session_facts(&self, case: &TestCase) -> Facts {
        let text = |text: &str| Value::Text(text.into());
        let mut facts = Facts::new();
        let mut set = |name: &str, value: Value| {
            if let Some((id, _)) = self.vocabulary.lookup(name) {
                facts.set(id, Fact::Known(value));
            }
        };
        set("subject.id", text(&case.subject.id));
        set(
            "subject.groups",
            Value::Set(
                case.subject
                    .groups
                    .iter()
                    .map(|group| group.as_str().into())
                    .collect(),
            ),
        );
        set("connection.name", text(&case.connection.target));
        set("connection.kind", text(case.connection.protocol.as_str()));
        if let Some(issuer) = &case.subject.issuer {
            set("subject.issuer", text(issuer));
        }
        if let Some(from) = case.subject.from {
            set("session.client_address", Value::Text(address::text(from)));
        }
        for (id, derived) in self.vocabulary.derived() {
            let fact = self.vocabulary.fact(id);
            if let (Derived::Claim { name, .. }, Some(fact)) = (derived, fact)
                && let Some(claim) = case.subject.claims.get(name)
            {
                facts.set(id, claim.fact(&fact.ty));
            }
        }
        facts
    }

    /// What is asked for, as the gateway would see it.
    ///
    /// # Errors
    /// Why the gateway would refuse it unjudged.
    pub(crate) fn asked(&self, operation: &TestOperation) -> Result<Asked, String> {
        match operation {
            TestOperation::Sql(sql) => {
                let session = SqlSession {
                    search_path: vec!["public".to_owned()],
                    catalogue: None,
                };
                let analysis = self
                    .analyser
                    .analyse(sql, &session)
                    .map_err(|refusal| refusal.to_string())?;
                Ok(Asked {
                    facts: analysis.operation(&[], self.vocabulary).facts,
                    analysis: Some(analysis),
                })
            }
            TestOperation::Http {
                method,
                target,
                content_type,
                body,
            } => {
                let body = body.as_deref().unwrap_or_default().as_bytes();
                let (scheme, authority, target) = split(target);
                let request = HttpRequest {
                    method,
                    scheme,
                    authority,
                    target,
                    content_type: content_type.as_deref(),
                    body_digest: sha256(body),
                    body_preview: body,
                    body_bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
                };
                let analysis = http::analyse(&request, self.vocabulary)
                    .map_err(|refusal| refusal.to_string())?;
                Ok(Asked {
                    facts: analysis.operation.facts,
                    analysis: None,
                })
            }
        }
    }

    /// The block that follows where a mask applies and cannot be carried out (semantics 4); by the rules that mask.
    fn cannot_mask(&self, case: &TestCase, asked: &Asked, decision: &Decision) -> Option<Verdicts> {
        let analysis = asked.analysis.as_ref()?;
        let (mut rules, mut classified, mut searching) = (Vec::new(), Vec::new(), Vec::new());
        for rule in self.rules(&decision.mask) {
            let Effect::Mask { class, .. } = rule.effect else {
                continue;
            };
            let class = self.policy.classes.get(class.0 as usize);
            if class.is_some_and(|class| !class.detectors.is_empty()) {
                searching.push(rule);
            }
            let mut columns = class
                .map_or(&[][..], |class| &class.columns)
                .iter()
                .filter(|column| column.target == case.connection.target)
                .peekable();
            if columns.peek().is_some() {
                rules.push(rule);
            }
            classified.extend(columns.map(|column| ClassifiedColumn {
                schema: column.schema.clone(),
                table: column.table.clone(),
                column: column.column.clone(),
            }));
        }
        let searched = !searching.is_empty();
        let why = crate::exposure::cannot_mask(analysis, &classified, searched)?;
        if rules.is_empty() {
            rules = searching;
        }
        Some(self.unmet(&rules, decision, format!("it cannot be masked: {why}")))
    }

    /// The block that follows where a limit applies and cannot be carried out; by the rules with the smallest.
    fn cannot_limit(&self, asked: &Asked, decision: &Decision) -> Option<Verdicts> {
        let rows = self.smallest_limit(decision)?;
        let why = match &asked.analysis {
            Some(analysis) => analysis.cannot_limit()?,
            None => "an HTTP response has no rows to count",
        };
        let rules: Vec<_> = self
            .rules(&decision.limit)
            .filter(|rule| rule.effect.row_limit() == Some(rows))
            .collect();
        let note = format!("it cannot be cut to {rows} rows: {why}");
        Some(self.unmet(&rules, decision, note))
    }

    /// The block by `rules`, whose obligations cannot be carried out.
    fn unmet(&self, rules: &[&Rule], decision: &Decision, note: String) -> Verdicts {
        let claims = rules.iter().flat_map(|rule| &rule.claims);
        let mut by: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
        by.sort();
        Verdicts {
            verdict: Verdict::Block,
            by,
            controls: claims
                .filter_map(|claim| ControlId::parse(&claim.control).ok())
                .collect(),
            masking: Vec::new(),
            limit: None,
            observing: self.observing(decision),
            excepting: self.excepting(decision),
            note: Some(note),
        }
    }

    fn rules(&self, ids: &[RuleId]) -> impl Iterator<Item = &'a Rule> {
        let policy = self.policy;
        ids.iter().filter_map(|id| policy.rules.get(id.0 as usize))
    }

    /// Rows at most.
    fn smallest_limit(&self, decision: &Decision) -> Option<u64> {
        let limits = self.rules(&decision.limit);
        limits.filter_map(|rule| rule.effect.row_limit()).min()
    }

    /// The class by name, where anything tells its values on the connection of `case`; the gateway passes over others.
    fn masked_class(&self, case: &TestCase, id: ClassId) -> Option<String> {
        let class = self.policy.classes.get(id.0 as usize)?;
        let target = &case.connection.target;
        let hides = class.columns.iter().any(|column| column.target == *target)
            || class.json.iter().any(|path| path.target == *target)
            || !class.detectors.is_empty();
        hides.then(|| class.name.clone())
    }

    /// The rules in observe that match, sorted.
    fn observing(&self, decision: &Decision) -> Vec<String> {
        let observed = decision.observed.iter();
        let rules = observed.filter_map(|seen| self.policy.rules.get(seen.rule.0 as usize));
        let mut names: Vec<String> = rules.map(|rule| rule.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The exceptions that lift a rule, sorted.
    fn excepting(&self, decision: &Decision) -> Vec<String> {
        let exceptions = decision.excepted.iter();
        let exceptions =
            exceptions.filter_map(|one| self.policy.exceptions.get(one.exception.0 as usize));
        let mut names: Vec<String> = exceptions.map(|one| one.name.clone()).collect();
        names.sort();
        names
    }

    /// The outcome by the policy alone: whether its masks can be carried out is not asked.
    pub(crate) fn outcome(&self, case: &TestCase, decision: &Decision) -> Verdicts {
        let determining: Vec<_> = self.rules(decision.determining()).collect();
        let mut by: Vec<String> = determining.iter().map(|rule| rule.name.clone()).collect();
        let claims = determining.iter().flat_map(|rule| &rule.claims);
        let mut cited: Vec<_> = claims
            .filter_map(|claim| ControlId::parse(&claim.control).ok())
            .collect();
        if by.is_empty() {
            by.push(DEFAULT_DENY.to_owned());
            cited = default_deny_controls();
        }
        let masks = self.rules(&decision.mask);
        let masks = masks.filter_map(|rule| match rule.effect {
            Effect::Mask { class, .. } => self.masked_class(case, class),
            _ => None,
        });
        let mut masking: Vec<String> = masks.collect();
        by.sort();
        masking.sort();
        masking.dedup();
        let unknown: Vec<_> = decision
            .unknown
            .iter()
            .filter_map(|id| self.vocabulary.fact(id))
            .collect();
        let names: Vec<_> = unknown
            .iter()
            .map(|fact| format!("`{}`", fact.name))
            .collect();
        let note = (!names.is_empty()).then(|| format!("not determined: {}", names.join(", ")));
        Verdicts {
            verdict: decision.verdict,
            by,
            controls: cited,
            masking,
            limit: self.smallest_limit(decision),
            observing: self.observing(decision),
            excepting: self.excepting(decision),
            note,
        }
    }
}

/// The time, in seconds since 1970; 0 before that, when nothing has ended.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// What `default_deny` cites.
pub(crate) fn default_deny_controls() -> Vec<ControlId> {
    controls(&DEFAULT_DENY_CONTROLS)
}

fn controls(ids: &[&str]) -> Vec<ControlId> {
    ids.iter()
        .filter_map(|id| ControlId::parse(id).ok())
        .collect()
}

/// Scheme, authority and origin form of what a test asks for.
fn split(target: &str) -> (&str, &str, &str) {
    for scheme in ["http", "https"] {
        let rest = target
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"));
        if let Some(rest) = rest {
            let at = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(at);
            return (scheme, authority, if path.is_empty() { "/" } else { path });
        }
    }
    ("http", HOST, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_urls_or_paths() {
        assert_eq!(split("/a?b"), ("http", HOST, "/a?b"));
        assert_eq!(
            split("https://crm.example:8443/a"),
            ("https", "crm.example:8443", "/a")
        );
        assert_eq!(split("http://crm.example"), ("http", "crm.example", "/"));
        assert_eq!(split("http://crm.example?q"), ("http", "crm.example", "?q"));
    }
}
