//! A door with ports in memory, and a small policy built by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hpol_bundle::bundle::{Bundle, Provenance, Tests};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{
    Claim, ClassId, Condition, Connection as PolicyConnection, DataClass, Effect, Group, GroupId,
    Mask, Policy, Predicate, Rule, Source, Strength, Test,
};
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};
use hpol_evidence::record::Event;
use hpol_operation::{Class, Operation};
use hpol_session::approvals::{Approval, State};
use hpol_session::door::Door;
use hpol_session::masking::MaskingPlan;
use hpol_session::policy::InForce;
use hpol_session::ports::{
    ApprovalStore, ApprovalsUnavailable, Clock, Durability, Evidence, EvidenceUnavailable, Pending,
};
use hpol_session::principal::{Connection, Principal};
use hpol_session::session::{CannotMask, Carrier, Session};
use jiff::Timestamp;
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) door: Arc<Door>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
}

#[derive(Debug)]
pub(crate) struct ManualClock(pub(crate) Mutex<Timestamp>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryLog {
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) failed: AtomicBool,
    /// How durable the last record that somebody waited for had to be.
    pub(crate) asked: Mutex<Option<Durability>>,
    /// From this record on, counted from 1, it does not say that records are durable; 0 for never.
    pub(crate) silent_from: AtomicUsize,
}

impl Evidence for MemoryLog {
    fn append(
        &self,
        _: Option<&str>,
        event: Event,
        durability: Durability,
    ) -> Pending<'_, Result<u64, EvidenceUnavailable>> {
        let result = if self.failed.load(Ordering::SeqCst) {
            Err(EvidenceUnavailable {
                why: "disk full".to_owned(),
            })
        } else {
            let mut events = self.events.lock().unwrap();
            events.push(event);
            Ok(events.len() as u64 - 1)
        };
        *self.asked.lock().unwrap() = Some(durability);
        let silent_from = self.silent_from.load(Ordering::SeqCst);
        let silent = silent_from > 0 && self.events.lock().unwrap().len() >= silent_from;
        Box::pin(async move {
            if silent {
                std::future::pending::<()>().await;
            }
            result
        })
    }

    fn append_detached(&self, _: Option<&str>, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

impl MemoryLog {
    /// The records so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// One word for each record, in order.
    pub(crate) fn words(&self) -> Vec<String> {
        let word = |event: &Event| match event {
            Event::Decision(record) => format!("{} by {}", record.verdict, record.rules.join("+")),
            Event::Outcome(record) => format!("outcome {:?}", record.result),
            Event::ApprovalClosed { state, .. } => format!("closed {state:?}"),
            Event::ApprovalVote { accepted, vote, .. } => format!("vote {vote:?} {accepted}"),
            other => serde_json::to_value(other).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned(),
        };
        self.events.lock().unwrap().iter().map(word).collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    approvals: Mutex<BTreeMap<String, Approval>>,
    changed: Notify,
}

impl MemoryStore {
    pub(crate) fn state(&self, id: &str) -> State {
        self.approvals.lock().unwrap()[id].state
    }
}

impl ApprovalStore for MemoryStore {
    fn insert(&self, approval: Approval) -> Pending<'_, Result<(), ApprovalsUnavailable>> {
        self.approvals
            .lock()
            .unwrap()
            .insert(approval.id.clone(), approval);
        Box::pin(async { Ok(()) })
    }

    fn fetch(&self, id: &str) -> Pending<'_, Result<Option<Approval>, ApprovalsUnavailable>> {
        let found = self.approvals.lock().unwrap().get(id).cloned();
        Box::pin(async { Ok(found) })
    }

    fn list(&self) -> Pending<'_, Result<Vec<Approval>, ApprovalsUnavailable>> {
        let all = self.approvals.lock().unwrap().values().cloned().collect();
        Box::pin(async { Ok(all) })
    }

    fn update(&self, mut approval: Approval) -> Pending<'_, Result<bool, ApprovalsUnavailable>> {
        let mut approvals = self.approvals.lock().unwrap();
        let current = approvals
            .get(&approval.id)
            .is_some_and(|kept| kept.version == approval.version);
        if current {
            approval.version += 1;
            approvals.insert(approval.id.clone(), approval);
        }
        drop(approvals);
        self.changed.notify_waiters();
        Box::pin(async move { Ok(current) })
    }

    fn changed(&self, id: &str, seen: u64) -> Pending<'_, Result<Approval, ApprovalsUnavailable>> {
        let id = id.to_owned();
        Box::pin(async move {
            loop {
                let notified = self.changed.notified();
                if let Some(approval) = self
                    .approvals
                    .lock()
                    .unwrap()
                    .get(&id)
                    .filter(|kept| kept.version > seen)
                {
                    return Ok(approval.clone());
                }
                notified.await;
            }
        })
    }

    fn withdraw_detached(&self, id: &str) {
        let mut approvals = self.approvals.lock().unwrap();
        let open = approvals
            .get_mut(id)
            .filter(|kept| matches!(kept.state, State::Pending | State::Approved));
        if let Some(approval) = open {
            approval.state = State::Withdrawn;
            approval.version += 1;
        }
    }
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

