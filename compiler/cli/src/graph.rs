//! `hpol graph`: a policy as the diagram of what is asked and what it comes to, for people who want to see it.
//!
//! The diagram is that of `hpol_bundle::program::dag`; what decides in the gateway says the same and is not drawn.

mod assume;
mod cards;
mod connection;
mod layout;
mod svg;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hpol_bundle::policy::{Condition, Connection, Policy, Predicate, Test};
use hpol_bundle::program::dag::{Budget, Dag, Description, Output};
use hpol_bundle::program::lower::lower;
use hpol_bundle::vocabulary::{Protocol, Vocabulary};

use crate::compiled::Origin;
use crate::exit::{Failure, Outcome};
use crate::project::counted;
use crate::terminal::Terminal;
use crate::whole_file;

use assume::Assumptions;
pub(crate) use connection::There;

/// Show a policy as a diagram: what is asked, and what it comes to
#[derive(Debug, Args)]
#[command(after_help = "\
The diagram asks one fact after the other, down to the verdict. What a rule obliges to (an approval, a mask, a limit) \
and what a rule in observe would do have diagrams of their own: `--root` with the name of the rule. `--connection` and \
`--group` leave out what is then settled, which makes large policies readable.

Examples:
  hpol graph policies/orders
  hpol graph policies/orders --connection orders_db --group agents --format svg --output orders.svg
  hpol graph orders.hpolb --key policy.key.pub --root hide_ssn --format dot | dot -Tpdf > hide_ssn.pdf")]
pub(crate) struct Graph {
    #[command(flatten)]
    origin: Origin,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// File to write instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What is decided: `verdict`, the name of a rule that obliges to something (an approval, a mask, a
    /// limit) or that is in observe, or `all`
    #[arg(long, default_value = "verdict", value_name = "ROOT")]
    root: String,
    /// Only operations on this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Only operations of members of this group; may be given several times
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// Only connections of this kind [default: that of the connections that the policy has]
    #[arg(long, value_enum, conflicts_with = "connection")]
    kind: Option<Kind>,
}

/// The forms of a diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Indented text
    Text,
    /// The language of Graphviz
    Dot,
    /// A picture
    Svg,
}

/// The kinds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Postgres,
    Http,
}

/// What the diagram is limited to.
struct Scope {
    kind: Protocol,
    assumptions: Assumptions,
    /// In words, for the title.
    words: Vec<String>,
}

impl Graph {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Some(compiled) = self.origin.load(terminal)? else {
            return Ok(Outcome::Findings);
        };
        let policy = compiled.whole_policy(terminal)?;
        let scope = match self.scope(&policy, &compiled.vocabulary, terminal)? {
            Ok(scope) => scope,
            Err(unknown) => return unknown.tell(terminal),
        };
        let policy = scope.assumptions.specialise(policy);
        let program = lower(&policy, &compiled.vocabulary);
        let program = program.map_err(|fault| internal(&fault.to_string()))?;
        let dag = Dag::of(&program, scope.kind, Budget::default())
            .ok_or_else(|| internal("the policy has no such connections"))?;
        let outputs = match self.outputs(&policy, &dag) {
            Ok(outputs) => outputs,
            Err(unknown) => return unknown.tell(terminal),
        };
        let description = dag
            .describe(&program, &policy, &compiled.vocabulary)
            .only(&outputs);
        self.print(terminal, &description, &scope)
    }

    fn print(
        &self,
        terminal: &mut Terminal,
        description: &Description<'_>,
        scope: &Scope,
    ) -> Result<Outcome, Failure> {
        let text = match self.format {
            Format::Text => description.to_string(),
            Format::Dot => description.dot(),
            Format::Svg => {
                let cards = cards::of(description);
                if cards.len() > svg::MAX_CARDS {
                    terminal.note(format_args!(
                        "the picture would have {} boxes, and {} are drawn at most: narrow it with \
                         `--connection`, `--group` or `--root`, or take `--format text` or `dot`",
                        cards.len(),
                        svg::MAX_CARDS,
                    ))?;
                    return Ok(Outcome::Findings);
                }
                let roots: Vec<String> = description
                    .roots()
                    .map(|root| description.output(root.output))
                    .collect();
                let about = match roots.as_slice() {
                    [only] => only.clone(),
                    _ => counted(roots.len(), "output"),
                };
                let title = format!("{about}: {}", scope.words.join(", "));
                svg::draw(&cards, roots.len(), &title)
            }
        };
        match &self.output {
            Some(path) => {
                whole_file::write(path, text.as_bytes())?;
                terminal.note(format_args!("wrote {}", path.display()))?;
            }
            None => terminal.line(format_args!("{}", text.trim_end()))?,
        }
        Ok(Outcome::Clean)
    }

    /// What the command line limits the diagram to.
    fn scope(
        &self,
        policy: &Policy,
        vocabulary: &Vocabulary,
        terminal: &mut Terminal,
    ) -> Result<Result<Scope, Unknown>, Failure> {
        let mut scope = match &self.connection {
            Some(name) => {
                let names = policy.connections.iter().map(|known| known.name.as_str());
                let found = match find("connection", name, names) {
                    Ok(found) => found,
                    Err(unknown) => return Ok(Err(unknown)),
                };
                let connection = policy.connections.get(found);
                let connection = connection
                    .ok_or_else(|| internal("a connection that was found is not there"))?;
                Scope::on(connection, vocabulary)
            }
            None => {
                let kind = self.kind(policy, terminal)?;
                let mut scope = Scope::of_kind(kind, vocabulary);
                scope.words.push(format!("{} connections", kind.as_str()));
                scope
            }
        };
        for name in &self.group {
            let names = policy.groups.iter().map(|group| group.name.as_str());
            let found = match find("group", name, names) {
                Ok(found) => found,
                Err(unknown) => return Ok(Err(unknown)),
            };
            if let Some(group) = policy.groups.get(found) {
                scope.assumptions.assume(&group.condition);
                scope.words.push(format!("members of {}", group.name));
            }
        }
        Ok(Ok(scope))
    }

    /// The kind of connection that is shown where none is named.
    fn kind(&self, policy: &Policy, terminal: &mut Terminal) -> Result<Protocol, Failure> {
        if let Some(kind) = self.kind {
            return Ok(match kind {
                Kind::Postgres => Protocol::Postgres,
                Kind::Http => Protocol::Http,
            });
        }
        let has = |kind: &Protocol| {
            policy
                .connections
                .iter()
                .any(|known| known.protocol == *kind)
        };
        let mut kinds = Protocol::ALL.into_iter().filter(has);
        let kind = kinds.next().unwrap_or(Protocol::Postgres);
        for other in kinds {
            terminal.note(format_args!(
                "shown is what concerns {} connections; for the others: `--kind {}`",
                kind.as_str(),
                other.as_str()
            ))?;
        }
        Ok(kind)
    }

    /// The outputs that are asked for.
    fn outputs(&self, policy: &Policy, dag: &Dag) -> Result<Vec<Output>, Unknown> {
        let outputs = || dag.roots().iter().map(|root| root.output);
        match self.root.as_str() {
            "all" => return Ok(outputs().collect()),
            "verdict" => return Ok(vec![Output::Verdict]),
            _ => {}
        }
        let rules: Vec<_> = outputs().filter_map(Output::rule).collect();
        let name = |output: &Output| policy.rules.get(output.rule()?.0 as usize);
        let names = rules
            .iter()
            .filter_map(|id| policy.rules.get(id.0 as usize));
        // A rule in observe has a diagram for each thing that it would do.
        let mut names: Vec<&str> = names.map(|rule| rule.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let found = find(
            "rule that obliges or observes here",
            &self.root,
            names.iter().copied(),
        )?;
        let wanted = names.get(found).copied();
        let of_rule = |output: &Output| name(output).map(|rule| rule.name.as_str()) == wanted;
        Ok(outputs().filter(of_rule).collect())
    }
}

