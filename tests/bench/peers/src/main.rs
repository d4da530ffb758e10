//! Decides one workload with hpol, Cedar and Rego in one process, compares every decision, and times each.
//!
//! `hpol-peers FOLDER`, with `rules.json`, `requests.json` and their policy built as `bundle` in the folder. That is what
//! `workload.py peers` prepares. Prints a line of JSON for each engine.

mod cedar;
mod hpol;
mod measure;
mod rego;
mod workload;

use std::path::PathBuf;

use anyhow::{Context, Result};

use measure::Peer;
use workload::Workload;

fn main() -> Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .context("usage: hpol-peers FOLDER")?;
    let folder = PathBuf::from(folder);
    let workload = Workload::read(&folder)?;
    let mut peers: Vec<Box<dyn Peer>> = vec![
        Box::new(hpol::Hpol::new(&folder, &workload)?),
        Box::new(cedar::Cedar::new(&workload)?),
        Box::new(rego::Interpreter::new(&workload)?),
    ];
    match rego::Machine::new(&workload) {
        Ok(machine) => peers.push(Box::new(machine)),
        // Its programs have 65,535 instructions at most.
        Err(why) => eprintln!(
            "{} rules, regorus, virtual machine: {why}",
            workload.rules.len()
        ),
    }
    for peer in &mut peers {
        let figures = measure::measure(peer.as_mut(), &workload)?;
        println!("{}", serde_json::to_string(&figures)?);
    }
    Ok(())
}
