//! Plausible sequences of messages: few names, many of them used again, and errors in the middle.

use std::fmt::{self, Debug};

use crate::random::{Random, names};
use crate::world::client::{bind, close, describe, execute, message, parse, query, sync};

/// What the last query of every sequence returns.
pub(crate) const END: &str = "that was all";

/// What a client sends in one session.
pub(crate) struct Sequence {
    messages: Vec<(String, Vec<u8>)>,
    bytes: Vec<u8>,
    /// Where its bytes are cut.
    cuts: Vec<usize>,
    /// The numbers it may insert, with the text that does where the number is in it.
    pub(crate) numbers: Vec<(u64, Option<String>)>,
    /// How often the server becomes ready, where that does not depend on errors.
    pub(crate) ready: Option<usize>,
    /// It holds nothing that is refused.
    pub(crate) comparable: bool,
    /// The client goes in the middle.
    pub(crate) leaves: bool,
}

impl Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self.messages.iter().map(|(shown, _)| shown);
        f.debug_list().entries(messages).finish()
    }
}

impl Sequence {
    /// The sequence of `seed`; its numbers begin at `first`.
    pub(crate) fn random(seed: u64, first: u64) -> Sequence {
        let mut random = Random(seed);
        let comparable = random.one_in(2);
        let mut writer = Writer {
            comparable,
            names: names(&mut random, comparable),
            strict: random.one_in(2),
            random,
            messages: Vec::new(),
            numbers: Vec::new(),
            next: first,
            open: false,
            ready: 0,
            bound: false,
        };
        for _ in 0..writer.random.below(40) + 3 {
            writer.step();
        }
        let leaves = !writer.comparable && writer.random.one_in(8);
        writer.sync();
        writer.query("ROLLBACK");
        writer.query(&format!("SELECT '{END}'"));
        writer.finish(leaves)
    }

    /// Whether one of the words stands in it.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        let mut shown = self.messages.iter().map(|(shown, _)| shown);
        shown.any(|shown| words.iter().any(|word| shown.contains(word)))
    }

    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.cuts.iter().copied();
        let starts = std::iter::once(0).chain(ends.clone());
        starts.zip(ends).map(|(start, end)| &self.bytes[start..end])
    }
}

struct Writer {
    random: Random,
    comparable: bool,
    /// Simple queries come only behind a Sync, so that each is answered.
    strict: bool,
    messages: Vec<(String, Vec<u8>)>,
    numbers: Vec<(u64, Option<String>)>,
    next: u64,
    /// Something was sent since the last Sync.
    open: bool,
    ready: usize,
    /// The unnamed portal was bound since the last Sync or simple query.
    bound: bool,
    names: [String; 2],
}

impl Writer {
    fn step(&mut self) {
        match self.random.below(28) {
            0..3 => self.parse(),
            3..6 => self.bind(),
            6..9 => self.execute(),
            9 => self.describe(),
            10..12 => self.close(),
            12..15 => self.sync(),
            15 => self.push("Flush", message(b'H', &[])),
            16..19 => {
                let text = self.text();
                self.query(&text);
            }
            19..22 => self.run_at_once(),
            22 => self.copy(),
            23..27 => self.prepare_again(),
            _ => self.copy_extended(),
        }
    }

    fn parse(&mut self) {
        let (name, text) = (self.name(), self.statement());
        self.parse_as(&name, &text);
    }

    fn parse_as(&mut self, name: &str, text: &str) {
        self.extended(&format!("Parse {name:?} {text}"), parse(name, text));
    }

    fn bind(&mut self) {
        let (portal, name) = (self.name(), self.name());
        self.bind_as(&portal, &name);
    }

    fn bind_as(&mut self, portal: &str, name: &str) {
        let with = self.random.one_in(6).then(|| self.number(None).to_string());
        let parameters: Vec<&str> = with.iter().map(String::as_str).collect();
        self.extended(
            &format!("Bind {portal:?} {name:?} {parameters:?}"),
            bind(portal, name, &parameters, 0),
        );
        self.bound |= portal.is_empty();
    }

    fn execute(&mut self) {
        let portal = self.name();
        if self.shuns(b'P', &portal) {
            let name = self.name();
            self.bind_as(&portal, &name);
        }
        self.execute_as(&portal);
    }

    /// A simple query that fails leaves the server an unnamed portal that cannot run. To the gateway there is none, so the
    /// two would answer with different errors.
    fn shuns(&self, kind: u8, name: &str) -> bool {
        self.comparable && kind == b'P' && name.is_empty() && !self.bound
    }

    fn execute_as(&mut self, portal: &str) {
        let rows = self.random.pick(&[0, 0, 1, 1, 2]);
        self.extended(&format!("Execute {portal:?} {rows}"), execute(portal, rows));
    }

