//! Why a rule matches an operation or does not: the first part of its condition that rules it out, and the facts that the
//! part saw. The reference interpreter says what holds; nothing is decided here.

use hpol_analysis::words;
use hpol_bundle::facts::{Fact, FactSet, Facts};
use hpol_bundle::policy::history::{HistoryTest, Scope};
use hpol_bundle::policy::{Condition, Effect, Policy, Rule, RuleId};
use hpol_bundle::vocabulary::{FactId, Vocabulary};
use hpol_hir::TestCase;
use hpol_oracle::{Moment, Past, Truth};
use serde::Serialize;

use crate::trial::{Trial, before};
use crate::visible;

/// What conditions saw when an operation was decided.
pub(crate) struct Seen<'a> {
    policy: &'a Policy,
    vocabulary: &'a Vocabulary,
    facts: Facts,
    /// The facts that are known to be unknown, missing or what they are; of all others nobody wrote anything down.
    told: Told,
    /// What came before; `None` where nobody wrote it down.
    history: Option<History>,
}

/// Of which facts it is told what they were.
enum Told {
    All,
    Only(FactSet),
}

/// The operation as history sees it, and those before it.
struct History {
    own: Past,
    past: Vec<Past>,
}

/// A part of a condition, and what it saw; a format, documented in `docs/cli.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    /// In words of the language.
    pub(crate) part: String,
    /// Whether it is false, or cannot be told.
    pub(crate) is: &'static str,
    /// The facts that it reads, each with its value.
    pub(crate) saw: Vec<String>,
    /// The exception, where the part is one that lifts the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exception: Option<String>,
    /// Whether it only says that the rule is for other connections.
    #[serde(skip)]
    pub(crate) elsewhere: bool,
}

impl<'a> Seen<'a> {
    /// What is seen of `case`, whose operation has the facts `operation`.
    ///
    /// # Errors
    /// What of before is not understood.
    pub(crate) fn of(
        policy: &'a Policy,
        vocabulary: &'a Vocabulary,
        trial: &Trial<'_>,
        case: &TestCase,
        operation: &Facts,
    ) -> Result<Seen<'a>, String> {
        let past = |facts, ended_ms, in_session| Past {
            subject: case.subject.id.as_str().into(),
            session: u64::from(in_session),
            ended_ms,
            facts,
        };
        let happened = trial.before(case)?.into_iter().flat_map(|happened| {
            let one = past(happened.facts, happened.ended_ms, happened.in_session);
            std::iter::repeat_n(one, happened.times as usize)
        });
        let past_ones = happened.collect();
        let mut facts = trial.session_facts(case);
        facts.extend(operation);
        facts.extend(&trial.time(case));
        Ok(Seen {
            policy,
            vocabulary,
            facts,
            told: Told::All,
            history: Some(History {
                own: past(trial.own_facts(case, operation), None, true),
                past: past_ones,
            }),
        })
    }

    /// What is left of it in a record: `facts`, of which it tells those in `told`, and nothing of what came before.
    pub(crate) fn in_record(
        policy: &'a Policy,
        vocabulary: &'a Vocabulary,
        facts: Facts,
        told: FactSet,
    ) -> Seen<'a> {
        Seen {
            policy,
            vocabulary,
            facts,
            told: Told::Only(told),
            history: None,
        }
    }

    /// What keeps `rule` from counting; `None` where nothing does.
    pub(crate) fn ruling_out(&self, id: RuleId, rule: &Rule) -> Option<Part> {
        let grants = matches!(rule.effect, Effect::Allow { .. });
        // What restricts counts also where it cannot be told; what grants does not.
        let counts = |truth: Truth| truth == Truth::True || (truth == Truth::Unknown && !grants);
        if !counts(self.truth(&rule.condition)) {
            return Some(self.first(&rule.condition));
        }
        let exceptions = self.policy.exceptions.iter();
        let mut own = exceptions.filter(|exception| exception.rule == id);
        let lifting = own.find(|exception| {
            let lifts = hpol_oracle::truth(&exception.condition, &self.facts, None);
            lifts == Truth::True || (lifts == Truth::Unknown && grants)
        })?;
        Some(Part {
            exception: Some(lifting.name.clone()),
            ..self.part(&lifting.condition, true)
        })
    }

    /// What keeps `condition` from holding; `None` where it holds.
    pub(crate) fn unmet(&self, condition: &Condition) -> Option<Part> {
        (self.truth(condition) != Truth::True).then(|| self.first(condition))
    }

    /// The first part of `condition`, which does not hold, that keeps it from holding.
    fn first(&self, condition: &Condition) -> Part {
        let (part, negated) = self.narrowed(condition, false);
        self.part(part, negated)
    }

    /// Whether `condition` holds; `None` where that cannot be told.
    pub(crate) fn holds(&self, condition: &Condition) -> Option<bool> {
        match self.truth(condition) {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown => None,
        }
    }

    /// The facts that `condition` reads, each with its value.
    pub(crate) fn saw(&self, condition: &Condition) -> Vec<String> {
        let mut read = Read::default();
        read.collect(condition);
        let facts = read.facts.iter().map(|id| self.fact(*id));
        let histories = read.histories.iter().map(|test| self.history(test));
        facts.chain(histories).collect()
    }

    fn moment(&self) -> Option<Moment<'_>> {
        self.history.as_ref().map(|history| Moment {
            now_ms: before::NOW_MS,
            own: &history.own,
            past: &history.past,
        })
    }

    fn truth(&self, condition: &Condition) -> Truth {
        hpol_oracle::truth(condition, &self.facts, self.moment())
    }

    fn truth_of(&self, condition: &Condition, negated: bool) -> Truth {
        match (self.truth(condition), negated) {
            (Truth::True, true) => Truth::False,
            (Truth::False, true) => Truth::True,
            (truth, _) => truth,
        }
    }

    /// The least part of `condition` that says why it does not hold: one that is false before one that cannot be told.
    fn narrowed<'c>(&self, condition: &'c Condition, negated: bool) -> (&'c Condition, bool) {
        match (condition, negated) {
            (Condition::Not(inner), _) => self.narrowed(inner, !negated),
            (Condition::All(parts), false) | (Condition::Any(parts), true) => {
                let least = |wanted: Truth| {
                    let mut parts = parts.iter();
                    parts.find(|part| self.truth_of(part, negated) == wanted)
                };
                let part = least(Truth::False).or_else(|| least(Truth::Unknown));
                part.map_or((condition, negated), |part| self.narrowed(part, negated))
            }
            (Condition::Any(parts), false) | (Condition::All(parts), true) => {
                match parts.as_slice() {
                    [only] => self.narrowed(only, negated),
                    _ => (condition, negated),
                }
            }
            (Condition::Test(_) | Condition::History(_), _) => (condition, negated),
        }
    }

    fn part(&self, condition: &Condition, negated: bool) -> Part {
        let said = match negated {
            true => words::condition(
                &Condition::Not(Box::new(condition.clone())),
                self.vocabulary,
            ),
            false => words::condition(condition, self.vocabulary),
        };
        let mut read = Read::default();
        read.collect(condition);
        let of_connection = |id: &FactId| is_of_connection(*id, self.vocabulary);
        Part {
            part: visible::line(&said),
            is: match self.truth_of(condition, negated) {
                Truth::Unknown => "unknown",
                Truth::False | Truth::True => "false",
            },
            saw: self.saw(condition),
            exception: None,
            elsewhere: read.histories.is_empty() && read.facts.iter().all(of_connection),
        }
    }

    fn fact(&self, id: FactId) -> String {
        let entry = self.vocabulary.fact(id);
        let name = entry.map_or("?", |entry| entry.name.as_str());
        match self.facts.fact(id) {
            _ if !self.tells(id) => format!("{name} is not recorded"),
            Fact::Known(value) => {
                let said = entry.map(|entry| words::fact_value(entry, value));
                format!(
                    "{name} = {}",
                    visible::brief(&said.unwrap_or_default(), VALUE)
                )
            }
            Fact::Missing => format!("{name} is missing"),
            Fact::Unknown => format!("{name} is unknown"),
        }
    }

    fn tells(&self, id: FactId) -> bool {
        match self.told {
            Told::All => true,
            Told::Only(told) => told.contains(id),
        }
    }

    fn history(&self, test: &HistoryTest) -> String {
        let whose = match test.history.scope {
            Scope::Subject => "of the subject",
            Scope::Session => "of the session",
        };
        let Some(moment) = self.moment() else {
            return format!("history {whose} is not recorded");
        };
        let (least, greatest) = hpol_oracle::number(&test.history, moment);
        let number = match (least, greatest) {
            (least, greatest) if least == greatest => least.to_string(),
            (least, i64::MAX) => format!("{least} or more"),
            (least, greatest) => format!("{least} to {greatest}"),
        };
        let wanted = match (test.at_least, test.at_most) {
            (least, i64::MAX) => format!("{least} or more"),
            (least, most) if least <= 0 => format!("at most {most}"),
            (least, most) => format!("{least} to {most}"),
        };
        format!("history {whose} = {number}, where {wanted} is asked for")
    }
}

