//! What one mention of a column means for the classified columns of a statement.

use super::{ColumnMention, Holder, Refused, Role, Statement, refused};

/// What a mention of a column means for the classified ones; gives what a classified one is called in the result.
pub(super) fn check(
    column: &ColumnMention,
    holders: &[Holder<'_>],
    statement: &Statement,
) -> Result<Option<String>, Refused> {
    for holder in holders {
        let qualified = match &column.qualifier {
            Some(qualifier) if *qualifier == holder.mention.alias => true,
            Some(qualifier)
                if in_returning(column, holder) && is_no_alias(qualifier, statement) =>
            {
                true
            }
            Some(_) => continue,
            None => false,
        };
        let verdict = match &column.name {
            None => star(column, holder, qualified)?,
            Some(name) => named(column, holder, name, qualified)?,
        };
        if verdict.is_some() {
            return Ok(verdict);
        }
    }
    Ok(None)
}

/// RETURNING has further names for the row of the target: `old` and `new` since version 18.
fn in_returning(column: &ColumnMention, holder: &Holder<'_>) -> bool {
    column.place.clause == "RETURNING" && holder.mention.role == Role::Target
}

fn is_no_alias(qualifier: &str, statement: &Statement) -> bool {
    statement
        .relations
        .iter()
        .all(|mention| mention.alias != qualifier)
}

fn star(
    column: &ColumnMention,
    holder: &Holder<'_>,
    qualified: bool,
) -> Result<Option<String>, Refused> {
    if column.output.is_some() {
        return Ok(Some(String::new()));
    }
    // Within a nested query a bare `*` means what that query reads.
    if !qualified && column.place.nested.is_some() && column.place.clause != "RETURNING" {
        return Ok(None);
    }
    Err(refused(
        format!("{}.*", holder.mention.alias),
        "is used other than as plain columns",
        column.place,
    ))
}

fn named(
    column: &ColumnMention,
    holder: &Holder<'_>,
    name: &str,
    qualified: bool,
) -> Result<Option<String>, Refused> {
    let own = || {
        holder
            .relation
            .columns
            .iter()
            .any(|candidate| candidate.name == name)
    };
    if holder.columns.contains(name) {
        return match &column.output {
            Some(output) => Ok(Some(output.clone())),
            None => Err(refused(
                name,
                "is used other than as a plain column of the result",
                column.place,
            )),
        };
    }
    let row = name == holder.mention.alias
        || (matches!(name, "old" | "new") && in_returning(column, holder));
    if !qualified && row && !own() {
        return Err(refused(name, "is used as a whole row", column.place));
    }
    // `t.f` with a function f means f(t).
    if qualified && !own() && !SYSTEM_COLUMNS.contains(&name) {
        let shown = format!("{}.{name}", holder.mention.alias);
        return Err(refused(shown, "is not a column of its table", column.place));
    }
    Ok(None)
}

/// Columns that every table has.
const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
