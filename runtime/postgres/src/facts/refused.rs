//! What is refused of texts whatever a policy says, and what their records show.

use hpol_operation::sql::{SessionEffect, SqlRefusal};
use hpol_session::refusal::NotAccepted;

use super::Reading;

impl Reading {
    /// What this version does not carry, whatever a policy says.
    pub(crate) fn not_carried(&self) -> Option<NotAccepted> {
        self.analysis
            .effects()
            .iter()
            .find_map(not_carried)
            .map(|what| NotAccepted::Unsupported { what })
    }

    /// What is refused of a text that undoes a search path and goes on.
    pub(crate) fn goes_on_undone() -> NotAccepted {
        NotAccepted::Unsupported {
            what: "what ends a transaction that has changed search_path, or concerns its savepoints, has to be sent alone"
                .to_owned(),
        }
    }

    /// Why the text may not both reset settings and make it possible to undo what is set behind that.
    pub(crate) fn undoes_settings(&self) -> Option<NotAccepted> {
        (self.resets_all() && self.may_roll_back()).then(|| NotAccepted::Unsupported {
            what: "RESET ALL and DISCARD ALL have to be sent apart from what ends a transaction or concerns savepoints"
                .to_owned(),
        })
    }
}

/// Whether a change of session state is not carried, whatever a policy says.
pub(crate) fn is_forbidden(effect: &SessionEffect) -> bool {
    not_carried(effect).is_some()
}

/// Changes of session state that would make later statements mean something else than what is judged, by name.
fn not_carried(effect: &SessionEffect) -> Option<String> {
    match effect {
        SessionEffect::Begin
        | SessionEffect::Commit
        | SessionEffect::Rollback
        | SessionEffect::Savepoint
        | SessionEffect::Set { .. }
        | SessionEffect::Reset { .. }
        | SessionEffect::Discard { .. }
        | SessionEffect::Deallocate { .. }
        | SessionEffect::PrepareSql { .. }
        | SessionEffect::ExecuteSql { .. }
        | SessionEffect::DeclareCursor { .. }
        | SessionEffect::FetchCursor { .. }
        | SessionEffect::CloseCursor { .. }
        | SessionEffect::Listen { .. }
        | SessionEffect::Unlisten { .. } => None,
        SessionEffect::TwoPhase => Some("two-phase commit is not supported by this version".to_owned()),
        SessionEffect::ChangesIdentity => {
            Some("changing the role of the session is not supported: it belongs to the gateway".to_owned())
        }
        SessionEffect::ChangesNameResolution => {
            Some("changing search_path is not supported: write names with their schema".to_owned())
        }
        SessionEffect::ChangesEncoding => {
            Some("changing how text is read is not supported: the session is in UTF-8 with standard strings".to_owned())
        }
        SessionEffect::ChangesProtection { name } => {
            Some(format!("changing `{name}` is not supported: it weakens the protection of the server"))
        }
    }
}

/// Why a text was not analysed, in the door's classes.
pub(crate) fn not_accepted(refusal: &SqlRefusal) -> NotAccepted {
    match refusal {
        SqlRefusal::Unsupported { .. }
        | SqlRefusal::ServerCopy { .. }
        | SqlRefusal::NamedCommand { .. } => NotAccepted::Unsupported {
            what: refusal.to_string(),
        },
        SqlRefusal::Syntax { .. }
        | SqlRefusal::TooLong { .. }
        | SqlRefusal::TooDeep
        | SqlRefusal::TooCostly
        | SqlRefusal::TooSlow
        | SqlRefusal::Busy
        | SqlRefusal::Internal
        | SqlRefusal::Nul => NotAccepted::NotUnderstood {
            why: refusal.to_string(),
        },
    }
}

/// What a record shows of a text that was refused after it was parsed; `None` where its words cannot be told from its
/// literals.
pub(crate) async fn shown(text: &str, refusal: &SqlRefusal) -> Option<String> {
    let parsed = matches!(
        refusal,
        SqlRefusal::Unsupported { .. }
            | SqlRefusal::ServerCopy { .. }
            | SqlRefusal::NamedCommand { .. }
    );
    let text = parsed.then(|| text.to_owned())?;
    let masked = tokio::task::spawn_blocking(move || hpol_operation::sql::masked(&text));
    masked.await.ok().flatten()
}
