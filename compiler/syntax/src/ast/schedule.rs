//! The tree of schedules.

use super::Name;
use crate::span::Spanned;

/// `schedule office = weekdays 09:00-17:00 in "Europe/Berlin"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: Name,
    /// The times of the week.
    pub times: Vec<WeekTimes>,
    /// The time zone.
    pub zone: Spanned<String>,
}

/// `mon, wed-fri 09:00-12:00 and 13:00-17:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekTimes {
    /// The days on which the ranges begin.
    pub days: Vec<DaySpan>,
    /// The ranges.
    pub ranges: Vec<ClockRange>,
}

/// Days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaySpan {
    /// `daily`.
    Daily,
    /// `weekdays`: Monday to Friday.
    Weekdays,
    /// `weekends`.
    Weekends,
    /// `mon`, or `mon-fri`.
    Days(Name, Option<Name>),
}

/// `22:00-06:00 next day`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRange {
    /// When it begins.
    pub from: Name,
    /// When it has ended.
    pub to: Name,
    /// Whether that is on the next day.
    pub next_day: bool,
}
