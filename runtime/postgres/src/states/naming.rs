//! What a forwarded text does to the names of statements, cursors and channels, statement by statement as the server
//! confirms them.
//!
//! PREPARE and Parse share one space of names, DECLARE and Bind another. A name counts from CommandComplete: what fails
//! changes nothing, and what has completed stays, whatever becomes of the transaction.

use std::sync::Arc;

use hpol_operation::Operation;
use hpol_operation::sql::{SessionEffect, SqlAnalysis};

use crate::codec::Malformed;
use crate::facts::Reading;
use crate::states::prepared::{Kind, Portal, Statement};

/// What a command of the text makes that is judged again later: the query of a cursor when it is fetched from, the LISTEN
/// of a channel when something comes on it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) operation: Operation,
    pub(crate) reading: Reading,
}

/// The names that an operation on its way makes and drops.
#[derive(Debug, Default)]
pub(crate) struct Naming(Option<Box<Names>>);

#[derive(Debug)]
struct Names {
    analysis: Arc<SqlAnalysis>,
    kept: Arc<[Kept]>,
    /// Statements of the text that have completed, and how much of what is kept they made.
    completed: usize,
    made: usize,
}

/// A name that was made or dropped in SQL.
#[derive(Debug)]
pub(crate) enum Renamed {
    Prepared {
        name: String,
        statement: Arc<Statement>,
    },
    /// One statement, or all.
    Deallocated(Option<String>),
    Declared {
        name: String,
        portal: Box<Portal>,
    },
    /// One cursor, or all.
    Closed(Option<String>),
    Listens {
        channel: String,
        kept: Box<Kept>,
    },
    /// To one channel, or to any.
    Unlistens(Option<String>),
}

impl Naming {
    /// The names of the text of `reading`.
    pub(crate) fn of(reading: &Reading) -> Naming {
        let names = reading.analysis.effects().iter().any(changes_names);
        Naming(names.then(|| {
            Box::new(Names {
                analysis: Arc::clone(&reading.analysis),
                kept: Arc::clone(&reading.kept),
                completed: 0,
                made: 0,
            })
        }))
    }

    /// Whether it may make or drop `name`.
    pub(crate) fn concerns(&self, kind: Kind, name: &str) -> bool {
        let Naming(Some(names)) = self else {
            return false;
        };
        let mut effects = names.analysis.effects().iter();
        effects.any(|effect| match (effect, kind) {
            (SessionEffect::PrepareSql { name: made, .. }, Kind::Statement)
            | (SessionEffect::DeclareCursor { name: made, .. }, Kind::Portal) => made == name,
            (SessionEffect::Deallocate { name: dropped }, Kind::Statement)
            | (SessionEffect::CloseCursor { name: dropped }, Kind::Portal) => {
                dropped.as_ref().is_none_or(|dropped| dropped == name)
            }
            (SessionEffect::Discard { what: "all" }, _) => true,
            _ => false,
        })
    }

    /// The next statement of the text has completed with `tag`.
    ///
    /// # Errors
    /// The tag is not that of the statement, so the server and the gateway do not agree on what ran.
    pub(crate) fn completed(&mut self, tag: &str) -> Result<Vec<Renamed>, Malformed> {
        let Naming(Some(names)) = self else {
            return Ok(Vec::new());
        };
        let analysis = Arc::clone(&names.analysis);
        let effects = analysis.statement_effects(names.completed);
        names.completed = names.completed.saturating_add(1);
        let mut renamed = Vec::new();
        for effect in effects {
            match expected_tag(effect) {
                Some(expected) if expected != tag => {
                    return Err(Malformed::Body {
                        what: "it completes another command than was sent",
                    });
                }
                Some(_) => names.add(effect, &mut renamed),
                None => {}
            }
        }
        Ok(renamed)
    }
}

impl Names {
    fn add(&mut self, effect: &SessionEffect, renamed: &mut Vec<Renamed>) {
        match effect {
            SessionEffect::PrepareSql { name, query } => renamed.push(Renamed::Prepared {
                name: name.clone(),
                statement: Arc::new(Statement {
                    text: query.as_str().to_owned(),
                    parameter_types: Vec::new(),
                    head: query.head().into(),
                }),
            }),
            SessionEffect::Deallocate { name } => renamed.push(Renamed::Deallocated(name.clone())),
            SessionEffect::DeclareCursor { name, hold, .. } => {
                renamed.extend(self.next_kept().map(|cursor| Renamed::Declared {
                    name: name.clone(),
                    portal: Box::new(Portal::of_cursor(cursor, *hold)),
                }));
            }
            SessionEffect::Listen { channel } => {
                renamed.extend(self.next_kept().map(|kept| Renamed::Listens {
                    channel: channel.clone(),
                    kept: Box::new(kept.clone()),
                }));
            }
            SessionEffect::Unlisten { channel } => {
                renamed.push(Renamed::Unlistens(channel.clone()));
            }
            SessionEffect::CloseCursor { name } => renamed.push(Renamed::Closed(name.clone())),
            SessionEffect::Discard { what: "all" } => {
                renamed.push(Renamed::Closed(None));
                renamed.push(Renamed::Deallocated(None));
                renamed.push(Renamed::Unlistens(None));
            }
            _ => {}
        }
    }

    fn next_kept(&mut self) -> Option<&Kept> {
        let next = self.kept.get(self.made);
        self.made = self.made.saturating_add(1);
        next
    }
}

fn changes_names(effect: &SessionEffect) -> bool {
    expected_tag(effect).is_some()
}

/// The tag that the server completes the command of this effect with; `None` where it changes no names.
fn expected_tag(effect: &SessionEffect) -> Option<&'static str> {
    match effect {
        SessionEffect::PrepareSql { .. } => Some("PREPARE"),
        SessionEffect::Deallocate { name: Some(_) } => Some("DEALLOCATE"),
        SessionEffect::Deallocate { name: None } => Some("DEALLOCATE ALL"),
        SessionEffect::DeclareCursor { .. } => Some("DECLARE CURSOR"),
        SessionEffect::CloseCursor { name: Some(_) } => Some("CLOSE CURSOR"),
        SessionEffect::CloseCursor { name: None } => Some("CLOSE CURSOR ALL"),
        SessionEffect::Discard { what: "all" } => Some("DISCARD ALL"),
        SessionEffect::Listen { .. } => Some("LISTEN"),
        SessionEffect::Unlisten { .. } => Some("UNLISTEN"),
        _ => None,
    }
}
