//! Checks brackets and quotes before the grammar sees the text, so that a missing one is reported where it was opened,
//! and depth is bounded before anything recurses.

use crate::code::Code;
use crate::lex::{Kind, Token};
use crate::limits::{MAX_NESTING, MAX_PROBLEMS_PER_ITEM, MAX_STRING_BYTES};
use crate::problem::Problem;

/// What is wrong with brackets and quotes.
pub(super) fn check(text: &str, tokens: &[Token]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut open: Vec<Token> = Vec::new();
    for token in tokens {
        if problems.len() >= MAX_PROBLEMS_PER_ITEM {
            break;
        }
        match token.kind {
            Kind::Open(_) if open.len() >= MAX_NESTING => {
                let message = format!("brackets are nested more than {MAX_NESTING} deep");
                let problem =
                    Problem::new(Code::TooDeep, message, token.span, "too deep from here");
                return vec![problem.help("make several rules of it, or name a part as a group")];
            }
            Kind::Open(_) => open.push(*token),
            Kind::Close(close) => close_bracket(text, &mut open, *token, close, &mut problems),
            Kind::OpenString => problems.push(
                Problem::new(
                    Code::OpenString,
                    "a text is never closed",
                    token.span,
                    "begins here, and the line ends",
                )
                .help("close it with `\"` on the same line; write a line break as `\\n`"),
            ),
            Kind::String if (token.span.end - token.span.start) as usize > MAX_STRING_BYTES => {
                let message = format!("a text is longer than {MAX_STRING_BYTES} bytes");
                problems.push(Problem::new(
                    Code::TooLong,
                    message,
                    token.span,
                    "this text",
                ));
            }
            _ => {}
        }
    }
    problems.extend(open.iter().map(|token| unclosed(text, *token)));
    // A text that is never closed swallows brackets: what is missing then is the quote.
    if problems
        .iter()
        .any(|problem| problem.code == Code::OpenString)
    {
        problems.retain(|problem| problem.code != Code::Unbalanced);
    }
    problems
}

fn close_bracket(
    text: &str,
    open: &mut Vec<Token>,
    token: Token,
    close: char,
    problems: &mut Vec<Problem>,
) {
    let partner = match close {
        ')' => '(',
        ']' => '[',
        _ => '{',
    };
    match open
        .iter()
        .rposition(|token| token.kind == Kind::Open(partner))
    {
        Some(index) => {
            for left in open.drain(index..).skip(1) {
                problems.push(unclosed(text, left));
            }
        }
        None => {
            let message = format!("`{close}` closes nothing");
            problems.push(Problem::new(
                Code::Unbalanced,
                message,
                token.span,
                format!("no `{partner}` is open here"),
            ));
        }
    }
}

fn unclosed(text: &str, token: Token) -> Problem {
    let bracket = token.span.of(text);
    let close = match bracket {
        "(" => ")",
        "[" => "]",
        _ => "}",
    };
    Problem::new(
        Code::Unbalanced,
        format!("`{bracket}` is never closed"),
        token.span,
        "opened here",
    )
    .help(format!("add the missing `{close}`"))
}
