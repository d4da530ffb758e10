//! Where in a document a walk is, and which paths lead there.

use hpol_bundle::policy::{JsonPath, JsonStep};

use super::value::strictness;
use crate::masker::Masker;

/// The objects and arrays around a value.
#[derive(Debug)]
pub(super) struct Places {
    around: Vec<Container>,
    /// Paths of which all steps so far lead here: those of the first container, then those of the second ...
    leading: Vec<PathId>,
}

/// A path, by its entry and its index there.
type PathId = (usize, usize);

#[derive(Debug, Clone, Copy)]
struct Container {
    is_object: bool,
    /// The paths that lead into it, in [`Places::leading`].
    from: usize,
    to: usize,
}

impl Places {
    /// Before a document, where all paths begin.
    pub(super) fn new(masker: &Masker) -> Places {
        let entries = masker.entries().iter().enumerate();
        let leading =
            entries.flat_map(|(entry, of)| (0..of.paths.len()).map(move |path| (entry, path)));
        Places {
            around: Vec::new(),
            leading: leading.collect(),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.around.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.around.is_empty()
    }

    pub(super) fn in_object(&self) -> bool {
        self.around.last().is_some_and(|around| around.is_object)
    }

    pub(super) fn in_array(&self) -> bool {
        self.around.last().is_some_and(|around| !around.is_object)
    }

    /// Whether a path leads into the innermost object or array.
    pub(super) fn is_led_into(&self) -> bool {
        let around = self.around.last();
        around.is_some_and(|around| around.from < around.to)
    }

    /// The value that began is an object or array.
    pub(super) fn enter(&mut self, is_object: bool) {
        let from = self.around.last().map_or(0, |around| around.to);
        let to = self.leading.len();
        self.around.push(Container {
            is_object,
            from,
            to,
        });
    }

    /// The innermost object or array ends.
    pub(super) fn leave(&mut self) {
        self.forget();
        self.around.pop();
    }

    /// Notes the paths that lead to the value which begins, a member called `name` or an element.
    pub(super) fn descend(&mut self, masker: &Masker, name: Option<&[u8]>) {
        self.forget();
        let Some(around) = self.around.last().copied() else {
            return;
        };
        let step = self.depth() - 1;
        for index in around.from..around.to {
            let Some(id) = self.leading.get(index).copied() else {
                return;
            };
            let leads = match path(masker, id).and_then(|path| path.steps.get(step)) {
                Some(JsonStep::Any) => true,
                Some(JsonStep::Member(member)) => name == Some(member.as_bytes()),
                None => false,
            };
            if leads {
                self.leading.push(id);
            }
        }
    }

    /// Forgets the paths to the value that was last at this level.
    pub(super) fn forget(&mut self) {
        if let Some(around) = self.around.last() {
            self.leading.truncate(around.to);
        }
    }

    /// The slot of the strictest path that ends at the value which begins.
    pub(super) fn reached(&self, masker: &Masker) -> Option<usize> {
        let steps = self.depth();
        let from = self.around.last()?.to;
        let ends = self
            .leading
            .get(from..)?
            .iter()
            .filter(|id| path(masker, **id).is_some_and(|path| path.steps.len() == steps));
        ends.map(|(entry, _)| *entry)
            .max_by_key(|entry| strictness(masker, *entry))
    }
}

fn path(masker: &Masker, (entry, path): PathId) -> Option<&JsonPath> {
    masker.entries().get(entry)?.paths.get(path)
}
