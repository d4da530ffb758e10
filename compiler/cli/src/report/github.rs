//! Findings as workflow commands of GitHub Actions ("Workflow commands for GitHub Actions", setting an error message).

use super::finding::Finding;

/// One command on one line.
pub(super) fn command(finding: &Finding<'_>) -> String {
    let level = if finding.is_error { "error" } else { "warning" };
    let place = finding.place;
    let message = match finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.to_owned(),
    };
    format!(
        "::{level} file={},line={},col={},endLine={},endColumn={},title={}::{}",
        property(&finding.path),
        place.line,
        place.column,
        place.end_line,
        place.end_column,
        property(finding.rule.id()),
        data(&message),
    )
}

/// What stands behind `::` must not end the line.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What stands in a property must not end it either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_policy_says_ends_the_command() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a:b,c\n"), "a%3Ab%2Cc%0A");
    }
}
