//! `hpol eval`: decides requests given as facts, or one that is given as a person would say it, with the evaluator that
//! the gateway runs.

mod one;

use std::path::PathBuf;

use clap::Args;
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::FactSet;
use hpol_bundle::policy::{Effect, Policy, RuleId, Unread};
use hpol_nist_mappings::ControlId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::bundle;
use crate::compiled::{Compiled, Origin};
use crate::exit::{Failure, Outcome};
use crate::forms::{Decider, Form};
use crate::requests::Requests;
use crate::terminal::Terminal;
use crate::trial;

use one::One;

/// Decide one request and say why, or many that are given as facts
#[derive(Debug, Args)]
#[command(after_help = "\
With --sql or --http one request is decided: the answer has the verdict, what it obliges to, and for every rule why it \
matches or the first part of its condition that rules it out. Names without a schema are looked up in `public`; a \
request without a host goes to `localhost`; nothing happened before.

With --requests a request is a line of JSON: {\"id\", \"kind\", \"facts\": {\"subject.id\": \"agent-7\", \"sql.verbs\": [\"select\"], ...}, \"unknown\": [...]}.
A fact that is null or in \"unknown\" is unknown, one that is not there is missing. The answers come as lines, in order.

Examples:
  hpol eval policies/orders --as agent-7 --groups agents,support --on orders_db --sql \"SELECT * FROM orders\"
  hpol eval policies/crm --as agent-7 --on crm --http \"GET /v1/contacts\" --json
  hpol eval policy.hpolb --key policy.key.pub --requests requests.jsonl
  hpol eval policies/orders --requests -")]
pub(crate) struct Eval {
    #[command(flatten)]
    origin: Origin,
    /// File with the requests; `-` for standard input
    #[arg(long, value_name = "FILE", required_unless_present_any = ["sql", "http"], conflicts_with_all = ["sql", "http"])]
    requests: Option<PathBuf>,
    /// The compiled form that decides requests of a file; all decide alike
    #[arg(long, value_enum, default_value_t = Form::Session, conflicts_with_all = ["sql", "http"])]
    form: Form,
    #[command(flatten)]
    one: One,
}

/// A line of the answer; a format, documented in `docs/cli.md`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: Value,
    verdict: Verdict,
    rules: Matching<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    determining: Option<Vec<&'a str>>,
    obligations: Vec<Value>,
    /// What rules in observe would do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observed: Vec<Value>,
    /// The exceptions that lift a rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excepted: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controls: Option<Vec<String>>,
    unknown: Vec<&'a str>,
}

/// Every rule that matches, by effect; a form that does not know them all leaves effects out.
#[derive(Debug, Serialize)]
struct Matching<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<Vec<&'a str>>,
    approve: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<Vec<&'a str>>,
    mask: Vec<&'a str>,
    limit: Vec<&'a str>,
}

impl Eval {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Some(compiled) = self.origin.load(terminal)? else {
            return Ok(Outcome::Findings);
        };
        let Some(requests) = &self.requests else {
            return self.one.run(&compiled, terminal);
        };
        let mut requests = Requests::open(requests, &compiled.vocabulary)?;
        let mut decider = Decider::new(&compiled, self.form);
        while let Some(request) = requests.next()? {
            let every = decider.names_every_rule();
            let decision = decider.decide(&request);
            terminal.json_line(&answer(&compiled, request.id, decision, every))?;
            if requests.may_wait() {
                terminal.flush()?;
            }
        }
        Ok(Outcome::Clean)
    }
}

/// The answer; `every` is whether the decision names every rule that matches.
fn answer<'a>(compiled: &'a Compiled, id: Value, decision: &Decision, every: bool) -> Answer<'a> {
    let policy = &compiled.policy;
    let names = |ids: &[RuleId]| {
        let rules = ids.iter().filter_map(|id| policy.rules.get(id.0 as usize));
        rules.map(|rule| rule.name.as_str()).collect::<Vec<_>>()
    };
    let mut determining = names(decision.determining());
    if determining.is_empty() {
        determining.push(trial::DEFAULT_DENY);
    }
    Answer {
        id,
        verdict: decision.verdict,
        rules: Matching {
            block: every.then(|| names(&decision.block)),
            approve: names(&decision.approve),
            allow: every.then(|| names(&decision.allow)),
            mask: names(&decision.mask),
            limit: names(&decision.limit),
        },
        determining: every.then_some(determining),
        obligations: obligations(policy, decision),
        observed: observed(policy, decision),
        excepted: excepted(policy, decision),
        controls: every.then(|| controls(policy, decision.determining())),
        unknown: unknown(compiled, decision.unknown),
    }
}

