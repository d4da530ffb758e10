//! A log directory in memory for tests: knows what is durable and what is not, fails as told, and can lose power.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Files, LogFile};

/// Bytes that reach the disk together.
const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(crate) struct MemoryFiles {
    names: Arc<Mutex<Names>>,
    plan: Arc<Plan>,
}

type Content = Arc<Mutex<Bytes>>;

#[derive(Default)]
struct Names {
    now: BTreeMap<String, Content>,
    durable: BTreeMap<String, Content>,
    locked: Arc<Mutex<bool>>,
}

#[derive(Default)]
struct Bytes {
    /// Changes with a rename, also for who has the file open.
    name: String,
    now: Vec<u8>,
    durable: Vec<u8>,
}

/// What a test does to the files, and sees of them.
#[derive(Default)]
pub(crate) struct Plan {
    faults: Mutex<Vec<Fault>>,
    on_sync: Mutex<Option<OnSync>>,
    segment_syncs: AtomicUsize,
    disk: AtomicUsize,
    space: Mutex<Option<Space>>,
    /// Every call so far: what, on which file, and whether it went well.
    calls: Mutex<Vec<(Call, String, bool)>>,
    /// The call with this number fails, once.
    once: Mutex<Option<(usize, io::ErrorKind, usize)>>,
}

/// A disk that ends.
#[derive(Clone, Copy)]
struct Space {
    bytes: usize,
    /// Whether it says how much is free.
    told: bool,
}

type OnSync = Box<dyn FnMut(&str) + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    Write,
    Sync,
    Rename,
    SyncNames,
    SetLength,
    Protect,
}

/// The next call of this kind on a file whose name begins so fails, for ever after.
pub(crate) struct Fault {
    pub(crate) call: Call,
    pub(crate) file: &'static str,
    pub(crate) error: io::ErrorKind,
    /// A write takes so many bytes before it fails.
    pub(crate) takes: usize,
}

impl MemoryFiles {
    pub(crate) fn fail(&self, call: Call, file: &'static str, error: io::ErrorKind) {
        self.fault(Fault {
            call,
            file,
            error,
            takes: 0,
        });
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.plan.faults.lock().unwrap().push(fault);
    }

    pub(crate) fn mend(&self) {
        self.plan.faults.lock().unwrap().clear();
        *self.plan.space.lock().unwrap() = None;
    }

    pub(crate) fn on_sync(&self, hook: impl FnMut(&str) + Send + 'static) {
        *self.plan.on_sync.lock().unwrap() = Some(Box::new(hook));
    }

    pub(crate) fn segment_syncs(&self) -> usize {
        self.plan.segment_syncs.load(Ordering::SeqCst)
    }

    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        self.names.lock().unwrap().now[name]
            .lock()
            .unwrap()
            .now
            .clone()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let content = Bytes {
            name: name.into(),
            now: bytes.to_vec(),
            durable: bytes.to_vec(),
        };
        let content = Arc::new(Mutex::new(content));
        let mut names = self.names.lock().unwrap();
        names.now.insert(name.into(), Arc::clone(&content));
        names.durable.insert(name.into(), content);
    }

    pub(crate) fn remove(&self, name: &str) {
        let mut names = self.names.lock().unwrap();
        names.now.remove(name);
        names.durable.remove(name);
    }

    pub(crate) fn segments(&self) -> Vec<String> {
        let names = self.names().unwrap();
        names
            .into_iter()
            .filter(|name| crate::segment::first(name).is_some())
            .collect()
    }

    /// The files as they may be after the power went: of what was not durable, each sector is there or not as
    /// `survives` says. The files themselves go on as if nothing had happened.
    pub(crate) fn after_power_cut(&self, mut survives: impl FnMut() -> bool) -> Self {
        let after = Self::default();
        let names = self.names.lock().unwrap();
        let mut all: Vec<&String> = names.now.keys().chain(names.durable.keys()).collect();
        all.sort();
        all.dedup();
        for name in all {
            let (new, old) = (names.now.get(name), names.durable.get(name));
            let same = matches!((new, old), (Some(new), Some(old)) if Arc::ptr_eq(new, old));
            let chosen = if same || survives() { new } else { old };
            if let Some(content) = chosen {
                after.put(
                    name,
                    &content.lock().unwrap().after_power_cut(&mut survives),
                );
            }
        }
        drop(names);
        after
    }

    /// A copy that nothing else writes.
    pub(crate) fn copy(&self) -> Self {
        self.after_power_cut(|| true)
    }

    /// How many calls there were that can fail.
    pub(crate) fn calls(&self) -> Vec<(Call, String, bool)> {
        self.plan.calls.lock().unwrap().clone()
    }

    /// The call that has this number from now on fails, and none after it; a write takes so many bytes first.
    pub(crate) fn fail_once(&self, number: usize, error: io::ErrorKind, takes: usize) {
        let number = self.calls().len() + number;
        *self.plan.once.lock().unwrap() = Some((number, error, takes));
    }

    pub(crate) fn fill_disk(&self, percent: usize) {
        self.plan.disk.store(percent, Ordering::SeqCst);
    }

    /// From now on only so many bytes more; `told` where the disk says so when asked.
    pub(crate) fn leave_space(&self, bytes: usize, told: bool) {
        let bytes = self.used_bytes() + bytes;
        *self.plan.space.lock().unwrap() = Some(Space { bytes, told });
    }

    /// Bytes that the files take.
    pub(crate) fn used_bytes(&self) -> usize {
        let names = self.names.lock().unwrap();
        let length = |content: &Content| content.lock().unwrap().now.len();
        names.now.values().map(length).sum()
    }

    /// Bytes that are free, where the disk ends.
    fn left(&self) -> Option<(usize, bool)> {
        let space = (*self.plan.space.lock().unwrap())?;
        Some((space.bytes.saturating_sub(self.used_bytes()), space.told))
    }

    fn check(&self, call: Call, name: &str) -> Result<(), (io::Error, usize)> {
        let mut calls = self.plan.calls.lock().unwrap();
        let mut once = self.plan.once.lock().unwrap();
        let result = match *once {
            // A write that takes some bytes is asked for the rest, and that fails.
            Some((number, error, takes)) if number == calls.len() => {
                *once = (takes > 0 && call == Call::Write).then_some((number + 1, error, 0));
                Err((error.into(), takes))
            }
            _ => self.check_faults(call, name),
        };
        calls.push((call, name.to_owned(), result.is_ok()));
        result
    }

    fn check_faults(&self, call: Call, name: &str) -> Result<(), (io::Error, usize)> {
        let faults = self.plan.faults.lock().unwrap();
        match faults
            .iter()
            .find(|fault| fault.call == call && name.starts_with(fault.file))
        {
            Some(fault) => Err((fault.error.into(), fault.takes)),
            None => Ok(()),
        }
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let names = self.names.lock().unwrap();
        let content = names.now.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(MemoryFile {
            files: self.clone(),
            content: Arc::clone(content),
        }))
    }
}

