use std::collections::BTreeMap;

use super::*;
use crate::Edit;
use crate::samples::{fenced, sound, workspace};

fn applied(workspace: &Workspace, edits: &[Edit]) -> Workspace {
    let mut by_file: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.file).or_default().push(edit);
    }
    let mut edited = Workspace::new();
    for file in workspace.files() {
        let mut text = workspace.text(file).unwrap().to_owned();
        let mut edits = by_file.remove(file).unwrap_or_default();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        for edit in edits {
            text.replace_range(edit.span.clone(), &edit.text);
        }
        edited.set_file(file, text);
    }
    edited
}

#[test]
fn every_word_of_a_right_policy_has_a_role_and_every_name_a_meaning() {
    for sample in sound() {
        let (name, workspace) = (&sample.from, sample.workspace());
        for file in workspace.files() {
            for mention in workspace.mentions(file) {
                let word = mention.span.of(workspace.text(file).unwrap());
                assert_ne!(mention.role, Role::Unknown, "{name}: {word}");
                let names = matches!(
                    mention.role,
                    Role::Declared
                        | Role::Connection
                        | Role::Approvers
                        | Role::Operand
                        | Role::Class
                        | Role::Rule
                        | Role::Exception
                        | Role::Schedule
                        | Role::Control
                );
                if names && !matches!(word, "default_deny" | "gateway") {
                    assert!(
                        workspace.meaning(file, mention).is_some(),
                        "{name}: {word} {mention:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_renamed_item_leaves_the_policy_as_it_was() {
    let fresh = "fresh_name_of_nothing";
    let mut renamed = 0;
    for sample in sound() {
        let (name, workspace) = (&sample.from, sample.workspace());
        let symbols: Vec<Symbol> = workspace
            .files()
            .flat_map(|file| workspace.outline(file))
            .collect();
        for symbol in symbols {
            let Ok(edits) = workspace.rename(&symbol, fresh) else {
                assert!(
                    matches!(symbol.kind, Kind::Package | Kind::Use | Kind::Test),
                    "{name} {symbol:?}"
                );
                continue;
            };
            let edited = applied(&workspace, &edits);
            assert_eq!(edited.diagnostics(), [], "{name}: {}", symbol.name);
            let policy = |workspace: &Workspace| workspace.policy().unwrap();
            let (before, after) = (policy(&workspace), policy(&edited));
            assert_eq!(before.rules.len(), after.rules.len());
            let back = edited.symbol(symbol.kind, &symbol.name);
            assert!(back.is_none(), "{name}: {} is still there", symbol.name);
            renamed += 1;
        }
    }
    assert!(renamed > 200, "{renamed}");
}

const TWO: &str = "package a\nuse b\ngroup g = subject.id == \"x\"\npredicate p(table) = sql.writes has table\nconnection db = postgres \"db\"\nrule r {\n    satisfies AC-3\n    who g or b.other\n    on db\n    when p(public.t)\n    block\n}\n// ---- b.hpol\npackage b\ngroup other = subject.id == \"y\"\nrule s {\n    satisfies AC-3\n    who other or b.other\n    block\n}\n";

#[test]
fn names_are_found_across_files() {
    let workspace = workspace(TWO);
    assert_eq!(workspace.diagnostics(), []);
    let other = workspace.symbol(Kind::Group, "b.other").unwrap();
    assert_eq!(
        (
            other.file.as_str(),
            &workspace.text("b.hpol").unwrap()[other.place.clone()]
        ),
        ("b.hpol", "other")
    );
    let places = workspace.references(&other, true);
    assert_eq!(places.len(), 4, "{places:?}");
    let edits = workspace.rename(&other, "people").unwrap();
    let edited = applied(&workspace, &edits);
    assert!(
        edited
            .text("b.hpol")
            .unwrap()
            .contains("who people or b.people")
    );
    assert!(
        edited
            .text("main.hpol")
            .unwrap()
            .contains("who g or b.people")
    );
    let written: Vec<String> = workspace
        .visible("main.hpol", Role::Operand)
        .into_iter()
        .map(|(written, _)| written)
        .collect();
    assert_eq!(written, ["g", "b.other", "p"]);
}

#[test]
fn a_name_with_part_of_its_package_keeps_that_part() {
    let text = "package a\nuse shared.people\nrule r {\n    satisfies AC-3\n    who people.dbas or shared.people.dbas\n    block\n}\n// ---- b.hpol\npackage shared.people\ngroup dbas = subject.id == \"y\"\n";
    let workspace = workspace(text);
    assert_eq!(workspace.diagnostics(), []);
    let dbas = workspace.symbol(Kind::Group, "shared.people.dbas").unwrap();
    let edited = applied(&workspace, &workspace.rename(&dbas, "admins").unwrap());
    assert_eq!(edited.diagnostics(), []);
    assert!(
        edited
            .text("main.hpol")
            .unwrap()
            .contains("who people.admins or shared.people.admins\n")
    );
}

#[test]
fn a_name_that_would_take_another_is_refused() {
    let workspace = workspace(TWO);
    let g = workspace.symbol(Kind::Group, "a.g").unwrap();
    let refused = |name: &str| workspace.rename(&g, name).unwrap_err().to_string();
    assert_eq!(refused("p"), "`a.p` is declared already");
    assert_eq!(
        refused("when"),
        "`when` is a word that the language keeps for itself"
    );
    assert_eq!(
        refused("two words"),
        "`two words` is not a name: letters, digits and `_`, not beginning with a digit"
    );
    assert_eq!(workspace.rename(&g, "g").unwrap(), []);
    let broken = crate::samples::workspace(
        "package a\ngroup g = subject.id == \"x\"\nrule r {\n    satisfies AC-3\n    who missing\n    block\n}\n",
    );
    let g = broken.symbol(Kind::Group, "a.g").unwrap();
    assert_eq!(
        broken.rename(&g, "missing").unwrap_err().to_string(),
        "`missing` in `main.hpol` would then mean something else"
    );
}

#[test]
fn a_parameter_is_renamed_within_its_predicate() {
    let workspace = workspace(TWO);
    let predicate = workspace.symbol(Kind::Predicate, "a.p").unwrap();
    let edits = workspace
        .rename_parameter(&predicate, "table", "name")
        .unwrap();
    let edited = applied(&workspace, &edits);
    assert_eq!(edited.diagnostics(), []);
    assert!(
        edited
            .text("main.hpol")
            .unwrap()
            .contains("predicate p(name) = sql.writes has name\n")
    );
}

#[test]
fn a_schedule_is_an_item_like_others() {
    let policy = |named: &str| {
        format!(
            "package a\nschedule office = weekdays 09:00-17:00 in \"UTC\"\nrule r \"R\" {{\n    satisfies AC-3\n    when not during {named}\n    block\n}}\n"
        )
    };
    let right = workspace(&policy("office"));
    let office = right.symbol(Kind::Schedule, "a.office").unwrap();
    assert_eq!(right.references(&office, true).len(), 2);
    let edits = right.rename(&office, "day").unwrap();
    assert_eq!(applied(&right, &edits).diagnostics(), []);

    let broken = workspace(&policy("ofice"));
    let [diagnostic] = broken.diagnostics().try_into().unwrap();
    let mended = applied(&broken, &diagnostic.fix);
    assert_eq!(mended.text("main.hpol").unwrap(), policy("office"));
}

#[test]
fn the_edit_of_a_diagnostic_mends_it() {
    let mut mended = 0;
    for code in crate::Code::ALL {
        let broken = workspace(fenced(code.page(), "hpol")[0]);
        for diagnostic in broken.diagnostics() {
            if diagnostic.fix.is_empty() {
                continue;
            }
            let after = applied(&broken, &diagnostic.fix).diagnostics();
            let same = after
                .iter()
                .any(|other| other.message == diagnostic.message);
            assert!(!same, "{code}: {diagnostic:?}");
            mended += 1;
        }
    }
    assert!(mended >= 14, "{mended}");
}
