//! The report for people at a terminal.

use hpol_nist_mappings::catalogue;

use super::assess::{Coverage, Covered, Standing, mechanism};
use crate::exit::Failure;
use crate::table;
use crate::terminal::{Style, Terminal};
use crate::visible;

pub(super) fn print(
    coverage: &Coverage,
    baseline: &str,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let release = catalogue().release();
    terminal.line(format_args!(
        "NIST SP 800-53 Rev 5 ({release}), {baseline} baseline: {} controls\n",
        coverage.total().all()
    ))?;
    let mut rows: Vec<[String; 6]> = Vec::new();
    let total = ("all", coverage.total());
    for (family, tally) in coverage.families().into_iter().chain([total]) {
        let counts = [
            tally.all(),
            tally.rules,
            tally.gateway,
            tally.others,
            tally.open,
        ];
        let [all, rules, gateway, others, open] = counts.map(|count| count.to_string());
        rows.push([family.to_owned(), all, rules, gateway, others, open]);
    }
    for line in table::lines(
        ["FAMILY", "CONTROLS", "RULES", "GATEWAY", "OTHERS", "OPEN"],
        &rows,
    ) {
        terminal.line(format_args!("{line}"))?;
    }
    for (standing, heading) in [
        (Standing::Rules, "By rules"),
        (
            Standing::Gateway,
            "By the gateway, whatever the policy says",
        ),
        (Standing::Others, "By others, as the policy says"),
        (Standing::Open, "Open"),
    ] {
        let mut of = coverage
            .controls
            .iter()
            .filter(|covered| covered.standing() == standing);
        let heading = terminal.paint(Style::Strong, heading);
        terminal.line(format_args!("\n{heading}"))?;
        of.try_for_each(|covered| control(covered, terminal))?;
    }
    Ok(())
}

fn control(covered: &Covered, terminal: &mut Terminal) -> Result<(), Failure> {
    let id = covered.control.id.to_string();
    let title = covered.control.title;
    let strength = covered
        .strength()
        .map_or(String::new(), |word| format!(" ({word})"));
    terminal.line(format_args!("  {id:9} {title}{strength}"))?;
    for claim in &covered.rules {
        let (rule, by) = (visible::line(&claim.rule), claim.by());
        let strength = claim.strength.as_str();
        terminal.line(format_args!("            {rule} {strength}: {by}"))?;
    }
    for mapping in &covered.always {
        let name = mechanism(mapping.mechanism);
        terminal.line(format_args!(
            "            the gateway {}: {name}",
            mapping.strength
        ))?;
    }
    for (who, because) in &covered.others {
        let (who, because) = (visible::line(who), visible::line(because));
        terminal.line(format_args!("            {who}: {because}"))?;
    }
    for (claim, why) in &covered.idle {
        let (rule, why) = (visible::line(&claim.rule), why.said());
        let strength = claim.strength.as_str();
        terminal.line(format_args!(
            "            does nothing: {rule} {strength}, {why}"
        ))?;
    }
    if let (Some(why), Standing::Open) = (covered.never, covered.standing()) {
        terminal.line(format_args!("            not hpol's to do: {why}"))?;
    }
    Ok(())
}
