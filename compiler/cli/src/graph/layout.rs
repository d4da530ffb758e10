//! Where the boxes of a diagram go: layer by layer from left to right, each box behind all that lead to it, near the
//! height of what leads there. Knows sizes and connections, not what they mean.

use std::collections::BTreeMap;

/// Between two layers; connections bend here.
const LAYER_GAP: i32 = 64;
/// Between two boxes of a layer.
const BOX_GAP: i32 = 20;
/// What a connection takes that passes a layer.
const LANE: i32 = 10;

/// A box to be placed.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Where connections arrive, below its top.
    pub(super) inlet: i32,
    /// Where connections leave, below its top, and the index of the shape that they lead to.
    pub(super) outlets: Vec<(i32, usize)>,
}

/// A place of everything.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Left and top of each shape.
    pub(super) places: Vec<(i32, i32)>,
    pub(super) lines: Vec<Line>,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// A piece of a connection: level from `from` to `turn`, then bent to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) from: (i32, i32),
    pub(super) turn: i32,
    pub(super) to: (i32, i32),
    /// The shape that the connection leads to in the end.
    pub(super) target: usize,
    /// Whether it ends there.
    pub(super) arrives: bool,
}

/// What leaves a layer, by the shape that it leads to: from where, at which height.
type Leaving = BTreeMap<usize, Vec<(i32, i32)>>;

/// Places `shapes`. Connections lead to shapes that come later; the first `roots` are where it begins.
pub(super) fn place(shapes: &[Shape], roots: usize) -> Layout {
    let layers = layers(shapes);
    let mut layout = Layout {
        places: vec![(0, 0); shapes.len()],
        ..Layout::default()
    };
    let mut left = 0;
    let mut turn = 0;
    let mut arriving: Leaving = (0..roots).map(|root| (root, Vec::new())).collect();
    for layer in 0.. {
        if arriving.is_empty() {
            break;
        }
        let here = |index: usize| {
            let shape = shapes
                .get(index)
                .filter(|_| layers.get(index) == Some(&layer));
            shape.cloned().unwrap_or(Shape {
                height: LANE,
                inlet: LANE / 2,
                ..Shape::default()
            })
        };
        let tops = tops(&arriving, here);
        let width = tops.iter().map(|(index, _)| here(*index).width).max();
        let right = left + width.unwrap_or_default();
        let mut leaving = Leaving::new();
        for (index, top) in tops {
            let shape = here(index);
            let arrives = layers.get(index) == Some(&layer);
            let inlet = (left, top + shape.inlet);
            for from in arriving.remove(&index).unwrap_or_default() {
                layout.lines.push(Line {
                    from,
                    turn,
                    to: inlet,
                    target: index,
                    arrives,
                });
            }
            if arrives {
                for (outlet, target) in shape.outlets {
                    let from = (left + shape.width, top + outlet);
                    leaving.entry(target).or_default().push(from);
                }
                if let Some(place) = layout.places.get_mut(index) {
                    *place = (left, top);
                }
            } else {
                leaving.entry(index).or_default().push(inlet);
            }
        }
        arriving = leaving;
        layout.width = right;
        turn = right;
        left = right + LAYER_GAP;
    }
    layout.level(shapes);
    layout
}

/// The layer of each shape: as far to the right as the longest way to it.
fn layers(shapes: &[Shape]) -> Vec<usize> {
    let mut layers = vec![0_usize; shapes.len()];
    for (index, shape) in shapes.iter().enumerate() {
        let next = layers.get(index).map_or(0, |layer| layer + 1);
        for (_, target) in &shape.outlets {
            if let Some(layer) = layers.get_mut(*target) {
                *layer = next.max(*layer);
            }
        }
    }
    layers
}

