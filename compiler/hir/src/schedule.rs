//! Schedules: from the written times of a week to what a bundle holds. What the clocks of a zone show is looked up here, in data that is
//! part of the compiler, so that the same sources give the same bundle wherever they are compiled.

use hpol_bundle::schedule::{MAX_TIMES, MINUTES, Offset, Schedule, Times};
use hpol_syntax::ast::{self, ClockRange, DaySpan, Item, Name};
use hpol_syntax::code::Code;
use hpol_syntax::problem::Problem;
use hpol_syntax::span::Spanned;
use hpol_syntax::words;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::database::{SourceFile, items, parsed};
use crate::file::scope;
use crate::symbols::qualify;

/// 2020-01-01 in UTC: before any bundle was made.
const SINCE: i64 = 1_577_836_800;
/// 2100-01-01 in UTC: nobody knows the rules of then, and an operation of then is in no schedule for certain.
const UNTIL: i64 = 4_102_444_800;
/// The days of the week as bits, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The schedules of a file that are right.
#[salsa::tracked]
pub(crate) fn schedules(db: &dyn salsa::Database, file: SourceFile) -> Vec<Schedule> {
    let package = scope(db, file).package(db);
    let mut found = Vec::new();
    for (item, _) in &items(db, file).items {
        if let Some(Item::Schedule(schedule)) = &parsed(db, *item).item {
            found.extend(lower(package, schedule).ok());
        }
    }
    found
}

/// What `schedule` of `package` means.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn lower(package: &str, schedule: &ast::Schedule) -> Result<Schedule, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut times = Vec::new();
    for written in &schedule.times {
        let days = days(&written.days);
        for range in &written.ranges {
            match minutes(range) {
                Ok((from_minute, to_minute)) => times.push(Times {
                    days,
                    from_minute,
                    to_minute,
                }),
                Err(problem) => problems.push(*problem),
            }
        }
    }
    times.sort_unstable();
    times.dedup();
    if times.len() > MAX_TIMES {
        let message = format!("a schedule has at most {MAX_TIMES} times");
        let place = schedule.name.span;
        problems.push(Problem::new(Code::ScheduleTime, message, place, "has more"));
    }
    let offsets = zone(&schedule.zone).map(|zone| offsets(&zone));
    match (offsets, problems.is_empty()) {
        (Ok(offsets), true) => Ok(Schedule {
            name: qualify(package, &schedule.name.node),
            zone: schedule.zone.node.clone(),
            offsets,
            until: UNTIL,
            times,
        }),
        (zone, _) => {
            problems.extend(zone.err().map(|problem| *problem));
            Err(problems)
        }
    }
}

