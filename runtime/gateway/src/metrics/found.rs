//! The numbers that every operation changes, kept by each thread once it has found them: finding one by its labels takes as
//! long as deciding several operations.

use std::cell::RefCell;

use hpol_evidence::record::Connection;
use metrics::{Counter, Histogram, counter, histogram};

/// What a thread keeps of one kind: connections have names from the configuration, and all other labels a few words. What
/// a gateway with more connections than this counts is found anew each time.
const KEPT: usize = 256;

/// What was found, by its labels.
type Found<const LABELS: usize, N> = RefCell<Vec<([Box<str>; LABELS], N)>>;

thread_local! {
    static OPERATIONS: Found<3, Counter> = const { RefCell::new(Vec::new()) };
    static ENDED: Found<1, Counter> = const { RefCell::new(Vec::new()) };
    static DECISIONS: Found<2, Histogram> = const { RefCell::new(Vec::new()) };
}

/// Operations judged.
pub(super) fn operations(connection: &Connection, verdict: &str, change: impl FnOnce(&Counter)) {
    let labels = [connection.kind.as_str(), connection.name.as_str(), verdict];
    let find = || {
        counter!(
            "hpol_operations_total",
            "protocol" => connection.kind.clone(),
            "connection" => connection.name.clone(),
            "verdict" => verdict.to_owned()
        )
    };
    OPERATIONS.with_borrow_mut(|found| with(found, labels, find, change));
}

/// Operations that have ended.
pub(super) fn ended(result: &'static str, change: impl FnOnce(&Counter)) {
    let find = || counter!("hpol_operations_ended_total", "result" => result);
    ENDED.with_borrow_mut(|found| with(found, [result], find, change));
}

/// How long decisions take.
pub(super) fn decisions(
    protocol: &'static str,
    verdict: &'static str,
    change: impl FnOnce(&Histogram),
) {
    let find = || histogram!("hpol_decision_seconds", "protocol" => protocol, "verdict" => verdict);
    DECISIONS.with_borrow_mut(|found| with(found, [protocol, verdict], find, change));
}

fn with<const LABELS: usize, N>(
    found: &mut Vec<([Box<str>; LABELS], N)>,
    labels: [&str; LABELS],
    find: impl FnOnce() -> N,
    change: impl FnOnce(&N),
) {
    let is_it = |known: &[Box<str>; LABELS]| known.iter().map(|label| &**label).eq(labels);
    if let Some((_, number)) = found.iter().find(|(known, _)| is_it(known)) {
        return change(number);
    }
    let number = find();
    change(&number);
    if found.len() < KEPT {
        found.push((labels.map(Box::from), number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_once_for_its_labels() {
        let (mut found, mut finds) = (Vec::new(), 0);
        let mut changed = Vec::new();
        for labels in [["a", "b"], ["ab", ""], ["a", "b"], ["ab", ""]] {
            let find = || {
                finds += 1;
                finds
            };
            with(&mut found, labels, find, |number| changed.push(*number));
        }
        assert_eq!(changed, [1, 2, 1, 2]);
    }

    #[test]
    fn what_a_thread_keeps_has_a_bound() {
        let mut found = Vec::new();
        for number in 0..2 * KEPT {
            with(&mut found, [number.to_string().as_str()], || (), |()| ());
        }
        assert_eq!(found.len(), KEPT);
    }
}
