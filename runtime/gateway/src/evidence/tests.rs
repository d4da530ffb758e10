//! The log behind the port: order, durability, and a disk that fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use hpol_evidence::checkpoint::Origin;
use hpol_evidence::files::directory::Directory;
use hpol_evidence::files::{Files, LogFile};
use hpol_evidence::key::AuditKey;
use hpol_evidence::log::{LogHandle, LogOptions};
use hpol_evidence::reader::LogReader;

use super::*;

/// A directory whose disk can be made to fail.
#[derive(Debug)]
pub(crate) struct FailingDisk {
    directory: Directory,
    fails: Arc<AtomicBool>,
    /// A sync waits while somebody has it.
    held: Arc<Mutex<()>>,
}

struct FailingFile {
    file: Box<dyn LogFile>,
    fails: Arc<AtomicBool>,
    held: Arc<Mutex<()>>,
}

impl FailingDisk {
    fn file(&self, file: Box<dyn LogFile>) -> Box<dyn LogFile> {
        Box::new(FailingFile {
            file,
            fails: Arc::clone(&self.fails),
            held: Arc::clone(&self.held),
        })
    }
}

impl Files for FailingDisk {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        self.directory.lock()
    }
    fn names(&self) -> io::Result<Vec<String>> {
        self.directory.names()
    }
    fn read(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.directory.read(name).map(|file| self.file(file))
    }
    fn write(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.directory.write(name).map(|file| self.file(file))
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.directory.create(name).map(|file| self.file(file))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.directory.rename(from, to)
    }
    fn protect(&self, name: &str) -> io::Result<()> {
        self.directory.protect(name)
    }
    fn sync_names(&self) -> io::Result<()> {
        self.directory.sync_names()
    }
    fn used_percent(&self) -> io::Result<u8> {
        self.directory.used_percent()
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.directory.free_bytes()
    }
}

impl LogFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.file.set_length(length)
    }
    fn sync(&mut self) -> io::Result<()> {
        drop(self.held.lock().unwrap());
        if self.fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.sync()
    }
}

/// A log in `folder`, and the switch that makes its disk fail.
pub(crate) fn log(folder: &std::path::Path, reads: ReadDurability) -> (AuditLog, Arc<AtomicBool>) {
    let (log, fails, _) = log_that_waits(folder, reads);
    (log, fails)
}

/// And the lock that makes it wait.
fn log_that_waits(
    folder: &std::path::Path,
    reads: ReadDurability,
) -> (AuditLog, Arc<AtomicBool>, Arc<Mutex<()>>) {
    let (fails, held) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let disk = FailingDisk {
        directory: Directory::create(folder).unwrap(),
        fails: Arc::clone(&fails),
        held: Arc::clone(&held),
    };
    let options = LogOptions::new(Origin::new("test").unwrap(), AuditKey::generate().unwrap());
    let (handle, _) = LogHandle::open(Arc::new(disk), options).unwrap();
    (AuditLog::new(handle, reads), fails, held)
}

fn stopped(reason: &str) -> Event {
    Event::GatewayStopped {
        reason: reason.to_owned(),
    }
}

#[tokio::test]
async fn records_stand_in_the_order_of_the_calls_whenever_they_are_awaited() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = log(folder.path(), ReadDurability::Buffered);
    let first = log.append(None, stopped("first"), Durability::ReadEnd);
    log.append_detached(None, stopped("second"));
    let third = log.append(Some("s"), stopped("third"), Durability::Durable);
    third.await.unwrap();
    first.await.unwrap();
    let records = LogReader::open(folder.path()).unwrap().records(0).unwrap();
    let reasons: Vec<String> = records
        .map(|record| format!("{:?}", record.unwrap().record.event))
        .collect();
    for (reason, word) in reasons.iter().zip(["first", "second", "third"]) {
        assert!(reason.contains(word), "{reasons:?}");
    }
}

