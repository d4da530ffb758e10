//! The files of a log directory, behind a trait so that tests can fail them. Decides nothing about their content.

pub mod directory;
#[cfg(test)]
pub(crate) mod memory;

use std::fmt::Debug;
use std::io;

/// The directory of one log. Names have no path in them.
pub trait Files: Debug + Send + Sync {
    /// Takes the directory for one writer; held until the guard is dropped.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another writer has it.
    fn lock(&self) -> io::Result<Box<dyn Send>>;

    /// Names of the files in it, in any order.
    ///
    /// # Errors
    /// As the system says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none.
    fn read(&self, name: &str) -> io::Result<Box<dyn LogFile>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none.
    fn write(&self, name: &str) -> io::Result<Box<dyn LogFile>>;

    /// Makes an empty file, over one of that name.
    ///
    /// # Errors
    /// As the system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;

    /// Renames a file over another.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes a file that will not change any more read-only.
    ///
    /// # Errors
    /// As the system says.
    fn protect(&self, name: &str) -> io::Result<()>;

    /// Makes names durable.
    ///
    /// # Errors
    /// As the system says; the state on disk is then unknown.
    fn sync_names(&self) -> io::Result<()>;

    /// How full the disk is, in per cent as a user without privilege sees it.
    ///
    /// # Errors
    /// As the system says.
    fn used_percent(&self) -> io::Result<u8>;

    /// Bytes that a user without privilege can still write.
    ///
    /// # Errors
    /// As the system says.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// One open file.
pub trait LogFile: Send {
    /// Reads at `offset`; 0 only at the end.
    ///
    /// # Errors
    /// As the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`, perhaps less than all.
    ///
    /// # Errors
    /// As the system says.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Length in bytes.
    ///
    /// # Errors
    /// As the system says.
    fn length(&self) -> io::Result<u64>;

    /// Cuts the file, or lengthens it with zeros that may not have space on disk yet.
    ///
    /// # Errors
    /// As the system says.
    fn set_length(&mut self, length: u64) -> io::Result<()>;

    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// As the system says; what is on disk is then unknown, and asking again would not tell.
    fn sync(&mut self) -> io::Result<()>;
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_all(
    file: &mut dyn LogFile,
    mut bytes: &[u8],
    mut offset: u64,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).ok_or(io::ErrorKind::InvalidData)?;
                offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads at most `limit` bytes from `offset`, fewer only at the end of the file.
pub(crate) fn read_up_to(file: &dyn LogFile, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
    let length = file.length()?.saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(limit)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let place = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(rest, place) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
