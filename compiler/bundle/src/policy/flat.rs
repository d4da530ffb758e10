//! How conditions are written in files: as a list in prefix order, so that reading one takes no recursion and a hostile
//! file cannot exhaust the stack.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::history::{History, HistoryTest};
use super::{Condition, MAX_DEPTH, Test, Unread};

/// Parts that room is made for before they are read; a lie about their number allocates no more.
const EXPECTED_PARTS: usize = 8;

/// A condition in prefix order.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct Flat(Vec<Item>);

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Item {
    All(u32),
    Any(u32),
    Not,
    Test(Test),
    /// Its filter comes next.
    History(Head),
}

/// A test of history without its filter.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    history: History<Unread>,
    at_least: i64,
    at_most: i64,
}

/// Why a list is not a condition.
#[derive(Debug, thiserror::Error)]
enum NotACondition {
    #[error("a condition nests deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("a condition is incomplete")]
    Incomplete,
    #[error("a condition has parts that belong to nothing")]
    Surplus,
}

impl From<Condition> for Flat {
    fn from(condition: Condition) -> Flat {
        let mut items = Vec::new();
        write(condition, &mut items);
        Flat(items)
    }
}

fn write(condition: Condition, items: &mut Vec<Item>) {
    let count = |parts: &[Condition]| u32::try_from(parts.len()).unwrap_or(u32::MAX);
    match condition {
        Condition::All(parts) => {
            items.push(Item::All(count(&parts)));
            parts.into_iter().for_each(|part| write(part, items));
        }
        Condition::Any(parts) => {
            items.push(Item::Any(count(&parts)));
            parts.into_iter().for_each(|part| write(part, items));
        }
        Condition::Not(inner) => {
            items.push(Item::Not);
            write(*inner, items);
        }
        Condition::Test(test) => items.push(Item::Test(test)),
        Condition::History(test) => {
            items.push(Item::History(Head {
                history: test.history.unread(),
                at_least: test.at_least,
                at_most: test.at_most,
            }));
            write(test.history.filter, items);
        }
    }
}

/// Reads the list as it comes, into nothing but the condition: the compiler and `hpol` read all of them. A gateway passes
/// them over ([`super::Unread`]).
impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Condition, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition in prefix order")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Condition, A::Error> {
        let mut open = Vec::new();
        loop {
            let item = items.next_element()?;
            let item = item.ok_or_else(|| de::Error::custom(NotACondition::Incomplete))?;
            if open.len() > MAX_DEPTH {
                return Err(de::Error::custom(NotACondition::TooDeep));
            }
            if let Some(condition) = begin(item, &mut open).and_then(|part| end(part, &mut open)) {
                return match items.next_element::<Item>()? {
                    None => Ok(condition),
                    Some(_) => Err(de::Error::custom(NotACondition::Surplus)),
                };
            }
        }
    }
}

/// A condition of which parts are to come.
enum Open {
    Not,
    History(Head),
    All(Parts),
    Any(Parts),
}

struct Parts {
    read: Vec<Condition>,
    missing: u32,
}

/// The condition that `item` is, unless parts are to come.
fn begin(item: Item, open: &mut Vec<Open>) -> Option<Condition> {
    let parts = |count: u32| Parts {
        read: Vec::with_capacity(EXPECTED_PARTS.min(count as usize)),
        missing: count,
    };
    open.push(match item {
        Item::All(0) => return Some(Condition::All(Vec::new())),
        Item::Any(0) => return Some(Condition::Any(Vec::new())),
        Item::Test(test) => return Some(Condition::Test(test)),
        Item::All(count) => Open::All(parts(count)),
        Item::Any(count) => Open::Any(parts(count)),
        Item::Not => Open::Not,
        Item::History(head) => Open::History(head),
    });
    None
}

/// Puts `part` where it belongs: gives the whole condition if nothing is missing any more.
fn end(mut part: Condition, open: &mut Vec<Open>) -> Option<Condition> {
    loop {
        part = match open.pop() {
            None => return Some(part),
            Some(Open::Not) => Condition::Not(Box::new(part)),
            Some(Open::History(head)) => Condition::History(Box::new(head.with(part))),
            Some(Open::All(parts)) => match parts.add(part) {
                Ok(parts) => Condition::All(parts),
                Err(parts) => {
                    open.push(Open::All(parts));
                    return None;
                }
            },
            Some(Open::Any(parts)) => match parts.add(part) {
                Ok(parts) => Condition::Any(parts),
                Err(parts) => {
                    open.push(Open::Any(parts));
                    return None;
                }
            },
        };
    }
}

impl Head {
    fn with(self, filter: Condition) -> HistoryTest {
        let Head {
            history,
            at_least,
            at_most,
        } = self;
        HistoryTest {
            history: History {
                measure: history.measure,
                filter,
                window_seconds: history.window_seconds,
                scope: history.scope,
                own: history.own,
            },
            at_least,
            at_most,
        }
    }
}

impl Parts {
    /// All parts if `part` was the last one.
    fn add(mut self, part: Condition) -> Result<Vec<Condition>, Parts> {
        self.read.push(part);
        self.missing = self.missing.saturating_sub(1);
        if self.missing == 0 {
            Ok(self.read)
        } else {
            Err(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{Measure, Own, Scope};
    use super::*;

    fn round(condition: &Condition) -> Result<Condition, postcard::Error> {
        postcard::from_bytes(&postcard::to_stdvec(condition).unwrap())
    }

    #[test]
    fn conditions_survive() {
        let empty = || Condition::Any(vec![]);
        let history = HistoryTest {
            history: History {
                measure: Measure::Count,
                filter: Condition::All(vec![empty(), empty()]),
                window_seconds: 60,
                scope: Scope::Session,
                own: Own::Apart,
            },
            at_least: 1,
            at_most: i64::MAX,
        };
        let condition = Condition::All(vec![
            Condition::History(Box::new(history)),
            Condition::Not(Box::new(empty())),
            Condition::All(vec![empty(), empty()]),
        ]);
        assert_eq!(round(&condition), Ok(condition));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| {
            (0..depth).fold(Condition::All(vec![]), |inner, _| {
                Condition::Not(Box::new(inner))
            })
        };
        assert!(round(&nested(MAX_DEPTH)).is_ok());
        assert!(round(&nested(MAX_DEPTH + 1)).is_err());
        let hostile = Flat((0..1_000_000).map(|_| Item::Not).collect());
        assert!(
            postcard::from_bytes::<Condition>(&postcard::to_stdvec(&hostile).unwrap()).is_err()
        );
    }

    #[test]
    fn lists_that_are_not_conditions_are_refused() {
        for items in [
            vec![],
            vec![Item::Not],
            vec![Item::All(2), Item::Any(0)],
            vec![Item::Any(u32::MAX)],
            vec![Item::Any(0), Item::Any(0)],
        ] {
            assert!(
                postcard::from_bytes::<Condition>(&postcard::to_stdvec(&Flat(items)).unwrap())
                    .is_err()
            );
        }
    }
}
