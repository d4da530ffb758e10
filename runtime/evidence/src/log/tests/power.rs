//! U-02: the power goes, or the gateway is killed, at any moment: what was acknowledged is there, the rest is cut.

use proptest::prelude::*;

use super::*;

/// Opens what is left, appends one record, closes, verifies; how many records were left.
fn go_on(fixture: &Fixture, files: &MemoryFiles) -> u64 {
    let (log, recovery) = fixture.open_over(files);
    log.append_and_wait(None, &event(999_999, 5)).unwrap();
    assert_eq!(log.close().unwrap().size, recovery.records + 1);
    let verification =
        verify::verify_files(Arc::new(files.clone()), &fixture.key().public()).unwrap();
    assert_eq!(
        (verification.sealed, verification.unfinished),
        (recovery.records + 1, false)
    );
    recovery.records
}

#[test]
fn u_02_a_segment_cut_at_any_byte_of_its_last_batch_is_recovered() {
    let fixture = Fixture::new();
    let (log, _) = fixture.open();
    log.append_and_wait(None, &event(0, 10)).unwrap();
    let segment = fixture.files.segments().pop().unwrap();
    let used = |files: &MemoryFiles| {
        let bytes = files.content(&segment);
        bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
    };
    let before = used(&fixture.files);
    // Five in one batch: the sync of another record holds the writer meanwhile.
    let (in_sync, release) = fixture.hold_next_sync();
    let held = append_all(&log, 1, 10);
    in_sync.recv().unwrap();
    let middle = used(&fixture.files);
    let answers = append_all(&log, 5, 10);
    release.send(()).unwrap();
    assert_eq!(
        held.iter()
            .chain(answers.iter())
            .filter(Result::is_ok)
            .count(),
        6
    );
    let end = used(&fixture.files);
    let whole = fixture.files.copy();
    log.close().unwrap();

    let bytes = whole.content(&segment);
    let mut counts = Vec::new();
    for cut in before..=end {
        let files = whole.copy();
        files.put(&segment, &bytes[..cut]);
        let left = go_on(&fixture, &files);
        // Durable, by what the writer knew: what lies wholly before the batch that was cut.
        assert!(left >= if cut >= middle { 2 } else { 1 }, "cut at {cut}");
        counts.push(left);
    }
    assert!(counts.is_sorted());
    counts.dedup();
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// At every sync one state of the disk that a power cut could leave is kept, with what was acknowledged before it.
    #[test]
    fn u_02_a_power_cut_at_any_sync_keeps_what_was_acknowledged(seed in any::<u64>(), bytes in 0..6000_usize) {
        let fixture = Fixture::new();
        let options = LogOptions { checkpoint_records: 7, ..fixture.options() };
        let (log, _) = LogHandle::open(Arc::new(fixture.files.clone()), options).unwrap();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let (cuts, kept) = mpsc::channel();
        let (files, seen) = (fixture.files.clone(), Arc::clone(&acknowledged));
        let mut random = seed | 1;
        fixture.files.on_sync(move |_| {
            let known = seen.load(Ordering::SeqCst);
            let after = files.after_power_cut(|| {
                // xorshift64: any sequence of choices will do.
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random & 4 == 0
            });
            drop(cuts.send((known, after)));
        });
        for number in 0..30 {
            let acknowledged = Arc::clone(&acknowledged);
            let done: Done = Box::new(move |result| {
                result.unwrap();
                acknowledged.fetch_add(1, Ordering::SeqCst);
            });
            log.append(None, &event(number, bytes), done).unwrap();
        }
        log.close().unwrap();
        fixture.files.on_sync(|_| {});
        let kept: Vec<_> = kept.try_iter().collect();
        prop_assert!(kept.len() > 2);
        for (known, files) in kept {
            let left = go_on(&fixture, &files);
            prop_assert!(left >= known as u64, "{known} acknowledged, {left} left");
        }
    }
}
