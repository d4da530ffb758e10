//! `hpol explain`: the page of a diagnostic, as it stands in `lang-spec/codes`.

use clap::Args;
use hpol_syntax::code::Code;

use crate::exit::{Failure, Outcome};
use crate::terminal::{Style, Terminal};

/// Explain a diagnostic, with an example of how to mend it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol explain HP0301
  hpol explain          lists every code")]
pub(crate) struct Explain {
    /// Code of a diagnostic, such as HP0301; without it every code is listed
    code: Option<String>,
}

impl Explain {
    pub(crate) fn of(code: &str) -> Explain {
        Explain {
            code: Some(code.to_owned()),
        }
    }

    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Some(text) = &self.code else {
            for code in Code::ALL {
                let name = terminal.paint(Style::Strong, code.as_str());
                terminal.line(format_args!(
                    "{name}  {:7}  {}",
                    code.severity().as_str(),
                    title(code.page())
                ))?;
            }
            return Ok(Outcome::Clean);
        };
        if let Some(code) = find(text) {
            terminal.line(format_args!("{}", code.page().trim_end()))?;
            return Ok(Outcome::Clean);
        }
        let text = crate::visible::line(text);
        terminal.note(format_args!(
            "there is no diagnostic `{text}`; `hpol explain` lists all"
        ))?;
        Ok(Outcome::Findings)
    }
}

/// The code that `text` names; `hp301`, `301` and `HP0301` are one.
fn find(text: &str) -> Option<Code> {
    let number = |code: &str| {
        code.trim_start_matches(['H', 'P', 'h', 'p'])
            .parse::<u32>()
            .ok()
    };
    let wanted = number(text)?;
    Code::ALL
        .iter()
        .copied()
        .find(|code| number(code.as_str()) == Some(wanted))
}

/// The first heading without its code.
pub(crate) fn title(page: &str) -> &str {
    let heading = page
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches('#')
        .trim();
    let after_code = heading
        .split_once(' ')
        .filter(|(code, _)| code.starts_with("HP"));
    after_code.map_or(heading, |(_, title)| {
        title.trim_start_matches([':', '-', '—', ' '])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_title_and_is_found_by_its_code() {
        for code in Code::ALL {
            assert!(
                !title(code.page()).is_empty() && code.page().starts_with('#'),
                "{code:?}"
            );
            assert_eq!(find(&code.as_str().to_lowercase()), Some(*code));
        }
        assert_eq!(
            (find("HP9999"), find("SELECT"), find("")),
            (None, None, None)
        );
    }

    #[test]
    fn titles_leave_the_code_out() {
        assert_eq!(title("# HP0301: unknown name\n"), "unknown name");
        assert_eq!(title("# Unknown name\n"), "Unknown name");
    }
}