impl Scope {
    /// One connection.
    fn on(connection: &Connection, vocabulary: &Vocabulary) -> Scope {
        let mut scope = Scope::of_kind(connection.protocol, vocabulary);
        scope.assume_fact(vocabulary, "connection.name", &connection.target);
        scope.words.push(format!("connection {}", connection.name));
        scope
    }

    /// Connections of a kind that the policy does not name: no connection has an empty name.
    fn elsewhere(kind: Protocol, vocabulary: &Vocabulary) -> Scope {
        let mut scope = Scope::of_kind(kind, vocabulary);
        scope.assume_fact(vocabulary, "connection.name", "");
        scope
    }

    /// All connections of a kind.
    fn of_kind(kind: Protocol, vocabulary: &Vocabulary) -> Scope {
        let mut scope = Scope {
            kind,
            assumptions: Assumptions::default(),
            words: Vec::new(),
        };
        scope.assume_fact(vocabulary, "connection.kind", kind.as_str());
        scope
    }

    fn assume_fact(&mut self, vocabulary: &Vocabulary, fact: &str, is: &str) {
        // A vocabulary of its own may not have the fact; then no condition reads it.
        if let Some((fact, _)) = vocabulary.lookup(fact) {
            self.assumptions.assume(&Condition::Test(Test {
                fact,
                default: None,
                predicate: Predicate::In(vec![is.into()]),
            }));
        }
    }
}

/// A name on the command line that means nothing in the policy.
struct Unknown {
    what: &'static str,
    name: String,
    known: Vec<String>,
}

impl Unknown {
    fn tell(&self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let Unknown { what, name, known } = self;
        let names = match known.as_slice() {
            [] => "there is none".to_owned(),
            known => format!("known: {}", known.join(", ")),
        };
        terminal.note(format_args!("there is no {what} called `{name}`; {names}"))?;
        Ok(Outcome::Findings)
    }
}

/// The position of `name` among `names`, which are qualified: as a whole, or by its end where only one ends so.
fn find<'a>(
    what: &'static str,
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<usize, Unknown> {
    if let Some(found) = names.clone().position(|known| known == name) {
        return Ok(found);
    }
    let ends = |known: &str| {
        known
            .strip_suffix(name)
            .is_some_and(|head| head.ends_with('.'))
    };
    let mut found = names.clone().enumerate().filter(|(_, known)| ends(known));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        _ => Err(Unknown {
            what,
            name: name.to_owned(),
            known: names.map(str::to_owned).collect(),
        }),
    }
}

fn internal(what: &str) -> Failure {
    Failure::Internal {
        what: what.to_owned(),
    }
}
