//! Reads what is no word: commas, operators and brackets.

use hpol_syntax::span::Span;

use super::{Bracket, Reader, SUBJECT, Slot};
use crate::roles::Role;
use crate::roles::units::Unit;

impl Reader<'_> {
    pub(super) fn comma(&mut self) {
        match (self.slot, self.brackets.last_mut()) {
            (Slot::List(role, _), _) => self.slot = Slot::List(role, false),
            (_, Some(Bracket::Call { arguments, .. })) => *arguments += 1,
            _ => {}
        }
    }

    pub(super) fn operator(&mut self, unit: &Unit, default: Option<(usize, Option<Span>)>) {
        self.mention(unit, Role::Operator);
        let written = unit.span.of(self.text);
        match self.slot {
            Slot::Test | Slot::Joint => match written {
                "&&" | "||" => self.slot = Slot::Operand,
                _ => {
                    self.tested(default);
                    self.slot = Slot::Value;
                }
            },
            Slot::Head | Slot::Parameters if written == "=" => {
                self.brackets.clear();
                self.slot = match self.keyword {
                    "group" | "predicate" => Slot::Operand,
                    "connection" => Slot::Protocol,
                    "schedule" => Slot::Claims,
                    _ => Slot::Free,
                };
            }
            _ => {}
        }
    }

    pub(super) fn open(&mut self, unit: &Unit, bracket: char) {
        let touching = self.last.filter(|last| last.span.end == unit.span.start);
        match (bracket, self.slot) {
            (_, Slot::Claims) => self.brackets.push(Bracket::List),
            ('{', _) => {
                self.inside = true;
                self.slot = Slot::Clause;
            }
            ('(', Slot::Test) => {
                if let (Some(of), Some(_)) = (self.operand, touching) {
                    self.brackets.push(Bracket::Call { of, arguments: 0 });
                    self.slot = Slot::Value;
                }
            }
            ('(', Slot::Operand | Slot::Joint | Slot::Parameters) => {
                self.brackets.push(Bracket::Group {
                    default: None,
                    operand: None,
                });
                if self.slot == Slot::Joint {
                    self.slot = Slot::Operand;
                }
            }
            ('[', Slot::Value) => self.brackets.push(Bracket::List),
            _ => {}
        }
    }

    pub(super) fn close(&mut self, bracket: char) {
        match (bracket, self.brackets.last()) {
            (_, Some(Bracket::List)) if self.slot == Slot::Claims => {
                self.brackets.pop();
                if self.brackets.is_empty() {
                    self.slot = match self.keyword {
                        "test" => Slot::Words(SUBJECT),
                        _ => Slot::Free,
                    };
                }
            }
            ('}', _) => {
                self.inside = false;
                self.brackets.clear();
                self.slot = Slot::Free;
            }
            (')', Some(Bracket::Group { default, operand })) => {
                self.default = default.map(|index| (index, *operand));
                self.brackets.pop();
                if self.slot != Slot::Parameters {
                    self.slot = Slot::Joint;
                }
            }
            (')', Some(Bracket::Call { .. })) | (']', Some(Bracket::List)) => {
                self.brackets.pop();
                self.slot = Slot::Joint;
            }
            _ => {}
        }
    }
}