    fn describe(&mut self) {
        let (mut kind, name) = (self.random.pick(b"SP"), self.name());
        if self.shuns(kind, &name) {
            kind = b'S';
        }
        let shown = format!("Describe {} {name:?}", char::from(kind));
        self.extended(&shown, describe(kind, &name));
    }

    fn close(&mut self) {
        let (kind, name) = (self.random.pick(b"SSP"), self.name());
        let shown = format!("Close {} {name:?}", char::from(kind));
        self.extended(&shown, close(kind, &name));
        self.bound &= kind == b'S' || !name.is_empty();
    }

    fn run_at_once(&mut self) {
        let (name, portal) = (self.name(), self.name());
        if self.random.one_in(2) {
            let shown = format!("Close S {name:?}");
            self.extended(&shown, close(b'S', &name));
        }
        let text = self.statement();
        self.parse_as(&name, &text);
        if self.random.one_in(4) {
            self.sync();
        }
        self.bind_as(&portal, &name);
        self.execute_as(&portal);
        if self.random.one_in(3) {
            self.execute_as(&portal);
        }
        if self.random.one_in(2) {
            self.sync();
        }
    }

    /// Two statements under names that may be one, and a Bind of either.
    fn prepare_again(&mut self) {
        for _ in 0..2 {
            let name = self.name();
            if self.random.one_in(2) {
                let shown = format!("Close S {name:?}");
                self.extended(&shown, close(b'S', &name));
            }
            let text = self.insert("INSERT INTO allowed VALUES ({})");
            self.parse_as(&name, &text);
            if self.random.one_in(2) {
                self.sync();
            }
        }
        self.sync();
        let (portal, name) = (self.name(), self.name());
        self.bind_as(&portal, &name);
        self.execute_as(&portal);
        self.sync();
    }

    fn copy(&mut self) {
        let (text, times) = match self.random.below(4) {
            0 => (
                "COPY (SELECT n FROM generate_series(1, 3) n) TO STDOUT".to_owned(),
                0,
            ),
            1 => (
                "COPY allowed FROM STDIN; SELECT 1; COPY allowed FROM STDIN".to_owned(),
                2,
            ),
            2 if !self.comparable => ("COPY forbidden FROM STDIN".to_owned(), 1),
            _ => ("COPY allowed FROM STDIN".to_owned(), 1),
        };
        self.query(&text);
        for _ in 0..times {
            self.rows(&text);
        }
    }

    /// Under a name of its own: what follows it is rows.
    fn copy_extended(&mut self) {
        let text = match self.random.below(3) {
            0 if !self.comparable => "COPY forbidden FROM STDIN",
            _ => "COPY allowed FROM STDIN",
        };
        self.extended("Close S \"copy\"", close(b'S', "copy"));
        self.parse_as("copy", text);
        self.extended("Bind \"copy\" \"copy\"", bind("copy", "copy", &[], 0));
        self.extended("Execute \"copy\"", execute("copy", 0));
        self.rows(text);
        self.sync();
    }

    fn rows(&mut self, text: &str) {
        for _ in 0..self.random.below(3) {
            let row = match self.random.below(10) {
                0 => "not a number\n".to_owned(),
                _ => format!("{}\n", self.number(Some(text.to_owned()))),
            };
            self.push(&format!("CopyData {row}"), message(b'd', row.as_bytes()));
        }
        match self.random.below(5) {
            0 => self.push("CopyFail", message(b'f', b"enough\0")),
            _ => self.push("CopyDone", message(b'c', &[])),
        }
    }

    fn sync(&mut self) {
        self.push("Sync", sync());
        self.open = false;
        self.bound = false;
        self.ready += 1;
    }

    fn query(&mut self, text: &str) {
        if self.open && self.strict {
            self.sync();
        }
        self.push(&format!("Query {text}"), query(text));
        self.bound = false;
        self.ready += 1;
    }

    fn extended(&mut self, shown: &str, bytes: Vec<u8>) {
        self.push(shown, bytes);
        self.open = true;
    }

    fn push(&mut self, shown: &str, bytes: Vec<u8>) {
        self.messages.push((shown.to_owned(), bytes));
    }

    fn name(&mut self) -> String {
        let index = self.random.index(self.names.len());
        self.names[index].clone()
    }

    /// What a simple query says.
    fn text(&mut self) -> String {
        if !self.random.one_in(3) {
            return self.statement();
        }
        let first = self.numbers.len();
        let parts: Vec<String> = (0..self.random.below(3) + 2)
            .map(|_| self.statement())
            .collect();
        let text = parts.join("; ");
        for (_, by) in &mut self.numbers[first..] {
            *by = Some(text.clone());
        }
        text
    }

