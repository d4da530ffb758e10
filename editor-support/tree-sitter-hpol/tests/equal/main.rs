//! The grammar for editors and the compiler's parser are equal: over every policy that the repository has, and over
//! these with a word left out or two swapped, tree-sitter finds an error exactly where the compiler refuses the text, and
//! both read the same declarations, claims, effects and conditions at the same places.

mod compiler;
mod editor;
mod texts;

use texts::Text;

/// Enough to read: the first that differ.
const SHOWN: usize = 12;

/// What a parser makes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Nothing that can be compared.
    Unread,
    /// It is wrong.
    Refused,
    /// It is right, but not all of it is in the tree.
    Accepted,
    /// It is right, with these places in order.
    Read(Vec<Mark>),
}

/// One place that both parsers must agree on: what it is, and its bytes.
type Mark = (String, std::ops::Range<usize>);

/// By place.
fn order((kind, range): &Mark) -> (usize, usize, &str) {
    (range.start, range.end, kind)
}

#[test]
fn both_read_every_policy_of_the_repository_alike() {
    let count = judge(&texts::all());
    assert!(
        count.read > 550 && count.refused > 20,
        "too little was compared: {count:?}"
    );
}

#[test]
fn both_read_broken_policies_alike() {
    let count = judge(&texts::broken());
    assert!(
        count.read > 500 && count.refused > 5000,
        "too little was compared: {count:?}"
    );
}

#[test]
fn both_read_what_is_easily_read_otherwise_alike() {
    judge(&texts::borders());
}

#[test]
fn a_text_that_was_mended_is_read_as_if_it_had_never_been_broken() {
    let mut parser = editor::parser();
    let mut mended = 0;
    for broken in texts::broken() {
        let whole = broken.whole.unwrap();
        let fresh = editor::read(&mut parser, &whole);
        if fresh == Outcome::Refused {
            continue;
        }
        let again = editor::read_again(&mut parser, &broken.text, &whole);
        assert_eq!(again, fresh, "{}:\n{}\n{whole}", broken.from, broken.text);
        mended += 1;
    }
    assert!(mended > 5000, "only {mended} texts were mended");
}

/// How many texts were compared.
#[derive(Debug, Default)]
struct Count {
    read: usize,
    refused: usize,
}

fn judge(texts: &[Text]) -> Count {
    let mut parser = editor::parser();
    let mut different = Vec::new();
    let mut count = Count::default();
    for text in texts {
        let compiler = compiler::read(&text.text);
        let editor = editor::read(&mut parser, &text.text);
        let same = match (&compiler, &editor) {
            (Outcome::Unread, _) | (Outcome::Accepted, Outcome::Read(_)) => true,
            (compiler, editor) => compiler == editor,
        };
        match compiler {
            Outcome::Read(_) => count.read += 1,
            Outcome::Refused => count.refused += 1,
            Outcome::Unread | Outcome::Accepted => {}
        }
        if !same {
            different.push(format!(
                "{}:\n{}\n  compiler: {}\n  editor:   {}",
                text.from,
                text.text,
                own(&compiler, &editor),
                own(&editor, &compiler),
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {} differ\n{}",
        different.len(),
        texts.len(),
        different[..different.len().min(SHOWN)].join("\n\n")
    );
    count
}

/// What `one` has and `other` has not.
fn own(one: &Outcome, other: &Outcome) -> String {
    match (one, other) {
        (Outcome::Read(marks), Outcome::Read(others)) => {
            let own: Vec<_> = marks.iter().filter(|mark| !others.contains(mark)).collect();
            format!("{own:?}")
        }
        (Outcome::Read(_), _) => "read".to_owned(),
        (outcome, _) => format!("{outcome:?}"),
    }
}
