//! Since when something is known: before that, and with a clock that went back, a number has no greatest.

use hpol_bundle::facts::Facts;
use hpol_bundle::policy::history::{History, HistoryTest, Measure, Own, Scope};
use hpol_bundle::policy::{Condition, Policy};
use hpol_bundle::program::Program;
use hpol_bundle::program::history::HistoryId;
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::Vocabulary;
use hpol_engine::Looked;
use hpol_engine::history::{Ledger, Moment, Monitors, Numbers, Whose};
use hpol_oracle::generate::{self, Random};

use crate::SEED;

/// A program whose one measurement counts the operations of ten seconds.
fn counting(scope: Scope) -> Program {
    let mut policy: Policy = generate::policy(&mut Random::new(SEED));
    policy.rules.truncate(1);
    policy.rules[0].condition = Condition::History(Box::new(HistoryTest {
        history: History {
            measure: Measure::Count,
            filter: Condition::All(vec![]),
            window_seconds: 10,
            scope,
            own: Own::Counts,
        },
        at_least: 0,
        at_most: 3,
    }));
    lower(&policy, Vocabulary::builtin()).unwrap()
}

/// What `program`'s one measurement gives at `now`, measured by `monitors` since `since`.
fn told(
    program: &Program,
    monitors: &Monitors,
    (subject, session): (&mut Ledger, &mut Ledger),
    now: i64,
    since: i64,
) -> (i64, i64) {
    let mut looked = Looked::default();
    looked.look_once(program, &Facts::new());
    let mut whose = Whose { subject, session };
    whose.tick(now);
    let mut moment = Moment {
        monitors,
        whose: &mut whose,
        looked: &looked,
        facts: &Facts::new(),
        since: |_| since,
    };
    let number = moment.number(HistoryId(0));
    (number.least, number.greatest)
}

/// A window that is asked about before anything is known of it has no upper end.
#[test]
fn what_is_not_known_yet_is_anything() {
    let program = counting(Scope::Subject);
    let monitors = Monitors::new(&program);
    let (mut subject, mut session) = (Ledger::since(5_000), Ledger::default());
    let mut at = |now| {
        let ledgers = (&mut subject, &mut session);
        told(&program, &monitors, ledgers, now, i64::MIN)
    };
    assert_eq!(at(14_999), (1, i64::MAX));
    assert_eq!(at(15_000), (1, 1));
    // A clock that goes back takes what is known with it: which of its times was right nobody can say.
    assert_eq!(at(6_000), (1, i64::MAX));
}

/// A ledger whose clock was ahead tells no more of the time before than the clock of now.
#[test]
fn a_clock_that_went_back_makes_nothing_known() {
    let program = counting(Scope::Session);
    let monitors = Monitors::new(&program);
    let (mut subject, mut session) = (Ledger::default(), Ledger::default());
    session.tick(90_000);
    let mut at = |now, since| {
        let ledgers = (&mut subject, &mut session);
        told(&program, &monitors, ledgers, now, since)
    };
    assert_eq!(at(6_000, 5_000), (1, i64::MAX));
    assert_eq!(at(15_000, 5_000), (1, 1));
    // A session that began while it was measured has nothing before.
    session = Ledger::beginning(6_000);
    let mut at = |now, since| {
        let ledgers = (&mut subject, &mut session);
        told(&program, &monitors, ledgers, now, since)
    };
    assert_eq!(at(6_001, 5_999), (1, 1));
    assert_eq!(at(6_001, 6_000), (1, i64::MAX));
}

/// What is in flight under a program that does not measure something may be anything to it; under one that does, it is in
/// its window.
#[test]
fn what_is_in_flight_and_not_measured_is_anything() {
    let program = counting(Scope::Subject);
    let monitors = Monitors::new(&program);
    for (other, greatest) in [
        (counting(Scope::Session), i64::MAX),
        (counting(Scope::Subject), 2),
    ] {
        let (mut subject, mut session) = (Ledger::default(), Ledger::default());
        let mut looked = Looked::default();
        looked.look_once(&other, &Facts::new());
        let mut whose = Whose {
            subject: &mut subject,
            session: &mut session,
        };
        let flying = Monitors::new(&other).begin(&mut whose, &looked, &Facts::new());
        let at = |whose: &mut Whose<'_>| {
            let ledgers = (&mut *whose.subject, &mut *whose.session);
            told(&program, &monitors, ledgers, 1_000, i64::MIN).1
        };
        assert_eq!(at(&mut whose), greatest);
        flying.take_out(&mut whose);
        assert_eq!(at(&mut whose), 1);
    }
}
