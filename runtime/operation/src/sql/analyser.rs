//! Runs the parser: bounded threads with a stack of their own, and a bounded cache by exact text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::analysis::Names;
use super::cache::Cache;
use super::named::{self, NamedTrees};
use super::tree::{Literals, Tree};
use super::walk::Found;
use super::{
    NamedText, NamedTexts, SessionEffect, SqlAnalysis, SqlRefusal, SqlSession, Verb, scan, shape,
    tree, walk,
};
use crate::Class;

/// Stack of a parser thread. Decoding, walking and dropping the parser's tree recurse over its depth, which
/// [`scan::tokens`] bounds to a part of this.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// Bounds of analysis. The default suits a gateway.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest text. With the texts that names in it stand for it may be twice as long.
    pub text_bytes: usize,
    /// Parser threads; each holds a stack of 64 MB, of which only what is used takes memory.
    pub threads: usize,
    /// Texts that wait for a thread before others are refused.
    pub queue: usize,
    /// How long a caller waits for an analysis. The parser itself cannot be interrupted: its thread ends its work first.
    pub time: Duration,
    /// Analyses kept.
    pub cache_entries: usize,
    /// Memory that kept analyses may take, roughly.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            text_bytes: 1 << 20,
            threads: 2,
            queue: 64,
            time: Duration::from_secs(5),
            cache_entries: 4096,
            cache_bytes: 32 << 20,
        }
    }
}

/// Turns texts into analyses. Shared by all connections.
#[derive(Debug)]
pub struct Analyser {
    limits: Limits,
    cache: Cache,
    pool: Mutex<Option<Pool>>,
}

/// The parser threads. They end when the sender is dropped.
#[derive(Debug)]
struct Pool {
    sender: SyncSender<Job>,
    threads: Vec<JoinHandle<()>>,
}

type Analysed = Result<Arc<SqlAnalysis>, SqlRefusal>;

struct Job {
    sql: Box<str>,
    session: SqlSession,
    named: NamedTexts,
    reply: SyncSender<Analysed>,
}

impl Analyser {
    /// An analyser; its threads start when first needed.
    #[must_use]
    pub fn new(limits: Limits) -> Analyser {
        Analyser {
            limits,
            cache: Cache::new(limits.cache_entries, limits.cache_bytes),
            pool: Mutex::new(None),
        }
    }

    /// The analysis of `sql` if it was made before for the same search path and catalogue. Does not block.
    #[must_use]
    pub fn cached(&self, sql: &str, session: &SqlSession) -> Option<Arc<SqlAnalysis>> {
        within(sql.len(), self.limits.text_bytes).ok()?;
        self.cache.find(sql, session)
    }

    /// The analysis of `sql`. Blocks up to [`Limits::time`]; async callers ask [`Analyser::cached`] first and wrap this
    /// in a blocking task.
    ///
    /// # Errors
    /// Every [`SqlRefusal`]; the text must not be forwarded then.
    pub fn analyse(&self, sql: &str, session: &SqlSession) -> Result<Arc<SqlAnalysis>, SqlRefusal> {
        if let Some(analysis) = self.cached(sql, session) {
            return Ok(analysis);
        }
        let analysis = self.work_out(sql, session, NamedTexts::default())?;
        self.cache.keep(session, &analysis);
        Ok(analysis)
    }

    /// The analysis of `sql`, where the names of statements and cursors that it uses stand for `named`. Not kept. Blocks as
    /// [`Analyser::analyse`] does.
    ///
    /// # Errors
    /// Every [`SqlRefusal`]; the text must not be forwarded then.
    pub fn analyse_named(
        &self,
        sql: &str,
        session: &SqlSession,
        named: NamedTexts,
    ) -> Result<Arc<SqlAnalysis>, SqlRefusal> {
        self.work_out(sql, session, named)
    }

