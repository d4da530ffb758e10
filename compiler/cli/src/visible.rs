//! Text that others chose, made safe to look at: what would move the cursor, reorder or hide text is spelled out.
//!
//! Used for everything that comes from the network or the log. Nothing is left out silently.

use std::fmt::Write;

/// How many suspicious characters a note names.
const NAMED: usize = 8;

/// `text` on one line: line ends and tabs are spelled out as well.
pub(crate) fn line(text: &str) -> String {
    spell(text, |c| hides(c) || c == '\n' || c == '\t')
}

/// `text` with its line ends kept; everything else that hides is spelled out.
pub(crate) fn block(text: &str) -> String {
    spell(text, hides)
}

/// `text` on one line of at most `limit` characters; says how many more there are.
pub(crate) fn brief(text: &str, limit: usize) -> String {
    let shown = line(text);
    let length = shown.chars().count();
    if length <= limit {
        return shown;
    }
    let more = |kept: usize| format!("… ({} more)", length - kept);
    let kept = limit.saturating_sub(more(0).chars().count());
    shown.chars().take(kept).collect::<String>() + &more(kept)
}

/// A note on letters outside ASCII, which can pass for others (`а` for `a`); `None` where there are none.
pub(crate) fn lookalikes(text: &str) -> Option<String> {
    let mut seen: Vec<char> = Vec::new();
    for c in text.chars().filter(|c| !c.is_ascii() && !hides(*c)) {
        if !seen.contains(&c) {
            seen.push(c);
        }
        if seen.len() > NAMED {
            break;
        }
    }
    let named: Vec<_> = seen
        .iter()
        .take(NAMED)
        .map(|c| format!("`{c}` (U+{:04X})", u32::from(*c)))
        .collect();
    let more = if seen.len() > NAMED { ", and more" } else { "" };
    (!named.is_empty()).then(|| {
        format!(
            "characters outside ASCII, which can look like others: {}{more}",
            named.join(", ")
        )
    })
}

/// `text` with everything that hides replaced by marks of as many bytes, so that places in it stay where they are.
pub(crate) fn same_length(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match (hides(c) && c != '\r', c.len_utf8()) {
            (false, _) => shown.push(c),
            (true, 1) => shown.push('?'),
            (true, 2) => shown.push('\u{bf}'),
            (true, 3) => shown.push('\u{fffd}'),
            (true, _) => shown.push_str("\u{fffd}?"),
        }
    }
    shown
}

fn spell(text: &str, hidden: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if hidden(c) => shown.push_str("\\n"),
            '\t' if hidden(c) => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            _ if hidden(c) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            _ => shown.push(c),
        }
    }
    shown
}

/// Controls (terminal escapes among them), bidirectional marks, characters without width, spaces other than the
/// common one, variation selectors and tags. Line end and tab are left to the caller.
fn hides(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || (c.is_whitespace() && !matches!(c, ' ' | '\n' | '\t'))
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x202a..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_bidi_and_invisible_characters_are_spelled_out() {
        assert_eq!(line("a\u{1b}[2Kb\rc\n\td"), "a\\u{1b}[2Kb\\rc\\n\\td");
        assert_eq!(
            block("x\u{202e}y\u{200b}\nz\u{a0}\u{9b}"),
            "x\\u{202e}y\\u{200b}\nz\\u{a0}\\u{9b}"
        );
        assert_eq!(block("SELECT 'größe'\n"), "SELECT 'größe'\n");
    }

    #[test]
    fn what_is_cut_is_counted() {
        assert_eq!(brief("short", 10), "short");
        let cut = brief(&"x".repeat(100), 30);
        assert!(cut.chars().count() <= 30);
        assert_eq!(cut, format!("{}… (82 more)", "x".repeat(18)));
    }

    #[test]
    fn places_stay_where_they_are() {
        let text = "a\u{1b}b\u{ad}c\u{202e}d\u{e0041}e\tf";
        assert_eq!(same_length(text), "a?b\u{bf}c\u{fffd}d\u{fffd}?e\tf");
        assert_eq!(same_length(text).len(), text.len());
    }

    #[test]
    fn lookalikes_are_named() {
        assert_eq!(lookalikes("plain"), None);
        let note = lookalikes("UPDATE \u{430}ccounts").unwrap();
        assert!(note.ends_with("`\u{430}` (U+0430)"), "{note}");
    }
}
