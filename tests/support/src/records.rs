//! Reading the records of an audit log in tests: by subject, by event, by operation. They stay JSON, as an auditor sees them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::process::START_DEADLINE;

/// The records of a log, oldest first.
#[derive(Debug, Clone)]
pub struct Records(pub Vec<Value>);

impl Records {
    /// What stands in the log of `gateway` now.
    pub fn of(gateway: &Gateway) -> Result<Records> {
        Ok(Records(gateway.records()?))
    }

    /// Those of this event.
    pub fn events<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |record| record["event"] == event)
    }

    /// The decisions about operations of this subject.
    pub fn decisions<'a>(&'a self, subject: &'a str) -> Vec<&'a Value> {
        self.events("decision")
            .filter(|record| record["subject"]["id"] == subject)
            .collect()
    }

    /// The one decision about an operation of this subject.
    pub fn decision<'a>(&'a self, subject: &'a str) -> Result<&'a Value> {
        match self.decisions(subject).as_slice() {
            [one] => Ok(one),
            several => bail!("`{subject}` has {} decisions: {several:#?}", several.len()),
        }
    }

    /// What became of the operation of this decision or approval record.
    pub fn outcome(&self, of: &Value) -> Option<&Value> {
        self.events("outcome")
            .find(|record| record["operation"] == of["operation"])
    }

    /// The records of this approval, in order.
    pub fn approval<'a>(&'a self, id: &'a str) -> Vec<&'a Value> {
        self.0
            .iter()
            .filter(|record| record["approval"] == id)
            .collect()
    }
}

/// Reads the log until `enough` finds what it looks for. For what the gateway records after its client has its answer.
pub fn eventually<T>(
    gateway: &Gateway,
    what: &str,
    mut enough: impl FnMut(&Records) -> Option<T>,
) -> Result<T> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let records = Records::of(gateway)?;
        if let Some(found) = enough(&records) {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("the log never held {what}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The ids of the controls of a record, each once.
pub fn controls(record: &Value) -> Result<Vec<&str>> {
    let controls = record["controls"]
        .as_array()
        .context("the record has no controls")?;
    let mut ids: Vec<&str> = controls
        .iter()
        .filter_map(|control| control["id"].as_str())
        .collect();
    ids.dedup();
    Ok(ids)
}

/// The strings of a list.
#[must_use]
pub fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}
