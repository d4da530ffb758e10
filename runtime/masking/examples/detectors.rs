//! Prints how fast the detectors look through text: dense with what they find, and sparse. One thread, the least of five runs.
//!
//! `cargo run --release -p hpol-masking --example detectors`

use std::time::{Duration, Instant};

use hpol_bundle::policy::Mask;
use hpol_masking::{Detector, Entry, Masker};

const BYTES: usize = 16 << 20;
const RUNS: usize = 5;

/// A row of a customer table: something to find in every other value.
const DENSE: &str = "4711,Ana Example,ana@example.com,987-65-4320,Berlin,4111111111111111,+1 646 292 6211,192.0.2.17,\
                     called on 2024-05-17 at 10:30 about order 88123\n";

/// Text as people write it.
const SPARSE: &str = "The order was shipped on Tuesday and arrived two days later; the customer asked whether the second parcel, \
                      which holds the cable and the stand, could be sent to the office instead. We agreed, and changed the \
                      address in the system. A note was left for the driver (ring twice), and the invoice of 129.90 euros \
                      remains as it is. Nothing else is open: both claims of last year were settled in March.\n";

fn main() {
    let entries = Detector::ALL.into_iter().map(|detector| Entry {
        class: detector.name().to_owned(),
        mask: Mask::Redact,
        paths: Vec::new(),
        detectors: vec![detector],
    });
    let masker = match Masker::new(entries.collect(), None) {
        Ok(masker) => masker,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    for (name, text) in [("dense", DENSE), ("sparse", SPARSE)] {
        let text = text.repeat(BYTES.div_ceil(text.len()));
        let mut counts = vec![0; masker.entries().len()];
        let mut out = Vec::with_capacity(text.len());
        let mut least = Duration::MAX;
        for _ in 0..RUNS {
            counts.fill(0);
            out.clear();
            let started = Instant::now();
            masker.text(text.as_bytes(), &mut counts, &mut out);
            least = least.min(started.elapsed());
        }
        let found: u64 = counts.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let speed = text.len() as f64 / least.as_secs_f64() / 1e6;
        println!(
            "{name}: {speed:.0} MB/s, {found} findings in {} MB",
            text.len() / 1_000_000
        );
    }
}
