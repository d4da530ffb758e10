//! History after a start: the end of the audit log is read, as far back as conditions over history look, before the first
//! bundle comes into force. What it means is the session's.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hpol_evidence::reader::{LogReader, ReadLog};
use hpol_session::door::Door;
use hpol_session::history::Recalled;
use hpol_session::policy::InForce;
use jiff::Timestamp;

/// How much further back than the longest window is read, in milliseconds: what was let through before and ended within
/// belongs to somebody.
const MARGIN_MS: i64 = 3_600_000;
/// How long is read at most: nobody is served meanwhile, and service managers wait 90 s for a start.
const READ_FOR: Duration = Duration::from_secs(60);

/// Why history was not read.
#[derive(Debug, thiserror::Error)]
enum ReadHistory {
    #[error(transparent)]
    Log(#[from] ReadLog),
    #[error("it takes longer than {READ_FOR:?}")]
    TooLong,
}

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

fn read(door: &Door, in_force: &InForce, directory: &Path) -> Result<Recalled, ReadHistory> {
    let until = Instant::now() + READ_FOR;
    let now = Timestamp::now().as_millisecond();
    let from = now
        .saturating_sub(in_force.history_window_ms())
        .saturating_sub(MARGIN_MS);
    let from = Timestamp::from_millisecond(from).unwrap_or(Timestamp::MIN);
    let reader = LogReader::open(directory)?;
    let records = reader.records_since(from)?;
    let mut remembered = door.remember(in_force);
    each(records, until, |read| remembered.note(&read.record))?;
    Ok(remembered.finish(Timestamp::now().as_millisecond()))
}

/// Gives `note` all of `records`.
fn each<T>(
    records: impl IntoIterator<Item = Result<T, ReadLog>>,
    until: Instant,
    mut note: impl FnMut(T),
) -> Result<(), ReadHistory> {
    for record in records {
        if Instant::now() >= until {
            return Err(ReadHistory::TooLong);
        }
        note(record?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_an_end_is_read_until_the_time_is_up() {
        let endless = std::iter::repeat_with(|| Ok(()));
        let until = Instant::now() + Duration::from_millis(1);
        let read = each(endless, until, |()| {});
        assert!(matches!(read, Err(ReadHistory::TooLong)), "{read:?}");
        let mut noted = 0;
        let until = Instant::now() + READ_FOR;
        each((0..9).map(Ok), until, |number: i32| noted += number).unwrap();
        assert_eq!(noted, 36);
    }
}
