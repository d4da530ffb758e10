//! The formatter: what it writes means what was there, and is settled.

use hpol_syntax::format::{Unformatted, format};

use super::policy;
use crate::Target;

/// A file of a policy, formatted.
pub(crate) const FORMAT: Target = Target {
    name: "format",
    run,
    seeds: policy::seeds,
    short: 1_500,
};

fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match format(&text) {
        Ok(once) => assert_eq!(format(&once).as_ref(), Ok(&once), "not settled"),
        Err(Unformatted::Broken) => {}
        Err(Unformatted::Meaning) => panic!("the formatted text means something else"),
    }
}
