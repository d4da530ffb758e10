//! Statements and cursors that texts make under a name and use by it: what the names of a session stand for, which of them
//! a text uses, and the text that a name is given in PREPARE and DECLARE. When a name is made, and what a name stands for
//! at the server, is for the adapter to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pg_query::protobuf::{ScanToken, Token};

use super::SessionEffect;
use super::tree::Tree;

/// What the names that a text uses stand for in its session.
#[derive(Debug, Clone, Default)]
pub struct NamedTexts {
    /// Prepared statements.
    pub statements: BTreeMap<String, NamedText>,
    /// Cursors and portals.
    pub cursors: BTreeMap<String, NamedText>,
}

/// What a name stands for.
#[derive(Clone)]
pub struct NamedText {
    /// The query, without PREPARE or DECLARE.
    pub text: Arc<str>,
    /// What an approver is shown of it, such as the query with its parameters.
    pub exact: Arc<str>,
    /// SHA-256 over everything that decides what it runs.
    pub digest: [u8; 32],
}

/// The names that a text uses and does not make itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameUses {
    /// Prepared statements that it executes.
    pub statements: BTreeSet<String>,
    /// Cursors that it fetches from or moves.
    pub cursors: BTreeSet<String>,
}

/// The query of a PREPARE or DECLARE, as written. Its Debug shows no literal.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct QueryText {
    query: Box<str>,
    head: Box<str>,
}

impl QueryText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.query
    }

    /// What stands before it in its statement, such as `PREPARE q(int) AS`: the types of parameters are a part of what
    /// the query means.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }
}

impl std::fmt::Debug for QueryText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.query.len())
    }
}

impl std::fmt::Debug for NamedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedText")
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl NameUses {
    /// Whether no name is used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.cursors.is_empty()
    }
}

impl NamedTexts {
    /// Whether no name is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.cursors.is_empty()
    }

    /// Each name's kind, name and meaning, in the same order for the same names.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &str, &NamedText)> {
        let statements = self.statements.iter();
        let cursors = self.cursors.iter();
        statements
            .map(|(name, text)| ("statement", name.as_str(), text))
            .chain(cursors.map(|(name, text)| ("cursor", name.as_str(), text)))
    }
}

/// The trees of [`NamedTexts`].
#[derive(Debug, Default)]
pub(super) struct NamedTrees {
    pub(super) statements: BTreeMap<String, Arc<Tree>>,
    pub(super) cursors: BTreeMap<String, Arc<Tree>>,
}

/// The names of one kind that a text itself makes and drops, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct OwnNames {
    changed: BTreeMap<String, Option<Arc<Tree>>>,
    /// Those that have been used since they were made, or since the text began.
    used: BTreeSet<String>,
    cleared: bool,
}

/// What a text that has been read so far says of a name.
#[derive(Debug)]
pub(super) enum Own {
    /// It gave it to this.
    Made(Arc<Tree>),
    /// It took it away.
    Dropped,
    /// Nothing.
    Untouched,
}

impl OwnNames {
    pub(super) fn make(&mut self, name: &str, query: Tree) {
        self.used.remove(name);
        self.changed.insert(name.to_owned(), Some(Arc::new(query)));
    }

    /// Whether it is the first use of what the name stands for.
    pub(super) fn is_first_use(&mut self, name: &str) -> bool {
        self.used.insert(name.to_owned())
    }

    /// Takes away one name, or all with `None`.
    pub(super) fn drop_name(&mut self, name: Option<&str>) {
        match name {
            Some(name) => {
                self.changed.insert(name.to_owned(), None);
            }
            None => {
                self.changed.clear();
                self.cleared = true;
            }
        }
    }

    pub(super) fn find(&self, name: &str) -> Own {
        match self.changed.get(name) {
            Some(Some(query)) => Own::Made(Arc::clone(query)),
            Some(None) => Own::Dropped,
            None if self.cleared => Own::Dropped,
            None => Own::Untouched,
        }
    }
}

/// Gives the effects of one statement, which stands at `range` of `sql`, the text of the query that they name.
/// `None` where there is none, which the grammar does not allow.
pub(super) fn add_query(
    effects: &mut [SessionEffect],
    sql: &str,
    range: std::ops::Range<usize>,
    tokens: &[ScanToken],
) -> Option<()> {
    for effect in effects {
        let (query, after) = match effect {
            SessionEffect::PrepareSql { query, .. } => (query, Token::As),
            SessionEffect::DeclareCursor { query, .. } => (query, Token::For),
            _ => continue,
        };
        let at = query_after(range.clone(), tokens, after)?;
        *query = QueryText {
            query: sql.get(at..range.end)?.trim().into(),
            head: sql.get(range.start..at)?.trim().into(),
        };
    }
    Some(())
}

/// Where the first `keyword` outside of brackets ends: both words are reserved, so that is where the query begins.
fn query_after(
    range: std::ops::Range<usize>,
    tokens: &[ScanToken],
    keyword: Token,
) -> Option<usize> {
    let mut depth = 0_usize;
    let place = |place: i32| usize::try_from(place).ok();
    let first = tokens.partition_point(|token| place(token.start) < Some(range.start));
    for token in tokens.get(first..)? {
        let end = place(token.end).filter(|end| *end <= range.end)?;
        match Token::try_from(token.token) {
            Ok(Token::Ascii40) => depth = depth.saturating_add(1),
            Ok(Token::Ascii41) => depth = depth.saturating_sub(1),
            Ok(found) if found == keyword && depth == 0 => {
                return Some(end);
            }
            _ => {}
        }
    }
    None
}
