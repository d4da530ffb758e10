//! What the names of statements and cursors that a text uses stand for, and whether the names that it makes can be given.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use hpol_operation::sql::{Catalogue, NamedText, NamedTexts, SessionEffect, SqlRefusal};

use super::extended::{too_many, unknown_statement, unusable};
use crate::codec::encode::Report;
use crate::facts::{NameUse, Reading};
use crate::refuse;
use crate::relay::Relay;
use crate::states::naming::Kept;
use crate::states::prepared::{Lookup, Statement};

/// A text with names, or why it is not read with them.
pub(super) enum Named {
    Reading(Reading),
    NotAccepted(SqlRefusal),
    /// A name is not known: the server too would fail.
    Unnamed(Report),
    /// The text makes a name that it may not have.
    Fails(Report),
    /// It depends on replies that are owed.
    Undecided,
}

/// Whether names still stand for what they did when a text was read.
pub(super) enum Meant {
    Same,
    Otherwise(Report),
    Undecided,
}

/// Names as they were found.
#[derive(Default)]
struct Found {
    texts: NamedTexts,
    uses: Vec<NameUse>,
    catalogues: Vec<Arc<Catalogue>>,
    /// A cursor was declared when its catalogue could not be relied on.
    stale: bool,
}

impl Relay<'_> {
    /// Reads the names that `reading` uses and makes.
    pub(super) async fn with_names(&mut self, reading: Reading) -> Named {
        if let Some(report) = self.cannot_name(&reading) {
            return Named::Fails(report);
        }
        let reading = if reading.analysis.uses().is_empty() {
            reading
        } else {
            match self.find_names(&reading) {
                Ok(found) => match self.read_with(&reading, found).await {
                    Ok(reading) => reading,
                    Err(refusal) => return Named::NotAccepted(refusal),
                },
                Err(why) => return why,
            }
        };
        match self.with_kept(reading).await {
            Ok(reading) => Named::Reading(reading),
            Err(refusal) => Named::NotAccepted(refusal),
        }
    }

    fn find_names(&self, reading: &Reading) -> Result<Found, Named> {
        let uses = reading.analysis.uses();
        let mut found = Found::default();
        for name in &uses.statements {
            let statement = match self.prepared.statement(name) {
                Lookup::Found(statement) => statement,
                Lookup::Missing => return Err(Named::Unnamed(unknown_statement(name))),
                Lookup::Undecided => return Err(Named::Undecided),
            };
            found
                .texts
                .statements
                .insert(name.clone(), text_of(&statement));
            found.uses.push(NameUse::Statement(name.clone(), statement));
        }
        for name in &uses.cursors {
            let missing = || Named::Unnamed(unknown_cursor(name));
            let id = match self.prepared.portal(name) {
                Lookup::Found(id) => id,
                Lookup::Missing => return Err(missing()),
                Lookup::Undecided => return Err(Named::Undecided),
            };
            let portal = self.prepared.portal_of(id).ok_or_else(missing)?;
            let text = NamedText {
                text: portal.reading.analysis.text().into(),
                exact: portal.operation.exact.as_str().into(),
                digest: portal.operation.digest,
            };
            found.texts.cursors.insert(name.clone(), text);
            found.uses.push(NameUse::Portal(name.clone(), id));
            found.stale |= portal.reading.stale;
            found.catalogues.push(Arc::clone(&portal.reading.catalogue));
        }
        Ok(found)
    }

    async fn read_with(&mut self, reading: &Reading, found: Found) -> Result<Reading, SqlRefusal> {
        let text = reading.analysis.text();
        let alone = reading.analysis.statements() == 1;
        // A cursor reads the tables that its query named when it was declared.
        let then = found.catalogues.first().filter(|_| alone).cloned();
        let mixed = !alone
            && found
                .catalogues
                .iter()
                .any(|catalogue| !Arc::ptr_eq(catalogue, &reading.catalogue));
        let read = self.reader.read_named(text, found.texts, then).await?;
        Ok(Reading {
            stale: reading.stale || mixed || found.stale,
            names: found.uses.into(),
            ..read
        })
    }

    /// Reads what the text makes that is judged again later, each by itself.
    async fn with_kept(&mut self, reading: Reading) -> Result<Reading, SqlRefusal> {
        let mut kept: Vec<Kept> = Vec::new();
        // A channel that is named again is judged by the same text.
        let mut listened: HashMap<&str, usize> = HashMap::new();
        let analysis = Arc::clone(&reading.analysis);
        for effect in analysis.effects() {
            if let SessionEffect::Listen { channel } = effect {
                let known = listened.insert(channel.as_str(), kept.len());
                if let Some(same) = known.and_then(|at| kept.get(at)).cloned() {
                    kept.push(same);
                    continue;
                }
            }
            let text: Cow<'_, str> = match effect {
                SessionEffect::DeclareCursor { query, .. } => query.as_str().into(),
                SessionEffect::Listen { channel } => {
                    format!("LISTEN \"{}\"", channel.replace('"', "\"\"")).into()
                }
                _ => continue,
            };
            let read = self.reader.read(&text).await?;
            let read = Reading {
                stale: reading.stale,
                ..read
            };
            kept.push(Kept {
                operation: read.operation(),
                reading: read,
            });
        }
        Ok(Reading {
            kept: kept.into(),
            ..reading
        })
    }

    /// Why the text may not make or take away a name.
    fn cannot_name(&self, reading: &Reading) -> Option<Report> {
        let (mut cursors, mut statements, mut bytes) = (0, 0, 0_usize);
        let mut channels = Vec::new();
        for effect in reading.analysis.effects() {
            let name = match effect {
                SessionEffect::PrepareSql { name, query } => {
                    statements += 1;
                    bytes = bytes.saturating_add(query.as_str().len());
                    if let Err(full) = self.prepared.room_for_statements(statements, bytes) {
                        return Some(too_many(full));
                    }
                    name
                }
                SessionEffect::DeclareCursor { name, .. } => {
                    cursors += 1;
                    if let Err(full) = self.prepared.room_for_cursors(cursors) {
                        return Some(too_many(full));
                    }
                    name
                }
                SessionEffect::Deallocate { name: Some(name) }
                | SessionEffect::CloseCursor { name: Some(name) } => name,
                SessionEffect::Listen { channel } => {
                    channels.push(channel.as_str());
                    continue;
                }
                _ => continue,
            };
            if let Some(report) = unusable(name) {
                return Some(report);
            }
        }
        self.prepared
            .room_for_channels(&channels)
            .err()
            .map(too_many)
    }

    /// Whether the names that the text of `reading` uses still stand for what it was read with.
    pub(super) fn still_meant(&self, reading: &Reading) -> Meant {
        let mut undecided = false;
        for used in reading.names.iter() {
            let (same, report) = match used {
                NameUse::Statement(name, meant) => {
                    let now = self.prepared.statement(name);
                    undecided |= now == Lookup::Undecided;
                    let same = matches!(now, Lookup::Found(now) if Arc::ptr_eq(&now, meant));
                    (same, unknown_statement(name))
                }
                NameUse::Portal(name, meant) => {
                    let now = self.prepared.portal(name);
                    undecided |= now == Lookup::Undecided;
                    (now == Lookup::Found(*meant), unknown_cursor(name))
                }
            };
            if undecided {
                return Meant::Undecided;
            }
            if !same {
                return Meant::Otherwise(report);
            }
        }
        Meant::Same
    }
}

