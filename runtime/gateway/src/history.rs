//! History after a start: the end of the audit log is read, as far back as conditions over history look, before the first
//! bundle comes into force. What it means is the session's.

use std::path::Path;
use std::sync::Arc;

use hpol_evidence::reader::{LogReader, ReadLog};
use hpol_session::door::Door;
use hpol_session::history::Recalled;
use hpol_session::policy::InForce;
use jiff::Timestamp;

/// How much further back than the longest window is read, in milliseconds: what was let through before and ended within
/// belongs to somebody.
const MARGIN_MS: i64 = 3_600_000;

/// Fills the histories of `door` for `in_force` from the log in `directory`. Where that fails nothing is known of what
/// happened before, and conditions over history count as unknown until their windows have passed.
pub(crate) async fn remember(door: &Arc<Door>, in_force: &Arc<InForce>, directory: &Path) {
    let window = in_force.history_window_ms();
    if window == 0 {
        return;
    }
    let (door, in_force, path) = (Arc::clone(door), Arc::clone(in_force), directory.to_owned());
    let read = tokio::task::spawn_blocking(move || read(&door, &in_force, &path)).await;
    match read {
        Ok(Ok(recalled)) => tracing::info!(
            ended = recalled.ended,
            cut_off = recalled.cut_off,
            unmatched = recalled.unmatched,
            "history read from the audit log"
        ),
        Ok(Err(error)) => tracing::error!(
            %error,
            "history cannot be read from the audit log; conditions over it are unknown until their windows have passed"
        ),
        Err(error) => tracing::error!(
            %error,
            "history was not read; conditions over it are unknown until their windows have passed"
        ),
    }
}

fn read(door: &Door, in_force: &InForce, directory: &Path) -> Result<Recalled, ReadLog> {
    let now = Timestamp::now().as_millisecond();
    let from = now
        .saturating_sub(in_force.history_window_ms())
        .saturating_sub(MARGIN_MS);
    let from = Timestamp::from_millisecond(from).unwrap_or(Timestamp::MIN);
    let reader = LogReader::open(directory)?;
    let records = reader.records_since(from)?;
    let mut remembered = door.remember(in_force);
    for read in records {
        remembered.note(&read?.record);
    }
    Ok(remembered.finish(Timestamp::now().as_millisecond()))
}
