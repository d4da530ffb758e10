//! JSON lines in: one value a line, from a file or standard input. What a line means is its reader's business.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::exit::Failure;
use crate::visible;

/// Longest line; a text of SQL may have a megabyte, and escapes make up to six bytes of one.
const LINE_BYTES: u64 = 8 << 20;

/// The lines of a file or of standard input that are not blank.
pub(crate) struct Lines {
    /// How messages call the input.
    path: PathBuf,
    reader: BufReader<Box<dyn Read>>,
    /// The number of the line that was read last, from 1.
    number: u64,
}

impl Lines {
    /// The lines of `path`; of standard input for `None` and for `-`.
    pub(crate) fn open(path: Option<&Path>) -> Result<Lines, Failure> {
        let (path, reader): (_, Box<dyn Read>) = match path.filter(|path| *path != "-") {
            Some(path) => {
                let file = File::open(path).map_err(Failure::read(path))?;
                (path.to_owned(), Box::new(file))
            }
            None => (PathBuf::from("standard input"), Box::new(io::stdin())),
        };
        Ok(Lines {
            path,
            reader: BufReader::new(reader),
            number: 0,
        })
    }

    /// Whether the next line is not there yet. Who asks may wait for the answers so far before it sends more.
    pub(crate) fn may_wait(&self) -> bool {
        !self.reader.buffer().contains(&b'\n')
    }

    /// The next value; `None` at the end.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        loop {
            let mut line = Vec::new();
            let mut bounded = self.reader.by_ref().take(LINE_BYTES);
            let read = bounded
                .read_until(b'\n', &mut line)
                .map_err(Failure::read(&self.path))?;
            self.number = self.number.saturating_add(1);
            if read == 0 {
                return Ok(None);
            }
            if u64::try_from(read).is_ok_and(|read| read == LINE_BYTES) && !line.ends_with(b"\n") {
                return Err(self.wrong(&format!("longer than {LINE_BYTES} bytes")));
            }
            if !line.trim_ascii().is_empty() {
                return serde_json::from_slice(&line)
                    .map(Some)
                    .map_err(|fault| self.wrong(&fault.to_string()));
            }
        }
    }

    /// The failure of the line that was read last.
    pub(crate) fn wrong(&self, why: &str) -> Failure {
        Failure::Line {
            path: self.path.clone(),
            line: self.number,
            why: visible::line(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Lines {
        Lines {
            path: PathBuf::from("input"),
            reader: BufReader::new(Box::new(io::Cursor::new(bytes.to_vec()))),
            number: 0,
        }
    }

    #[test]
    fn blank_lines_are_skipped_and_the_last_needs_no_end() {
        let mut lines = lines(b"1\n\n  \r\n2");
        let mut values = Vec::new();
        while let Some(value) = lines.next::<u8>().unwrap() {
            values.push(value);
        }
        assert_eq!(values, [1, 2]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let mut wrong = lines(b"1\n\nx\n");
        assert_eq!(wrong.next::<u8>().unwrap(), Some(1));
        let failure = wrong.next::<u8>().unwrap_err().to_string();
        assert!(failure.starts_with("line 3 of `input`: "), "{failure}");
        let endless = vec![b' '; usize::try_from(LINE_BYTES).unwrap() + 1];
        let failure = lines(&endless).next::<u8>().unwrap_err().to_string();
        assert_eq!(failure, "line 1 of `input`: longer than 8388608 bytes");
    }
}
