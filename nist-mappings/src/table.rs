//! Rows of the embedded tables: tab-separated, one heading line, no quoting.

/// The rows below the heading, each with exactly `N` columns. A row of another width is left out; the tests of the
/// tables count rows, so none can go missing unseen.
pub(crate) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}
