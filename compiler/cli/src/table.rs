//! Plain tables: columns padded to their widest cell, two spaces between, the last one free.

/// Lines of a table with a heading. Cells are laid out as they are: escape them first.
pub(crate) fn lines<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let heading = heading.map(str::to_owned);
    let all = || std::iter::once(&heading).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|column| {
        all()
            .filter_map(|row| row.get(column))
            .map(|cell| seen(cell))
            .max()
            .unwrap_or(0)
    });
    all().map(|row| layout(row, &widths)).collect()
}

fn layout(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(
            ' ',
            width.saturating_sub(seen(cell)) + 2,
        ));
    }
    text.truncate(text.trim_end().len());
    text
}

fn seen(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let rows = [
            ["é".to_owned(), "first".to_owned()],
            ["long".to_owned(), String::new()],
        ];
        assert_eq!(
            lines(["ID", "WHAT"], &rows),
            ["ID    WHAT", "é     first", "long"]
        );
    }
}
