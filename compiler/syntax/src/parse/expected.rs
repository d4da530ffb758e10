//! Turns what the generated parser reports into one line that a policy author can act on.

use pest::error::{Error, ErrorVariant, InputLocation};

use crate::code::Code;
use crate::grammar::Rule;
use crate::lex::Token;
use crate::problem::Problem;
use crate::span::Span;
use crate::words;

/// Alternatives named in one message; more would not be read.
const MAX_ALTERNATIVES: usize = 7;

const END: &str = "the end";
const TEST: &str = "a test of the fact";
const RULE_CLAUSE: &str = "a clause of the rule";
const DATA_CLAUSE: &str = "`column`, `json` or `detector`";
const TEST_CLAUSE: &str = "a clause of the test";
const EXCEPTION_CLAUSE: &str = "a clause of the exception";

/// The byte at which the parser could not go on.
pub(super) fn place(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(place) | InputLocation::Span((place, _)) => place,
    }
}

/// The problem that `error` means; it was reported on the part of the item's `text` that begins at `base`.
pub(super) fn problem(text: &str, tokens: &[Token], base: u32, error: &Error<Rule>) -> Problem {
    let place = base as usize + place(error);
    let token = tokens.iter().find(|token| token.span.end as usize > place);
    let span = token.map_or_else(|| end_of(tokens), |token| token.span);
    let found = token.map(|_| span.of(text));
    if let Some(word) = found.filter(|word| words::unsupported(word).is_some()) {
        return unsupported(word, span);
    }
    let alternatives = alternatives(error);
    let found_text = found.map_or("the end of the item".to_owned(), |found| {
        format!("`{}`", words::shorten(found))
    });
    let message = if alternatives.is_empty() {
        format!("{found_text} does not belong here")
    } else {
        format!("expected {}, found {found_text}", sentence(&alternatives))
    };
    let problem = Problem::new(Code::Unexpected, message, span, "not expected here");
    match found {
        Some(found) => advise(problem, found, &alternatives),
        None => problem,
    }
}

/// The problem of a construct that this version does not have.
pub(super) fn unsupported(word: &str, span: Span) -> Problem {
    let what = words::unsupported(word).unwrap_or("this construct");
    Problem::new(
        Code::Unsupported,
        format!("`{word}` is not supported by this version"),
        span,
        what,
    )
    .help("leave it out; nothing of it would be enforced")
}

fn end_of(tokens: &[Token]) -> Span {
    let end = tokens.last().map_or(0, |token| token.span.end);
    Span {
        start: end.saturating_sub(1),
        end,
    }
}

fn alternatives(error: &Error<Rule>) -> Vec<&'static str> {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        return Vec::new();
    };
    let mut names: Vec<&'static str> = Vec::new();
    for rule in positives {
        for name in describe(*rule) {
            if !names.contains(name) {
                names.push(name);
            }
        }
    }
    if names.contains(&TEST) {
        names.retain(|name| {
            !matches!(
                *name,
                "`in`"
                    | "`within`"
                    | "`starts with`"
                    | "`under`"
                    | "`has`"
                    | "`any`"
                    | "`all`"
                    | "`(`"
            )
        });
    }
    if names.len() > 1 {
        names.retain(|name| *name != END);
    }
    names.truncate(MAX_ALTERNATIVES);
    names
}

