//! Analyses by text, search path and catalogue, bounded in number and bytes. Where an analysis holds for every text of its
//! shape it is kept by that; otherwise by the exact text.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::shape::shape;
use super::{SqlAnalysis, SqlSession};

/// Whoever asks shares it with all connections: texts are read, copied and compared outside of its lock.
#[derive(Debug)]
pub(super) struct Cache {
    hasher: RandomState,
    generations: Mutex<Generations>,
}

/// Two of them: what is asked for moves into the young one; when that holds half the bound, the old one is dropped.
#[derive(Debug)]
struct Generations {
    young: Generation,
    old: Generation,
    entries: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Generation {
    entries: HashMap<u64, Arc<Entry>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    search_path: Vec<String>,
    catalogue: Option<u64>,
    analysis: Arc<SqlAnalysis>,
}

/// What has left the cache, to be dropped when its lock is free again.
type Left = (Option<Generation>, Option<Arc<Entry>>);

impl Cache {
    /// A cache of at most `entries` analyses and about `bytes` bytes.
    pub(super) fn new(entries: usize, bytes: usize) -> Cache {
        let generations = Generations {
            young: Generation::default(),
            old: Generation::default(),
            entries: entries / 2,
            bytes: bytes / 2,
        };
        Cache {
            hasher: RandomState::new(),
            generations: Mutex::new(generations),
        }
    }

    /// The analysis kept for `sql` in `session`.
    pub(super) fn find(&self, sql: &str, session: &SqlSession) -> Option<Arc<SqlAnalysis>> {
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

    fn kept(&self, what: Kept<'_>, session: &SqlSession) -> Option<Arc<SqlAnalysis>> {
        let key = self.key(what, session);
        let entry = {
            let (entry, left) = self.lock().find(key)?;
            drop(left);
            entry
        };
        let fits = Kept::of(&entry.analysis) == what
            && entry.search_path == session.search_path
            && entry.catalogue == version(session);
        fits.then(|| Arc::clone(&entry.analysis))
    }

    /// Keeps an analysis that was made in `session`.
    pub(super) fn keep(&self, session: &SqlSession, analysis: &Arc<SqlAnalysis>) {
        let entry = Arc::new(Entry {
            search_path: session.search_path.clone(),
            catalogue: version(session),
            analysis: Arc::clone(analysis),
        });
        let key = self.key(Kept::of(analysis), session);
        let left = self.lock().insert(key, entry);
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, what: Kept<'_>, session: &SqlSession) -> u64 {
        self.hasher
            .hash_one((what, &session.search_path, version(session)))
    }
}

impl Generations {
    /// The entry of `key`, which may be that of another text.
    fn find(&mut self, key: u64) -> Option<(Arc<Entry>, Left)> {
        if let Some(entry) = self.young.entries.get(&key) {
            return Some((Arc::clone(entry), (None, None)));
        }
        let entry = Arc::clone(self.old.entries.get(&key)?);
        let left = self.insert(key, Arc::clone(&entry));
        Some((entry, left))
    }

    fn insert(&mut self, key: u64, entry: Arc<Entry>) -> Left {
        let bytes = weight(&entry.analysis);
        // One text must not push out all others.
        if bytes > self.bytes / 8 || self.entries == 0 {
            return (None, None);
        }
        let full =
            self.young.bytes + bytes > self.bytes || self.young.entries.len() >= self.entries;
        let oldest = full.then(|| {
            let young = std::mem::take(&mut self.young);
            std::mem::replace(&mut self.old, young)
        });
        self.young.bytes += bytes;
        let replaced = self.young.entries.insert(key, entry);
        if let Some(replaced) = &replaced {
            self.young.bytes = self.young.bytes.saturating_sub(weight(&replaced.analysis));
        }
        (oldest, replaced)
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
