//! The policy files of a git revision, written to a folder of their own for as long as they are read.
//!
//! What would be read on disk and is no file of the revision is refused: links, submodules, packages outside of the repository.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::dependencies;
use crate::exit::Failure;
use crate::visible;

/// Largest file that is taken out of a revision.
const FILE_BYTES: u64 = 4 << 20;
/// Most files that are.
const FILES: usize = 4_096;
/// What a policy is made of beside `.hpol` files.
const PROJECT: [&str; 2] = ["hpol.toml", "hpol.lock"];
/// The mode of a link (git-fast-import(1), "filemodify").
const LINK: &str = "120000";

/// The files of a revision; gone when dropped.
pub(super) struct Tree {
    _folder: TempDir,
    /// Where the policy is.
    pub(super) policy: PathBuf,
}

/// Takes every policy file of `revision` out of the repository that `path` is in, and finds the policy at `path` among them.
pub(super) fn check_out(revision: &str, path: &Path) -> Result<Tree, Failure> {
    let folder = match path.is_dir() {
        true => path.to_owned(),
        false => path.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let folder = match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder,
    };
    let git = Git { revision, folder };
    let commit = format!("{revision}^{{commit}}");
    let commit = git.text(&[
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &commit,
    ])?;
    let prefix = git.text(&["rev-parse", "--show-prefix"])?;
    let top = git.text(&["rev-parse", "--show-toplevel"])?;
    let listing = git.run(&["-C", top.trim(), "ls-tree", "-r", "-z", commit.trim()])?;
    let root = tempfile::tempdir().map_err(Failure::write(Path::new("a temporary folder")))?;
    let Listing { files, links } = Listing::of(&listing).map_err(|why| git.failure(&why))?;
    git.write(&files, root.path())?;
    let prefix = Path::new(prefix.trim_end_matches('\n'));
    let mut read = vec![prefix.to_owned()];
    match path.is_dir() {
        true => {
            let packages = dependencies::folders(&root.path().join(prefix))?;
            for package in &packages {
                read.push(within(prefix, package).map_err(|why| git.failure(&why))?);
            }
        }
        // Of a file those of the current folder count, which is no part of the revision.
        false if dependencies::folders(Path::new("."))?.is_empty() => {}
        false => {
            return Err(git.failure(
                "the packages of `hpol.toml` are none of its; `--path` takes its folder",
            ));
        }
    }
    if let Some(link) = links
        .iter()
        .find(|link| read.iter().any(|folder| meets(link, folder)))
    {
        let link = link.display();
        return Err(git.failure(&format!(
            "`{link}` is a link or a submodule, which is not followed"
        )));
    }
    let mut policy = root.path().join(prefix);
    if let (false, Some(file)) = (path.is_dir(), path.file_name()) {
        policy.push(file);
    }
    if !policy.exists() {
        return Err(git.failure("it has no policy there"));
    }
    Ok(Tree {
        _folder: root,
        policy,
    })
}

/// The place in the repository of the folder that the project file in `prefix` calls `folder`.
fn within(prefix: &Path, folder: &Path) -> Result<PathBuf, String> {
    let mut place = prefix.to_owned();
    for part in folder.components() {
        let stays = match part {
            Component::CurDir => true,
            Component::ParentDir => place.pop(),
            Component::Normal(name) => {
                place.push(name);
                true
            }
            Component::RootDir | Component::Prefix(_) => false,
        };
        if !stays {
            let folder = folder.display();
            return Err(format!(
                "the package in `{folder}` is not in its repository"
            ));
        }
    }
    Ok(place)
}

/// Whether whoever reads `folder` comes upon `link`.
fn meets(link: &Path, folder: &Path) -> bool {
    link.starts_with(folder) || folder.starts_with(link)
}

/// A policy file of a revision.
struct Entry {
    object: String,
    path: PathBuf,
}

/// What a revision holds.
struct Listing {
    /// Its policy files.
    files: Vec<Entry>,
    /// What is no file and no folder of it.
    links: Vec<PathBuf>,
}

impl Listing {
    /// Reads the output of `git ls-tree -r -z`: `mode type object\tpath`, each ended by a zero byte.
    fn of(output: &[u8]) -> Result<Listing, String> {
        let (mut files, mut links) = (Vec::new(), Vec::new());
        let lines = output.split(|byte| *byte == 0);
        for line in lines.filter(|line| !line.is_empty()) {
            let lossy = String::from_utf8_lossy(line);
            let (about, path) = lossy.split_once('\t').unwrap_or((&lossy, ""));
            let mut about = about.split(' ');
            let mode = about.next().unwrap_or_default();
            let (kind, object) = (about.next().unwrap_or_default(), about.next());
            if mode == LINK || kind != "blob" {
                links.push(PathBuf::from(path));
                continue;
            }
            let name = path.rsplit('/').next().unwrap_or_default();
            let wanted = name.ends_with(".hpol") || PROJECT.contains(&name);
            let (true, Some(object)) = (wanted, object) else {
                continue;
            };
            let mut parts = Path::new(path).components();
            let plain = parts.all(|part| matches!(part, Component::Normal(_)));
            if !plain || std::str::from_utf8(line).is_err() {
                return Err(format!("`{path}` is no path that can be written"));
            }
            files.push(Entry {
                object: object.to_owned(),
                path: PathBuf::from(path),
            });
        }
        Ok(Listing { files, links })
    }
}