fn days(spans: &[DaySpan]) -> u8 {
    let bit = |day: &Name| {
        DAYS.iter()
            .position(|known| *known == day.node)
            .unwrap_or(0)
    };
    let mut days = 0;
    for span in spans {
        let (first, last) = match span {
            DaySpan::Daily => (0, 6),
            DaySpan::Weekdays => (0, 4),
            DaySpan::Weekends => (5, 6),
            DaySpan::Days(first, last) => (bit(first), last.as_ref().map_or(bit(first), bit)),
        };
        // `sat-mon` goes over the end of the week.
        let mut day = first;
        loop {
            days |= 1 << day;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    days
}

/// The minutes of a range, the second counted from the beginning of the day of the first.
fn minutes(range: &ClockRange) -> Result<(u16, u16), Box<Problem>> {
    let (from, to) = (minute(&range.from)?, minute(&range.to)?);
    let wrong = |message: String, help: &str| {
        let span = range.from.span.to(range.to.span);
        Box::new(Problem::new(Code::ScheduleTime, message, span, "this range").help(help))
    };
    if from == MINUTES {
        return Err(wrong(
            "a range begins before `24:00`".to_owned(),
            "write `00:00` for the beginning of the day",
        ));
    }
    let to = match range.next_day {
        true => to + MINUTES,
        false => to,
    };
    if to <= from {
        let help = "a range over midnight says so: write `next day` behind it";
        return Err(wrong("the range ends before it begins".to_owned(), help));
    }
    if to - from > MINUTES {
        let help = "leave `next day` out, or make two ranges of it";
        return Err(wrong("the range is longer than a day".to_owned(), help));
    }
    Ok((from, to))
}

fn minute(clock: &Name) -> Result<u16, Box<Problem>> {
    let parts = clock.node.split_once(':');
    let parts = parts.and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
    match parts {
        Some((hour @ 0..=23_u16, minute @ 0..=59_u16)) => Ok(hour * 60 + minute),
        Some((24, 0)) => Ok(MINUTES),
        _ => {
            let message = format!("`{}` is not a time of the day", clock.node);
            let problem = Problem::new(Code::ScheduleTime, message, clock.span, "not a time");
            Err(Box::new(problem.help(
                "times run from `00:00` to `23:59`, and a range may end at `24:00`",
            )))
        }
    }
}

fn zone(written: &Spanned<String>) -> Result<TimeZone, Box<Problem>> {
    let zones = TimeZoneDatabase::bundled();
    let found = zones.get(&written.node).ok();
    // Zones are found whatever their case; policies write them in one way.
    if let Some(zone) = found.filter(|zone| zone.iana_name() == Some(&written.node)) {
        return Ok(zone);
    }
    let message = format!("there is no time zone `{}`", words::shorten(&written.node));
    let problem = Problem::new(Code::UnknownZone, message, written.span, "unknown");
    let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
    let same = names
        .iter()
        .find(|name| name.eq_ignore_ascii_case(&written.node));
    let near = same
        .map(String::as_str)
        .or_else(|| words::nearest(&written.node, names.iter().map(String::as_str)));
    Err(Box::new(match near {
        Some(near) => problem
            .help(format!("did you mean \"{near}\"?"))
            .replace(&format!("\"{near}\"")),
        None => problem.help(
            "zones are called as in the IANA database: \"Europe/Berlin\", \"America/New_York\", \"UTC\"",
        ),
    }))
}

/// What the clock of the zone shows from [`SINCE`] to [`UNTIL`].
fn offsets(zone: &TimeZone) -> Vec<Offset> {
    let Ok(since) = Timestamp::from_second(SINCE) else {
        return Vec::new();
    };
    let mut offsets = vec![Offset {
        from: SINCE,
        seconds: zone.to_offset(since).seconds(),
    }];
    for change in zone.following(since) {
        let offset = Offset {
            from: change.timestamp().as_second(),
            seconds: change.offset().seconds(),
        };
        if offset.from >= UNTIL {
            break;
        }
        // Names of zones change too, and mean nothing here.
        if offsets
            .last()
            .is_some_and(|last| last.seconds != offset.seconds)
        {
            offsets.push(offset);
        }
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(text: &str) -> Result<Schedule, Vec<String>> {
        let parsed = hpol_syntax::parse::parse(text);
        assert_eq!(parsed.problems, [], "{text}");
        let Some(Item::Schedule(schedule)) = parsed.item else {
            panic!("{text} is no schedule");
        };
        let lowered = lower("demo", &schedule);
        lowered.map_err(|problems| {
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect()
        })
    }

    fn at(schedule: &Schedule, time: &str) -> Option<bool> {
        schedule.at(time.parse::<Timestamp>().unwrap().as_second())
    }

    #[test]
    fn times_are_those_of_the_clock_on_the_wall_over_both_changes() {
        let text = "schedule office = weekdays 09:00-12:00 and 13:00-17:00, sat 10:00-12:00 in \"Europe/Berlin\"";
        let office = schedule(text).unwrap();
        assert!(office.is_sound());
        for (time, inside) in [
            // Friday in winter and Monday in summer.
            ("2026-03-27T09:00:00+01:00", true),
            ("2026-03-27T08:59:59+01:00", false),
            ("2026-03-27T12:30:00+01:00", false),
            ("2026-03-27T16:59:59+01:00", true),
            ("2026-03-30T09:00:00+02:00", true),
            ("2026-03-30T08:59:59+02:00", false),
            ("2026-03-28T10:00:00+01:00", true),
            ("2026-03-29T10:00:00+02:00", false),
            ("2026-10-26T08:59:59+01:00", false),
            ("2026-10-26T09:00:00+01:00", true),
            ("2099-07-01T09:00:00+02:00", true),
        ] {
            assert_eq!(at(&office, time), Some(inside), "{time}");
        }
        assert_eq!(at(&office, "2100-01-01T00:00:00Z"), None);
        assert_eq!(at(&office, "2019-12-31T23:59:59Z"), None);
    }

    #[test]
    fn a_range_over_midnight_belongs_to_the_day_of_its_beginning() {
        let night =
            schedule("schedule night = fri 22:00-06:00 next day in \"America/New_York\"").unwrap();
        for (time, inside) in [
            ("2026-11-20T21:59:59-05:00", false),
            ("2026-11-20T22:00:00-05:00", true),
            ("2026-11-21T05:59:59-05:00", true),
            ("2026-11-21T06:00:00-05:00", false),
            ("2026-11-20T03:00:00-05:00", false),
        ] {
            assert_eq!(at(&night, time), Some(inside), "{time}");
        }
    }

    #[test]
    fn days_go_on_over_the_end_of_the_week() {
        let days = |days: &str| {
            let text = format!("schedule s = {days} 00:00-24:00 in \"UTC\"");
            schedule(&text).unwrap().times[0].days
        };
        assert_eq!(days("daily"), 0b111_1111);
        assert_eq!(days("weekdays"), 0b001_1111);
        assert_eq!(days("weekends"), 0b110_0000);
        assert_eq!(days("mon, wed"), 0b000_0101);
        assert_eq!(days("sat-mon"), 0b110_0001);
        assert_eq!(days("mon-wed, fri"), 0b001_0111);
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for (text, says) in [
            (
                "daily 22:00-06:00 in \"UTC\"",
                "the range ends before it begins",
            ),
            (
                "daily 09:00-09:00 in \"UTC\"",
                "the range ends before it begins",
            ),
            (
                "daily 09:00-17:00 next day in \"UTC\"",
                "the range is longer than a day",
            ),
            (
                "daily 24:00-24:00 in \"UTC\"",
                "a range begins before `24:00`",
            ),
            (
                "daily 09:60-17:00 in \"UTC\"",
                "`09:60` is not a time of the day",
            ),
            (
                "daily 09:00-17:00 in \"Europe/Berln\"",
                "there is no time zone `Europe/Berln`",
            ),
            (
                "daily 09:00-17:00 in \"europe/berlin\"",
                "there is no time zone `europe/berlin`",
            ),
        ] {
            let found = schedule(&format!("schedule s = {text}")).unwrap_err();
            assert_eq!(found, [says], "{text}");
        }
    }
}
