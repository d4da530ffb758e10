//! What is known of PostgreSQL's own functions and relations; the lists stand in `data/`.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// What a call of a function can do. Source: `data/functions.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionKind {
    /// Touches no relation and changes nothing.
    Harmless,
    /// Touches no relation, but changes something.
    Effect,
    /// Reads or advances the sequence its first argument names.
    Sequence,
    /// Can read and change what no argument shows, but runs no code.
    Hidden,
    /// Runs code that is not known.
    Opaque,
}

/// The kind of PostgreSQL's function `name`, if it has one of that name.
pub(super) fn function(name: &str) -> Option<FunctionKind> {
    static FUNCTIONS: OnceLock<HashMap<&str, FunctionKind>> = OnceLock::new();
    let functions = FUNCTIONS.get_or_init(|| {
        sections(include_str!("../../data/functions.txt"))
            .map(|(section, name)| {
                let kind = match section {
                    "harmless" => FunctionKind::Harmless,
                    "effect" => FunctionKind::Effect,
                    "sequence" => FunctionKind::Sequence,
                    "hidden" => FunctionKind::Hidden,
                    _ => FunctionKind::Opaque,
                };
                (name, kind)
            })
            .collect()
    });
    functions.get(name).copied()
}

/// Whether an unqualified `name` is a relation of pg_catalog. Every name with PostgreSQL's prefix is taken for one, as
/// newer servers have more, except those of well-known extensions.
pub(super) fn is_catalogue_relation(name: &str) -> bool {
    name.starts_with("pg_") && relation_section(name) != Some("extension")
}

/// Whether `schema.name` belongs to the server and holds values of users' tables, other sessions' statements or secrets.
pub(super) fn holds_data(schema: &str, name: &str) -> bool {
    match relation_section(name) {
        Some("extension") => true,
        Some("data") => schema == "pg_catalog",
        Some(_) => false,
        // TOAST tables hold values; what this version does not know of pg_catalog may.
        None => schema == "pg_toast" || schema == "pg_catalog",
    }
}

/// The columns of a relation that [`holds_data`] which hold it, where the others only describe the database.
pub(super) fn data_columns(schema: &str, name: &str) -> Option<&'static [&'static str]> {
    match (schema, name) {
        ("pg_catalog", "pg_subscription") => Some(&["subconninfo"]),
        _ => None,
    }
}

fn relation_section(name: &str) -> Option<&'static str> {
    static RELATIONS: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    let relations = RELATIONS.get_or_init(|| {
        sections(include_str!("../../data/relations.txt"))
            .map(|(section, name)| (name, section))
            .collect()
    });
    relations.get(name).copied()
}

/// The names of a data file with the section each stands in.
fn sections(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .scan("", |section, line| {
            match line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                Some(name) => {
                    *section = name;
                    Some((*section, ""))
                }
                None => Some((*section, line)),
            }
        })
        .flat_map(|(section, line)| line.split_whitespace().map(move |name| (section, name)))
}

/// Nodes of the grammar that mean nothing by themselves: what they do is what is in them. A kind that stands neither
/// here nor in the walk is refused, so a newer grammar cannot slip something past.
pub(super) fn is_transparent(kind: &str) -> bool {
    static KINDS: OnceLock<HashSet<&str>> = OnceLock::new();
    KINDS
        .get_or_init(|| TRANSPARENT.split_whitespace().collect())
        .contains(kind)
}

const TRANSPARENT: &str = "
    Alias List String Integer Float Boolean BitString AConst ParamRef AStar AIndices SetToDefault
    AExpr BoolExpr NullTest BooleanTest CaseExpr CaseWhen CoalesceExpr MinMaxExpr SqlValueFunction
    XmlExpr XmlSerialize GroupingFunc GroupingSet MergeSupportFunc RowExpr AArrayExpr AIndirection CollateClause
    TypeCast TypeName NamedArgExpr CurrentOfExpr MultiAssignRef
    JsonFormat JsonReturning JsonValueExpr JsonIsPredicate JsonBehavior JsonOutput JsonArgument JsonFuncExpr
    JsonTablePathSpec JsonTable JsonTableColumn JsonKeyValue JsonParseExpr JsonScalarExpr JsonSerializeExpr
    JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor JsonAggConstructor JsonObjectAgg JsonArrayAgg
    ResTarget SortBy WindowDef RangeFunction RangeTableFunc RangeTableFuncCol RangeTableSample
    InferClause IndexElem OnConflictClause MergeWhenClause ReturningClause ReturningOption
    ColumnDef Constraint DefElem PartitionElem PartitionSpec PartitionBoundSpec PartitionRangeDatum
    RoleSpec ObjectWithArgs AccessPriv FunctionParameter StatsElem TriggerTransition
    AlterTableCmd AtAlterConstraint ReplicaIdentityStmt CreateOpClassItem VacuumRelation PublicationObjSpec
    CteSearchClause CteCycleClause
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_functions() {
        assert_eq!(function("lower"), Some(FunctionKind::Harmless));
        assert_eq!(function("pg_sleep"), Some(FunctionKind::Effect));
        assert_eq!(function("nextval"), Some(FunctionKind::Sequence));
        assert_eq!(function("query_to_xml"), Some(FunctionKind::Opaque));
        assert_eq!(function("pg_read_file"), Some(FunctionKind::Hidden));
        assert_eq!(function("dblink"), None);
        assert_eq!(function("harmless"), None);
    }

    #[test]
    fn no_function_stands_in_two_sections() {
        let mut seen = HashMap::new();
        for (section, name) in sections(include_str!("../../data/functions.txt")) {
            if let Some(other) = seen.insert(name, section) {
                assert_eq!(other, section, "{name}");
            }
        }
    }

    #[test]
    fn catalogue_relations() {
        assert!(is_catalogue_relation("pg_class"));
        assert!(!is_catalogue_relation("pg_stat_statements"));
        assert!(holds_data("pg_catalog", "pg_stats"));
        assert!(holds_data("public", "pg_stat_statements"));
        assert!(!holds_data("pg_catalog", "pg_class"));
        assert!(!holds_data("public", "orders"));
        assert!(data_columns("pg_catalog", "pg_subscription").is_some());
        assert!(data_columns("public", "pg_subscription").is_none());
    }
}
