//! Detectors over bodies that upstreams wrote.

use std::sync::{Arc, LazyLock};

use hpol_bundle::policy::Mask;
use hpol_masking::{Detector, Entry, Masker, Stream, StreamKind};

use crate::Target;

/// Free text and JSON.
pub(crate) const STREAM: Target = Target {
    name: "masking_stream",
    run,
    seeds,
    short: 5_000,
};

/// Where chunks are cut makes no difference.
fn run(bytes: &[u8]) {
    for kind in [StreamKind::Text, StreamKind::Json] {
        let whole = masked(kind, &[bytes]);
        let third = bytes.len() / 3;
        let (first, rest) = bytes.split_at(third);
        let (second, last) = rest.split_at(third);
        assert_eq!(whole, masked(kind, &[first, second, last]), "chunks matter");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(whole, masked(kind, &single), "chunks matter");
    }
}

fn masked(kind: StreamKind, chunks: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
    static MASKER: LazyLock<Arc<Masker>> = LazyLock::new(|| {
        let entry = |(index, detector): (u32, Detector)| {
            let mask = if index % 2 == 0 {
                Mask::Redact
            } else {
                Mask::KeepLast(4)
            };
            Entry::of_detectors(mask, vec![detector])
        };
        let entries = (0..).zip(Detector::ALL).map(entry);
        Arc::new(Masker::new(entries.collect(), None).unwrap())
    });
    let (mut counts, mut out) = (vec![0; Detector::ALL.len()], Vec::new());
    let mut stream = Stream::new(Arc::clone(&MASKER), kind);
    for chunk in chunks {
        stream.push(chunk, &mut counts, &mut out);
    }
    stream.finish(&mut counts, &mut out);
    (out, counts)
}

fn seeds() -> Vec<Vec<u8>> {
    [
        "ssn 078-05-1120, card 4111 1111 1111 1111, mail ana@example.com, ip 192.0.2.7 and 2001:db8::1",
        "{\"a\":\"\\u0030\\u0037\\u0038-05-1120\",\"b\":[4111111111111111,null,{\"c\":\"DE89 3704 0044 0532 0130 00\"}]}",
        "+49 30 1234567\nAKIAIOSFODNN7EXAMPLE eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
