//! One request of `hpol eval`, given as a person would say it, and the answer with its reasons. The evaluator and the
//! extractors are those of `hpol test`.

mod answer;

use std::collections::BTreeMap;
use std::net::IpAddr;

use clap::Args;
use hpol_bundle::claims::Claim;
use hpol_bundle::decision::Verdict;
use hpol_bundle::justification::Justification;
use hpol_bundle::policy::{Connection, Policy, Source};
use hpol_bundle::vocabulary::{Derived, Protocol, Vocabulary};
use hpol_hir::{Expectation, TestCase, TestConnection, TestOperation, TestSubject, test_time};

use crate::compiled::Compiled;
use crate::exit::{Failure, Outcome};
use crate::terminal::Terminal;
use crate::visible;

use answer::Answer;

/// Who asks what, on which connection.
#[derive(Debug, Args)]
#[command(next_help_heading = "One request")]
#[group(id = "one", conflicts_with = "requests", multiple = true)]
pub(super) struct One {
    /// What is asked of a database
    #[arg(long, value_name = "TEXT", conflicts_with = "http")]
    sql: Option<String>,
    /// What is asked of an HTTP service: method and path or URL
    #[arg(long, value_name = "REQUEST")]
    http: Option<String>,
    /// Who asks: `subject.id`
    #[arg(long = "as", value_name = "ID", required_unless_present = "requests")]
    subject: Option<String>,
    /// The groups of who asks
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    groups: Vec<String>,
    /// The connection: its name in the policy, or in the gateway's configuration
    #[arg(long, value_name = "CONNECTION", required_unless_present = "requests")]
    on: Option<String>,
    /// The issuer of who asks
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The address that the request comes from
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// What is given as the justification
    #[arg(long, value_name = "TEXT", conflicts_with = "requests")]
    justification: Option<String>,
    /// A claim of the token; a claim that is a list has one of these for each element
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// When: RFC 3339, such as 2027-03-31T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Media type of the body
    #[arg(long, value_name = "TYPE", requires = "http")]
    content_type: Option<String>,
    /// The body
    #[arg(long, value_name = "TEXT", requires = "http")]
    body: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl One {
    /// Decides the request and says why.
    pub(super) fn run(
        &self,
        compiled: &Compiled,
        terminal: &mut Terminal,
    ) -> Result<Outcome, Failure> {
        let policy = compiled.whole_policy(terminal)?;
        let Some(connection) = self.connection(&policy, terminal)? else {
            return Ok(Outcome::Findings);
        };
        let case = self.case(connection, &compiled.vocabulary)?;
        let answer = Answer::to(&case, &policy, compiled);
        match self.json {
            true => terminal.json(&answer)?,
            false => answer.print(terminal)?,
        }
        Ok(Outcome::Clean)
    }

    /// The connection that `--on` names; `None` where there is no such one, which has been told then.
    fn connection<'p>(
        &self,
        policy: &'p Policy,
        terminal: &mut Terminal,
    ) -> Result<Option<&'p Connection>, Failure> {
        let name = self.on.as_deref().ok_or(Failure::CommandLine {
            why: "`--on` must say on which connection",
        })?;
        let exact = |connection: &&Connection| connection.name == name;
        let short = |connection: &&Connection| {
            let suffix = connection.name.strip_suffix(name);
            suffix.is_some_and(|package| package.ends_with('.')) || connection.target == name
        };
        let all = &policy.connections;
        let mut found: Vec<&Connection> = all.iter().filter(exact).collect();
        if found.is_empty() {
            found = all.iter().filter(short).collect();
        }
        if let [only] = found.as_slice() {
            return Ok(Some(*only));
        }
        // Several names for one connection of the gateway's are one to whoever asks there.
        let mut targets = found.iter().map(|one| (&one.target, one.protocol));
        if let Some(first) = targets.next()
            && targets.all(|other| other == first)
        {
            return Ok(found.first().copied());
        }
        let (what, among) = match found.is_empty() {
            true => ("there is no connection", all.iter().collect()),
            false => ("there are several connections", found),
        };
        let names: Vec<String> = among.iter().map(|one| format!("`{}`", one.name)).collect();
        terminal.note(format_args!(
            "{what} `{}`: the policy has {}",
            visible::line(name),
            visible::line(&names.join(", "))
        ))?;
        Ok(None)
    }

    /// The request as a test that expects nothing in particular.
    fn case(&self, connection: &Connection, vocabulary: &Vocabulary) -> Result<TestCase, Failure> {
        let id = self.subject.clone().ok_or(Failure::CommandLine {
            why: "`--as` must say who asks",
        })?;
        let at = self.at.as_deref().map(|text| {
            test_time(text).ok_or(Failure::CommandLine {
                why: "`--at` is a time with its offset, such as 2027-03-31T09:00:00Z",
            })
        });
        let justification = self.justification.as_deref().map(|given| {
            Justification::read(given).map_err(|_| Failure::CommandLine {
                why: "`--justification` is a text of at most 256 bytes that can be shown",
            })
        });
        Ok(TestCase {
            name: String::new(),
            package: String::new(),
            source: Source::default(),
            subject: TestSubject {
                id,
                groups: self.groups.clone(),
                issuer: self.issuer.clone(),
                from: self.from,
                justification: justification.transpose()?,
                claims: self.claims(vocabulary)?,
            },
            connection: TestConnection {
                name: connection.name.clone(),
                protocol: connection.protocol,
                target: connection.target.clone(),
            },
            at: at.transpose()?,
            operation: self.operation(connection.protocol, vocabulary)?,
            before: Vec::new(),
            expect: Expectation {
                verdict: Verdict::Allow,
                by: Vec::new(),
                citing: Vec::new(),
                masking: Vec::new(),
                limit: None,
                observing: Vec::new(),
                excepting: Vec::new(),
            },
        })
    }

    fn operation(
        &self,
        protocol: Protocol,
        vocabulary: &Vocabulary,
    ) -> Result<TestOperation, Failure> {
        let wrong = |why| Err(Failure::CommandLine { why });
        match (protocol, &self.sql, &self.http) {
            (Protocol::Postgres, Some(sql), None) => Ok(TestOperation::Sql(sql.clone())),
            (Protocol::Http, None, Some(request)) => {
                let parts = request.split_once(' ');
                let words = vocabulary.words("http_method").unwrap_or_default();
                let known = parts.filter(|(method, _)| words.iter().any(|word| word == method));
                let Some((method, target)) = known else {
                    return wrong("`--http` is a method and a path or URL, such as `GET /orders`");
                };
                Ok(TestOperation::Http {
                    method: method.to_owned(),
                    target: target.trim().to_owned(),
                    content_type: self.content_type.clone(),
                    body: self.body.clone(),
                })
            }
            (Protocol::Postgres, ..) => {
                wrong("the connection is of a database: `--sql` says what is asked there")
            }
            (Protocol::Http, ..) => {
                wrong("the connection is of an HTTP service: `--http` says what is asked there")
            }
        }
    }

    /// The claims in the form in which the policy reads them; one that it does not read has no meaning.
    fn claims(&self, vocabulary: &Vocabulary) -> Result<BTreeMap<String, Claim>, Failure> {
        let mut given: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for claim in &self.claims {
            let (name, value) = claim.split_once('=').ok_or(Failure::CommandLine {
                why: "`--claim` is a name and a value, such as `department=finance`",
            })?;
            given.entry(name).or_default().push(value.to_owned());
        }
        let is_list = |name: &str| {
            vocabulary.derived().any(|(_, derived)| {
                matches!(derived, Derived::Claim { name: own, set: true } if own == name)
            })
        };
        let claim = |(name, values): (&str, Vec<String>)| {
            let claim = match values.as_slice() {
                [only] if !is_list(name) => Claim::Text(only.clone()),
                _ => Claim::Texts(values),
            };
            (name.to_owned(), claim)
        };
        Ok(given.into_iter().map(claim).collect())
    }
}
