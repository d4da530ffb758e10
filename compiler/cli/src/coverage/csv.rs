//! The report as comma-separated values (RFC 4180): a line for each control and each thing that carries it, and for
//! each rule in observe that would.

use super::assess::{Coverage, Standing};

pub(super) fn lines(coverage: &Coverage) -> Vec<String> {
    let mut lines = vec![row(&[
        "control",
        "title",
        "standing",
        "by",
        "strength",
        "mechanism",
        "idle",
    ])];
    for covered in &coverage.controls {
        let id = covered.control.id.to_string();
        let about = [
            id.as_str(),
            covered.control.title,
            covered.standing().as_str(),
        ];
        let mut line = |rest: [&str; 4]| lines.push(row(&[&about[..], &rest[..]].concat()));
        for claim in &covered.rules {
            line([&claim.rule, claim.strength.as_str(), &claim.mechanism, ""]);
        }
        for mapping in &covered.always {
            line(["gateway", mapping.strength.as_str(), mapping.mechanism, ""]);
        }
        for (who, _) in &covered.others {
            line([who, "", "", ""]);
        }
        if covered.standing() == Standing::Open {
            line(["", "", "", ""]);
        }
        for (claim, why) in &covered.idle {
            line([
                &claim.rule,
                claim.strength.as_str(),
                &claim.mechanism,
                why.said(),
            ]);
        }
    }
    lines
}

fn row(cells: &[&str]) -> String {
    cells
        .iter()
        .map(|text| cell(text))
        .collect::<Vec<_>>()
        .join(",")
}

/// A cell in quotes where it has to be, and never a formula: programs for tables run those.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        assert_eq!(
            row(&["a", "b,c", "d\"e", "=1+1"]),
            "a,\"b,c\",\"d\"\"e\",'=1+1"
        );
    }
}
