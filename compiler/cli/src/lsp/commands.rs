//! Commands that lenses and actions offer: run a test, show a diagram, explain a code.

use hpol_hir::{Code, Workspace};
use serde_json::{Value, json};

use crate::graph::There;
use crate::trial::Trial;

use super::refusal::Refusal;

/// Runs one test of a file: URI and name.
pub(crate) const RUN_TEST: &str = "hpol.runTest";
/// The diagram of a connection as SVG: URI of a file, and the connection's qualified name.
pub(crate) const SHOW_GRAPH: &str = "hpol.showGraph";
/// The page of a code as Markdown.
pub(crate) const EXPLAIN: &str = "hpol.explain";

/// What a command comes to.
pub(crate) struct Done {
    /// The result for the client's own code.
    pub(crate) result: Value,
    /// What the user is told, and whether it is good.
    pub(crate) message: Option<(bool, String)>,
}

/// The page of the code that `name` is; told in short unless the client shows the page itself.
pub(crate) fn explain(name: &str, quiet: bool) -> Option<Done> {
    let page = Code::parse(name)?.page();
    let short = page.split("```").next().unwrap_or(page).trim();
    Some(Done {
        result: json!({ "code": name, "markdown": page }),
        message: (!quiet).then(|| (true, short.to_owned())),
    })
}

/// Runs `command` on a policy.
pub(crate) fn run(
    workspace: &Workspace,
    command: &str,
    file: &str,
    argument: &str,
) -> Result<Done, Refusal> {
    match command {
        RUN_TEST => run_test(workspace, file, argument),
        SHOW_GRAPH => show_graph(workspace, argument),
        _ => Err(Refusal::Command {
            command: command.to_owned(),
        }),
    }
}

fn run_test(workspace: &Workspace, file: &str, name: &str) -> Result<Done, Refusal> {
    let unsound = |_| Refusal::Unsound {
        why: "the policy has errors; tests run when it has none".to_owned(),
    };
    let policy = workspace.policy().map_err(unsound)?;
    let program = workspace.program().map_err(unsound)?;
    let tests = workspace.tests();
    let Some(case) = tests
        .iter()
        .find(|case| case.name == name && case.source.file == file)
    else {
        return Err(Refusal::Unsound {
            why: format!("there is no test `{name}` in this file"),
        });
    };
    let why = Trial::new(&policy, &program, workspace.vocabulary())
        .run(case)
        .err();
    let message = match &why {
        None => (true, format!("passed: {name}")),
        Some(why) => (false, format!("failed: {name}: {why}")),
    };
    Ok(Done {
        result: json!({ "name": name, "passed": why.is_none(), "why": why }),
        message: Some(message),
    })
}

fn show_graph(workspace: &Workspace, connection: &str) -> Result<Done, Refusal> {
    let policy = workspace.policy().map_err(|_| Refusal::Unsound {
        why: "the policy has errors; it has a graph when it has none".to_owned(),
    })?;
    let known = policy.connections.iter().find(|on| on.name == connection);
    let known = known.ok_or_else(|| Refusal::Unsound {
        why: format!("there is no connection called `{connection}`"),
    })?;
    let vocabulary = workspace.vocabulary();
    let svg = There::of(&policy, vocabulary, known)
        .and_then(|there| there.picture(vocabulary))
        .map_err(|why| Refusal::Unsound { why })?;
    Ok(Done {
        result: json!({ "connection": connection, "svg": svg }),
        message: None,
    })
}