fn unknown_cursor(name: &str) -> Report {
    Report::error(
        refuse::UNKNOWN_PORTAL,
        format!("cursor \"{name}\" does not exist"),
    )
}

/// A statement's text and the types of its parameters decide together what it runs.
fn text_of(statement: &Statement) -> NamedText {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [&*statement.head, statement.text.as_str()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    for oid in &statement.parameter_types {
        context.update(&oid.to_be_bytes());
    }
    let mut digest = [0; 32];
    // SHA-256 is 32 bytes long, so both are of one length.
    digest.copy_from_slice(context.finish().as_ref());
    let text: Arc<str> = statement.text.as_str().into();
    let exact = match &*statement.head {
        "" => Arc::clone(&text),
        head => format!("{head} {text}").into(),
    };
    NamedText {
        exact,
        text,
        digest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pg_34_the_types_of_a_prepared_statement_are_a_part_of_what_is_approved() {
        let made_by = |head: &str| {
            text_of(&Statement {
                text: "DELETE FROM a WHERE id = $1".to_owned(),
                parameter_types: Vec::new(),
                head: head.into(),
            })
        };
        let (parse, int, text) = (
            made_by(""),
            made_by("PREPARE q(int) AS"),
            made_by("PREPARE q(text) AS"),
        );
        assert_ne!(int.digest, text.digest);
        assert_ne!(int.digest, parse.digest);
        assert_eq!(&*int.exact, "PREPARE q(int) AS DELETE FROM a WHERE id = $1");
        assert_eq!(&*parse.exact, "DELETE FROM a WHERE id = $1");
        assert_eq!(int.text, parse.text);
    }
}
