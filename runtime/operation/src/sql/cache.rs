//! Analyses by text, search path and catalogue, bounded in number and bytes. Where an analysis holds for every text of its
//! shape it is kept by that; otherwise by the exact text.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::shape::shape;
use super::{SqlAnalysis, SqlSession};

/// Two generations: what is asked for moves into the young one; when that holds half the bound, the old one is dropped.
#[derive(Debug)]
pub(super) struct Cache {
    hasher: RandomState,
    young: Generation,
    old: Generation,
    entries: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Generation {
    entries: HashMap<u64, Entry>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    search_path: Vec<String>,
    catalogue: Option<u64>,
    analysis: Arc<SqlAnalysis>,
}

impl Cache {
    /// A cache of at most `entries` analyses and about `bytes` bytes.
    pub(super) fn new(entries: usize, bytes: usize) -> Cache {
        Cache {
            hasher: RandomState::new(),
            young: Generation::default(),
            old: Generation::default(),
            entries: entries / 2,
            bytes: bytes / 2,
        }
    }

    /// The analysis kept for `sql` in `session`.
    pub(super) fn find(&mut self, sql: &str, session: &SqlSession) -> Option<Arc<SqlAnalysis>> {
        if let Some(shape) = shape(sql)
            && let Some(kept) = self.kept(Kept::Shape(&shape), session)
        {
            return Some(if kept.text() == sql {
                kept
            } else {
                Arc::new(kept.of(sql))
            });
        }
        self.kept(Kept::Text(sql), session)
    }

    fn kept(&mut self, what: Kept<'_>, session: &SqlSession) -> Option<Arc<SqlAnalysis>> {
        let key = self.key(what, session);
        let fits = |entry: &&Entry| {
            Kept::of(&entry.analysis) == what
                && entry.search_path == session.search_path
                && entry.catalogue == version(session)
        };
        if let Some(entry) = self.young.entries.get(&key).filter(fits) {
            return Some(Arc::clone(&entry.analysis));
        }
        let entry = self.old.entries.get(&key).filter(fits)?.clone();
        let analysis = Arc::clone(&entry.analysis);
        self.insert(key, entry);
        Some(analysis)
    }

    /// Keeps an analysis that was made in `session`.
    pub(super) fn keep(&mut self, session: &SqlSession, analysis: &Arc<SqlAnalysis>) {
        let entry = Entry {
            search_path: session.search_path.clone(),
            catalogue: version(session),
            analysis: Arc::clone(analysis),
        };
        self.insert(self.key(Kept::of(analysis), session), entry);
    }

    fn insert(&mut self, key: u64, entry: Entry) {
        let bytes = weight(&entry.analysis);
        // One text must not push out all others.
        if bytes > self.bytes / 8 || self.entries == 0 {
            return;
        }
        if self.young.bytes + bytes > self.bytes || self.young.entries.len() >= self.entries {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        if let Some(replaced) = self.young.entries.insert(key, entry) {
            self.young.bytes = self.young.bytes.saturating_sub(weight(&replaced.analysis));
        }
    }

    fn key(&self, what: Kept<'_>, session: &SqlSession) -> u64 {
        self.hasher
            .hash_one((what, &session.search_path, version(session)))
    }
}

/// What an analysis is kept by. A text can hold the bytes that stand for literals in a shape, so the two are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kept<'a> {
    Text(&'a str),
    Shape(&'a str),
}

impl Kept<'_> {
    fn of(analysis: &SqlAnalysis) -> Kept<'_> {
        match &analysis.shape {
            Some(shape) => Kept::Shape(shape),
            None => Kept::Text(analysis.text()),
        }
    }
}

fn version(session: &SqlSession) -> Option<u64> {
    session
        .catalogue
        .as_ref()
        .map(|catalogue| catalogue.version())
}

/// Text, masked text, names and mentions are each about as long as the text, and there is a fixed part.
fn weight(analysis: &SqlAnalysis) -> usize {
    1024 + 8 * analysis.text().len()
}
