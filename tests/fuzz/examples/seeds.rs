//! Writes the seeds of every target into `FOLDER/<target>`, for libFuzzer to start from.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "give the folder to write into")
    })?;
    for target in hpol_fuzz::TARGETS {
        let corpus = Path::new(&folder).join(target.name);
        std::fs::create_dir_all(&corpus)?;
        for (index, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(corpus.join(format!("seed-{index}")), seed)?;
        }
        println!("{}", target.name);
    }
    Ok(())
}
