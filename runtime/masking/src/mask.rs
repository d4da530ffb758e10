//! How one value is hidden. Counts and chooses nothing.

use hpol_bundle::policy::Mask;

/// What stands in place of a value that is hidden whole. It is the same for all, so it tells no length.
pub const REDACTED: &str = "***";

const HIDDEN: u8 = b'*';

/// Appends what `mask` leaves of `value`; a mask that makes the value NULL, or that needs a key, leaves [`REDACTED`] here.
///
/// ASCII punctuation and spaces stay where they are; of all other characters the first or last stay as the mask says.
/// A mask that would hide no more characters than it leaves hides all, as it does with what is not UTF-8.
pub(crate) fn write(mask: Mask, value: &[u8], out: &mut Vec<u8>) {
    match mask {
        Mask::KeepLast(kept) => keep(value, kept, End::Last, out),
        Mask::KeepFirst(kept) => keep(value, kept, End::First, out),
        Mask::Hash | Mask::Redact | Mask::Null => out.extend_from_slice(REDACTED.as_bytes()),
    }
}

#[derive(Clone, Copy)]
enum End {
    First,
    Last,
}

fn keep(value: &[u8], kept: u32, end: End, out: &mut Vec<u8>) {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let count = text
        .chars()
        .filter(|character| !is_separator(*character))
        .count();
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let hidden = count.saturating_sub(kept);
    if kept == 0 || hidden <= kept {
        out.extend_from_slice(REDACTED.as_bytes());
        return;
    }
    let stays = match end {
        End::First => 0..kept,
        End::Last => hidden..count,
    };
    let mut index = 0;
    for character in text.chars() {
        if is_separator(character) || stays.contains(&index) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.push(HIDDEN);
        }
        index += usize::from(!is_separator(character));
    }
}

fn is_separator(character: char) -> bool {
    character.is_ascii_punctuation() || character == ' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mask: Mask, value: &str, expected: &str) {
        let mut out = Vec::new();
        write(mask, value.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn keeps_the_last_characters_and_all_separators() {
        check(Mask::KeepLast(4), "987-65-4320", "***-**-4320");
        check(
            Mask::KeepLast(4),
            "4111 1111 1111 1111",
            "**** **** **** 1111",
        );
    }

    #[test]
    fn keeps_the_first_characters() {
        check(Mask::KeepFirst(2), "ana@example.com", "an*@*******.***");
    }

    #[test]
    fn hides_all_where_less_would_be_hidden_than_shown() {
        check(Mask::KeepLast(4), "12345678", REDACTED);
        check(Mask::KeepLast(4), "123456789", "*****6789");
        check(Mask::KeepLast(4), "4320", REDACTED);
        check(Mask::KeepFirst(4), "", REDACTED);
        check(Mask::KeepFirst(0), "12345", REDACTED);
        check(Mask::KeepFirst(u32::MAX), "12345", REDACTED);
    }

    #[test]
    fn counts_characters_not_bytes() {
        check(Mask::KeepLast(2), "Müllerín", "******ín");
        check(Mask::KeepFirst(1), "Ω\u{301}ώ", "Ω**");
    }

    #[test]
    fn hides_all_of_what_is_not_text() {
        let mut out = Vec::new();
        write(Mask::KeepLast(1), b"12345\xff", &mut out);
        assert_eq!(out, REDACTED.as_bytes());
    }

    #[test]
    fn tells_no_length() {
        check(Mask::Redact, "x", REDACTED);
        check(Mask::Redact, "987-65-4320", REDACTED);
    }
}