    fn work_out(&self, sql: &str, session: &SqlSession, named: NamedTexts) -> Analysed {
        let limit = self.limits.text_bytes;
        within(sql.len(), limit)?;
        let named_bytes = named.all().map(|(_, _, named)| named.text.len());
        let bytes = named_bytes.fold(sql.len(), usize::saturating_add);
        within(bytes, limit.saturating_mul(2))?;
        let (reply, answer) = mpsc::sync_channel(1);
        let job = Job {
            sql: sql.into(),
            session: session.clone(),
            named,
            reply,
        };
        self.sender()?
            .try_send(job)
            .map_err(|refused| match refused {
                TrySendError::Full(_) => SqlRefusal::Busy,
                TrySendError::Disconnected(_) => SqlRefusal::Internal,
            })?;
        answer
            .recv_timeout(self.limits.time)
            .map_err(|ended| match ended {
                RecvTimeoutError::Timeout => SqlRefusal::TooSlow,
                RecvTimeoutError::Disconnected => SqlRefusal::Internal,
            })?
    }

    fn sender(&self) -> Result<SyncSender<Job>, SqlRefusal> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pool.as_ref() {
            return Ok(pool.sender.clone());
        }
        let started = Pool::start(&self.limits).map_err(|_| SqlRefusal::Internal)?;
        let sender = started.sender.clone();
        *pool = Some(started);
        Ok(sender)
    }
}

impl Drop for Analyser {
    fn drop(&mut self) {
        if let Some(Pool { sender, threads }) = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            drop(sender);
            // A thread that panicked outside of a job has nothing left to drain.
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }
}

impl Pool {
    fn start(limits: &Limits) -> std::io::Result<Pool> {
        let (sender, receiver) = mpsc::sync_channel(limits.queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..limits.threads.max(1)).map(|_| {
            let receiver = Arc::clone(&receiver);
            let thread = std::thread::Builder::new()
                .name("sql-parser".to_owned())
                .stack_size(STACK_BYTES);
            thread.spawn(move || work(&receiver))
        });
        Ok(Pool {
            threads: threads.collect::<std::io::Result<_>>()?,
            sender,
        })
    }
}

fn within(bytes: usize, limit: usize) -> Result<(), SqlRefusal> {
    if bytes > limit {
        return Err(SqlRefusal::TooLong { bytes, limit });
    }
    Ok(())
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Job {
            sql,
            session,
            named,
            reply,
        }) = job
        else {
            return;
        };
        let analysed =
            std::panic::catch_unwind(AssertUnwindSafe(|| analyse(&sql, &session, named)));
        // Whoever asked may have stopped waiting.
        drop(reply.send(analysed.unwrap_or(Err(SqlRefusal::Internal)).map(Arc::new)));
    }
}

/// Parses and walks a text. Recurses over its depth: for threads with [`STACK_BYTES`].
fn analyse(sql: &str, session: &SqlSession, named: NamedTexts) -> Result<SqlAnalysis, SqlRefusal> {
    let tokens = scan::tokens(sql)?;
    let (trees, ranges) = parse(sql)?;
    let queries = NamedTrees {
        statements: named_trees(&named.statements)?,
        cursors: named_trees(&named.cursors)?,
    };
    let mut found = walk::walk(trees.iter(), session, &queries)?;
    let mut start = 0;
    for (end, range) in found.effect_ends.iter().zip(ranges) {
        let effects = found.effects.get_mut(start..*end).unwrap_or_default();
        named::add_query(effects, sql, range, &tokens).ok_or(SqlRefusal::Internal)?;
        start = *end;
    }
    let names = Names {
        effect_ends: found.effect_ends.clone(),
        uses: found.uses.clone(),
        named,
    };
    let concerns_names = found.effects.iter().any(SessionEffect::concerns_names);
    let shape = (!concerns_names)
        .then(|| general_shape(sql, &trees))
        .flatten();
    Ok(SqlAnalysis {
        names: Arc::new(names),
        class: class(&found),
        text: sql.into(),
        masked: scan::masked(sql, &tokens),
        verbs: found.verbs,
        reads: found.reads,
        writes: found.writes,
        functions: found.functions,
        filtered: found.filtered,
        changes_within: found.changes_within,
        statements: trees.len(),
        effects: found.effects,
        lineage: Arc::new(found.lineage),
        shape,
    })
}