impl Bytes {
    fn after_power_cut(&self, mut survives: impl FnMut() -> bool) -> Vec<u8> {
        if self.now == self.durable {
            return self.now.clone();
        }
        let length = if survives() {
            self.now.len()
        } else {
            self.durable.len()
        };
        let mut bytes = vec![0; length];
        for (sector, to) in bytes.chunks_mut(SECTOR).enumerate() {
            let start = sector * SECTOR;
            let part = |from: &[u8]| {
                from.get(start..)
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .take(SECTOR)
                    .collect::<Vec<u8>>()
            };
            let (new, old) = (part(&self.now), part(&self.durable));
            let kept = if new == old || survives() { new } else { old };
            to.iter_mut().zip(kept).for_each(|(to, from)| *to = from);
        }
        bytes
    }
}

impl Files for MemoryFiles {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        let names = self.names.lock().unwrap();
        let mut locked = names.locked.lock().unwrap();
        if std::mem::replace(&mut *locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Unlock(Arc::clone(&names.locked))))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.names.lock().unwrap().now.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.open(name)
    }

    fn write(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.check(Call::Create, name).map_err(|(error, _)| error)?;
        let bytes = Bytes {
            name: name.into(),
            ..Bytes::default()
        };
        let content = Arc::new(Mutex::new(bytes));
        self.names.lock().unwrap().now.insert(name.into(), content);
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check(Call::Rename, to).map_err(|(error, _)| error)?;
        let mut names = self.names.lock().unwrap();
        let content = names.now.remove(from).ok_or(io::ErrorKind::NotFound)?;
        content.lock().unwrap().name = to.into();
        names.now.insert(to.into(), content);
        Ok(())
    }

    fn protect(&self, name: &str) -> io::Result<()> {
        self.check(Call::Protect, name).map_err(|(error, _)| error)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.check(Call::SyncNames, ".")
            .map_err(|(error, _)| error)?;
        let mut names = self.names.lock().unwrap();
        names.durable = names.now.clone();
        Ok(())
    }

    fn used_percent(&self) -> io::Result<u8> {
        Ok(u8::try_from(self.plan.disk.load(Ordering::SeqCst)).unwrap())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        match self.left() {
            None => Ok(u64::MAX),
            Some((left, true)) => Ok(left as u64),
            Some((_, false)) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl fmt::Debug for MemoryFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MemoryFiles")
    }
}

struct MemoryFile {
    files: MemoryFiles,
    content: Content,
}

impl LogFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.content.lock().unwrap();
        let from = content
            .now
            .get(usize::try_from(offset).unwrap()..)
            .unwrap_or_default();
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let count = match self.files.check(Call::Write, &self.name()) {
            Ok(()) => bytes.len(),
            Err((error, 0)) => return Err(error),
            Err((_, takes)) => {
                // Takes so many once, then nothing.
                self.files
                    .plan
                    .faults
                    .lock()
                    .unwrap()
                    .iter_mut()
                    .for_each(|fault| fault.takes = 0);
                takes.min(bytes.len())
            }
        };
        let start = usize::try_from(offset).unwrap();
        let space = self.files.left();
        let mut content = self.content.lock().unwrap();
        let count = match space {
            None => count,
            Some((left, _)) => count.min((content.now.len() + left).saturating_sub(start)),
        };
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let length = content.now.len().max(start + count);
        content.now.resize(length, 0);
        content.now[start..start + count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().now.len() as u64)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.files
            .check(Call::SetLength, &self.name())
            .map_err(|(error, _)| error)?;
        self.content
            .lock()
            .unwrap()
            .now
            .resize(usize::try_from(length).unwrap(), 0);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let name = self.name();
        if name.starts_with("segment") {
            self.files.plan.segment_syncs.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(hook) = &mut *self.files.plan.on_sync.lock().unwrap() {
            hook(&name);
        }
        self.files
            .check(Call::Sync, &name)
            .map_err(|(error, _)| error)?;
        let mut content = self.content.lock().unwrap();
        content.durable = content.now.clone();
        Ok(())
    }
}

impl MemoryFile {
    fn name(&self) -> String {
        self.content.lock().unwrap().name.clone()
    }
}

struct Unlock(Arc<Mutex<bool>>);

impl Drop for Unlock {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = false;
    }
}
