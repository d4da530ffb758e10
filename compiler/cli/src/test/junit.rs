//! Results of tests as JUnit XML, in the form that CI systems read (the `testsuites` of Apache Ant's JUnit task).

use std::fmt::Write;

use crate::tested::Tested;

/// The document: one suite for each file.
pub(super) fn document(tests: &[Tested]) -> String {
    let failed = |tests: &[&Tested]| tests.iter().filter(|test| !test.passed()).count();
    let all: Vec<&Tested> = tests.iter().collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"hpol\" tests=\"{}\" failures=\"{}\">",
        all.len(),
        failed(&all)
    );
    let mut files: Vec<&str> = tests.iter().map(Tested::file).collect();
    files.sort_unstable();
    files.dedup();
    for file in files {
        let own: Vec<&Tested> = tests.iter().filter(|test| test.file() == file).collect();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            escape(file),
            own.len(),
            failed(&own)
        );
        for test in own {
            case(&mut xml, test);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(xml: &mut String, test: &Tested) {
    // Writing to a text cannot fail.
    let _ = write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{0}\" line=\"{}\"",
        escape(test.file()),
        escape(test.name()),
        test.line()
    );
    let Some(why) = test.why() else {
        xml.push_str("/>\n");
        return;
    };
    let _ = write!(
        xml,
        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
        escape(why),
        escape(&test.explained(why))
    );
}

/// Text in an attribute or an element; characters that XML 1.0 does not have become U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push('\t'),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_the_document() {
        assert_eq!(
            escape("a<b> & \"c\"\u{1}\n"),
            "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}&#10;"
        );
    }
}
