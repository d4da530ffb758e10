//! `--fix`: makes the edits that findings carry, in the settled style, as long as the policy stays without errors.

use std::collections::{BTreeMap, BTreeSet};

use hpol_hir::{Diagnostic, Edit};
use hpol_syntax::format::format;

use super::found;
use super::levels::Levels;
use crate::exit::Failure;
use crate::project::{Paths, Project, counted};
use crate::sources::SourceFile;
use crate::terminal::Terminal;
use crate::{visible, whole_file};

/// Rounds of mending: an edit may let another lint find something.
const ROUNDS: usize = 4;

/// Mends what can be, and gives back the policy as it is then.
pub(super) fn mend(
    mut project: Project,
    paths: &Paths,
    levels: &Levels,
    terminal: &mut Terminal,
) -> Result<Project, Failure> {
    let (mut mended, mut files) = (0_usize, BTreeSet::new());
    for _ in 0..ROUNDS {
        let plan = plan(&project, &found(&project, levels));
        if plan.count == 0 || !plan.keeps_sense(&project) {
            break;
        }
        for (name, (path, text)) in &plan.texts {
            whole_file::write(path, text.as_bytes())?;
            files.insert(name.clone());
        }
        mended += plan.count;
        project = Project::load(paths)?;
    }
    if mended > 0 {
        terminal.note(format_args!("mended {} in", counted(mended, "finding")))?;
        for name in files {
            terminal.note(format_args!("  {}", visible::line(&name)))?;
        }
    }
    Ok(project)
}

/// The texts that files would have.
struct Plan {
    texts: BTreeMap<String, (std::path::PathBuf, String)>,
    /// Findings that are mended so.
    count: usize,
}

impl Plan {
    /// Whether the policy would have no errors.
    fn keeps_sense(&self, project: &Project) -> bool {
        let text = |file: &SourceFile| match self.texts.get(&file.name) {
            Some((_, text)) => text.clone(),
            None => file.text.clone(),
        };
        project.is_sound_with(text)
    }
}

fn plan(project: &Project, found: &[Diagnostic]) -> Plan {
    let own = |edit: &Edit| project.files.iter().find(|file| file.name == edit.file);
    let mut edits: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    let mut count = 0;
    for finding in found.iter().filter(|found| !found.fix.is_empty()) {
        let free = finding.fix.iter().all(|edit| {
            let taken = edits.get(edit.file.as_str()).into_iter().flatten();
            own(edit).is_some() && taken.clone().all(|other| apart(edit, other))
        });
        if free {
            count += 1;
            for edit in &finding.fix {
                edits.entry(edit.file.as_str()).or_default().push(edit);
            }
        }
    }
    let mut texts = BTreeMap::new();
    for (name, mut edits) in edits {
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        if let Some(file) = project.files.iter().find(|file| file.name == name) {
            let mut text = file.text.clone();
            for edit in edits {
                if text.get(edit.span.clone()).is_some() {
                    text.replace_range(edit.span.clone(), &edit.text);
                }
            }
            // What cannot be formatted has an error, which is found when the policy is checked.
            let text = format(&text).unwrap_or(text);
            texts.insert(name.to_owned(), (file.path.clone(), text));
        }
    }
    Plan { texts, count }
}

fn apart(edit: &Edit, other: &Edit) -> bool {
    edit.span.end < other.span.start || other.span.end < edit.span.start
}