struct Git<'a> {
    revision: &'a str,
    folder: PathBuf,
}

impl Git<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).stderr(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        let output = self.command().args(arguments).output();
        let output =
            output.map_err(|failure| self.failure(&format!("git does not run: {failure}")))?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(self.failure("git does not know it")),
        }
    }

    fn text(&self, arguments: &[&str]) -> Result<String, Failure> {
        let bytes = self.run(arguments)?;
        String::from_utf8(bytes)
            .map_err(|_| self.failure("git answers in something that is not UTF-8"))
    }

    /// Writes the files below `root`.
    fn write(&self, entries: &[Entry], root: &Path) -> Result<(), Failure> {
        if entries.len() > FILES {
            return Err(self.failure(&format!("it has more than {FILES} policy files")));
        }
        let mut command = self.command();
        command.args(["cat-file", "--batch"]);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut git =
            started.map_err(|failure| self.failure(&format!("git does not run: {failure}")))?;
        let (Some(mut asked), Some(answers)) = (git.stdin.take(), git.stdout.take()) else {
            return Err(self.failure("git does not run"));
        };
        let mut answers = BufReader::new(answers);
        let mut all = || -> io::Result<()> {
            for entry in entries {
                writeln!(asked, "{}", entry.object)?;
                asked.flush()?;
                let content = object(&mut answers)?;
                let path = root.join(&entry.path);
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(path, content)?;
            }
            Ok(())
        };
        let written = all();
        drop(asked);
        let ended = git.wait();
        let whole = written.and(ended.map(|_| ()));
        whole.map_err(|failure| self.failure(&failure.to_string()))
    }

    fn failure(&self, why: &str) -> Failure {
        Failure::Revision {
            revision: visible::line(self.revision),
            folder: self.folder.clone(),
            why: visible::line(why.trim()),
        }
    }
}

/// An answer of `git cat-file --batch`: `object type size`, a line end, as many bytes, a line end.
fn object(answers: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut heading = String::new();
    answers.take(256).read_line(&mut heading)?;
    let size = heading.trim_end().rsplit(' ').next();
    let size = size.and_then(|size| size.parse::<u64>().ok());
    let size = size.ok_or_else(|| io::Error::other("git gives no file"))?;
    if size > FILE_BYTES {
        return Err(io::Error::other(format!(
            "a file is larger than {FILE_BYTES} bytes"
        )));
    }
    let mut content = Vec::new();
    answers.take(size).read_to_end(&mut content)?;
    let mut end = [0];
    answers.read_exact(&mut end)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_files_are_taken_and_links_are_known() {
        let listing = b"100644 blob aa\tp/a.hpol\x00120000 blob bb\tother/link.hpol\x00100644 blob cc\tREADME.md\x00\
            100644 blob dd\tp/\xff.txt\x00100644 blob ee\tp/hpol.toml\x00160000 commit ff\tsub\x00";
        let Listing { files, links } = Listing::of(listing).unwrap();
        let paths: Vec<_> = files
            .iter()
            .map(|entry| entry.path.to_str().unwrap())
            .collect();
        assert_eq!(paths, ["p/a.hpol", "p/hpol.toml"]);
        assert_eq!(links, ["other/link.hpol", "sub"].map(PathBuf::from));
    }

    #[test]
    fn files_that_cannot_be_written_are_refused() {
        for listing in [
            &b"100644 blob dd\t../x.hpol\x00"[..],
            b"100644 blob dd\tp/\xff.hpol\x00",
        ] {
            assert!(Listing::of(listing).is_err(), "{listing:?}");
        }
    }

    #[test]
    fn links_are_met_in_a_folder_at_it_and_above_it() {
        let meets = |link: &str, folder: &str| meets(Path::new(link), Path::new(folder));
        for link in ["a/b/c", "a/b", "a"] {
            assert!(meets(link, "a/b"), "{link}");
        }
        assert!(!meets("a/bc", "a/b"));
        // The policy of a whole repository is in every folder.
        assert!(meets("folder", ""));
    }

    #[test]
    fn packages_stand_in_the_repository() {
        let within = |folder: &str| within(Path::new("policies/shop"), Path::new(folder));
        assert_eq!(
            within("../../shared/./people"),
            Ok(PathBuf::from("shared/people"))
        );
        assert_eq!(within("../.."), Ok(PathBuf::new()));
        assert!(within("../../../shared").is_err());
        assert!(within("/shared").is_err());
    }

    #[test]
    fn an_answer_is_read_as_long_as_it_says() {
        let mut answers: &[u8] = b"aa blob 3\nabc\nbb missing\n";
        assert_eq!(object(&mut answers).unwrap(), b"abc");
        assert!(object(&mut answers).is_err());
        let mut large: &[u8] = b"aa blob 99999999999\n";
        assert!(object(&mut large).is_err());
    }
}