/// The top of everything in one layer, in order, as near as can be to the height of what leads there.
fn tops(arriving: &Leaving, shape: impl Fn(usize) -> Shape) -> Vec<(usize, i32)> {
    let mean = |from: &[(i32, i32)]| {
        let sum: i32 = from.iter().map(|(_, y)| y).sum();
        i32::try_from(from.len())
            .ok()
            .and_then(|count| sum.checked_div(count))
    };
    let mut wanted: Vec<(i32, usize)> = arriving
        .iter()
        .map(|(index, from)| (mean(from).unwrap_or_default() - shape(*index).inlet, *index))
        .collect();
    wanted.sort_unstable();
    let mut free = i32::MIN;
    let mut tops = Vec::new();
    let mut late = 0;
    for (top, index) in wanted {
        let placed = top.max(free);
        late += placed - top;
        free = placed + shape(index).height + BOX_GAP;
        tops.push((index, placed));
    }
    // Who had to make room did so downwards: half way back, all together.
    let back = i32::try_from(tops.len())
        .ok()
        .and_then(|count| late.checked_div(count));
    for (_, top) in &mut tops {
        *top -= back.unwrap_or_default();
    }
    tops
}

impl Layout {
    /// Moves everything so that it begins at the top, and measures it.
    fn level(&mut self, shapes: &[Shape]) {
        let tops = self.places.iter().map(|(_, y)| *y);
        let lines = self.lines.iter().flat_map(|line| [line.from.1, line.to.1]);
        let up = tops.chain(lines.clone()).min().unwrap_or_default();
        let bottoms = self.places.iter().zip(shapes);
        let bottoms = bottoms.map(|((_, y), shape)| y + shape.height);
        self.height = bottoms.chain(lines).max().unwrap_or_default() - up;
        for (_, y) in &mut self.places {
            *y -= up;
        }
        for line in &mut self.lines {
            line.from.1 -= up;
            line.to.1 -= up;
        }
        // What leads to the same by the same way is one line.
        self.lines.sort_unstable();
        self.lines.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(targets: &[usize]) -> Shape {
        Shape {
            width: 100,
            height: 60,
            inlet: 10,
            outlets: (0..)
                .map(|row| 30 + 10 * row)
                .zip(targets.iter().copied())
                .collect(),
        }
    }

    /// The shapes of a diagram in which `2` is asked after `1` and also after `0`.
    fn shapes() -> Vec<Shape> {
        [&[1, 2, 3][..], &[2, 3], &[3], &[]].map(shape).to_vec()
    }

    #[test]
    fn boxes_stand_behind_all_that_lead_to_them() {
        let layout = place(&shapes(), 1);
        let lefts: Vec<i32> = layout.places.iter().map(|(x, _)| *x).collect();
        assert_eq!(lefts, [0, 164, 328, 492]);
        assert_eq!(layout.width, 592);
        assert!(
            layout
                .places
                .iter()
                .all(|(_, y)| *y >= 0 && y + 60 <= layout.height)
        );
    }

    #[test]
    fn nothing_stands_on_anything() {
        let wide = [&[1, 2, 3, 4][..], &[5], &[5], &[5], &[5], &[]].map(shape);
        let layout = place(&wide, 1);
        let mut tops: Vec<i32> = layout
            .places
            .iter()
            .skip(1)
            .take(4)
            .map(|(_, y)| *y)
            .collect();
        tops.sort_unstable();
        assert!(
            tops.is_sorted_by(|above, below| above + 60 < *below),
            "{tops:?}"
        );
        // The connections that pass a layer keep away from the boxes in it.
        let layout = place(&shapes(), 1);
        for line in &layout.lines {
            for ((x, y), _) in layout.places.iter().zip(0..4) {
                let inside = |at: (i32, i32)| at.0 == *x && (*y..y + 60).contains(&at.1);
                assert!(line.arrives || !inside(line.to), "{line:?}");
            }
        }
    }

    #[test]
    fn every_connection_arrives() {
        let layout = place(&shapes(), 1);
        let arrivals = |of| {
            layout
                .lines
                .iter()
                .filter(|line| line.arrives && line.target == of)
                .count()
        };
        // What passes a layer to the same box goes together.
        assert_eq!([1, 2, 3].map(arrivals), [1, 2, 2]);
    }
}
