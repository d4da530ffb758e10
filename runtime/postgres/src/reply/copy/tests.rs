//! Rows in every format are read as the server writes them, and written so that they read as what was meant.

use hpol_operation::sql::CatalogueBuilder;

use super::line::Spelling;
use super::*;
use crate::reply::values::Shape;

const COLUMNS: [Treatment; 3] = [Treatment::Search(Shape::Text); 3];

const TEXT: text::Form<'_> = text::Form {
    delimiter: b'|',
    null: b"\\N",
};

const CSV: csv::Form<'_> = csv::Form {
    delimiter: b',',
    quote: b'"',
    escape: b'\\',
    null: b"",
};

/// What the fields of a row are read as; it is written again as it was.
fn read(line: &str, spelling: &impl Spelling) -> Option<Vec<String>> {
    let mut room = Room::new(&Arc::new(CatalogueBuilder::new().build()));
    let (mut field, mut fields, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let mut hide = |_: Treatment, value: &[u8], _: &mut Room| {
        fields.push(String::from_utf8(value.to_vec()).unwrap());
        Masked::Unchanged
    };
    let row = line.as_bytes();
    let written = line::row(
        row, spelling, &COLUMNS, &mut field, &mut room, &mut hide, &mut out,
    );
    assert_eq!(written.ok()?, Written::Same);
    assert_eq!(String::from_utf8(out).unwrap(), line);
    Some(fields)
}

#[test]
fn fields_are_read_without_what_they_are_spelled_with() {
    for (line, fields) in [
        ("a|b|c\n", &["a", "b", "c"][..]),
        ("a|\\N|\n", &["a", ""]),
        (
            "\\\\N|x\\|y|\\t\\n\\r\\b\\f\\v\\z\n",
            &["\\N", "x|y", "\t\n\r\u{8}\u{c}\u{b}z"],
        ),
    ] {
        assert_eq!(read(line, &TEXT).unwrap(), fields);
    }
    for (line, fields) in [
        ("a,b,c\n", &["a", "b", "c"][..]),
        ("a,,\"\"\n", &["a", ""]),
        (
            "\"x,y\",\"say \\\"hi\\\" \\\\ now\",\"two\nlines\"\n",
            &["x,y", "say \"hi\" \\ now", "two\nlines"],
        ),
    ] {
        assert_eq!(read(line, &CSV).unwrap(), fields);
    }
}

#[test]
fn pg_16_a_row_that_is_none_is_refused() {
    for line in ["a|b\n", "a|b|c|d\n", "a|b|c", "a|b|c\\", "a|b|c\\\n"] {
        assert_eq!(read(line, &TEXT), None, "{line:?}");
    }
    for line in ["a,b\n", "a,b,c,d\n", "a,b,c", "a,b,\"c\n", "a,\"b\"x,c\n"] {
        assert_eq!(read(line, &CSV), None, "{line:?}");
    }
}

#[test]
fn tuples_are_told_apart_and_nothing_may_follow_their_end() {
    let head = [SIGNATURE, &[0; 4], &[0, 0, 0, 2], b"xy"].concat();
    let one = [&[0, 1][..], &[0, 0, 0, 3], b"abc"].concat();
    let none = [&[0, 1][..], &[255; 4]].concat();
    let end = [255; 2];
    let fresh = || CopyRows {
        format: CopyFormat::Binary,
        columns: None,
        stage: Stage::Head,
        field: Vec::new(),
    };
    let mut rows = fresh();
    assert_eq!(
        rows.rows(&[&head[..], &one].concat()).unwrap(),
        [Cut::Frame(&head), Cut::Row(&one)]
    );
    assert_eq!(
        rows.rows(&[&one[..], &none, &end].concat()).unwrap(),
        [Cut::Row(&one), Cut::Row(&none), Cut::Frame(&end)]
    );
    assert!(rows.rows(&one).is_err());
    for broken in [
        head[1..].to_vec(),
        [&head[..], &one[..6]].concat(),
        [&head[..], &[255, 254]].concat(),
        [SIGNATURE, &[0, 1, 0, 0], &[0; 4]].concat(),
        [SIGNATURE, &[0; 4], &[255; 4]].concat(),
    ] {
        assert!(fresh().rows(&broken).is_err(), "{broken:?}");
    }
}

#[test]
fn what_takes_a_place_in_a_row_reads_as_it_is() {
    let hidden = "a|b,\"c\"\\\t\n";
    let mut out = Vec::new();
    TEXT.write(hidden.as_bytes(), &mut out);
    let line = format!("{}|x|\n", String::from_utf8(out).unwrap());
    assert_eq!(read(&line, &TEXT).unwrap(), [hidden, "x", ""]);
    let mut out = Vec::new();
    CSV.write(hidden.as_bytes(), &mut out);
    let line = format!("{},x,y\n", String::from_utf8(out).unwrap());
    assert_eq!(read(&line, &CSV).unwrap(), [hidden, "x", "y"]);
}
