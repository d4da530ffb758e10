//! The words of the vocabulary's `sql_verb` list.

/// What a statement does. The words stand in `lang-spec/vocabulary.toml`; a test holds both lists equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verb(&'static str);

macro_rules! verbs {
    ($($name:ident = $word:literal),* $(,)?) => {
        #[expect(missing_docs, reason = "each is the SQL command of its name")]
        impl Verb {
            $(pub const $name: Verb = Verb($word);)*
            /// Every verb, in the order of the vocabulary.
            pub const ALL: &'static [Verb] = &[$(Verb::$name),*];
        }
    };
}

verbs! {
    SELECT = "select", INSERT = "insert", UPDATE = "update", DELETE = "delete", MERGE = "merge", TRUNCATE = "truncate",
    CREATE = "create", ALTER = "alter", DROP = "drop", GRANT = "grant", REVOKE = "revoke", COMMENT = "comment",
    COPY = "copy", CALL = "call", DO = "do", EXPLAIN = "explain", PREPARE = "prepare", EXECUTE = "execute",
    DEALLOCATE = "deallocate", DECLARE = "declare", FETCH = "fetch", CLOSE = "close", SET = "set", RESET = "reset",
    SHOW = "show", DISCARD = "discard", TRANSACTION = "transaction", LOCK = "lock", LISTEN = "listen",
    UNLISTEN = "unlisten",
    NOTIFY = "notify", REFRESH = "refresh", ANALYZE = "analyze", VACUUM = "vacuum", CLUSTER = "cluster",
    REINDEX = "reindex", CHECKPOINT = "checkpoint", LOAD = "load", OTHER = "other",
}

impl Verb {
    /// The word in policies and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpol_bundle::vocabulary::Vocabulary;

    #[test]
    fn verbs_are_those_of_the_vocabulary() {
        let words = Vocabulary::builtin().words("sql_verb").unwrap();
        let ours: Vec<&str> = Verb::ALL.iter().map(|verb| verb.as_str()).collect();
        assert_eq!(words, ours);
    }
}
