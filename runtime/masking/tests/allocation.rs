//! Hiding a value allocates nothing once there is room for what takes its place.

use hpol_bundle::policy::Mask;
use hpol_masking::{BuildMasker, Detector, Entry, Masked, Masker};

fn masker() -> Result<Masker, BuildMasker> {
    let entry = |mask, detectors: &[Detector]| Entry {
        class: "p.c".to_owned(),
        mask,
        paths: Vec::new(),
        detectors: detectors.to_vec(),
    };
    let entries = vec![
        entry(Mask::KeepLast(4), &Detector::ALL),
        entry(Mask::KeepFirst(2), &[]),
        entry(Mask::Redact, &[]),
        entry(Mask::Null, &[]),
    ];
    Masker::new(entries, None)
}

#[test]
fn a_value_costs_no_allocation() {
    let masker = masker().unwrap();
    let values = [
        "987-65-4320",
        "nothing to hide, 129.90 euros on 2024-05-17",
        "Ana <ana@example.com>, +1 646 292 6211, 192.0.2.17, 4111 1111 1111 1111, DE89370400440532013000",
        "M\u{fc}ller",
        "",
    ];
    let (mut counts, mut hidden) = ([0; 4], [0; 4]);
    let mut out = Vec::with_capacity(1024);
    let mut changed = 0;
    let counted = allocation_counter::measure(|| {
        for value in values {
            for slot in 0..4 {
                out.clear();
                let masked = masker.value(slot, value.as_bytes(), &mut hidden, &mut out);
                changed += u32::from(masked == Masked::Changed);
            }
            out.clear();
            changed +=
                u32::from(masker.text(value.as_bytes(), &mut counts, &mut out) == Masked::Changed);
        }
    });
    assert_eq!(counted.count_total, 0);
    // Three masks that leave something on five values, and two texts with findings.
    assert_eq!((changed, counts.iter().sum::<u64>()), (17, 6));
}
