//! How conditions are written in files: as a list in prefix order, so that reading one takes no recursion and a hostile
//! file cannot exhaust the stack.

use serde::{Deserialize, Serialize};

use super::{Condition, MAX_DEPTH, Test};

/// A condition in prefix order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Flat(Vec<Item>);

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Item {
    All(u32),
    Any(u32),
    Not,
    /// In a box, since an item should not take much more memory than the byte it can be written with.
    Test(Box<Test>),
}

/// Why a list is not a condition.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotACondition {
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
        Condition::Test(test) => items.push(Item::Test(Box::new(test))),
    }
}

impl TryFrom<Flat> for Condition {
    type Error = NotACondition;

    fn try_from(flat: Flat) -> Result<Condition, NotACondition> {
        let mut items = flat.0.into_iter();
        let condition = read(&mut items, 0)?;
        match items.next() {
            None => Ok(condition),
            Some(_) => Err(NotACondition::Surplus),
        }
    }
}

fn read(items: &mut std::vec::IntoIter<Item>, depth: usize) -> Result<Condition, NotACondition> {
    if depth > MAX_DEPTH {
        return Err(NotACondition::TooDeep);
    }
    match items.next().ok_or(NotACondition::Incomplete)? {
        Item::All(count) => Ok(Condition::All(read_parts(items, count, depth)?)),
        Item::Any(count) => Ok(Condition::Any(read_parts(items, count, depth)?)),
        Item::Not => Ok(Condition::Not(Box::new(read(items, depth + 1)?))),
        Item::Test(test) => Ok(Condition::Test(*test)),
    }
}

fn read_parts(
    items: &mut std::vec::IntoIter<Item>,
    count: u32,
    depth: usize,
) -> Result<Vec<Condition>, NotACondition> {
    // Each part takes an item at least, so that a lie about the count allocates nothing.
    if count as usize > items.len() {
        return Err(NotACondition::Incomplete);
    }
    (0..count).map(|_| read(items, depth + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(condition: &Condition) -> Result<Condition, postcard::Error> {
        postcard::from_bytes(&postcard::to_stdvec(condition).unwrap())
    }

    #[test]
    fn conditions_survive() {
        let empty = || Condition::Any(vec![]);
        let condition = Condition::All(vec![
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
