//! Where a text mentions relations and columns, kept flat for the question of exposure.

use super::{Catalogue, ClassifiedColumn, Exposure};

/// Relations and column references with their places.
#[derive(Debug, Default)]
pub(super) struct Lineage {}

impl Lineage {
    pub(super) fn exposure(
        &self,
        _catalogue: &Catalogue,
        classified: &[ClassifiedColumn],
    ) -> Exposure {
        classified
            .first()
            .map_or(Exposure::None, |column| Exposure::Refused {
                column: column.column.clone(),
                why: "cannot be traced".to_owned(),
                place: "the statement".to_owned(),
            })
    }
}
