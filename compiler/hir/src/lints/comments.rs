//! `// hpol: allow(HP0640, HP0641) because "..."`: comments that allow what lints find in an item, in it or directly above
//! it. One without a reason allows nothing, and one that allows nothing is found itself, unless it is open whether there is
//! something to allow.

use hpol_syntax::code::Code;
use hpol_syntax::lex;
use hpol_syntax::problem::{Fix, Problem};
use hpol_syntax::span::Span;

use super::{Context, Linted, Unsettled, semantic};

/// What a comment for the linter begins with, behind `//`.
const MARK: &str = "hpol:";

/// One code that a comment allows.
struct Allowed {
    code: Code,
    /// Of the comment.
    span: Span,
    /// Whether it allows something, or may.
    used: bool,
}

/// What is left of `found` where comments allow findings.
pub(super) struct Left {
    /// Each with the index of its item; places count from the item's first byte.
    pub(super) findings: Vec<(usize, Problem)>,
    /// What is wrong with the comments, by the index of the item beside; places count from the file's first byte.
    pub(super) comments: Vec<(usize, Problem)>,
}

/// Takes out of `found` what comments allow. As long as a question is `open`, no comment about what is asked there is unused:
/// the answer to one rule can be a finding in another.
pub(super) fn apply(
    context: &Context<'_>,
    found: Vec<(usize, Problem)>,
    open: &[Unsettled],
) -> Left {
    let mut left = Left {
        findings: Vec::new(),
        comments: Vec::new(),
    };
    let mut allowed: Vec<Vec<Allowed>> = Vec::new();
    for (index, item) in context.items.iter().enumerate() {
        let mut own = Vec::new();
        for (span, text) in comments(context, item) {
            match read(text) {
                None => {}
                Some(Ok(codes)) => own.extend(codes.into_iter().map(|code| Allowed {
                    code,
                    span,
                    used: !open.is_empty() && semantic::asks(code),
                })),
                Some(Err((code, message, help))) => {
                    let problem = Problem::new(code, message, span, "this comment");
                    left.comments.push((index, problem.help(help)));
                }
            }
        }
        allowed.push(own);
    }
    for (index, problem) in found {
        let own = allowed
            .get_mut(index)
            .map(Vec::as_mut_slice)
            .unwrap_or_default();
        let mut fitting = own
            .iter_mut()
            .filter(|allowed| allowed.code == problem.code)
            .peekable();
        let allows = fitting.peek().is_some();
        fitting.for_each(|allowed| allowed.used = true);
        if !allows {
            left.findings.push((index, problem));
        }
    }
    for (index, own) in allowed.iter().enumerate() {
        for unused in own.iter().filter(|allowed| !allowed.used) {
            let message = format!("`{}` is not found here", unused.code);
            let problem = Problem::new(Code::UnusedAllow, message, unused.span, "allows nothing")
                .help("take it out");
            let alone = own.iter().filter(|other| other.span == unused.span).count() == 1;
            let fix = Fix::Replace(vec![(unused.span, String::new())]);
            left.comments
                .push((index, if alone { problem.fix(fix) } else { problem }));
        }
    }
    left
}

/// The comments in and beside an item; places count from the file's first byte.
fn comments<'a>(context: &Context<'a>, item: &Linted<'a>) -> Vec<(Span, &'a str)> {
    let text = context.texts.get(item.path).copied().unwrap_or("");
    let inside = lex::comments(item.text)
        .into_iter()
        .map(|span| span.shifted(item.offset));
    let around = item.around.iter().copied();
    around
        .chain(inside)
        .map(|span| (span, span.of(text)))
        .collect()
}

/// The codes that a comment allows, or what is wrong with it; nothing where it is not for the linter.
#[expect(clippy::type_complexity, reason = "read at one place")]
fn read(comment: &str) -> Option<Result<Vec<Code>, (Code, String, &'static str)>> {
    let rest = comment
        .trim_start_matches('/')
        .trim_start()
        .strip_prefix(MARK)?
        .trim();
    let unreadable = || {
        let message = format!("`{}` is no comment that the linter reads", rest);
        let help = "write `// hpol: allow(HP0640) because \"...\"`";
        Some(Err((Code::UnreadableAllow, message, help)))
    };
    let Some((codes, because)) = rest
        .strip_prefix("allow(")
        .and_then(|rest| rest.split_once(')'))
    else {
        return unreadable();
    };
    let codes: Option<Vec<Code>> = codes
        .split(',')
        .map(|code| Code::parse(code.trim()).filter(|code| code.is_lint()))
        .collect();
    let Some(codes) = codes else {
        return unreadable();
    };
    let reason = because.trim().strip_prefix("because").map(str::trim);
    let words = reason.is_some_and(|reason| reason.chars().any(char::is_alphanumeric));
    match words {
        true => Some(Ok(codes)),
        false => Some(Err((
            Code::AllowWithoutReason,
            "a finding is allowed without a reason".to_owned(),
            "add `because \"...\"`; until then the finding stays",
        ))),
    }
}
