//! An audit log in memory, which can be told to fail or to fall silent.

use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard};

use hpol_evidence::record::Event;
use hpol_session::ports::{Durability, Evidence, EvidenceUnavailable, Pending};
use tokio::sync::Notify;

/// Keeps records in the order in which they were appended.
pub struct MemoryLog {
    kept: Mutex<Kept>,
    appended: Notify,
    word: fn(&Event) -> Option<String>,
}

#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    failing: Failing,
    asked: Option<Durability>,
    silent_from: Option<usize>,
}

/// Which records the log refuses, as if its disk were full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failing {
    /// None.
    #[default]
    Nothing,
    /// How operations ended.
    Outcomes,
    /// All.
    Everything,
}

/// What a record is called.
pub fn kind(event: &Event) -> String {
    let record = serde_json::to_value(event).unwrap();
    let kind = record.get("event").and_then(|kind| kind.as_str());
    kind.unwrap().to_owned()
}

impl MemoryLog {
    /// An empty log, in which `word` tells of a record what a test wants to read; `None` leaves the record out.
    pub fn new(word: fn(&Event) -> Option<String>) -> MemoryLog {
        MemoryLog {
            kept: Mutex::default(),
            appended: Notify::new(),
            word,
        }
    }

    /// The records so far.
    pub fn events(&self) -> Vec<Event> {
        self.kept().events.clone()
    }

    /// The words for the records so far.
    pub fn words(&self) -> Vec<String> {
        let kept = self.kept();
        kept.events.iter().filter_map(self.word).collect()
    }

    /// Waits for the first record of which `look` tells something, and returns that.
    pub async fn first<T>(&self, look: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let appended = self.appended.notified();
            let found = self.kept().events.iter().find_map(&look);
            if let Some(found) = found {
                return found;
            }
            appended.await;
        }
    }

    /// Waits for a record whose words begin with `start`.
    pub async fn until(&self, start: &str) {
        self.first(|event| (self.word)(event).filter(|word| word.starts_with(start)))
            .await;
    }

    /// Refuses these records from now on.
    pub fn fail(&self, failing: Failing) {
        self.kept().failing = failing;
    }

    /// From this record on, counted from 1, does not say that records are durable.
    pub fn fall_silent(&self, record: usize) {
        self.kept().silent_from = Some(record);
    }

    /// How durable the last record that somebody waited for had to be.
    pub fn asked(&self) -> Option<Durability> {
        self.kept().asked
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    fn push(&self, event: Event) -> Result<(), EvidenceUnavailable> {
        let mut kept = self.kept();
        let refused = match kept.failing {
            Failing::Nothing => false,
            Failing::Outcomes => matches!(event, Event::Outcome(_)),
            Failing::Everything => true,
        };
        if refused {
            return Err(EvidenceUnavailable {
                why: "disk full".to_owned(),
            });
        }
        kept.events.push(event);
        self.appended.notify_waiters();
        Ok(())
    }
}

impl Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryLog").field(&self.words()).finish()
    }
}

impl Evidence for MemoryLog {
    fn append(
        &self,
        _: Option<&str>,
        event: Event,
        durability: Durability,
    ) -> Pending<'_, Result<(), EvidenceUnavailable>> {
        let pushed = self.push(event);
        let mut kept = self.kept();
        kept.asked = Some(durability);
        let silent = kept
            .silent_from
            .is_some_and(|from| kept.events.len() >= from);
        Box::pin(async move {
            if silent {
                std::future::pending::<()>().await;
            }
            pushed
        })
    }

    fn append_detached(&self, _: Option<&str>, event: Event) {
        drop(self.push(event));
    }
}
