//! How many clients turned away before they had a session get a durable record of their own. Each such record costs a
//! write and a sync, and whoever can reach the port can cause them: beyond a rate for each address and one for all they
//! are counted, and the log gets the count. Knows nothing of why clients are turned away.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hpol_evidence::record::Event;
use jiff::Timestamp;

use crate::peers::network;

/// A person who mistypes, or a pool of clients with an old token that tries again, stays below these.
const BY_ADDRESS: Rate = Rate {
    burst: 50,
    every: Duration::from_secs(1),
};
/// A small part of what the disk can sync, so that others' operations do not wait for it.
const IN_ALL: Rate = Rate {
    burst: 200,
    every: Duration::from_millis(20),
};
/// Addresses that are told apart at once; beyond these only the rate for all counts.
const ADDRESSES: usize = 4096;
/// Addresses that one count names.
const NAMED: usize = 16;
/// A count is written this long after the first client that is in it.
pub(super) const COUNT_EVERY: Duration = Duration::from_secs(10);

/// So many at once, and one more after each of these.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    every: Duration,
}

/// What becomes of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It has a record of its own.
    Recorded,
    /// It is counted, as the first since the last count was taken.
    First,
    /// It is counted.
    Counted,
}

/// Refusals so far.
#[derive(Debug)]
pub(super) struct Refusals {
    addresses: HashMap<IpAddr, Bucket>,
    all: Bucket,
    left_out: Option<LeftOut>,
}

#[derive(Debug)]
struct LeftOut {
    count: u64,
    by_address: u64,
    addresses: BTreeSet<String>,
    seen: HashSet<IpAddr>,
    since: Timestamp,
}

/// Tokens of a rate.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: u32,
    filled: Instant,
}

impl Refusals {
    pub(super) fn new(now: Instant) -> Refusals {
        Refusals {
            addresses: HashMap::new(),
            all: Bucket::full(IN_ALL, now),
            left_out: None,
        }
    }

    /// Counts a refusal of `client`, an address with its port, at `now`; `time` is for the record.
    pub(super) fn admit(&mut self, client: &str, now: Instant, time: Timestamp) -> Admitted {
        let address = client
            .parse::<SocketAddr>()
            .ok()
            .map(|peer| network(peer.ip()));
        // What has no record takes nothing from its address: else a flood from elsewhere would use up everybody's.
        let room = self.all.has(now);
        let own = address.is_none_or(|address| self.own_rate(address, now, room));
        if own && room && self.all.take(now) {
            return Admitted::Recorded;
        }
        let first = self.left_out.is_none();
        let left_out = self.left_out.get_or_insert_with(|| LeftOut {
            count: 0,
            by_address: 0,
            addresses: BTreeSet::new(),
            seen: HashSet::new(),
            since: time,
        });
        left_out.count = left_out.count.saturating_add(1);
        if !own {
            left_out.by_address = left_out.by_address.saturating_add(1);
        }
        if left_out.addresses.len() < NAMED {
            left_out
                .addresses
                .extend(address.map(|address| address.to_string()));
        }
        if left_out.seen.len() < ADDRESSES {
            left_out.seen.extend(address);
        }
        if first {
            Admitted::First
        } else {
            Admitted::Counted
        }
    }

    /// Gives the record of those that were counted since the last time to `record`; they stay counted where that fails.
    pub(super) fn record_count<E>(
        &mut self,
        record: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(left_out) = &self.left_out else {
            return Ok(());
        };
        record(&left_out.event())?;
        self.left_out = None;
        Ok(())
    }

    /// Whether the address has not had too many; takes one of them where the refusal is recorded.
    fn own_rate(&mut self, address: IpAddr, now: Instant, recorded: bool) -> bool {
        if self.addresses.len() >= ADDRESSES && !self.addresses.contains_key(&address) {
            self.addresses.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.addresses.len() >= ADDRESSES && !self.addresses.contains_key(&address) {
            return true;
        }
        let bucket = self
            .addresses
            .entry(address)
            .or_insert_with(|| Bucket::full(BY_ADDRESS, now));
        if recorded {
            bucket.take(now)
        } else {
            bucket.has(now)
        }
    }
}

impl LeftOut {
    fn event(&self) -> Event {
        Event::SessionsRefused {
            count: self.count,
            by_address: self.by_address,
            addresses: self.addresses.iter().cloned().collect(),
            distinct: Some(u64::try_from(self.seen.len()).unwrap_or(u64::MAX)),
            since: self.since.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        }
    }
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Bucket {
        Bucket {
            rate,
            tokens: rate.burst,
            filled: now,
        }
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens >= self.rate.burst
    }

    fn has(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens > 0
    }

    fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or_default();
        left.is_some()
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_nanos();
        let gained = passed / self.rate.every.as_nanos().max(1);
        let gained = u32::try_from(gained).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(self.rate.burst);
        // What is left of a step counts for the next one, unless there is nothing to gain.
        self.filled = if self.tokens == self.rate.burst {
            now
        } else {
            self.filled + self.rate.every.saturating_mul(gained)
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::config::ReadDurability;
    use crate::evidence::{self, lock, record_counted};

    fn counted(refusals: &mut Refusals) -> Option<Event> {
        let mut counted = None;
        let Ok(()) = refusals.record_count(|event| {
            counted = Some(event.clone());
            Ok::<_, std::convert::Infallible>(())
        });
        counted
    }

    fn recorded(refusals: &mut Refusals, client: &str, times: usize, now: Instant) -> usize {
        (0..times)
            .filter(|_| refusals.admit(client, now, Timestamp::UNIX_EPOCH) == Admitted::Recorded)
            .count()
    }

    #[test]
    fn one_address_gets_its_burst_and_then_one_a_second() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        assert_eq!(recorded(&mut refusals, "192.0.2.1:1", 100, now), 50);
        assert_eq!(recorded(&mut refusals, "192.0.2.2:1", 5, now), 5);
        let later = now + Duration::from_millis(3500);
        assert_eq!(recorded(&mut refusals, "192.0.2.1:2", 100, later), 3);
        let much_later = now + Duration::from_secs(3600);
        assert_eq!(recorded(&mut refusals, "192.0.2.1:3", 100, much_later), 50);
        insta::assert_debug_snapshot!(counted(&mut refusals), @r#"
        Some(
            SessionsRefused {
                count: 197,
                by_address: 197,
                addresses: [
                    "192.0.2.1",
                ],
                distinct: Some(
                    1,
                ),
                since: "1970-01-01T00:00:00.000Z",
            },
        )
        "#);
        assert_eq!(counted(&mut refusals), None);
    }

    #[test]
    fn many_addresses_share_one_rate_and_bounded_memory() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        let all: usize = (0..20_000_u32)
            .map(|number| {
                let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
                recorded(&mut refusals, &format!("{address}:9"), 1, now)
            })
            .sum();
        assert_eq!(all, 200);
        assert!(refusals.addresses.len() <= ADDRESSES);
        let Some(Event::SessionsRefused {
            count,
            by_address,
            addresses,
            distinct,
            ..
        }) = counted(&mut refusals)
        else {
            panic!("not counted")
        };
        assert_eq!((count, by_address, addresses.len()), (19_800, 0, NAMED));
        assert_eq!(distinct, Some(4096));
        // Those with nothing against them any more make room.
        let later = now + Duration::from_secs(60);
        assert_eq!(recorded(&mut refusals, "192.0.2.1:1", 100, later), 50);
        assert!(refusals.addresses.len() < ADDRESSES);
    }

    #[test]
    fn a_refusal_without_a_record_takes_nothing_from_its_address() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        for number in 0..200_u8 {
            let client = format!("10.0.0.{number}:1");
            assert_eq!(recorded(&mut refusals, &client, 1, now), 1);
        }
        // The flood leaves no room for this one, which is not its own doing.
        assert_eq!(recorded(&mut refusals, "192.0.2.1:1", 60, now), 0);
        let later = now + Duration::from_secs(1);
        assert_eq!(recorded(&mut refusals, "192.0.2.1:1", 60, later), 50);
        let Some(Event::SessionsRefused { count, .. }) = counted(&mut refusals) else {
            panic!("not counted")
        };
        assert_eq!(count, 70);
    }

    #[test]
    fn a_count_that_is_not_recorded_is_kept() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        assert_eq!(recorded(&mut refusals, "192.0.2.1:1", 55, now), 50);
        assert_eq!(refusals.record_count(|_| Err("full")), Err("full"));
        assert_eq!(recorded(&mut refusals, "192.0.2.1:1", 2, now), 0);
        let Some(Event::SessionsRefused { count, .. }) = counted(&mut refusals) else {
            panic!("not counted")
        };
        assert_eq!(count, 7);
    }

    /// Otherwise nobody would ever write it: only the first that is counted begins to.
    #[test]
    fn a_count_that_the_log_does_not_take_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = evidence::tests::log(folder.path(), ReadDurability::Durable);
        let mut refusals = Refusals::new(Instant::now());
        recorded(&mut refusals, "192.0.2.1:1", 51, Instant::now());
        // More than a number in the log can be.
        refusals.left_out.as_mut().unwrap().count = u64::MAX;
        let refusals = Mutex::new(refusals);
        assert!(!record_counted(&log.log, &refusals));
        lock(&refusals).left_out.as_mut().unwrap().count = 1;
        assert!(record_counted(&log.log, &refusals));
        log.log.close().unwrap();
        assert!(lock(&refusals).left_out.is_none());
    }

    #[test]
    fn a_network_of_ipv6_and_a_mapped_address_count_as_one() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        for client in ["[2001:db8::1]:1", "[2001:db8::ffff:2]:1"] {
            recorded(&mut refusals, client, 25, now);
        }
        assert_eq!(recorded(&mut refusals, "[2001:db8::3]:1", 1, now), 0);
        recorded(&mut refusals, "192.0.2.1:1", 50, now);
        assert_eq!(recorded(&mut refusals, "[::ffff:192.0.2.1]:1", 1, now), 0);
    }
}