/// Whether a fact says on which connection an operation is, and nothing of it.
pub(crate) fn is_of_connection(id: FactId, vocabulary: &Vocabulary) -> bool {
    let fact = vocabulary.fact(id);
    fact.is_some_and(|fact| fact.name.starts_with("connection."))
}

/// Characters of a value that are shown.
const VALUE: usize = 200;

/// What a condition reads, each once, in order.
#[derive(Default)]
struct Read<'c> {
    facts: Vec<FactId>,
    histories: Vec<&'c HistoryTest>,
}

impl<'c> Read<'c> {
    fn collect(&mut self, condition: &'c Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.collect(part));
            }
            Condition::Not(inner) => self.collect(inner),
            Condition::Test(test) if self.facts.contains(&test.fact) => {}
            Condition::Test(test) => self.facts.push(test.fact),
            Condition::History(history) => self.histories.push(history),
        }
    }
}

impl Part {
    /// On one line.
    pub(crate) fn said(&self) -> String {
        let saw = match self.saw.is_empty() {
            true => String::new(),
            false => format!("; saw {}", self.saw.join(", ")),
        };
        match (&self.exception, self.is) {
            (Some(exception), "unknown") => format!("{exception} may lift it{saw}"),
            (Some(exception), _) => format!("{exception} lifts it{saw}"),
            (None, "unknown") => format!("{} cannot be told{saw}", self.part),
            (None, _) => format!("{} is false{saw}", self.part),
        }
    }
}

/// The word for what a rule does.
pub(crate) fn does(effect: &Effect) -> &'static str {
    match effect {
        Effect::Allow { .. } => "allow",
        Effect::Block { .. } => "block",
        Effect::RequireApproval { .. } => "require approval",
        Effect::RequireJustification { .. } => "require justification",
        Effect::Mask { .. } => "mask",
        Effect::Limit { .. } => "limit",
    }
}
