//! Where output goes and what the place can show: colour, width. Owns the two streams; knows nothing of what is printed.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Columns assumed where the output is no terminal, so that files and logs do not depend on a window.
const WIDTH: usize = 100;

/// Standard output for results, standard error for what is said about them.
pub(crate) struct Terminal {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    out_color: bool,
    err_color: bool,
    width: usize,
}

/// The few styles in use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Good,
    Bad,
    Warn,
    Strong,
    Dim,
}

impl Terminal {
    /// The process's own streams. Colour needs a terminal, no `--no-color`, no `NO_COLOR` and a `TERM` that is not `dumb`.
    pub(crate) fn standard(no_color: bool) -> Terminal {
        let wanted = !no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Terminal {
            out_color: wanted && io::stdout().is_terminal(),
            err_color: wanted && io::stderr().is_terminal(),
            width: terminal_width(),
            out: Box::new(io::BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
        }
    }

    /// A line of result.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A text of several lines, as it is.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// A line about the run: summaries, hints, progress.
    pub(crate) fn note(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.out.flush()?;
        writeln!(self.err, "{text}")
    }

    /// A result as JSON, indented, on one document.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// A result as one line of JSON, for streams of many.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// Hands everything to the system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// `text` in `style` where results can show it.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        paint(self.out_color, style, text)
    }

    /// `text` in `style` where notes can show it.
    pub(crate) fn paint_note(&self, style: Style, text: &str) -> String {
        paint(self.err_color, style, text)
    }

    /// Whether notes can show colour.
    pub(crate) fn notes_have_color(&self) -> bool {
        self.err_color
    }

    /// Columns to lay out for.
    pub(crate) fn width(&self) -> usize {
        self.width
    }
}

fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    columns.unwrap_or(WIDTH).clamp(40, 200)
}

fn paint(color: bool, style: Style, text: &str) -> String {
    let code = match style {
        Style::Good => "32",
        Style::Bad => "1;31",
        Style::Warn => "33",
        Style::Strong => "1",
        Style::Dim => "2",
    };
    if color {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
