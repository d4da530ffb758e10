//! Measures the compiler as an author feels it: 10,000 rules in 100 files, checked cold, built, and checked again after an
//! edit of one rule. `cargo run --release -p hpol-hir --example authoring`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends where something fails"
)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use hpol_hir::Workspace;

const FILES: usize = 100;
const RULES: usize = 100;
const EDITS: usize = 50;

fn main() {
    let files: Vec<(String, String)> = (0..FILES)
        .map(|file| (format!("f{file:03}.hpol"), text(file, 0)))
        .collect();
    let start = Spent::now();
    let mut workspace = Workspace::new();
    for (name, text) in &files {
        workspace.set_file(name.as_str(), text.as_str());
    }
    assert_eq!(workspace.diagnostics(), []);
    report("cold check", start.since());

    let start = Spent::now();
    assert_eq!(workspace.policy().unwrap().rules.len(), FILES * RULES);
    report("policy behind it", start.since());
    let start = Spent::now();
    workspace.program().unwrap();
    report("program behind it", start.since());

    let mut took: Vec<Spent> = (1..=EDITS)
        .map(|edit| {
            let file = edit % FILES;
            let text = text(file, edit);
            let start = Spent::now();
            workspace.set_file(format!("f{file:03}.hpol"), text);
            assert_eq!(workspace.diagnostics(), []);
            start.since()
        })
        .collect();
    took.sort_unstable_by_key(|took| took.computing);
    report("check after an edit, median", *took.get(EDITS / 2).unwrap());
    report("check after an edit, worst", *took.last().unwrap());
    println!("{:32} {:>9} MiB", "most memory", most_memory() / 1024);
}

/// How long something took: by the clock, and computing, without what the thread waited for a processor.
#[derive(Clone, Copy)]
struct Spent {
    begun: Instant,
    passed: Duration,
    computing: Duration,
}

impl Spent {
    fn now() -> Spent {
        Spent {
            begun: Instant::now(),
            passed: Duration::ZERO,
            computing: computing(),
        }
    }

    fn since(self) -> Spent {
        Spent {
            passed: self.begun.elapsed(),
            computing: computing().saturating_sub(self.computing),
            ..self
        }
    }
}

/// How long this thread has been on a processor, as the kernel counts it: everything here is done by one.
fn computing() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let running = counted.split_whitespace().next().unwrap();
    Duration::from_nanos(running.parse().unwrap())
}

/// One file; the first rule differs with `edit`.
fn text(file: usize, edit: usize) -> String {
    let mut text = String::from("package orders\n\n");
    if file == 0 {
        text +=
            "connection orders_db = postgres \"orders-prod\"\nconnection crm = http \"crm-api\"\n";
        for group in 0..20 {
            writeln!(
                text,
                "group team_{group} = subject.groups has \"team-{group}\""
            )
            .unwrap();
        }
    }
    for rule in 0..RULES {
        let number = file * RULES + rule;
        let edited = if rule == 0 { edit } else { 0 };
        let (team, table) = (number % 20, number % 400);
        write!(
            text,
            "\n/// Rule {number} of team {team}.\nrule rule_{number:05} \"Team {team} and table {table}\" {{\n    satisfies AC-3, AC-6\n    because \"They need it for ticket {edited}.\"\n    who team_{team}\n    on orders_db\n    when sql.verbs within [select, insert] and sql.reads within [public.t{table}, public.u{number}]\n      and not sql.writes has public.audit_{table}\n    {}\n}}\n",
            match number % 3 {
                0 => "allow limit rows 10_000",
                1 => "allow",
                _ => "block \"Ask the owner of the table\"",
            }
        )
        .unwrap();
    }
    text
}

fn report(what: &str, took: Spent) {
    let [computing, passed] = [took.computing, took.passed].map(|time| time.as_secs_f64() * 1000.0);
    println!("{what:32} {computing:>9.2} ms computing, {passed:>9.2} ms by the clock");
}

/// KiB, as the kernel counts them.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("0");
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
