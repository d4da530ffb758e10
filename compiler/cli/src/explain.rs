//! `hpol explain`: the page of a diagnostic, as it stands in `lang-spec/codes`, or the reasons of a decision in an audit log.

mod reasons;
mod record;
mod text;

use clap::Args;
use hpol_syntax::code::Code;

use crate::exit::{Failure, Outcome};
use crate::terminal::{Style, Terminal};

use record::InRecord;

/// Explain a diagnostic, or a decision in an audit log
#[derive(Debug, Args)]
#[command(after_help = "\
A diagnostic is explained with an example of how to mend it.

Of a decision it is told what was decided, by which rules, and for which controls. With --policy these rules stand with \
their places and conditions, and for all others which part of them ruled them out, as far as the record tells: it holds who \
asked and where, and of the operation only what conditions over history read. What it does not hold is `not recorded`.

Examples:
  hpol explain HP0301
  hpol explain                                              lists every code
  hpol explain 4711 --log /var/lib/hpol/log --policy orders.hpolb --key policy.key.pub
  hpol audit tail --log /var/lib/hpol/log --json | hpol explain - --policy policies/orders")]
pub(crate) struct Explain {
    /// Code of a diagnostic, such as HP0301; with --log position of a record, or id of an operation; `-` for records from
    /// standard input, as `hpol audit tail --json` prints them
    #[arg(value_name = "CODE|RECORD")]
    what: Option<String>,
    #[command(flatten)]
    record: InRecord,
}

impl Explain {
    pub(crate) fn of(code: &str) -> Explain {
        Explain {
            what: Some(code.to_owned()),
            record: InRecord::default(),
        }
    }

    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if let Some(outcome) = self.record.run(self.what.as_deref(), terminal)? {
            return Ok(outcome);
        }
        let Some(text) = &self.what else {
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
