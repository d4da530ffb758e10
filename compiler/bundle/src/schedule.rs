//! Schedules: whether an instant lies in the named times of a week, by the clock on the wall of one time zone.
//!
//! What a zone's clock shows at which instant is resolved when the policy is compiled and stands in the bundle, so that a
//! gateway decides as the tests of the policy did, whatever data of time zones it has. Reads no clock.

use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Facts, Value};
use crate::vocabulary::{Derived, Vocabulary};

/// Seconds of a day.
const DAY: i64 = 24 * 3600;
/// Changes of the clock in one schedule; 80 years with two a year are 160.
const MAX_OFFSETS: usize = 1_024;
/// Times in one schedule.
pub const MAX_TIMES: usize = 64;
/// Minutes of a day.
pub const MINUTES: u16 = 24 * 60;

/// `schedule office = weekdays 09:00-17:00 in "Europe/Berlin"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Schedule {
    /// Qualified name.
    pub name: String,
    /// The time zone, for people.
    pub zone: String,
    /// What its clock shows; ascending by instant, at least one.
    pub offsets: Vec<Offset>,
    /// From this instant on, in seconds since 1970 in UTC, it is not known what the clock shows.
    pub until: i64,
    /// The times; at least one.
    pub times: Vec<Times>,
}

/// What the clock of a zone shows from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset {
    /// Seconds since 1970 in UTC.
    pub from: i64,
    /// How far the clock is ahead of UTC, in seconds.
    pub seconds: i32,
}

/// A time on some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Times {
    /// The days on which it begins: bit 0 is Monday.
    pub days: u8,
    /// The minute of the day with which it begins.
    pub from_minute: u16,
    /// The minute before which it ends, from the beginning of the same day: above [`MINUTES`] it ends on the next day.
    pub to_minute: u16,
}

/// The facts that tell of every schedule of a policy whether it is its time at `now`, in seconds since 1970 in UTC.
#[must_use]
pub fn facts(vocabulary: &Vocabulary, now: i64) -> Facts {
    let mut facts = Facts::new();
    for (id, derived) in vocabulary.derived() {
        if let Derived::During(schedule) = derived {
            let known = |holds| Fact::Known(Value::Bool(holds));
            facts.set(id, schedule.at(now).map_or(Fact::Unknown, known));
        }
    }
    facts
}

impl Schedule {
    /// Whether the instant `now`, in seconds since 1970 in UTC, lies in it; `None` where it is not known what the clock shows.
    #[must_use]
    pub fn at(&self, now: i64) -> Option<bool> {
        if now >= self.until {
            return None;
        }
        let next = self.offsets.partition_point(|offset| offset.from <= now);
        let offset = self.offsets.get(next.checked_sub(1)?)?;
        let local = now.checked_add(i64::from(offset.seconds))?;
        let (day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        Some(self.times.iter().any(|times| {
            times.holds(weekday(day), second) || times.holds(weekday(day - 1), second + DAY)
        }))
    }

    /// Whether [`Schedule::at`] can rely on it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ascending = self
            .offsets
            .is_sorted_by(|left, right| left.from < right.from);
        let near = |offset: &Offset| i64::from(offset.seconds).abs() <= DAY;
        let offsets = (1..=MAX_OFFSETS).contains(&self.offsets.len());
        let times = (1..=MAX_TIMES).contains(&self.times.len());
        offsets
            && times
            && ascending
            && self.offsets.iter().all(near)
            && self.times.iter().all(Times::is_sound)
    }
}

impl Times {
    /// Whether the second of a day lies in the time that begins on this day of the week.
    fn holds(&self, weekday: u8, second: i64) -> bool {
        let second_of = |minute: u16| i64::from(minute) * 60;
        self.days & (1 << weekday) != 0
            && second >= second_of(self.from_minute)
            && second < second_of(self.to_minute)
    }

    fn is_sound(&self) -> bool {
        let length = self.to_minute.checked_sub(self.from_minute);
        (1..=0b111_1111).contains(&self.days)
            && self.from_minute < MINUTES
            && length.is_some_and(|length| (1..=MINUTES).contains(&length))
    }
}