/// The statements of a text, and where each stands in it.
fn parse(sql: &str) -> Result<(Vec<Tree>, Vec<Range<usize>>), SqlRefusal> {
    let parsed = pg_query::parse(sql, 0).map_err(scan::refusal)?;
    let statements = parsed.protobuf.stmts.iter();
    let statements = statements.filter_map(|raw| Some((raw.stmt.as_ref()?, raw)));
    let mut trees = Vec::new();
    let mut ranges = Vec::new();
    for (statement, raw) in statements {
        trees.push(tree::tree(statement).map_err(|_| SqlRefusal::Internal)?);
        let at = |offset: i32| usize::try_from(offset).map_err(|_| SqlRefusal::Internal);
        let start = at(raw.stmt_location)?;
        // No length means up to the end.
        let end = match at(raw.stmt_len)? {
            0 => sql.len(),
            length => start.saturating_add(length),
        };
        ranges.push(start..end);
    }
    Ok((trees, ranges))
}

/// The tree of each query; each was analysed by itself when it was given its name.
fn named_trees(
    texts: &BTreeMap<String, NamedText>,
) -> Result<BTreeMap<String, Arc<Tree>>, SqlRefusal> {
    let trees = texts.iter().map(|(name, text)| {
        scan::tokens(&text.text)?;
        let (mut trees, _) = parse(&text.text)?;
        match (trees.pop(), trees.is_empty()) {
            (Some(tree), true) => Ok((name.clone(), Arc::new(tree))),
            _ => Err(SqlRefusal::NamedCommand { name: name.clone() }),
        }
    });
    trees.collect()
}

/// Statements whose literals are constants of their expressions. Commands have others, which decide what they do.
const PLAIN: &[&str] = &["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"];

/// The shape of the text if what was found holds for every text of that shape: the literals that it leaves out are the
/// ones of the tree, each at its place, and nobody has looked at their values. The grammar makes constants out of keywords
/// too, and takes some literals of the text into something else: how many there are says nothing.
fn general_shape(sql: &str, trees: &[Tree]) -> Option<Box<str>> {
    let plain = |tree: &Tree| tree.node().is_some_and(|node| PLAIN.contains(&node.kind));
    if !trees.iter().all(plain) {
        return None;
    }
    let mut literals = Literals::default();
    trees.iter().for_each(|tree| tree.literals(&mut literals));
    if literals.read || literals.options {
        return None;
    }
    let shape = shape::shape_and_places(sql)?;
    let places = literals.locations.iter().map(|location| {
        let location = usize::try_from(*location).ok()?;
        shape::literal_at(sql, location)
    });
    let mut places = places.collect::<Option<Vec<usize>>>()?;
    places.sort_unstable();
    (places == shape.literals).then(|| shape.text.into_boxed_str())
}

/// Verbs that change nothing by themselves.
const READING: &[Verb] = &[
    Verb::SELECT,
    Verb::EXPLAIN,
    Verb::SHOW,
    Verb::SET,
    Verb::RESET,
    Verb::TRANSACTION,
    Verb::PREPARE,
    Verb::EXECUTE,
    Verb::DEALLOCATE,
    Verb::DECLARE,
    Verb::FETCH,
    Verb::CLOSE,
    Verb::DISCARD,
    Verb::LISTEN,
    Verb::UNLISTEN,
    Verb::COPY,
];

fn class(found: &Found) -> Class {
    let complete = found.verbs.complete
        && found.reads.complete
        && found.writes.complete
        && found.functions.complete;
    let reading = found.verbs.known.iter().all(|verb| READING.contains(verb))
        && found.writes.known.is_empty();
    let two_phase = found.effects.contains(&SessionEffect::TwoPhase);
    if complete && reading && !found.effectful && !two_phase {
        Class::Read
    } else {
        Class::Write
    }
}
