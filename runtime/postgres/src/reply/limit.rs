//! Cuts a result after the rows that a rule allows. What follows is not shown and not counted.

use bytes::{Bytes, BytesMut};
use hpol_session::permit::Receipt;

use crate::codec::encode::{self, Report};
use crate::codec::{Malformed, backend};

/// SQLSTATE of a statement that somebody canceled.
pub(crate) const CANCELED: &str = "57014";

/// How many rows an operation may give out, and how many it has.
#[derive(Debug)]
pub(crate) struct Limit {
    rows: u64,
    /// The rules that say so, for the notice.
    rules: String,
    given: u64,
    cut: bool,
}

impl Limit {
    /// The limit of a permit, if it has one. `given` rows were released before, in portions of the same result.
    pub(crate) fn of(receipt: &Receipt, given: u64) -> Option<Limit> {
        let rules: Vec<String> = receipt
            .limiting_rules()
            .iter()
            .map(|rule| format!("`{rule}`"))
            .collect();
        Some(Limit {
            rows: receipt.row_limit()?,
            rules: rules.join(", "),
            given,
            cut: false,
        })
    }

    /// Takes note of portions that were released since the limit was made.
    pub(crate) fn given_before(&mut self, given: u64) {
        self.given = self.given.max(given);
    }

    /// Rows released, with those of earlier portions.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// Whether rows were left out.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether one more row may be released. The first that may not is told of.
    pub(crate) fn admit(&mut self, out: &mut BytesMut) -> bool {
        if self.given < self.rows {
            self.given += 1;
            return true;
        }
        if !std::mem::replace(&mut self.cut, true) {
            let rows = self.rows;
            let message = format!("the result is cut after {rows} rows by rule {}", self.rules);
            let hint = "ask for fewer rows, or in portions of a key";
            Report::notice(message).with_hint(hint).write(out);
        }
        false
    }

    /// How many rows to ask the server for where the client wants `wanted`, 0 being all: one more than may be released, to
    /// see whether there are more. `None` where what the client wants is no more than that.
    pub(crate) fn ask_for(&self, wanted: i32) -> Option<i32> {
        let enough = self.rows.saturating_sub(self.given).checked_add(1)?;
        let enough = i32::try_from(enough).ok()?;
        (wanted <= 0 || wanted > enough).then_some(enough)
    }
}

/// CommandComplete of a result of which `rows` were released: the server's own with another count, where it counts what was
/// returned.
pub(crate) fn command_complete(body: &[u8], rows: u64) -> Result<Option<Bytes>, Malformed> {
    let tag = backend::command_tag(body)?;
    let verb = tag.rsplit_once(' ').map(|(verb, _)| verb);
    let counting = verb.filter(|verb| matches!(*verb, "SELECT" | "FETCH" | "COPY"));
    Ok(counting.map(|verb| completed(verb, rows)))
}

/// CommandComplete with this verb and count.
pub(crate) fn completed(verb: &str, rows: u64) -> Bytes {
    let mut out = BytesMut::new();
    encode::message(&mut out, backend::COMMAND_COMPLETE, |out| {
        encode::text(out, &format!("{verb} {rows}"));
    });
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(rows: u64, given: u64) -> Limit {
        Limit {
            rows,
            rules: "`p.r`".to_owned(),
            given,
            cut: false,
        }
    }

    #[test]
    fn the_row_after_the_last_is_told_of_once() {
        let mut limit = limit(2, 0);
        let mut out = BytesMut::new();
        assert!(limit.admit(&mut out) && limit.admit(&mut out));
        assert!(out.is_empty() && !limit.is_cut());
        assert!(!limit.admit(&mut out));
        let notice = out.len();
        assert!(notice > 0 && limit.is_cut());
        assert!(!limit.admit(&mut out));
        assert_eq!((out.len(), limit.given()), (notice, 2));
    }

    #[test]
    fn one_row_more_than_allowed_is_asked_for() {
        assert_eq!(limit(10, 0).ask_for(0), Some(11));
        assert_eq!(limit(10, 4).ask_for(0), Some(7));
        assert_eq!(limit(10, 4).ask_for(7), None);
        assert_eq!(limit(10, 4).ask_for(8), Some(7));
        assert_eq!(limit(10, 10).ask_for(5), Some(1));
        assert_eq!(limit(u64::MAX, 0).ask_for(0), None);
        assert_eq!(limit(0, 0).ask_for(1), None);
    }

    #[test]
    fn only_a_count_of_what_was_returned_changes() {
        let changed = |tag: &str| command_complete(format!("{tag}\0").as_bytes(), 3).unwrap();
        assert_eq!(changed("SELECT 10"), Some(completed("SELECT", 3)));
        assert_eq!(changed("FETCH 10"), Some(completed("FETCH", 3)));
        assert_eq!(changed("INSERT 0 10"), None);
        assert_eq!(changed("SHOW"), None);
    }
}