#[test]
fn only_the_end_of_reads_may_be_buffered() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = log(folder.path(), ReadDurability::Buffered);
    assert_eq!(log.kept(Durability::Durable), Kept::Awaited);
    assert_eq!(log.kept(Durability::ReadEnd), Kept::Buffered);
    assert_eq!(log.kept(Durability::Buffered), Kept::InOrder);
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = super::tests::log(folder.path(), ReadDurability::Durable);
    assert_eq!(log.kept(Durability::ReadEnd), Kept::Awaited);
}

/// Reads that never wait leave no room for anything else on a slow disk.
#[tokio::test]
async fn a_buffered_read_waits_for_a_log_that_is_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, held) = log_that_waits(folder.path(), ReadDurability::Buffered);
    let read = || {
        let mut read = log.append(None, stopped("read"), Durability::ReadEnd);
        let ended = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        (ended, read)
    };
    let mut waiting = Vec::new();
    {
        let _waits = held.lock().unwrap();
        while waiting.len() < 100 {
            match read() {
                (Poll::Pending, read) => waiting.push(read),
                (Poll::Ready(ended), _) => ended.unwrap(),
            }
        }
    }
    for read in waiting {
        read.await.unwrap();
    }
    let (ended, _) = read();
    assert!(ended.is_ready(), "the log is not behind any more");
}

#[tokio::test]
async fn u_01_u_03_a_failed_disk_refuses_everything_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (log, fails) = log(folder.path(), ReadDurability::Durable);
    log.record(stopped("well")).await.unwrap();
    fails.store(true, Ordering::SeqCst);
    let refused = log.record(stopped("lost")).await.unwrap_err();
    assert!(refused.why.contains("the disk is gone"), "{refused}");
    fails.store(false, Ordering::SeqCst);
    assert!(
        log.record(stopped("late")).await.is_err(),
        "a failed sync is never tried again"
    );
    assert!(matches!(log.health(), Health::Failed { .. }));
}

#[tokio::test]
async fn u_06_clients_turned_away_in_a_flood_are_recorded_up_to_a_rate_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = log(folder.path(), ReadDurability::Durable);
    for port in 0..100 {
        let refused = Event::SessionRefused {
            connection: None,
            client: format!("192.0.2.7:{port}"),
            reason: "no token".to_owned(),
        };
        log.append(None, refused, Durability::Durable)
            .await
            .unwrap();
    }
    log.record_counted_refusals();
    log.record(stopped("end")).await.unwrap();
    let records = LogReader::open(folder.path()).unwrap().records(0).unwrap();
    let events: Vec<Event> = records.map(|record| record.unwrap().record.event).collect();
    let alone = events
        .iter()
        .filter(|event| matches!(event, Event::SessionRefused { .. }))
        .count();
    let counted = events.iter().find_map(|event| match event {
        Event::SessionsRefused { count, .. } => Some(*count),
        _ => None,
    });
    // A second may pass meanwhile, which admits one more.
    assert!((50..60).contains(&alone), "{alone}");
    assert_eq!(counted, Some(100 - alone as u64));
}

#[tokio::test]
async fn u_06_a_count_that_finds_the_queue_full_is_recorded_later() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, held) = log_that_waits(folder.path(), ReadDurability::Durable);
    let refuse = |times: usize| {
        for _ in 0..times {
            lock(&log.refusals).admit("192.0.2.7:1", Instant::now(), Timestamp::UNIX_EPOCH);
        }
    };
    {
        let _waits = held.lock().unwrap();
        while log.log.append_in_order(None, &stopped("behind")).is_ok() {}
        refuse(100);
        assert!(!record_counted(&log.log, &log.refusals));
    }
    while !record_counted(&log.log, &log.refusals) {
        std::thread::yield_now();
    }
    log.log.close().unwrap();
    let records = LogReader::open(folder.path()).unwrap().records(0).unwrap();
    let counts: Vec<u64> = records
        .filter_map(|record| match record.unwrap().record.event {
            Event::SessionsRefused { count, .. } => Some(count),
            Event::RecordsLost { .. } => panic!("the count was lost"),
            _ => None,
        })
        .collect();
    assert_eq!(counts.len(), 1);
    assert!((48..=50).contains(&counts[0]), "{counts:?}");
}
