//! What a test says that happened before, as the engine's own monitors see it.

use hpol_bundle::decision::Decision;
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::vocabulary::{Phase, Protocol};
use hpol_engine::Looked;
use hpol_engine::history::{Ledger, Moment, Monitors, Whose};
use hpol_hir::{TestBefore, TestCase};

use super::{Trial, now};

/// When the operation of a test is decided, in milliseconds; later than any window is long.
pub(crate) const NOW_MS: i64 = 4_000_000_000_000;

/// An operation that happened before.
pub(crate) struct Happened {
    /// The facts of session, operation and result; what is not known yet is unknown.
    pub(crate) facts: Facts,
    /// When it ended, in milliseconds; `None` while it is in flight.
    pub(crate) ended_ms: Option<i64>,
    /// Whether it was in the session of the test.
    pub(crate) in_session: bool,
    /// How often.
    pub(crate) times: u32,
}

impl Trial<'_> {
    /// The engine's decision on `operation`, asked by the subject of `case` on its connection after all that the test
    /// says of before.
    pub(crate) fn decide(&self, case: &TestCase, operation: &Facts) -> Decision {
        let monitors = Monitors::new(self.program);
        let (mut subject, mut session) = (Ledger::default(), Ledger::default());
        // What is not understood cannot have happened, which is told where the test is run.
        for happened in self.before(case).unwrap_or_default() {
            self.note(&happened, &monitors, (&mut subject, &mut session));
        }
        let own = self.own_facts(case, operation);
        let mut looked = Looked::default();
        looked.look_once(self.program, &own);
        let mut whose = Whose {
            subject: &mut subject,
            session: &mut session,
        };
        whose.tick(NOW_MS);
        let mut moment = Moment {
            monitors: &monitors,
            whose: &mut whose,
            looked: &looked,
            facts: &own,
            since: |_| i64::MIN,
        };
        let mut facts = self.session_facts(case);
        facts.extend(operation);
        facts.extend(&self.time(case));
        hpol_engine::decide_once_given(self.program, case.connection.protocol, &facts, &mut moment)
    }

    /// What happened before the operation of `case`, the oldest first and what is in flight last.
    ///
    /// # Errors
    /// What the gateway does not understand, so that it cannot have happened, and why.
    pub(crate) fn before(&self, case: &TestCase) -> Result<Vec<Happened>, String> {
        let mut order: Vec<&TestBefore> = case.before.iter().collect();
        order.sort_by_key(|before| std::cmp::Reverse(before.seconds_ago.unwrap_or(0)));
        order
            .into_iter()
            .map(|before| self.happened(case, before))
            .collect()
    }

    /// The facts of the operation of `case` as history sees them.
    pub(crate) fn own_facts(&self, case: &TestCase, operation: &Facts) -> Facts {
        let mut facts = self.session_facts(case);
        facts.extend(operation);
        facts.extend(&self.time(case));
        self.know_nothing_of_result(&mut facts);
        facts
    }

    fn happened(&self, case: &TestCase, before: &TestBefore) -> Result<Happened, String> {
        let asked = self
            .asked(&before.operation)
            .map_err(|why| format!("what it says of before cannot have happened: {why}"))?;
        let ago = i64::try_from(before.seconds_ago.unwrap_or(0)).unwrap_or(i64::MAX);
        let there = TestCase {
            connection: before.connection.clone(),
            at: Some(case.at.unwrap_or_else(now).saturating_sub(ago)),
            ..case.clone()
        };
        let mut facts = self.session_facts(&there);
        facts.extend(&asked.facts);
        facts.extend(&self.time(&there));
        match before.seconds_ago {
            None => self.know_nothing_of_result(&mut facts),
            Some(_) => self.know_result(before, &mut facts),
        }
        let ago_ms = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        Ok(Happened {
            facts,
            ended_ms: before
                .seconds_ago
                .map(|seconds| NOW_MS.saturating_sub(ago_ms(seconds))),
            in_session: before.in_session,
            times: before.times,
        })
    }

    fn note(
        &self,
        happened: &Happened,
        monitors: &Monitors,
        (subject, session): (&mut Ledger, &mut Ledger),
    ) {
        let mut looked = Looked::default();
        looked.look_once(self.program, &happened.facts);
        let mut elsewhere = Ledger::default();
        let mut whose = Whose {
            subject,
            session: match happened.in_session {
                true => session,
                false => &mut elsewhere,
            },
        };
        whose.tick(happened.ended_ms.unwrap_or(NOW_MS));
        for _ in 0..happened.times {
            match happened.ended_ms {
                Some(_) => monitors.ended(&mut whose, &looked, &happened.facts),
                // It does not end in this test.
                None => drop(monitors.begin(&mut whose, &looked, &happened.facts)),
            }
        }
    }

    /// The facts of a result that has been released.
    fn know_result(&self, before: &TestBefore, facts: &mut Facts) {
        let classes =
            |names: &[String]| Value::Set(names.iter().map(|name| name.as_str().into()).collect());
        let rows = (before.connection.protocol == Protocol::Postgres).then_some(before.rows);
        for (name, value) in [
            ("result.rows", rows.map(Value::Int)),
            ("result.bytes", Some(Value::Int(before.bytes))),
            ("result.classes", Some(classes(&before.releasing))),
            ("result.masked", Some(classes(&before.masking))),
        ] {
            if let (Some((id, _)), Some(value)) = (self.vocabulary.lookup(name), value) {
                facts.set(id, Fact::Known(value));
            }
        }
    }

    fn know_nothing_of_result(&self, facts: &mut Facts) {
        for (id, fact) in self.vocabulary.iter() {
            if fact.phase == Phase::Result {
                facts.set(id, Fact::Unknown);
            }
        }
    }
}
