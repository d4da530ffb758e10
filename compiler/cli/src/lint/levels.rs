//! Which lints count, and how much: by `hpol.toml`, then by the command line.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use hpol_hir::{ALLOWED_BY_DEFAULT, Code, Diagnostic, Severity};
use serde::Deserialize;

use crate::dependencies::{PROJECT, read_toml, unusable};
use crate::exit::Failure;

/// How much a lint counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// What it finds is left out.
    Allow,
    /// What it finds is told.
    Warn,
    /// What it finds ends the run with code 1.
    Deny,
}

/// One lint, a group of them, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Select {
    All,
    Group(&'static str),
    One(Code),
}

/// A name that no lint has.
#[derive(Debug, thiserror::Error)]
#[error("there is no lint `{0}`; a lint is a code such as HP0725, one of {GROUPS}, or `all`")]
pub(super) struct NoLint(String);

const GROUPS: &str = "`style`, `correctness`, `compliance`, `tests`, `semantic`";

/// The level of each lint; later settings win over earlier ones, and narrower over wider ones.
#[derive(Debug, Default)]
pub(super) struct Levels {
    all: Option<Level>,
    groups: BTreeMap<&'static str, Level>,
    codes: BTreeMap<Code, Level>,
}

/// The part of `hpol.toml` that concerns lints.
#[derive(Debug, Default, Deserialize)]
struct ProjectFile {
    #[serde(default)]
    lints: BTreeMap<String, Level>,
}

impl Levels {
    /// What the project file of the folder `root` says; nothing where there is none.
    pub(super) fn load(root: &Path) -> Result<Levels, Failure> {
        let path = root.join(PROJECT);
        let project: ProjectFile = match path.exists() {
            true => read_toml(&path)?,
            false => ProjectFile::default(),
        };
        let mut selected = Vec::with_capacity(project.lints.len());
        for (name, level) in project.lints {
            let select: Select = name
                .parse()
                .map_err(|fault: NoLint| unusable(&path, fault.to_string()))?;
            selected.push((select, level));
        }
        // A table has no order, so that what is narrower holds.
        selected.sort_by_key(|(select, _)| *select);
        let levels = selected.into_iter();
        Ok(levels.fold(Levels::default(), |levels, (select, level)| {
            levels.set(&[select], level)
        }))
    }

    /// The same with other levels for some.
    pub(super) fn set(mut self, selected: &[Select], level: Level) -> Levels {
        for select in selected {
            match select {
                Select::All => {
                    // Said on the command line it is meant for all of them.
                    self = Levels {
                        all: Some(level),
                        ..Levels::default()
                    };
                }
                Select::Group(group) => {
                    self.codes.retain(|code, _| self::group(*code) != *group);
                    self.groups.insert(group, level);
                }
                Select::One(code) => {
                    self.codes.insert(*code, level);
                }
            }
        }
        self
    }

    fn level(&self, code: Code) -> Level {
        if let Some(level) = self.codes.get(&code) {
            return *level;
        }
        // What is allowed by default is asked for by its code, never along with others.
        if ALLOWED_BY_DEFAULT.contains(&code) {
            return Level::Allow;
        }
        let wider = self.groups.get(group(code)).copied().or(self.all);
        wider.unwrap_or(Level::Warn)
    }

    /// `findings` without those that are allowed, and those that are denied as errors.
    pub(super) fn apply(&self, mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        findings.retain(|found| self.level(found.code) != Level::Allow);
        for found in &mut findings {
            found.severity = match self.level(found.code) {
                Level::Deny => Severity::Error,
                Level::Warn | Level::Allow => Severity::Warning,
            };
        }
        findings
    }
}

/// The group of a lint, by its number.
fn group(code: Code) -> &'static str {
    match code.as_str() {
        code if code < "HP0700" => "style",
        code if code < "HP0800" => "correctness",
        code if code < "HP0850" => "compliance",
        code if code < "HP0900" => "tests",
        _ => "semantic",
    }
}

impl FromStr for Select {
    type Err = NoLint;

    fn from_str(text: &str) -> Result<Select, NoLint> {
        Ok(match text {
            "all" => Select::All,
            "style" => Select::Group("style"),
            "correctness" => Select::Group("correctness"),
            "compliance" => Select::Group("compliance"),
            "tests" => Select::Group("tests"),
            "semantic" => Select::Group("semantic"),
            code => {
                let code = Code::parse(code).filter(|code| code.is_lint());
                Select::One(code.ok_or_else(|| NoLint(text.to_owned()))?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(text: &str) -> Select {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_said_last_and_most_narrowly_holds() {
        let quiet = ALLOWED_BY_DEFAULT[0];
        let levels = Levels::default();
        assert_eq!(levels.level(Code::NoTitle), Level::Warn);
        assert_eq!(levels.level(quiet), Level::Allow);
        let levels = levels.set(&[select("style")], Level::Allow);
        assert_eq!(levels.level(Code::NoTitle), Level::Allow);
        let levels = levels.set(&[select("hp0640")], Level::Deny);
        assert_eq!(levels.level(Code::NoTitle), Level::Deny);
        assert_eq!(levels.level(Code::NoReason), Level::Allow);
        let levels = levels.set(&[select("style")], Level::Warn);
        assert_eq!(levels.level(Code::NoTitle), Level::Warn);
        let levels = levels.set(&[select("all")], Level::Deny);
        assert_eq!(levels.level(Code::NoReason), Level::Deny);
        assert_eq!(levels.level(quiet), Level::Allow);
        let levels = levels.set(&[Select::One(quiet)], Level::Warn);
        assert_eq!(levels.level(quiet), Level::Warn);
    }

    #[test]
    fn only_lints_have_levels() {
        assert!("HP0101".parse::<Select>().is_err());
        assert!("stile".parse::<Select>().is_err());
    }
}