fn sentence(names: &[&str]) -> String {
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

fn advise(problem: Problem, found: &str, alternatives: &[&str]) -> Problem {
    match found {
        ";" => {
            return problem
                .help("clauses and items end by themselves; leave out the `;`")
                .replace("");
        }
        "'" | "`" => return problem.help("texts stand in double quotes"),
        "not" => {
            return problem.help("`not` stands before the fact: `not http.method in [GET, HEAD]`");
        }
        "*" => return problem.help("there are no patterns over names; list them"),
        _ => {}
    }
    let bare = alternatives.iter().flat_map(|name| match *name {
        RULE_CLAUSE => words::RULE_CLAUSES.to_vec(),
        DATA_CLAUSE => words::DATA_CLAUSES.to_vec(),
        TEST_CLAUSE => words::TEST_CLAUSES.to_vec(),
        EXCEPTION_CLAUSE => words::EXCEPTION_CLAUSES.to_vec(),
        name => name
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'))
            .into_iter()
            .collect(),
    });
    match words::nearest(found, bare) {
        Some(near) => problem.did_you_mean(near),
        None => problem,
    }
}

/// How a rule of the grammar is called in messages; slips have no name, nobody shall write them.
fn describe(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::EOI => &[END],
        Rule::rule_part => &[RULE_CLAUSE],
        Rule::data_part => &[DATA_CLAUSE],
        Rule::test_part => &[TEST_CLAUSE],
        Rule::exception_part => &[EXCEPTION_CLAUSE],
        Rule::condition | Rule::conjunction | Rule::negation | Rule::atom | Rule::comparison => {
            &["a condition"]
        }
        Rule::present | Rule::defaulted | Rule::call => &["a condition"],
        Rule::happened | Rule::measured => &["a condition"],
        Rule::EARLIER | Rule::NEVER | Rule::COUNT | Rule::SUM | Rule::DISTINCT => &["a condition"],
        Rule::filtered | Rule::WHERE => &["`where`"],
        Rule::window => &["`within`"],
        Rule::in_session => &["`in this session`"],
        Rule::SESSION => &["`session`"],
        Rule::earlier_clause => &["`earlier`"],
        Rule::earlier_on => &["`on`"],
        Rule::earlier_rows => &["`rows`"],
        Rule::earlier_bytes | Rule::BYTES => &["`bytes`"],
        Rule::earlier_releasing | Rule::RELEASING => &["`releasing`"],
        Rule::AGO => &["`ago`"],
        Rule::FLIGHT => &["`flight`"],
        Rule::TIMES => &["`times`"],
        Rule::in_test | Rule::starts_test | Rule::any_test | Rule::all_test | Rule::has_test => {
            &[TEST]
        }
        Rule::within_test | Rule::order_test | Rule::under_test => &[TEST],
        Rule::list => &["a list in `[` `]`"],
        Rule::literal | Rule::name_part | Rule::network | Rule::v4 | Rule::v6 | Rule::size => {
            &["a value"]
        }
        Rule::name => &["a name"],
        Rule::path | Rule::word | Rule::claim => &["a name"],
        Rule::string => &["a text in quotes"],
        Rule::int => &["a number"],
        Rule::duration => &["a duration such as `15m`"],
        Rule::control | Rule::claims => &["a control such as `AC-3`"],
        Rule::nothing | Rule::NONE => &["`none`"],
        Rule::claim_reason | Rule::because_clause | Rule::BECAUSE => &["`because`"],
        Rule::column_clause | Rule::COLUMN => &["`column`"],
        Rule::json_clause | Rule::JSON => &["`json`"],
        Rule::json_path => &["a path such as `$.customer.ssn`"],
        Rule::detector_clause | Rule::DETECTOR => &["`detector`"],
        Rule::satisfies_clause | Rule::SATISFIES => &["`satisfies`"],
        Rule::who_clause | Rule::WHO => &["`who`"],
        Rule::on_clause | Rule::ON => &["`on`"],
        Rule::unless_clause | Rule::UNLESS => &["`unless`"],
        Rule::when_clause | Rule::WHEN => &["`when`"],
        Rule::allow_effect | Rule::ALLOW => &["`allow`"],
        Rule::block_effect | Rule::BLOCK => &["`block`"],
        Rule::approval_effect | Rule::justification_effect | Rule::REQUIRE => &["`require`"],
        Rule::mask_effect | Rule::MASK => &["`mask`"],
        Rule::limit_effect | Rule::limit | Rule::LIMIT => &["`limit`"],
        Rule::ROWS => &["`rows`"],
        Rule::observed_effect | Rule::OBSERVE => &["`observe`"],
        Rule::masker => &["`redact`", "`null`", "`hash`", "`keep`"],
        Rule::HASH => &["`hash`"],
        Rule::as_clause | Rule::AS => &["`as`"],
        Rule::sql_clause | Rule::SQL => &["`sql`"],
        Rule::http_clause | Rule::HTTP => &["`http`"],
        Rule::expect_clause | Rule::EXPECT => &["`expect`"],
        Rule::as_groups | Rule::GROUPS => &["`groups`"],
        Rule::as_issuer | Rule::ISSUER => &["`issuer`"],
        Rule::as_from | Rule::FROM => &["`from`"],
        Rule::as_claims | Rule::CLAIMS => &["`claims`"],
        Rule::claim_value => &["a claim such as `team = \"core\"`"],
        Rule::texts => &["a list in `[` `]`"],
        Rule::http_type | Rule::CONTENT_TYPE => &["`content_type`"],
        Rule::http_body | Rule::BODY => &["`body`"],
        Rule::expect_by | Rule::BY => &["`by`"],
        Rule::expect_citing | Rule::CITING => &["`citing`"],
        Rule::expect_masking | Rule::MASKING => &["`masking`"],
        Rule::expect_limit => &["`limit`"],
        Rule::expect_observing | Rule::OBSERVING => &["`observing`"],
        Rule::expect_excepting | Rule::EXCEPTING => &["`excepting`"],
        Rule::owner_clause | Rule::OWNER => &["`owner`"],
        Rule::until_clause | Rule::UNTIL => &["`until`"],
        Rule::date => &["a day such as `2027-03-31`"],
        Rule::at_clause | Rule::AT => &["`at`"],
        Rule::RESPONSIBILITY => &["`responsibility`"],
        Rule::EXCEPTION => &["`exception`"],
        Rule::TO => &["`to`"],
        Rule::everyone | Rule::everyone_but | Rule::EVERYONE => &["`everyone`"],
        Rule::any_connection | Rule::ANY_WORD => &["`any`"],
        Rule::ALL_WORD => &["`all`"],
        Rule::PACKAGE => &["`package`"],
        Rule::USE => &["`use`"],
        Rule::BASELINE => &["`baseline`"],
        Rule::CONNECTION => &["`connection`"],
        Rule::SCHEDULE => &["`schedule`"],
        Rule::times | Rule::days | Rule::day_span | Rule::day => {
            &["days such as `weekdays` or `mon`"]
        }
        Rule::DAILY | Rule::WEEKDAYS | Rule::WEEKENDS => &["days such as `weekdays` or `mon`"],
        Rule::clock_range | Rule::clock => &["a time such as `09:00`"],
        Rule::HYPHEN => &["`-`"],
        Rule::NEXT_DAY => &["`next day`"],
        Rule::during | Rule::DURING => &["a condition"],
        Rule::labels | Rule::LABELS => &["`labels`"],
        Rule::label | Rule::label_test => &["a label such as `env`"],
        Rule::labelled | Rule::CONNECTIONS => &["`connections where`"],
        Rule::GROUP => &["`group`"],
        Rule::PREDICATE => &["`predicate`"],
        Rule::parameters => &["`(`"],
        Rule::DATA => &["`data`"],
        Rule::RULE => &["`rule`"],
        Rule::TEST => &["`test`"],
        Rule::EXCEPT => &["`except`"],
        Rule::APPROVAL => &["`approval`"],
        Rule::as_justification | Rule::JUSTIFICATION => &["`justification`"],
        Rule::TERMINATE => &["`terminate session`"],
        Rule::REVIEWED => &["`reviewed by`"],
        Rule::OF => &["`of`"],
        Rule::WITHIN => &["`within`"],
        Rule::FOR => &["`for this operation`", "`for 1h`"],
        Rule::THIS => &["`this operation`"],
        Rule::OPERATION => &["`operation`"],
        Rule::REDACT => &["`redact`"],
        Rule::NULL => &["`null`"],
        Rule::KEEP => &["`keep`"],
        Rule::LAST => &["`last`"],
        Rule::FIRST => &["`first`"],
        Rule::SUBJECT => &["`subject`"],
        Rule::AND => &["`and`"],
        Rule::OR => &["`or`"],
        Rule::NOT => &["`not`"],
        Rule::IN => &["`in`"],
        Rule::STARTS => &["`starts with`"],
        Rule::UNDER => &["`under`"],
        Rule::WITH => &["`with`"],
        Rule::HAS => &["`has`"],
        Rule::OPEN_BRACE => &["`{`"],
        Rule::CLOSE_BRACE => &["`}`"],
        Rule::OPEN_BRACKET => &["`[`"],
        Rule::CLOSE_BRACKET => &["`]`"],
        Rule::OPEN_PAREN => &["`(`"],
        Rule::CLOSE_PAREN => &["`)`"],
        Rule::COMMA => &["`,`"],
        Rule::EQUALS => &["`=`"],
        Rule::EQUAL => &["`==`"],
        Rule::NOT_EQUAL => &["`!=`"],
        Rule::AT_MOST => &["`<=`"],
        Rule::AT_LEAST => &["`>=`"],
        Rule::LESS => &["`<`"],
        Rule::GREATER => &["`>`"],
        _ => &[],
    }
}
