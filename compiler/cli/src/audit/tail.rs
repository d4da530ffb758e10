//! `hpol audit tail`: the newest records, and those that follow.

use std::collections::VecDeque;
use std::time::Duration;

use clap::Args;
use hpol_evidence::reader::{ReadRecord, Records};

use super::operations::Operations;
use super::{LogFolder, line};
use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;

/// How often a log is looked at for more.
const PAUSE: Duration = Duration::from_millis(200);

/// Most records that are kept to be shown.
const MOST: usize = 1_000_000;

/// The newest records, one a line
#[derive(Debug, Args)]
pub(super) struct Tail {
    #[command(flatten)]
    log: LogFolder,
    /// How many
    #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
    lines: usize,
    /// A table of operations instead: the rules that decided each, their controls, and what became of it
    #[arg(long, conflicts_with_all = ["follow", "json"])]
    operations: bool,
    /// Go on with what is written from now on
    #[arg(short, long)]
    follow: bool,
    /// Print the records as they stand in the log, one a line
    #[arg(long)]
    json: bool,
}

impl Tail {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let mut records = self
            .log
            .open()?
            .records(0)
            .map_err(|failure| self.log.unreadable(&failure))?;
        if self.operations {
            let mut operations = Operations::default();
            for read in records {
                operations.add(
                    read.map_err(|failure| self.log.unreadable(&failure))?
                        .record,
                );
            }
            operations.print(terminal, self.lines)?;
            return Ok(Outcome::Clean);
        }
        let mut newest = VecDeque::new();
        for read in records.by_ref() {
            newest.push_back(read.map_err(|failure| self.log.unreadable(&failure))?);
            if newest.len() > self.lines.min(MOST) {
                newest.pop_front();
            }
        }
        for read in newest {
            self.print(terminal, &read)?;
        }
        if self.follow {
            self.follow(terminal, records)
        } else {
            Ok(Outcome::Clean)
        }
    }

    /// Prints what is written from now on, until the user or the reader of the output ends it.
    fn follow(&self, terminal: &mut Terminal, mut records: Records) -> Result<Outcome, Failure> {
        loop {
            terminal.flush()?;
            std::thread::sleep(PAUSE);
            for read in records.by_ref() {
                self.print(
                    terminal,
                    &read.map_err(|failure| self.log.unreadable(&failure))?,
                )?;
            }
        }
    }

    fn print(&self, terminal: &mut Terminal, read: &ReadRecord) -> Result<(), Failure> {
        if self.json {
            terminal.json_line(&read.record)?;
        } else {
            let text = line::line(terminal, &read.record);
            terminal.line(format_args!("{text}"))?;
        }
        Ok(())
    }
}
