//! The catalogue: which controls there are, which are withdrawn, which baselines hold them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::control::ControlId;
use crate::mechanism::never_claimed;
use crate::table;

const CONTROLS: &str = include_str!("../data/controls.tsv");

/// How many near ids a refusal offers.
const NEAREST: usize = 3;

/// Edits at which an id is no longer a slip for another one.
const FAR: usize = 3;

/// The controls and enhancements of one release of NIST SP 800-53.
#[derive(Debug)]
pub struct Catalogue {
    controls: BTreeMap<ControlId, Control>,
}

/// A control or an enhancement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its id.
    pub id: ControlId,
    /// Its title, as printed in the catalogue.
    pub title: &'static str,
    /// Two letters, such as `AC`.
    pub family: &'static str,
    /// Whether it was withdrawn. A withdrawn control can't be claimed.
    pub withdrawn: bool,
    /// The controls that took a withdrawn one in; empty where the catalogue names none, or only a family.
    pub moved_to: Vec<ControlId>,
    /// In the low baseline of SP 800-53B.
    pub low: bool,
    /// In the moderate baseline.
    pub moderate: bool,
    /// In the high baseline.
    pub high: bool,
    /// In the privacy baseline.
    pub privacy: bool,
}

/// The catalogue that this version of hpol is pinned to.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let controls = table::rows(CONTROLS)
            .filter_map(control)
            .map(|control| (control.id, control));
        Catalogue {
            controls: controls.collect(),
        }
    })
}

impl Catalogue {
    /// The release of SP 800-53, such as `5.2.0`.
    #[must_use]
    pub fn release(&self) -> &'static str {
        "5.2.0"
    }

    /// The entry of `id`, active or withdrawn.
    #[must_use]
    pub fn lookup(&self, id: &ControlId) -> Option<&Control> {
        self.controls.get(id)
    }

    /// Every entry, in the order of the catalogue.
    pub fn iter(&self) -> impl Iterator<Item = &Control> {
        self.controls.values()
    }

    /// At most three active controls that can be claimed and whose ids are written most like `text`, the nearest first. Empty if none is near.
    #[must_use]
    pub fn nearest(&self, text: &str) -> Vec<&Control> {
        // INVARIANT: longer text is far from every id, so the cost of comparing stays small.
        if text.chars().count() > 16 {
            return Vec::new();
        }
        let written =
            ControlId::parse(text).map_or_else(|_| text.to_ascii_uppercase(), |id| id.to_string());
        let mut near: Vec<_> = self
            .iter()
            .filter(|control| !control.withdrawn && never_claimed(&control.id).is_none())
            .map(|control| (edits(&written, &control.id.to_string()), control))
            .filter(|(edits, _)| *edits < FAR)
            .collect();
        near.sort_by_key(|(edits, control)| (*edits, !same_parent(&written, control), control.id));
        near.into_iter()
            .take(NEAREST)
            .map(|(_, control)| control)
            .collect()
    }
}

fn control([id, title, baselines, withdrawn]: [&'static str; 4]) -> Option<Control> {
    let baseline = |name| baselines.split(',').any(|baseline| baseline == name);
    Some(Control {
        id: ControlId::parse(id).ok()?,
        title,
        family: id.split('-').next()?,
        withdrawn: withdrawn != "-",
        moved_to: successors(withdrawn),
        low: baseline("low"),
        moderate: baseline("moderate"),
        high: baseline("high"),
        privacy: baseline("privacy"),
    })
}

/// Ids in a `withdrawn` cell; of a lettered part (`AC-2.k`) the control, of a whole family none.
fn successors(cell: &str) -> Vec<ControlId> {
    let lettered = |target: &str| {
        target
            .split_once('.')
            .and_then(|(control, _)| ControlId::parse(control).ok())
    };
    cell.split(',')
        .filter_map(|target| ControlId::parse(target).ok().or_else(|| lettered(target)))
        .collect()
}

fn same_parent(written: &str, control: &Control) -> bool {
    let parent = written.split('(').next().unwrap_or(written);
    control.id.parent().to_string() == parent
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            *cell = replaced.min(before + 1).min(diagonal + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(of: impl Fn(&Control) -> bool) -> usize {
        catalogue().iter().filter(|control| of(control)).count()
    }

    #[test]
    fn the_catalogue_has_the_controls_that_nist_counts() {
        assert_eq!(CONTROLS.lines().count() - 1, 1_196);
        assert_eq!(
            (count(|_| true), count(|control| !control.withdrawn)),
            (1_196, 1_014)
        );
        assert_eq!(
            (
                count(|c| c.low),
                count(|c| c.moderate),
                count(|c| c.high),
                count(|c| c.privacy)
            ),
            (149, 287, 370, 96)
        );
        assert_eq!(
            count(|c| c.withdrawn && (c.low || c.moderate || c.high || c.privacy)),
            0
        );
    }

    #[test]
    fn a_control_is_found_with_its_facts() {
        let control = catalogue()
            .lookup(&ControlId::parse("ac-6.9").unwrap())
            .unwrap();
        assert_eq!(
            (control.title, control.family),
            ("Log Use of Privileged Functions", "AC")
        );
        assert_eq!(
            (
                control.low,
                control.moderate,
                control.high,
                control.withdrawn
            ),
            (false, true, true, false)
        );
        assert!(
            catalogue()
                .lookup(&ControlId::parse("AC-99").unwrap())
                .is_none()
        );
    }

    #[test]
    fn enhancements_have_their_control() {
        for control in catalogue().iter() {
            assert!(
                catalogue().lookup(&control.id.parent()).is_some(),
                "{}",
                control.id
            );
            assert_eq!(control.family, control.id.family());
        }
    }

    #[test]
    fn withdrawn_controls_name_active_successors_except_three() {
        let mut without = Vec::new();
        for control in catalogue().iter() {
            assert!(
                control.withdrawn || control.moved_to.is_empty(),
                "{}",
                control.id
            );
            if control.withdrawn && control.moved_to.is_empty() {
                without.push(control.id.to_string());
            }
            for target in &control.moved_to {
                assert!(
                    catalogue()
                        .lookup(target)
                        .is_some_and(|target| !target.withdrawn),
                    "{} -> {target}",
                    control.id
                );
            }
        }
        assert_eq!(without.len(), 3, "{without:?}");
    }

    #[test]
    fn slips_find_what_was_meant() {
        let near = |text| {
            catalogue()
                .nearest(text)
                .iter()
                .map(|control| control.id.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(near("AC-6(99)").first().unwrap(), "AC-6(9)");
        assert!(!near("AC-99").contains(&"AC-1".to_owned()));
        assert_eq!(near("AC6").first().unwrap(), "AC-6");
        assert_eq!(near("ac-6 (9)").first().unwrap(), "AC-6(9)");
        assert!(
            near("").is_empty()
                && near("quarterly review").is_empty()
                && near(&"AC-6".repeat(9)).is_empty()
        );
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(
            (
                edits("kitten", "sitting"),
                edits("", "abc"),
                edits("abc", ""),
                edits("abc", "abc")
            ),
            (3, 3, 3, 0)
        );
    }
}
