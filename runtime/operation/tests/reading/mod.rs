//! How the tests read texts: what names mean in a session, and the analysis of one text.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::sync::Arc;

use hpol_operation::sql::{Analyser, Catalogue, Limits, SqlAnalysis, SqlRefusal, SqlSession};

/// With these schemas in its search path, and no catalogue.
pub fn session(path: &[&str]) -> SqlSession {
    SqlSession {
        search_path: path.iter().map(|schema| (*schema).to_owned()).collect(),
        catalogue: None,
    }
}

/// With `public` in its search path.
pub fn knowing(catalogue: impl Into<Arc<Catalogue>>) -> SqlSession {
    SqlSession {
        catalogue: Some(catalogue.into()),
        ..session(&["public"])
    }
}

/// The analysis of a text by what can be known without a catalogue.
pub fn analyse(sql: &str) -> Result<Arc<SqlAnalysis>, SqlRefusal> {
    analyse_in(sql, &session(&["public"]))
}

/// The analysis of a text in a session.
pub fn analyse_in(sql: &str, session: &SqlSession) -> Result<Arc<SqlAnalysis>, SqlRefusal> {
    Analyser::new(Limits::default()).analyse(sql, session)
}
