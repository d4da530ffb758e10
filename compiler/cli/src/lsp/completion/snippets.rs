//! The items of the language with places to fill in, in the syntax of LSP 3.17, "Snippet Syntax".

/// The word that begins an item, and the item.
pub(super) const ITEMS: &[(&str, &str)] = &[
    ("package", "package ${1:name}"),
    ("use", "use ${1:nist.sp800_53r5 baseline moderate}"),
    (
        "connection",
        "connection ${1:name} = ${2|postgres,http|} \"${3:target}\"",
    ),
    (
        "group",
        "group ${1:name} = subject.groups has \"${2:group}\"",
    ),
    (
        "predicate",
        "predicate ${1:name}(${2:value}) = ${3:sql.writes has value}",
    ),
    (
        "data",
        "data ${1:name} {\n    column ${2:public.table.column} on ${3:connection}\n}",
    ),
    (
        "rule",
        "rule ${1:name} \"${2:title}\" {\n    satisfies ${3:AC-3}\n    who ${4:group}\n    on ${5:connection}\n    when ${6:condition}\n    ${7|allow,block|}\n}",
    ),
    (
        "exception",
        "exception ${1:name} to ${2:rule} {\n    who ${3:group}\n    because \"${4:reason}\"\n    owner \"${5:team}\"\n    until ${6:2027-01-31}\n}",
    ),
    (
        "schedule",
        "schedule ${1:name} = ${2|weekdays,weekends,daily|} ${3:09:00}-${4:17:00} in \"${5:UTC}\"",
    ),
    (
        "responsibility",
        "responsibility ${1:AC-2} \"${2:team}\" because \"${3:reason}\"",
    ),
    (
        "test",
        "test \"${1:name}\" {\n    as subject \"${2:subject}\" groups [\"${3:group}\"]\n    on ${4:connection}\n    sql \"${5:SELECT 1}\"\n    expect ${6|allow,block,require approval|}\n}",
    ),
];