/// What rules in observe would do, had they not been.
fn observed(policy: &Policy<Unread>, decision: &Decision) -> Vec<Value> {
    let observed = decision.observed.iter().filter_map(|observed| {
        let rule = policy.rules.get(observed.rule.0 as usize)?;
        Some(json!({"rule": rule.name, "would": observed.would.as_str()}))
    });
    observed.collect()
}

/// The exceptions that lift a rule.
fn excepted(policy: &Policy<Unread>, decision: &Decision) -> Vec<Value> {
    let excepted = decision.excepted.iter().filter_map(|excepted| {
        let rule = policy.rules.get(excepted.rule.0 as usize)?;
        let exception = policy.exceptions.get(excepted.exception.0 as usize)?;
        Some(json!({"rule": rule.name, "exception": exception.name}))
    });
    excepted.collect()
}

/// What the verdict obliges the gateway to; nothing where it blocks. Of several limits the smallest holds.
fn obligations(policy: &Policy<Unread>, decision: &Decision) -> Vec<Value> {
    let ids: &[&[RuleId]] = match decision.verdict {
        Verdict::Block => &[],
        Verdict::RequireApproval | Verdict::Allow => {
            &[&decision.approve, &decision.mask, &decision.limit]
        }
    };
    let rules = ids.iter().copied().flatten();
    let rules = rules.filter_map(|id| policy.rules.get(id.0 as usize));
    let limits = decision.limit.iter();
    let limits = limits.filter_map(|id| policy.rules.get(id.0 as usize)?.effect.row_limit());
    let smallest = limits.min();
    let obligation = |rule: &hpol_bundle::policy::Rule<Unread>| match &rule.effect {
        Effect::RequireApproval {
            quorum,
            group,
            within_seconds,
            stands_seconds,
        } => {
            let group = policy.groups.get(group.0 as usize);
            let mut approval = json!({
                "quorum": quorum, "group": group.map(|group| &group.name), "within_seconds": within_seconds,
            });
            if let (Some(seconds), Some(fields)) = (stands_seconds, approval.as_object_mut()) {
                fields.insert("stands_seconds".to_owned(), json!(seconds));
            }
            Some(json!({"rule": rule.name, "approval": approval}))
        }
        Effect::Mask { class, mask } => {
            let class = policy.classes.get(class.0 as usize);
            Some(json!({"rule": rule.name, "mask": {
                "class": class.map(|class| &class.name), "how": bundle::masker(*mask),
            }}))
        }
        Effect::Allow { .. } | Effect::Limit { .. } => {
            let rows = rule
                .effect
                .row_limit()
                .filter(|rows| Some(*rows) == smallest)?;
            Some(json!({"rule": rule.name, "limit": {"rows": rows}}))
        }
        Effect::RequireJustification { reviewers, .. } => {
            let group = policy.groups.get(reviewers.0 as usize);
            Some(json!({"rule": rule.name, "justification": {
                "reviewers": group.map(|group| &group.name),
            }}))
        }
        Effect::Block {
            terminates: true, ..
        } => Some(json!({"rule": rule.name, "terminates": "session"})),
        Effect::Block { .. } => None,
    };
    rules.filter_map(obligation).collect()
}

/// The controls that the determining rules claim, each once, in order.
fn controls(policy: &Policy<Unread>, determining: &[RuleId]) -> Vec<String> {
    let rules = determining
        .iter()
        .filter_map(|id| policy.rules.get(id.0 as usize));
    let claims = rules.flat_map(|rule| &rule.claims);
    let mut ids: Vec<ControlId> = if determining.is_empty() {
        trial::default_deny_controls()
    } else {
        claims
            .filter_map(|claim| ControlId::parse(&claim.control).ok())
            .collect()
    };
    ids.sort();
    ids.dedup();
    ids.iter().map(ToString::to_string).collect()
}

fn unknown(compiled: &Compiled, facts: FactSet) -> Vec<&str> {
    let facts = facts.iter().filter_map(|id| compiled.vocabulary.fact(id));
    facts.map(|fact| fact.name.as_str()).collect()
}