    fn statement(&mut self) -> String {
        if !self.comparable && self.random.one_in(3) {
            return self.wild_statement();
        }
        match self.random.below(26) {
            20 => self.named("PREPARE {name} AS INSERT INTO allowed VALUES ({})"),
            21 => self.named("DEALLOCATE {name}"),
            22 => self.named("DECLARE {name} CURSOR FOR SELECT id, ssn, note FROM customers"),
            23 => self.named("CLOSE {name}"),
            24 => "DEALLOCATE ALL".to_owned(),
            25 => "CLOSE ALL".to_owned(),
            0..7 => self.insert("INSERT INTO allowed VALUES ({})"),
            7 => self.insert("INSERT INTO allowed VALUES ({}) RETURNING n"),
            8 => "INSERT INTO allowed VALUES ($1)".to_owned(),
            9..11 => "SELECT n FROM generate_series(1, 3) n".to_owned(),
            11..13 => "SELECT id, ssn, note FROM customers".to_owned(),
            13 => "SELECT 1 / n FROM generate_series(0, 0) n".to_owned(),
            14..16 => "BEGIN".to_owned(),
            16 => "COMMIT".to_owned(),
            17 => "ROLLBACK".to_owned(),
            18 => "SAVEPOINT s".to_owned(),
            _ => "ROLLBACK TO s".to_owned(),
        }
    }

    /// What is refused, or may be answered in another way than the server would.
    fn wild_statement(&mut self) -> String {
        let fixed = match self.random.below(28) {
            0..6 => return self.insert("INSERT INTO forbidden VALUES ({})"),
            6 => {
                return self.insert(
                    "WITH w AS (INSERT INTO forbidden VALUES ({}) RETURNING n) SELECT n FROM w",
                );
            }
            7 => return self.named("PREPARE {name} AS INSERT INTO forbidden VALUES ({})"),
            8 | 21 | 22 => return self.named("EXECUTE {name}"),
            9 => return self.named("DECLARE {name} CURSOR WITH HOLD FOR TABLE customers"),
            10 | 23 => return self.named("FETCH ALL FROM {name}"),
            11 => return self.named("MOVE 1 FROM {name}"),
            12 => return self.named("EXPLAIN ANALYZE EXECUTE {name}"),
            13 => {
                return self.named(
                    "DEALLOCATE {name}; PREPARE {name} AS INSERT INTO forbidden VALUES ({})",
                );
            }
            24 => {
                return self.named(
                    "DEALLOCATE ALL; PREPARE {name} AS INSERT INTO allowed VALUES ({}); EXECUTE {name}",
                );
            }
            25 => return self.named("DELETE FROM customers WHERE CURRENT OF {name}; ROLLBACK"),
            26 => "RESET ALL",
            27 => return self.named("PREPARE {name} AS SELECT ssn, note FROM customers"),
            14 => "DISCARD ALL",
            15 => "SELECT substr(ssn, 1, 6) FROM customers",
            16 => "SELECT ssn::int FROM customers",
            17 => "COPY customers TO STDOUT",
            18 => "",
            // Fails at Bind already, where the server leaves a portal without a statement.
            19 => "SELECT 1/0",
            _ => "SELEC",
        };
        fixed.to_owned()
    }

    /// With a name that SQL and the protocol share.
    fn named(&mut self, pattern: &str) -> String {
        let name = match self.name() {
            name if name.is_empty() => "a".to_owned(),
            name => name,
        };
        let text = pattern.replace("{name}", &name);
        if text.contains("{}") {
            self.insert(&text)
        } else {
            text
        }
    }

    fn insert(&mut self, pattern: &str) -> String {
        let number = self.number(None);
        let text = pattern.replace("{}", &number.to_string());
        if let Some((_, by)) = self.numbers.last_mut() {
            *by = Some(text.clone());
        }
        text
    }

    fn number(&mut self, text: Option<String>) -> u64 {
        self.next += 1;
        self.numbers.push((self.next, text));
        self.next
    }

    fn finish(mut self, leaves: bool) -> Sequence {
        let parts = self.messages.iter().map(|(_, bytes)| bytes.as_slice());
        let mut bytes = parts.collect::<Vec<_>>().concat();
        if leaves {
            let rest = self.random.index(bytes.len());
            bytes.truncate(rest);
            if self.random.one_in(2) {
                bytes.extend(message(b'X', &[]));
            }
        }
        // All at once, a message at a time, or anywhere.
        let mut cuts: Vec<usize> = match self.random.below(3) {
            0 => Vec::new(),
            1 => self
                .messages
                .iter()
                .scan(0, |end, (_, bytes)| {
                    *end += bytes.len();
                    Some(*end)
                })
                .collect(),
            _ => (0..20).map(|_| self.random.index(bytes.len())).collect(),
        };
        cuts.retain(|cut| *cut < bytes.len());
        cuts.sort_unstable();
        cuts.push(bytes.len());
        Sequence {
            messages: self.messages,
            bytes,
            cuts,
            numbers: self.numbers,
            ready: self.strict.then_some(self.ready),
            comparable: self.comparable,
            leaves,
        }
    }
}
