//! The units of durations and sizes, and what is written in them.

/// Units of a duration, each with its seconds.
pub const DURATIONS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600)];

/// Units of a size, each with its bytes.
pub const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("kiB", 1 << 10),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// What `text` means, such as `15m` in [`DURATIONS`]; nothing where it is no number of one of `units`, or too large to
/// count.
pub(crate) fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let is_digit = |char: char| char == '_' || char.is_ascii_digit();
    let unit = text.trim_start_matches(is_digit);
    let digits = text.strip_suffix(unit)?.replace('_', "");
    let (_, size) = units.iter().find(|(known, _)| *known == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_counted_in_the_smallest_unit() {
        assert_eq!(amount("15m", DURATIONS), Some(900));
        assert_eq!(amount("1_000d", DURATIONS), Some(86_400_000));
        assert_eq!(amount("512KiB", SIZES), Some(524_288));
        assert_eq!(amount("10MB", SIZES), Some(10_000_000));
        for wrong in [
            "15",
            "15M",
            "m",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert_eq!(amount(wrong, DURATIONS), None, "{wrong}");
        }
    }
}
