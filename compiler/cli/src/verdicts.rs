//! What came of the operation of a test, and whether that is what the test expects. What decides it stands in
//! [`crate::trial`].

use hpol_bundle::decision::Verdict;
use hpol_hir::{ControlId, TestCase};

use crate::trial::default_deny_controls;

/// What decides where an operation is not understood.
const GATEWAY: &str = "gateway";

/// What came of one operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) verdict: Verdict,
    /// Qualified names, sorted; `default_deny` or `gateway` where no rule decided.
    pub(crate) by: Vec<String>,
    pub(crate) controls: Vec<ControlId>,
    pub(crate) masking: Vec<String>,
    /// Rows at most.
    pub(crate) limit: Option<u64>,
    /// Rules in observe that match, sorted.
    pub(crate) observing: Vec<String>,
    /// Exceptions that lift a rule, sorted.
    pub(crate) excepting: Vec<String>,
    /// What the reader should know beside: facts that could not be determined, why the gateway refuses.
    pub(crate) note: Option<String>,
}

impl Verdicts {
    /// Holds it against what the test expects.
    pub(crate) fn compare(&self, case: &TestCase) -> Result<(), String> {
        let expect = &case.expect;
        let mut wrong = Vec::new();
        if self.verdict != expect.verdict {
            wrong.push(format!(
                "expected {}, got {} by {}",
                word(expect.verdict),
                word(self.verdict),
                self.by.join(", ")
            ));
        } else if !expect.by.is_empty() && self.by != expect.by {
            wrong.push(format!(
                "expected {} by {}, got by {}",
                word(self.verdict),
                expect.by.join(", "),
                self.by.join(", ")
            ));
        }
        let missing: Vec<_> = expect
            .citing
            .iter()
            .filter(|id| !self.controls.contains(id))
            .map(ToString::to_string)
            .collect();
        if !missing.is_empty() && wrong.is_empty() {
            wrong.push(format!(
                "{} does not cite {}",
                self.by.join(", "),
                missing.join(", ")
            ));
        }
        if !expect.masking.is_empty() && self.masking != expect.masking {
            let masked = if self.masking.is_empty() {
                "nothing".to_owned()
            } else {
                self.masking.join(", ")
            };
            wrong.push(format!(
                "expected masking of {}, got {masked}",
                expect.masking.join(", ")
            ));
        }
        if let (Some(expected), found) = (expect.limit, self.limit)
            && found != Some(expected)
        {
            let found = found.map_or("no limit".to_owned(), |rows| format!("{rows} rows"));
            wrong.push(format!("expected a limit of {expected} rows, got {found}"));
        }
        if !expect.observing.is_empty() && self.observing != expect.observing {
            let observed = match self.observing.is_empty() {
                true => "none".to_owned(),
                false => self.observing.join(", "),
            };
            wrong.push(format!(
                "expected observing of {}, got {observed}",
                expect.observing.join(", ")
            ));
        }
        if !expect.excepting.is_empty() && self.excepting != expect.excepting {
            let excepted = match self.excepting.is_empty() {
                true => "none".to_owned(),
                false => self.excepting.join(", "),
            };
            wrong.push(format!(
                "expected excepting of {}, got {excepted}",
                expect.excepting.join(", ")
            ));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        wrong.extend(self.note.clone());
        Err(wrong.join("; "))
    }
}

/// The block of an operation that is not understood.
pub(crate) fn refused(why: &str) -> Verdicts {
    Verdicts {
        verdict: Verdict::Block,
        by: vec![GATEWAY.to_owned()],
        controls: default_deny_controls(),
        masking: Vec::new(),
        limit: None,
        observing: Vec::new(),
        excepting: Vec::new(),
        note: Some(format!("the gateway refuses it before any rule: {why}")),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::RequireApproval => "require approval",
        Verdict::Block => "block",
    }
}
