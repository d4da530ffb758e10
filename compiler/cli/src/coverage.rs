//! `hpol coverage`: what rules and the gateway do for each control of a baseline, and what is left open.

mod assess;
mod csv;
mod html;
mod oscal;
mod text;

use clap::{Args, ValueEnum};
use hpol_nist_mappings::Control;

use crate::compiled::Origin;
use crate::exit::{Failure, Outcome};
use crate::observed::Observed;
use crate::terminal::Terminal;

use assess::Coverage as Assessed;

/// Show what rules and the gateway do for the controls of a baseline, and what is open
#[derive(Debug, Args)]
#[command(after_help = "\
A control is covered by rules that claim it, or by mechanisms that the gateway applies to every operation; what neither does \
is open, and somebody's to do outside of hpol. Rules in observe, and those that apply only on connections in observe, are \
named and count for nothing; masks and limits hold there and count. How much of a control is \
carried is one of three words: implements, supports, evidences.

Examples:
  hpol coverage policies/orders --baseline moderate
  hpol coverage orders.hpolb --key policy.key.pub --baseline low --format oscal > component.json")]
pub(crate) struct Coverage {
    #[command(flatten)]
    origin: Origin,
    /// The baseline of NIST SP 800-53B
    #[arg(long, value_enum)]
    baseline: Baseline,
    /// What is printed; `oscal` is a component definition
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The baselines of NIST SP 800-53B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Baseline {
    Low,
    Moderate,
    High,
    Privacy,
}

/// The forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Html,
    Csv,
    Json,
    Oscal,
}

impl Coverage {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Some(compiled) = self.origin.load(terminal)? else {
            return Ok(Outcome::Findings);
        };
        let policy = compiled.whole_policy(terminal)?;
        let observed = Observed::of(&policy, &compiled.vocabulary);
        let observed = observed.map_err(|what| Failure::Internal { what })?;
        let assessed = Assessed::of(&policy, &observed, |control| self.baseline.has(control));
        let baseline = self.baseline.as_str();
        match self.format {
            Format::Text => text::print(&assessed, baseline, terminal)?,
            Format::Html => terminal.line(format_args!("{}", html::page(&assessed, baseline)))?,
            Format::Csv => terminal.line(format_args!("{}", csv::lines(&assessed).join("\n")))?,
            Format::Json => terminal.json(&assessed.as_json(baseline))?,
            Format::Oscal => {
                let stamp = oscal::now()?;
                terminal.json(&oscal::definition(&assessed, &policy, baseline, &stamp))?;
            }
        }
        Ok(Outcome::Clean)
    }
}

impl Baseline {
    fn has(self, control: &Control) -> bool {
        match self {
            Baseline::Low => control.low,
            Baseline::Moderate => control.moderate,
            Baseline::High => control.high,
            Baseline::Privacy => control.privacy,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Baseline::Low => "low",
            Baseline::Moderate => "moderate",
            Baseline::High => "high",
            Baseline::Privacy => "privacy",
        }
    }
}
