//! Runs the tests of a policy: the production extractors make the facts, the production engine decides.

use std::sync::Arc;

use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::digest::sha256;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{ClassId, Effect, Policy, RuleId};
use hpol_bundle::program::Program;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_hir::{ControlId, TestCase, TestOperation};
use hpol_operation::http::{self, HttpRequest};
use hpol_operation::sql::{Analyser, ClassifiedColumn, Limits, SqlAnalysis, SqlSession};

/// What decides where no rule does.
pub(crate) const DEFAULT_DENY: &str = "default_deny";
/// What decides where an operation is not understood.
const GATEWAY: &str = "gateway";
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

/// What came of one operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) verdict: Verdict,
    /// Qualified names, sorted; `default_deny` or `gateway` where no rule decided.
    by: Vec<String>,
    controls: Vec<ControlId>,
    pub(crate) masking: Vec<String>,
    /// Rows at most.
    limit: Option<u64>,
    /// Rules in observe that match, sorted.
    observing: Vec<String>,
    /// What the reader should know beside: facts that could not be determined, why the gateway refuses.
    note: Option<String>,
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
            Verdict::Allow | Verdict::RequireApproval => self.cannot_mask(case, &asked, &decision),
        }
        .unwrap_or_else(|| self.outcome(&decision))
    }

    /// The engine's decision on `operation`, asked by the subject of `case` on its connection.
    pub(crate) fn decide(&self, case: &TestCase, operation: &Facts) -> Decision {
        let session = hpol_engine::specialise(
            self.program,
            case.connection.protocol,
            &self.session_facts(case),
        );
        let mut decision = Decision::with_capacity(self.policy.rules.len());
        let mut scratch = hpol_engine::Scratch::new(&session);
        hpol_engine::decide(
            self.program,
            &session,
            operation,
            &mut scratch,
            &mut decision,
        );
        decision
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
        let (mut by, mut controls, mut classified) = (Vec::new(), Vec::new(), Vec::new());
        for rule in decision
            .mask
            .iter()
            .filter_map(|id| self.policy.rules.get(id.0 as usize))
        {
            let Effect::Mask { class, .. } = rule.effect else {
                continue;
            };
            let columns = self
                .policy
                .classes
                .get(class.0 as usize)
                .map_or(&[][..], |class| &class.columns);
            let mut columns = columns
                .iter()
                .filter(|column| column.target == case.connection.target)
                .peekable();
            if columns.peek().is_some() {
                by.push(rule.name.clone());
                controls.extend(
                    rule.claims
                        .iter()
                        .filter_map(|claim| ControlId::parse(&claim.control).ok()),
                );
            }
            classified.extend(columns.map(|column| ClassifiedColumn {
                schema: column.schema.clone(),
                table: column.table.clone(),
                column: column.column.clone(),
            }));
        }
        let why = crate::exposure::cannot_mask(analysis, &classified)?;
        let note = Some(format!("it cannot be masked: {why}"));
        Some(Verdicts {
            verdict: Verdict::Block,
            by,
            controls,
            masking: Vec::new(),
            limit: None,
            observing: self.observing(decision),
            note,
        })
    }

    /// The rules in observe that match, sorted.
    fn observing(&self, decision: &Decision) -> Vec<String> {
        let observed = decision.observed.iter();
        let rules = observed.filter_map(|observed| self.policy.rules.get(observed.rule.0 as usize));
        let mut names: Vec<String> = rules.map(|rule| rule.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The outcome by the policy alone: whether its masks can be carried out is not asked.
    pub(crate) fn outcome(&self, decision: &Decision) -> Verdicts {
        let rule = |id: &RuleId| self.policy.rules.get(id.0 as usize);
        let determining: Vec<_> = decision.determining().iter().filter_map(rule).collect();
        let mut by: Vec<String> = determining.iter().map(|rule| rule.name.clone()).collect();
        let claims = determining.iter().flat_map(|rule| &rule.claims);
        let mut cited: Vec<_> = claims
            .filter_map(|claim| ControlId::parse(&claim.control).ok())
            .collect();
        if by.is_empty() {
            by.push(DEFAULT_DENY.to_owned());
            cited = default_deny_controls();
        }
        let class = |id: ClassId| {
            self.policy
                .classes
                .get(id.0 as usize)
                .map(|class| class.name.clone())
        };
        let masks = decision
            .mask
            .iter()
            .filter_map(rule)
            .filter_map(|rule| match &rule.effect {
                Effect::Mask { class: id, .. } => class(*id),
                _ => None,
            });
        let limits = decision.limit.iter().filter_map(rule);
        let limits = limits.filter_map(|rule| rule.effect.row_limit());
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
            limit: limits.min(),
            observing: self.observing(decision),
            note,
        }
    }
}

impl Verdicts {
    /// Holds it against what the test expects.
    pub(crate) fn compare(&self, case: &TestCase) -> Result<(), String> {
        let expect = &case.expect;
        let mut wrong = Vec::new();
        if self.verdict != expect.verdict {
            wrong.push(format!(
                "expected {}, got {} by {}",
                word(expect.verdict),
                word(self.verdict),
                self.by.join(", ")
            ));
        } else if !expect.by.is_empty() && self.by != expect.by {
            wrong.push(format!(
                "expected {} by {}, got by {}",
                word(self.verdict),
                expect.by.join(", "),
                self.by.join(", ")
            ));
        }
        let missing: Vec<_> = expect
            .citing
            .iter()
            .filter(|id| !self.controls.contains(id))
            .map(ToString::to_string)
            .collect();
        if !missing.is_empty() && wrong.is_empty() {
            wrong.push(format!(
                "{} does not cite {}",
                self.by.join(", "),
                missing.join(", ")
            ));
        }
        if !expect.masking.is_empty() && self.masking != expect.masking {
            let masked = if self.masking.is_empty() {
                "nothing".to_owned()
            } else {
                self.masking.join(", ")
            };
            wrong.push(format!(
                "expected masking of {}, got {masked}",
                expect.masking.join(", ")
            ));
        }
        if let (Some(expected), found) = (expect.limit, self.limit)
            && found != Some(expected)
        {
            let found = found.map_or("no limit".to_owned(), |rows| format!("{rows} rows"));
            wrong.push(format!("expected a limit of {expected} rows, got {found}"));
        }
        if !expect.observing.is_empty() && self.observing != expect.observing {
            let observed = match self.observing.is_empty() {
                true => "none".to_owned(),
                false => self.observing.join(", "),
            };
            wrong.push(format!(
                "expected observing of {}, got {observed}",
                expect.observing.join(", ")
            ));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        wrong.extend(self.note.clone());
        Err(wrong.join("; "))
    }
}

/// The block of an operation that is not understood.
fn refused(why: &str) -> Verdicts {
    Verdicts {
        verdict: Verdict::Block,
        by: vec![GATEWAY.to_owned()],
        controls: default_deny_controls(),
        masking: Vec::new(),
        limit: None,
        observing: Vec::new(),
        note: Some(format!("the gateway refuses it before any rule: {why}")),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::RequireApproval => "require approval",
        Verdict::Block => "block",
    }
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