/// The day of the week of a day counted from 1970-01-01, a Thursday; 0 is Monday.
fn weekday(day: i64) -> u8 {
    u8::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEKDAYS: u8 = 0b001_1111;
    const HOUR: i64 = 3600;
    /// 2026-03-29T01:00:00Z, when the clocks of Berlin go from 02:00 to 03:00.
    const SPRING: i64 = 1_774_746_000;
    /// 2026-10-25T01:00:00Z, when they go from 03:00 to 02:00.
    const AUTUMN: i64 = 1_792_890_000;

    fn berlin(days: u8, from_minute: u16, to_minute: u16) -> Schedule {
        let offset = |from, hours: i32| Offset {
            from,
            seconds: hours * 3600,
        };
        Schedule {
            name: "demo.s".to_owned(),
            zone: "Europe/Berlin".to_owned(),
            offsets: vec![offset(0, 1), offset(SPRING, 2), offset(AUTUMN, 1)],
            until: 2_000_000_000,
            times: vec![Times {
                days,
                from_minute,
                to_minute,
            }],
        }
    }

    #[test]
    fn the_clock_on_the_wall_counts() {
        let office = berlin(WEEKDAYS, 9 * 60, 17 * 60);
        // The Friday before the change, and the Monday behind it: 09:00 is another instant.
        let (friday, monday) = (SPRING - 48 * HOUR, SPRING + 24 * HOUR);
        for (now, inside) in [
            (friday + 7 * HOUR - 1, false),
            (friday + 7 * HOUR, true),
            (friday + 15 * HOUR - 1, true),
            (friday + 15 * HOUR, false),
            (monday + 6 * HOUR - 1, false),
            (monday + 6 * HOUR, true),
            (monday + 14 * HOUR, false),
            // The Sunday between.
            (SPRING + 10 * HOUR, false),
        ] {
            assert_eq!(office.at(now), Some(inside), "{now}");
        }
    }

    #[test]
    fn an_hour_that_is_left_out_holds_nothing_and_one_that_comes_twice_holds_twice() {
        let night = berlin(0b100_0000, 2 * 60, 3 * 60);
        let inside = |from: i64| {
            let minutes = (0..240).filter(|minute| night.at(from + minute * 60) == Some(true));
            minutes.count()
        };
        assert_eq!(inside(SPRING - 2 * HOUR), 0);
        assert_eq!(inside(AUTUMN - 2 * HOUR), 120);
    }

    #[test]
    fn a_time_over_midnight_belongs_to_the_day_on_which_it_begins() {
        // Fridays from 22:00 to 06:00 of the next day.
        let shift = berlin(0b001_0000, 22 * 60, 30 * 60);
        let friday = SPRING - 50 * HOUR;
        for (hours, inside) in [
            (-1, false),
            (21, false),
            (22, true),
            (29, true),
            (30, false),
        ] {
            assert_eq!(shift.at(friday + hours * HOUR), Some(inside), "{hours}");
        }
    }

    #[test]
    fn what_the_clock_shows_is_not_known_before_and_behind_the_table() {
        let office = berlin(WEEKDAYS, 0, MINUTES);
        assert_eq!(office.at(-1), None);
        assert_eq!(office.at(2_000_000_000), None);
        assert!(office.at(1_999_999_999).is_some());
        assert_eq!(office.at(i64::MAX), None);
        assert_eq!(office.at(i64::MIN), None);
    }

    #[test]
    fn what_no_compiler_writes_is_not_sound() {
        assert!(berlin(WEEKDAYS, 9 * 60, 17 * 60).is_sound());
        for (days, from, to) in [
            (0, 0, 60),
            (128, 0, 60),
            (1, 60, 60),
            (1, MINUTES, MINUTES + 60),
            (1, 0, MINUTES + 1),
        ] {
            assert!(!berlin(days, from, to).is_sound(), "{days} {from} {to}");
        }
        let mut backwards = berlin(WEEKDAYS, 0, 60);
        backwards.offsets.reverse();
        assert!(!backwards.is_sound());
        backwards.offsets.clear();
        assert!(!backwards.is_sound());
    }
}
