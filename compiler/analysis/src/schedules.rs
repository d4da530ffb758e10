//! What the clocks of schedules rule out: values that two of them never have at the same instant. Pairs are looked at, so
//! that three may still be taken for possible that are not.

use std::collections::BTreeSet;

use hpol_bundle::facts::{Fact, Value};
use hpol_bundle::schedule::{Offset, Schedule};
use hpol_bundle::vocabulary::Derived;

use crate::cube::{Ask, Cube, Kept};
use crate::sample::Sample;
use crate::space::Axis;

const WEEK: i64 = 7 * 24 * 3600;
const MINUTE: i64 = 60;
/// Pairs of values that are ruled out; each makes every search longer.
const MAX_NEVER: usize = 256;

/// What each schedule says at one instant; `None` where nobody knows.
type Said = Vec<Option<bool>>;

/// The operations that there are not, since no clock shows them.
pub(crate) fn never(axes: &[Axis<'_>]) -> Vec<Cube> {
    let of_schedules = (0..).zip(axes).filter_map(|(place, axis)| {
        let Some(Derived::During(schedule)) = &axis.fact.derived else {
            return None;
        };
        Some((place, axis, schedule))
    });
    let all: Vec<(u32, &Axis<'_>, &Schedule)> = of_schedules.collect();
    if all.len() < 2 {
        return Vec::new();
    }
    let schedules: Vec<&Schedule> = all.iter().map(|(_, _, schedule)| *schedule).collect();
    let possible = possible(&schedules);
    let mut never = Vec::new();
    for (first, (left, left_axis, _)) in all.iter().enumerate() {
        for (second, (right, right_axis, _)) in all.iter().enumerate().skip(first + 1) {
            let both: BTreeSet<_> = possible
                .iter()
                .filter_map(|said| Some((*said.get(first)?, *said.get(second)?)))
                .collect();
            let ask = |class| Ask::One(Kept::only(vec![class]));
            for (left_class, left_said) in classes(left_axis) {
                for (right_class, right_said) in classes(right_axis) {
                    if !both.contains(&(left_said, right_said)) {
                        let asks = vec![(*left, ask(left_class)), (*right, ask(right_class))];
                        never.push(Cube::of(asks));
                    }
                }
            }
        }
    }
    never.truncate(MAX_NEVER);
    never
}

/// The classes of the fact that a schedule is, and what it says in each.
fn classes(axis: &Axis<'_>) -> impl Iterator<Item = (u32, Option<bool>)> {
    axis.single().filter_map(|class| {
        let said = match axis.sample(class).map(Sample::fact)? {
            Fact::Known(Value::Bool(said)) => Some(said),
            Fact::Unknown => None,
            Fact::Known(_) | Fact::Missing => return None,
        };
        Some((class, said))
    })
}

/// All that the schedules say together at some instant. Between two changes of a clock each week is like the first one.
fn possible(schedules: &[&Schedule]) -> BTreeSet<Said> {
    let turns = schedules.iter().flat_map(|schedule| {
        let offsets = schedule.offsets.iter().map(|offset| offset.from);
        offsets.chain([schedule.until])
    });
    let turns: BTreeSet<i64> = turns.collect();
    let ends = turns.iter().skip(1).copied().chain([i64::MAX]);
    let mut known = BTreeSet::new();
    let mut said: BTreeSet<Said> = BTreeSet::new();
    for (from, end) in turns.iter().copied().zip(ends) {
        let offsets: Vec<Option<i32>> = schedules.iter().map(|of| offset(of, from)).collect();
        let long = from.checked_add(WEEK).is_some_and(|week| week <= end);
        if long && !known.insert(offsets.clone()) {
            continue;
        }
        let end = from.saturating_add(WEEK).min(end);
        // Clocks that differ by less than a minute come to their minutes at different instants.
        let seconds: BTreeSet<i64> = offsets
            .iter()
            .flatten()
            .map(|offset| (-i64::from(*offset)).rem_euclid(MINUTE))
            .collect();
        let minutes = seconds.iter().flat_map(|second| {
            let first = from.saturating_add((second - from).rem_euclid(MINUTE));
            (0..=WEEK / MINUTE).map(move |minute| first.saturating_add(minute * MINUTE))
        });
        let instants = [from].into_iter().chain(minutes);
        for now in instants.filter(|now| (from..end).contains(now)) {
            said.insert(schedules.iter().map(|of| of.at(now)).collect());
        }
    }
    said
}

/// How far the clock of a schedule is ahead, from `now` on.
fn offset(schedule: &Schedule, now: i64) -> Option<i32> {
    let seconds = |offset: &Offset| offset.seconds;
    let mut offsets = schedule.offsets.iter().rev();
    let last = offsets.find(|offset| offset.from <= now);
    last.filter(|_| now < schedule.until).map(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpol_bundle::schedule::Times;

    fn schedule(days: u8, from: u16, to: u16, offsets: &[(i64, i32)]) -> Schedule {
        let offset = |(from, seconds): &(i64, i32)| Offset {
            from: *from,
            seconds: *seconds,
        };
        Schedule {
            name: String::new(),
            zone: String::new(),
            offsets: offsets.iter().map(offset).collect(),
            until: 4_000_000_000,
            times: vec![Times {
                days,
                from_minute: from,
                to_minute: to,
            }],
        }
    }

    const WORKDAYS: u8 = 0b1_1111;
    const ALL: u8 = 0b111_1111;

    #[test]
    fn what_no_clock_shows_is_not_possible() {
        let utc = [(0, 0)];
        let office = schedule(WORKDAYS, 9 * 60, 17 * 60, &utc);
        let longer = schedule(WORKDAYS, 9 * 60, 18 * 60, &utc);
        let night = schedule(ALL, 22 * 60, 30 * 60, &utc);
        // A clock that is put forward by an hour while the others are not.
        let elsewhere = schedule(
            WORKDAYS,
            9 * 60,
            17 * 60,
            &[(0, 0), (2_000_000_000, -3_600)],
        );
        let both = |left: &Schedule, right: &Schedule| -> Vec<(bool, bool)> {
            let said = possible(&[left, right]).into_iter();
            said.filter_map(|said| Some((said[0]?, said[1]?))).collect()
        };
        let (no, yes) = (false, true);
        assert_eq!(both(&office, &longer), [(no, no), (no, yes), (yes, yes)]);
        assert_eq!(both(&office, &night), [(no, no), (no, yes), (yes, no)]);
        let all = [(no, no), (no, yes), (yes, no), (yes, yes)];
        assert_eq!(both(&office, &elsewhere), all);
        assert!(possible(&[&office, &longer]).contains(&vec![None, None]));
    }

    /// Seconds by which clocks differed long ago count too.
    #[test]
    fn clocks_need_not_agree_on_minutes() {
        let early = schedule(ALL, 0, 60, &[(0, 0)]);
        let late = schedule(ALL, 60, 120, &[(0, 30)]);
        assert!(possible(&[&early, &late]).contains(&vec![Some(true), Some(true)]));
    }
}
