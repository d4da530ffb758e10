//! What a statement does to its session beyond tables: state that an adapter mirrors or refuses.

use super::QueryText;

/// A change to session state, in the order of the statements that make it. A change inside EXPLAIN without ANALYZE or in
/// the body of PREPARE is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEffect {
    /// BEGIN or START TRANSACTION.
    Begin,
    /// COMMIT or END; also PREPARE TRANSACTION, which ends the transaction too.
    Commit,
    /// ROLLBACK of the whole transaction.
    Rollback,
    /// SAVEPOINT, RELEASE or ROLLBACK TO.
    Savepoint,
    /// PREPARE TRANSACTION, COMMIT PREPARED or ROLLBACK PREPARED.
    TwoPhase,
    /// SET of a setting; the value is `None` for DEFAULT and FROM CURRENT.
    Set {
        /// Lower-case name of the setting.
        name: String,
        /// Its values joined by commas, as written.
        value: Option<String>,
        /// SET LOCAL: for this transaction only.
        local: bool,
    },
    /// RESET of a setting, or of all with `None`: also of those that decide what names and texts mean.
    Reset {
        /// Lower-case name of the setting.
        name: Option<String>,
    },
    /// DISCARD of the named kind: `all`, `plans`, `sequences`, `temp`. `all` resets all settings and the user, drops all
    /// statements and cursors, and listens to nothing any more.
    Discard {
        /// What is discarded.
        what: &'static str,
    },
    /// PREPARE of a statement name in SQL.
    PrepareSql {
        /// The statement's name.
        name: String,
        /// The query it stands for.
        query: QueryText,
    },
    /// EXECUTE of a statement that was prepared in SQL.
    ExecuteSql {
        /// The statement's name.
        name: String,
    },
    /// DEALLOCATE of a name, or of all with `None`.
    Deallocate {
        /// The statement's name.
        name: Option<String>,
    },
    /// DECLARE of a cursor.
    DeclareCursor {
        /// The cursor's name.
        name: String,
        /// WITH HOLD: it outlives its transaction.
        hold: bool,
        /// The query it stands for.
        query: QueryText,
    },
    /// FETCH from a cursor or MOVE of one.
    FetchCursor {
        /// The cursor's name.
        name: String,
    },
    /// CLOSE of a cursor, or of all with `None`.
    CloseCursor {
        /// The cursor's name.
        name: Option<String>,
    },
    /// LISTEN to a channel.
    Listen {
        /// The channel.
        channel: String,
    },
    /// UNLISTEN of a channel, or of all with `None`.
    Unlisten {
        /// The channel.
        channel: Option<String>,
    },
    /// Another user or role would run what follows: SET ROLE, SET SESSION AUTHORIZATION, set_config of these, RESET that
    /// undoes them by name, UPDATE of pg_settings. Stands in addition to the effect that causes it.
    ChangesIdentity,
    /// Names would mean other objects: search_path.
    ChangesNameResolution,
    /// Text would be read differently: client_encoding, standard_conforming_strings and the like.
    ChangesEncoding,
    /// A setting that weakens the server's own checks or observation: row_security, session_replication_role, ...
    ChangesProtection {
        /// Lower-case name of the setting, `*` where it cannot be told.
        name: String,
    },
}

impl SessionEffect {
    /// Whether it gives every setting the value it has at the start of a session.
    #[must_use]
    pub fn resets_all(&self) -> bool {
        matches!(
            self,
            SessionEffect::Reset { name: None } | SessionEffect::Discard { what: "all" }
        )
    }

    /// Whether it makes, uses or drops names of statements or cursors.
    #[must_use]
    pub fn concerns_names(&self) -> bool {
        matches!(
            self,
            SessionEffect::PrepareSql { .. }
                | SessionEffect::ExecuteSql { .. }
                | SessionEffect::Deallocate { .. }
                | SessionEffect::DeclareCursor { .. }
                | SessionEffect::FetchCursor { .. }
                | SessionEffect::CloseCursor { .. }
        ) || self.resets_all() && !matches!(self, SessionEffect::Reset { .. })
    }
}
