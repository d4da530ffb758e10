//! Reads the words of a condition: what is tested, how, and with which value.

use hpol_syntax::span::Span;
use hpol_syntax::words;

use super::{Bracket, Reader, Slot};
use crate::roles::Role;
use crate::roles::units::Unit;

/// Words of an effect or of a test behind which a condition of its own stands.
const JOINTS: &[&str] = &["and", "or", "where"];
/// Words that begin a test of a fact.
const TESTS: &[&str] = &["in", "within", "has", "starts", "under"];
/// The facts whose values are data classes.
const OF_CLASSES: &[&str] = &["result.classes", "result.masked"];

impl Reader<'_> {
    pub(super) fn operand(&mut self, word: &str, unit: &Unit) {
        if words::RESERVED.contains(&word) {
            self.mention(unit, Role::Keyword);
            match word {
                "within" => (self.operand, self.slot) = (None, Slot::Value),
                "during" => self.slot = Slot::Schedule,
                "true" | "false" => self.slot = Slot::Joint,
                _ => {}
            }
            return;
        }
        self.mention(unit, Role::Operand);
        self.operand = Some(unit.span);
        self.slot = Slot::Test;
    }

    /// A word behind a name or a test.
    pub(super) fn behind(
        &mut self,
        word: &str,
        unit: &Unit,
        default: Option<(usize, Option<Span>)>,
    ) {
        if JOINTS.contains(&word) {
            if let (Slot::Test, Some(Bracket::Group { default, operand })) =
                (self.slot, self.brackets.last_mut())
                && word == "or"
            {
                (*default, *operand) = (Some(self.mentions.len() + 1), self.operand);
            }
            self.mention(unit, Role::Keyword);
            self.slot = Slot::Operand;
        } else if TESTS.contains(&word) || words::unsupported(word).is_some() {
            self.tested(default);
            self.mention(unit, Role::Keyword);
            self.slot = Slot::Value;
        } else {
            self.part(word, unit);
        }
    }

    pub(super) fn value(&mut self, word: &str, unit: &Unit) {
        let direct = !matches!(
            self.brackets.last(),
            Some(Bracket::List | Bracket::Call { .. })
        );
        let before = self.last.map(|last| last.span.of(self.text));
        let second = matches!(
            (before, word),
            (Some("has"), "any" | "all") | (Some("starts"), "with")
        );
        // `in this session`.
        let session = match (before, word) {
            (Some("in"), "this") => Some(Slot::Value),
            (Some("this"), "session") => Some(Slot::Joint),
            _ => None,
        };
        if let (true, Some(slot)) = (direct, session) {
            self.mention(unit, Role::Keyword);
            self.slot = slot;
        } else if direct && second {
            self.mention(unit, Role::Keyword);
        } else {
            let class = self.asks_for_class() && !self.is_parameter(word);
            self.mention(unit, if class { Role::Class } else { Role::Value });
            self.value_read();
        }
    }

    /// Whether the value of the operand is a data class.
    pub(super) fn asks_for_class(&self) -> bool {
        let call = matches!(self.brackets.last(), Some(Bracket::Call { .. }));
        let operand = self.operand.map(|operand| operand.of(self.text));
        !call && operand.is_some_and(|operand| OF_CLASSES.contains(&operand))
    }

    fn is_parameter(&self, word: &str) -> bool {
        let mut parameters = self.mentions.iter();
        parameters.any(|known| known.role == Role::Parameter && known.span.of(self.text) == word)
    }

    /// A value ends a test, unless it stands in a bracket.
    pub(super) fn value_read(&mut self) {
        if !matches!(
            self.brackets.last(),
            Some(Bracket::List | Bracket::Call { .. })
        ) {
            self.slot = Slot::Joint;
        }
    }

    /// A test behind a bracket shows that what stood behind `or` in it was a value.
    pub(super) fn tested(&mut self, default: Option<(usize, Option<Span>)>) {
        let Some((index, operand)) = default else {
            return;
        };
        if let Some(mention) = self.mentions.get_mut(index)
            && mention.role == Role::Operand
        {
            (mention.role, mention.of) = (Role::Value, operand);
        }
        self.operand = operand;
    }
}