impl World {
    pub(crate) fn new() -> World {
        let world = World::without_policy();
        world.install(1);
        world
    }

    pub(crate) fn without_policy() -> World {
        let log = Arc::new(MemoryLog::default());
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock(Mutex::new(Timestamp::UNIX_EPOCH)));
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
        self.door
            .install(Arc::new(InForce::new(bundle(), [digest; 32]).unwrap()));
    }

    pub(crate) async fn session(&self, subject: &str, groups: &[&str]) -> Session {
        self.door
            .open(principal(subject, groups), connection(), "127.0.0.1:5000")
            .await
            .unwrap()
    }
}

pub(crate) fn principal(id: &str, groups: &[&str]) -> Principal {
    Principal {
        id: id.to_owned(),
        issuer: "https://id.example.com".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        expires: Timestamp::from_second(3600).unwrap(),
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

fn bundle() -> Bundle {
    let vocabulary = Vocabulary::builtin();
    let policy = policy();
    let provenance = Provenance {
        compiler_version: "test".to_owned(),
        sequence: 1,
        sources: Vec::new(),
        catalogue: "test".to_owned(),
        tests: Tests {
            passed: 0,
            failed: 0,
        },
    };
    Bundle {
        program: lower(&policy, vocabulary).unwrap(),
        policy,
        vocabulary: vocabulary.clone(),
        provenance,
    }
}

fn policy() -> Policy {
    let group = |name: &str, member: &str| Group {
        name: format!("shop.{name}"),
        condition: test("subject.groups", Predicate::HasAny(vec![member.into()])),
    };
    let agents = || test("subject.groups", Predicate::HasAny(vec!["agents".into()]));
    let verb = |verb: &str| test("sql.verbs", Predicate::HasAny(vec![verb.into()]));
    Policy {
        connections: vec![PolicyConnection {
            name: "shop.orders_db".to_owned(),
            protocol: Protocol::Postgres,
            target: "orders-prod".to_owned(),
        }],
        groups: vec![group("dbas", "dba")],
        classes: vec![DataClass {
            name: "shop.pii.ssn".to_owned(),
            columns: Vec::new(),
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
                },
            ),
            rule(
                "read",
                Condition::All(vec![agents(), verb("select")]),
                Effect::Allow,
            ),
            Rule {
                claims: Vec::new(),
                ..rule("uncontrolled", verb("show"), Effect::Allow)
            },
            rule(
                "write",
                verb("update"),
                Effect::RequireApproval {
                    quorum: 2,
                    group: GroupId(0),
                    within_seconds: 900,
                },
            ),
        ],
    }
}

fn rule(name: &str, condition: Condition, effect: Effect) -> Rule {
    Rule {
        name: format!("shop.{name}"),
        title: name.to_owned(),
        because: format!("reason of {name}"),
        claims: vec![Claim {
            control: "ac-3".to_owned(),
            strength: Strength::Implements,
            mechanism: "M04".to_owned(),
            because: None,
        }],
        condition,
        effect,
        source: Source::default(),
    }
}

fn test(fact: &str, predicate: Predicate) -> Condition {
    let (fact, _) = Vocabulary::builtin().lookup(fact).unwrap();
    Condition::Test(Test {
        fact,
        default: None,
        predicate,
    })
}
