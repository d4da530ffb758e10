//! The audit log as auditors read it: files that anybody may have touched.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock};

use hpol_evidence::canonical;
use hpol_evidence::files::{Files, LogFile};
use hpol_evidence::key::AuditKey;
use hpol_evidence::reader::LogReader;
use hpol_evidence::verify::verify_files;

use crate::Target;

/// A segment: as it is, or built from the input's lines as its records, so that checksums do not stop everything.
pub(crate) const READER: Target = Target {
    name: "record_reader",
    run,
    seeds,
    short: 5_000,
};

/// Records that are read are canonical, and a log that nobody signed does not verify.
fn run(bytes: &[u8]) {
    if let Ok(value) = canonical::parse(bytes) {
        assert_eq!(
            canonical::canonical(&value).unwrap(),
            bytes,
            "not canonical"
        );
    }
    read(bytes.to_vec());
    read(segment(bytes));
}

fn read(segment: Vec<u8>) {
    static KEY: LazyLock<AuditKey> = LazyLock::new(|| AuditKey::generate().unwrap());
    let names = [
        ("segment-00000000000000000000.log", segment),
        ("checkpoints", Vec::new()),
    ];
    let files: Arc<dyn Files> = Arc::new(Memory(
        names.map(|(name, bytes)| (name.to_owned(), bytes)).into(),
    ));
    if let Ok(records) = LogReader::over(Arc::clone(&files)).records(0) {
        records.take_while(Result::is_ok).for_each(drop);
    }
    assert!(
        verify_files(files, &KEY.public()).is_err(),
        "nobody signed it"
    );
}

/// A segment with each line as a record, laid out as `hpol_evidence` writes it.
fn segment(bytes: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        frame(1, line, &mut records);
    }
    let mut whole = b"hpollog1".to_vec();
    frame(3, &0_u64.to_le_bytes(), &mut whole);
    let length = u32::try_from(records.len()).unwrap();
    frame(2, &length.to_le_bytes(), &mut whole);
    whole.extend_from_slice(&records);
    whole.resize(whole.len() + 64, 0);
    whole
}

fn frame(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    out.extend_from_slice(&checksum.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(payload);
}

fn seeds() -> Vec<Vec<u8>> {
    let record = br#"{"config":"00","event":"gateway_started","sequence":0,"time":"2026-01-01T00:00:00Z","v":1,"version":"0"}"#;
    let lines = [record.as_slice(), br#"{"a":[1,2.5,-0,"\u0001"],"b":null}"#].join(&b'\n');
    vec![record.to_vec(), segment(&lines), lines]
}

/// Files that can only be read.
#[derive(Debug)]
struct Memory(BTreeMap<String, Vec<u8>>);

struct Content(Vec<u8>);

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Files for Memory {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        read_only()
    }
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }
    fn read(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        match self.0.get(name) {
            Some(content) => Ok(Box::new(Content(content.clone()))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
    fn write(&self, _: &str) -> io::Result<Box<dyn LogFile>> {
        read_only()
    }
    fn create(&self, _: &str) -> io::Result<Box<dyn LogFile>> {
        read_only()
    }
    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        read_only()
    }
    fn protect(&self, _: &str) -> io::Result<()> {
        read_only()
    }
    fn sync_names(&self) -> io::Result<()> {
        read_only()
    }
    fn used_percent(&self) -> io::Result<u8> {
        Ok(0)
    }
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl LogFile for Content {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap().min(self.0.len());
        let rest = self.0.get(start..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(length)
    }
    fn write_at(&mut self, _: &[u8], _: u64) -> io::Result<usize> {
        read_only()
    }
    fn length(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.0.len()).unwrap())
    }
    fn set_length(&mut self, _: u64) -> io::Result<()> {
        read_only()
    }
    fn sync(&mut self) -> io::Result<()> {
        read_only()
    }
}
