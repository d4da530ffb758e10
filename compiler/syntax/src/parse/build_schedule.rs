//! Builds schedules.

use pest::iterators::{Pair, Pairs};

use super::build::Builder;
use crate::ast::{ClockRange, DaySpan, Schedule, WeekTimes};
use crate::grammar::Rule;

impl Builder {
    /// What stands behind the keyword of a schedule.
    pub(super) fn schedule(&mut self, parts: &mut Pairs<'_, Rule>) -> Option<Schedule> {
        let name = self.name(&parts.next()?);
        let (mut times, mut zone) = (Vec::new(), None);
        for part in parts {
            match part.as_rule() {
                Rule::times => times.push(self.times(part)),
                Rule::string => zone = Some(self.string(&part)),
                _ => {}
            }
        }
        Some(Schedule {
            name,
            times,
            zone: zone?,
        })
    }

    fn times(&mut self, pair: Pair<'_, Rule>) -> WeekTimes {
        let mut times = WeekTimes {
            days: Vec::new(),
            ranges: Vec::new(),
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::days => {
                    let spans = part.into_inner();
                    times.days = spans.filter_map(|span| self.day_span(span)).collect();
                }
                Rule::clock_range => times.ranges.extend(self.clock_range(part)),
                _ => {}
            }
        }
        times
    }

    fn day_span(&mut self, pair: Pair<'_, Rule>) -> Option<DaySpan> {
        Some(match pair.as_rule() {
            Rule::DAILY => DaySpan::Daily,
            Rule::WEEKDAYS => DaySpan::Weekdays,
            Rule::WEEKENDS => DaySpan::Weekends,
            Rule::day_span => {
                let mut days = pair.into_inner().filter(|day| day.as_rule() == Rule::day);
                let (first, last) = (days.next()?, days.next());
                DaySpan::Days(self.name(&first), last.map(|last| self.name(&last)))
            }
            _ => return None,
        })
    }

    fn clock_range(&mut self, pair: Pair<'_, Rule>) -> Option<ClockRange> {
        let mut next_day = false;
        let mut clocks = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::clock => clocks.push(self.name(&part)),
                Rule::NEXT_DAY => next_day = true,
                _ => {}
            }
        }
        let mut clocks = clocks.into_iter();
        Some(ClockRange {
            from: clocks.next()?,
            to: clocks.next()?,
            next_day,
        })
    }
}
