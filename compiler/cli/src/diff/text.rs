//! A comparison for people.

use hpol_analysis::compare::{
    Change, Common, Comparison, Direction, OnConnection, Region, Relation,
};
use hpol_analysis::{Outcome as Upshot, Output};
use hpol_bundle::decision::Verdict;
use hpol_bundle::policy::Policy;
use hpol_nist_mappings::ControlId;

use super::confirm;
use crate::bundle;
use crate::exit::Failure;
use crate::terminal::{Style, Terminal};
use crate::visible;

pub(super) fn print(
    both: &Common,
    comparison: &Comparison,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if comparison.connections.is_empty() {
        terminal.line(format_args!("the policies are equivalent"))?;
    }
    for (index, on) in comparison.connections.iter().enumerate() {
        if index > 0 {
            terminal.line(format_args!(""))?;
        }
        connection(both, on, terminal)?;
    }
    Ok(())
}

fn connection(both: &Common, on: &OnConnection, terminal: &mut Terminal) -> Result<(), Failure> {
    let kind = on.kind.as_str();
    let name = match &on.target {
        Some(target) => format!(
            "{kind} {}{}",
            visible::line(target),
            aliases(both, on, target)
        ),
        None => format!("{kind} connections that neither policy names"),
    };
    let style = match on.relation {
        Relation::Equivalent | Relation::Observed | Relation::Tighter => Style::Good,
        Relation::Looser | Relation::Incomparable | Relation::NotAnalysed => Style::Bad,
    };
    let word = on.relation.as_str().replace('_', " ");
    let relation = terminal.paint(style, &word);
    let name = terminal.paint(Style::Strong, &name);
    terminal.line(format_args!("{name}: {relation}"))?;
    if let Some(direction) = on.enforcement {
        let now = match direction {
            Direction::Looser => "in observe: nothing is blocked or held there any more",
            _ => "no longer in observe: what rules block is blocked",
        };
        terminal.line(format_args!(
            "  {}: the connection is {now}",
            direction.as_str()
        ))?;
    }
    for change in &on.changes {
        self::change(both, on, change, terminal)?;
    }
    for change in &on.places {
        let class = visible::line(&change.class);
        terminal.line(format_args!(
            "  {}: data class {class}",
            change.direction.as_str()
        ))?;
        for (sign, places) in [('+', &change.added), ('-', &change.removed)] {
            for place in places {
                terminal.line(format_args!("    {sign} {}", visible::line(place)))?;
            }
        }
    }
    for (word, ids) in [("gained", &on.controls_gained), ("lost", &on.controls_lost)] {
        if !ids.is_empty() {
            terminal.line(format_args!(
                "  controls {word}: {}",
                controls(ids).join(", ")
            ))?;
        }
    }
    for (output, why) in &on.not_analysed {
        terminal.line(format_args!("  not analysed: {}: {why}", about(output)))?;
    }
    Ok(())
}

/// The names that policies give a connection.
fn aliases(both: &Common, on: &OnConnection, target: &str) -> String {
    let connections = |policy: &Policy| -> Vec<String> {
        let of = policy.connections.iter();
        let of = of.filter(|known| known.target == target && known.protocol == on.kind);
        of.map(|known| visible::line(&known.name)).collect()
    };
    let mut names = connections(&both.before);
    names.extend(connections(&both.after));
    names.sort();
    names.dedup();
    format!(" ({})", names.join(", "))
}

fn change(
    both: &Common,
    on: &OnConnection,
    change: &Change,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let style = match change.direction {
        Direction::Tighter | Direction::Observed => Style::Good,
        Direction::Looser | Direction::Other => Style::Bad,
    };
    let word = terminal.paint(style, change.direction.as_str());
    terminal.line(format_args!(
        "  {word}: {}{} instead of {}",
        match change.output {
            Output::Verdict => String::new(),
            _ => format!("{}: ", about(&change.output)),
        },
        outcome(&change.after),
        outcome(&change.before)
    ))?;
    for region in &change.regions {
        self::region(both, on, change, region, terminal)?;
    }
    if change.more {
        terminal.line(format_args!(
            "    and for other operations, which are not listed"
        ))?;
    }
    Ok(())
}

fn region(
    both: &Common,
    on: &OnConnection,
    change: &Change,
    region: &Region,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let said = confirm::said(both, on, change, region);
    if region.when.is_empty() {
        terminal.line(format_args!("    where anything is asked for"))?;
    }
    for (index, sentence) in region.when.iter().enumerate() {
        let word = if index == 0 { "where" } else { "  and" };
        terminal.line(format_args!("    {word} {}", visible::line(&sentence.text)))?;
    }
    let says = region
        .witness
        .says
        .iter()
        .map(|sentence| visible::line(&sentence.text));
    let says = says.collect::<Vec<_>>().join(", ");
    let example = terminal.paint(Style::Dim, &format!("for example {says}"));
    terminal.line(format_args!("      {example}"))?;
    let rules = |rules: &[String]| {
        let names = rules.iter().map(|name| visible::line(name));
        names.collect::<Vec<_>>().join(", ")
    };
    terminal.line(format_args!(
        "        decided before by {}, after by {}{}",
        rules(&said.before),
        rules(&said.after),
        if said.confirmed {
            ""
        } else {
            " (NOT CONFIRMED by the reference interpreter: a bug of hpol)"
        }
    ))?;
    Ok(())
}

/// What an output is about, in words.
pub(super) fn about(output: &Output) -> String {
    match output {
        Output::Verdict => "verdict".to_owned(),
        Output::Approvals => "approvals".to_owned(),
        Output::Mask(class) => format!("masking of {}", visible::line(class)),
        Output::Limit => "rows".to_owned(),
        Output::Ends => "the session".to_owned(),
        Output::Observed(rule, would) => {
            let would = would.as_str().replace('_', " ");
            format!("{}, in observe, would {would}", visible::line(rule))
        }
    }
}

/// What came of an operation, in words.
pub(super) fn outcome(outcome: &Upshot) -> String {
    match outcome {
        Upshot::Verdict(Verdict::Allow) => "allow".to_owned(),
        Upshot::Verdict(Verdict::RequireApproval) => "require approval".to_owned(),
        Upshot::Verdict(Verdict::Block) => "block".to_owned(),
        Upshot::Approvals(demands) => {
            let demands = demands.iter().map(|demand| {
                let group = visible::line(&demand.group);
                let stands = demand.stands_seconds;
                let stands = stands.map_or_else(String::new, |stands| format!(" for {stands}s"));
                format!(
                    "{} of {group} within {}s{stands}",
                    demand.quorum, demand.within_seconds
                )
            });
            demands.collect::<Vec<_>>().join(" and ")
        }
        Upshot::Mask(Some(mask)) => bundle::masker(*mask),
        Upshot::Mask(None) => "in clear".to_owned(),
        Upshot::Limit(Some(rows)) => format!("at most {rows}"),
        Upshot::Limit(None) => "all".to_owned(),
        Upshot::Ends(true) => "ends".to_owned(),
        Upshot::Ends(false) => "goes on".to_owned(),
        Upshot::Observed(true) => "yes".to_owned(),
        Upshot::Observed(false) => "no".to_owned(),
    }
}

/// Ids as people write them.
pub(super) fn controls(ids: &[String]) -> Vec<String> {
    let id =
        |id: &String| ControlId::parse(id).map_or_else(|_| visible::line(id), |id| id.to_string());
    ids.iter().map(id).collect()
}
