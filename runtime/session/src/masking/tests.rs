//! Plans of few classes, and what their runs hide.

use hpol_bundle::policy::{Condition, DataClass, Rule, Source};

use super::*;

/// Classes `p.c0`, `p.c1`, ... that hold one column, each hidden by a rule with one of `masks`.
fn plan(masks: &[Mask]) -> MaskingPlan {
    let column = Column {
        target: "db".to_owned(),
        schema: "public".to_owned(),
        table: "customers".to_owned(),
        column: "ssn".to_owned(),
    };
    let policy = Policy {
        classes: (0..masks.len())
            .map(|index| DataClass {
                name: format!("p.c{index}"),
                columns: vec![column.clone()],
                json: Vec::new(),
                detectors: Vec::new(),
            })
            .collect(),
        rules: (0..)
            .map(ClassId)
            .zip(masks)
            .map(|(class, mask)| Rule {
                name: format!("p.r{}", class.0),
                title: String::new(),
                because: String::new(),
                claims: Vec::new(),
                condition: Condition::All(Vec::new()),
                effect: Effect::Mask { class, mask: *mask },
                observe: false,
                source: Source::default(),
            })
            .collect(),
        ..Policy::default()
    };
    let rules: Vec<RuleId> = (0..).map(RuleId).take(masks.len()).collect();
    MaskingPlan::build(&policy, "db", &rules, None).unwrap()
}

/// One class on a column, hidden by `column`, and one that is found as a number of social security, hidden by
/// `found`; what becomes of `value` in the column, and how many values were hidden of each, laxest mask first.
fn column_and_detector(column: Mask, found: Mask, value: &str) -> (Masked, String, Vec<u64>) {
    let class = |name: &str, columns, detectors| DataClass {
        name: format!("p.{name}"),
        columns,
        json: Vec::new(),
        detectors,
    };
    let notes = Column {
        target: "db".to_owned(),
        schema: "public".to_owned(),
        table: "customers".to_owned(),
        column: "notes".to_owned(),
    };
    let rule = |index: u32, mask| Rule {
        name: format!("p.r{index}"),
        title: String::new(),
        because: String::new(),
        claims: Vec::new(),
        condition: Condition::All(Vec::new()),
        effect: Effect::Mask {
            class: ClassId(index),
            mask,
        },
        observe: false,
        source: Source::default(),
    };
    let policy = Policy {
        classes: vec![
            class("notes", vec![notes], Vec::new()),
            class("ssn", Vec::new(), vec!["us_ssn".to_owned()]),
        ],
        rules: vec![rule(0, column), rule(1, found)],
        ..Policy::default()
    };
    let rules = [RuleId(0), RuleId(1)];
    let plan = MaskingPlan::build(&policy, "db", &rules, None).unwrap();
    let (slot, _) = plan.columns().next().unwrap();
    let (mut run, mut out) = (plan.run(), Vec::new());
    let masked = run.value(slot, value.as_bytes(), &mut out);
    (masked, String::from_utf8(out).unwrap(), run.counts)
}

#[test]
fn what_a_stricter_mask_hides_is_not_left_by_the_mask_of_the_column() {
    let value = "call about 987-65-4320";
    let keep = Mask::KeepLast(4);
    let (masked, out, counts) = column_and_detector(keep, Mask::Redact, value);
    assert_eq!((masked, out.as_str()), (Masked::Changed, "***"));
    assert_eq!(counts, [1, 1], "both rules have hidden it");
    let (masked, out, _) = column_and_detector(keep, Mask::Null, value);
    assert_eq!((masked, out.as_str()), (Masked::Null, ""));
    let (_, out, _) = column_and_detector(keep, Mask::KeepLast(2), value);
    assert_eq!(out, "**** ***** ***-**-**20");
}

#[test]
fn what_is_kept_of_a_column_shows_no_more_of_a_finding_than_its_own_mask_leaves() {
    let (first, last) = (Mask::KeepFirst, Mask::KeepLast);
    let leading = "987-65-4320 is the number of our customer Ana Maria Gonzalez";
    let (masked, out, counts) = column_and_detector(first(20), last(4), leading);
    let left = "***-**-4320 is the number ** *** ******** *** ***** ********";
    assert_eq!((masked, out.as_str()), (Masked::Changed, left));
    assert_eq!(counts, [1, 1], "both rules have hidden it, laxest first");
    let trailing = "the number of our customer Ana is 987-65-4320";
    for (column, found, value, left) in [
        (
            last(15),
            last(4),
            trailing,
            "*** ****** ** *** *******r Ana is ***-**-4320",
        ),
        (
            last(15),
            first(3),
            trailing,
            "*** ****** ** *** *******r Ana is 987-**-****",
        ),
        // Only a part of the number is among what is kept.
        (
            last(4),
            first(3),
            trailing,
            "*** ****** ** *** ******** *** ** ***-**-****",
        ),
        (
            first(4),
            last(4),
            leading,
            "***-**-**** ** *** ****** ** *** ******** *** ***** ********",
        ),
        // Nothing may be left of it where a mask would leave more than it hides.
        (last(8), last(8), trailing, "***"),
    ] {
        let (_, out, _) = column_and_detector(column, found, value);
        assert_eq!(out, left, "{column:?} {found:?}");
    }
}

#[test]
fn a_laxer_mask_of_a_detector_changes_nothing_of_a_column() {
    let value = "call about 987-65-4320";
    let (_, out, counts) = column_and_detector(Mask::Redact, Mask::KeepLast(4), value);
    assert_eq!((out.as_str(), counts), ("***", vec![0, 1]));
    let (_, out, counts) = column_and_detector(Mask::KeepLast(4), Mask::Redact, "no number");
    assert_eq!((out.as_str(), counts), ("***", vec![1, 0]));
}

#[test]
fn without_a_key_nothing_is_hashed_and_the_plan_says_so() {
    let hashed = plan(&[Mask::Hash]);
    assert_eq!(hashed.unkeyed(), Some("p.c0"));
    let mut out = Vec::new();
    hashed.run().value(Slot(0), b"987-65-4320", &mut out);
    assert_eq!(out, b"***");
    assert_eq!(plan(&[Mask::Redact]).unkeyed(), None);
}

#[test]
fn of_two_classes_on_one_column_the_stricter_mask_comes_last() {
    for masks in [
        [Mask::Redact, Mask::KeepLast(4)],
        [Mask::KeepLast(4), Mask::Redact],
    ] {
        let plan = plan(&masks);
        let (slot, _) = plan.columns().last().unwrap();
        let mut out = Vec::new();
        assert_eq!(
            plan.run().value(slot, b"987-65-4320", &mut out),
            Masked::Changed
        );
        assert!(
            !String::from_utf8(out).unwrap().contains("4320"),
            "{masks:?}"
        );
    }
}
