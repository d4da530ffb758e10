//! `hpol doc`: a policy as pages to read in a browser: by rule, control, connection and group. Reads policy files, writes a
//! folder of pages that need no server, no script and nothing from elsewhere.

mod pages;

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::exit::{Failure, Outcome};
use crate::observed::Observed;
use crate::project::{Paths, Project, counted};
use crate::terminal::Terminal;
use crate::whole_file;

use pages::Site;

/// Write a policy as pages for a browser: by rule, control, connection and group
#[derive(Debug, Args)]
#[command(after_help = "\
The pages stand alone: no scripts, nothing from elsewhere, light and dark. Each connection has the picture that `hpol graph` \
draws for it, where that is not too large.

Example:
  hpol doc policies/orders --output site")]
pub(crate) struct Doc {
    /// File or folder of policy
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Folder to write the pages to; it is made if it is not there
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

impl Doc {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let project = Project::load(&Paths::one(self.path.clone(), None))?;
        project.print_reports(terminal)?;
        let Some(sound) = project.sound()? else {
            return Ok(Outcome::Findings);
        };
        let observed = Observed::of(&sound.policy, &project.vocabulary);
        let site = Site {
            policy: &sound.policy,
            observed: observed.map_err(|what| Failure::Internal { what })?,
            tests: &sound.tests,
            files: &project.files,
            vocabulary: &project.vocabulary,
        };
        let pages = site.pages();
        fs::create_dir_all(&self.output).map_err(Failure::write(&self.output))?;
        for (name, page) in &pages {
            whole_file::write(&self.output.join(name), page.as_bytes())?;
        }
        let count = counted(pages.len(), "page");
        terminal.note(format_args!("wrote {count} to {}", self.output.display()))?;
        Ok(Outcome::Clean)
    }
}
