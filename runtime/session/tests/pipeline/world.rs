//! A door with ports in memory, and a small policy built by hand.

use std::sync::Arc;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{
    ClassId, Condition, Connection as PolicyConnection, DataClass, Effect, GroupId, Mask, Policy,
    Predicate, Rule,
};
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_evidence::record::{DecisionRecord, Event, OutcomeRecord};
use hpol_operation::{Class, Operation};
use hpol_ports::policy::{dbas, in_force, member, rule, test};
use hpol_ports::{ManualClock, MemoryLog, MemoryStore, log, principal};
use hpol_session::door::Door;
use hpol_session::masking::MaskingPlan;
use hpol_session::principal::Connection;
use hpol_session::session::{CannotMask, Carrier, Returns, Session};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) door: Arc<Door>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
}

/// Says of every mask that it can, or that it cannot, be carried out.
pub(crate) struct Masks(pub(crate) bool);

impl Carrier for Masks {
    fn can_mask(&self, plan: &MaskingPlan) -> Result<(), CannotMask> {
        let class = plan
            .columns()
            .next()
            .map_or("shop.pii.ssn", |_| "shop.pii.ssn")
            .to_owned();
        if self.0 {
            Ok(())
        } else {
            Err(CannotMask {
                class,
                why: "it is used in WHERE".to_owned(),
            })
        }
    }
}

/// Says where values come back.
pub(crate) struct Gives(pub(crate) Returns);

impl Carrier for Gives {
    fn can_mask(&self, _: &MaskingPlan) -> Result<(), CannotMask> {
        Ok(())
    }

    fn returns(&self, _: &MaskingPlan) -> Returns {
        self.0
    }
}

impl World {
    pub(crate) fn new() -> World {
        let world = World::without_policy();
        world.install(1);
        world
    }

    pub(crate) fn without_policy() -> World {
        let log = Arc::new(MemoryLog::new(word));
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::default());
        let door = Door::new(clock.clone(), log.clone(), store.clone());
        World {
            door,
            log,
            store,
            clock,
        }
    }

    /// Puts the policy in force under a digest of its own.
    pub(crate) fn install(&self, digest: u8) {
        self.door.install(in_force(policy(), digest));
    }

    /// A door with `policy` in force.
    pub(crate) fn with_policy(policy: Policy) -> World {
        let world = World::without_policy();
        world.door.install(in_force(policy, 1));
        world
    }

    pub(crate) async fn session(&self, subject: &str, groups: &[&str]) -> Session {
        self.door
            .open(principal(subject, groups), connection(), "127.0.0.1:5000")
            .await
            .unwrap()
    }

    /// The last decision on record.
    pub(crate) fn decision(&self) -> DecisionRecord {
        self.last(|event| match event {
            Event::Decision(record) => Some(DecisionRecord::clone(record)),
            _ => None,
        })
    }

    /// The last outcome on record.
    pub(crate) fn outcome(&self) -> OutcomeRecord {
        self.last(|event| match event {
            Event::Outcome(record) => Some(OutcomeRecord::clone(record)),
            _ => None,
        })
    }

    fn last<T>(&self, of: impl Fn(&Event) -> Option<T>) -> T {
        let events = self.log.events();
        events.iter().rev().find_map(of).unwrap()
    }
}

pub(crate) fn connection() -> Connection {
    Connection {
        name: "orders-prod".to_owned(),
        protocol: Protocol::Postgres,
    }
}

/// An operation of one verb.
pub(crate) fn sql(verb: &str) -> Operation {
    let mut facts = Facts::new();
    let (verbs, _) = Vocabulary::builtin().lookup("sql.verbs").unwrap();
    facts.set(verbs, Fact::Known(Value::Set(vec![verb.into()])));
    Operation {
        protocol: Protocol::Postgres,
        facts,
        class: if verb == "select" {
            Class::Read
        } else {
            Class::Write
        },
        exact: format!("{verb} 'secret'"),
        masked: format!("{verb} $1"),
        digest: [7; 32],
    }
}

/// One word for each record.
fn word(event: &Event) -> Option<String> {
    Some(match event {
        Event::Decision(record) => format!("{} by {}", record.verdict, record.rules.join("+")),
        Event::Outcome(record) => format!("outcome {:?}", record.result),
        Event::ApprovalClosed { state, .. } => format!("closed {state:?}"),
        Event::ApprovalVote { accepted, vote, .. } => format!("vote {vote:?} {accepted}"),
        other => log::kind(other),
    })
}

pub(crate) fn policy() -> Policy {
    let verb = |verb: &str| test("sql.verbs", Predicate::HasAny(vec![verb.into()]));
    Policy {
        connections: vec![PolicyConnection {
            name: "shop.orders_db".to_owned(),
            protocol: Protocol::Postgres,
            target: "orders-prod".to_owned(),
            observe: false,
        }],
        groups: vec![dbas()],
        classes: vec![DataClass {
            name: "shop.pii.ssn".to_owned(),
            columns: Vec::new(),
            json: vec![],
            detectors: vec!["us_ssn".to_owned()],
        }],
        rules: vec![
            rule(
                "hide_ssn",
                verb("select"),
                Effect::Mask {
                    class: ClassId(0),
                    mask: Mask::KeepLast(4),
                },
            ),
            rule(
                "no_drop",
                verb("drop"),
                Effect::Block {
                    message: "open a ticket".to_owned(),
                    terminates: false,
                },
            ),
            rule(
                "read",
                Condition::All(vec![member("agents"), verb("select")]),
                Effect::ALLOW,
            ),
            Rule {
                claims: Vec::new(),
                ..rule("uncontrolled", verb("show"), Effect::ALLOW)
            },
            rule(
                "write",
                verb("update"),
                Effect::RequireApproval {
                    quorum: 2,
                    group: GroupId(0),
                    within_seconds: 900,
                    stands_seconds: None,
                },
            ),
        ],
        exceptions: vec![],
        responsibilities: vec![],
    }
}
