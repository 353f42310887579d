//! The eight ways to hold a square, without looking at the picture again.
//!
//! A mirrored or turned picture has the same frequencies, some with the other sign, and rows and columns swapped where
//! the turn swaps them. So the hashes of all eight views come from one transform. They are near the hash of a picture
//! that was really turned, but not always equal: PDQ's windows and samples do not lie symmetrically on even sides.

use crate::pdq::{KEPT, Transform};

/// How a picture is held, named for what is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As it is.
    Original,
    /// A quarter turn, counter-clockwise.
    Rotate90,
    /// Half a turn.
    Rotate180,
    /// Three quarters of a turn, counter-clockwise.
    Rotate270,
    /// Upside down: top and bottom change places.
    FlipX,
    /// Left and right change places, as in a mirror.
    FlipY,
    /// Mirrored at the diagonal from the upper left: rows become columns.
    Transpose,
    /// Mirrored at the other diagonal.
    AntiTranspose,
}

impl View {
    /// All eight, the original first.
    pub const ALL: [Self; 8] = [
        Self::Original,
        Self::Rotate90,
        Self::Rotate180,
        Self::Rotate270,
        Self::FlipX,
        Self::FlipY,
        Self::Transpose,
        Self::AntiTranspose,
    ];

    /// Whether rows become columns, and whether the coefficient at (i, j) of the original changes its sign.
    const fn rule(self, i: usize, j: usize) -> (bool, bool) {
        // Frequencies are counted from 1: at an even index stands an odd function, which a reflection negates.
        let (i_odd, j_odd) = (i.is_multiple_of(2), j.is_multiple_of(2));
        match self {
            Self::Original => (false, false),
            Self::Rotate90 => (true, j_odd),
            Self::Rotate180 => (false, i_odd != j_odd),
            Self::Rotate270 => (true, i_odd),
            Self::FlipX => (false, i_odd),
            Self::FlipY => (false, j_odd),
            Self::Transpose => (true, false),
            Self::AntiTranspose => (true, i_odd != j_odd),
        }
    }
}

impl Transform {
    /// The transform of the picture held as `view` says. The quality stays the same.
    #[must_use]
    pub fn seen_as(&self, view: View) -> Self {
        let mut coefficients = [[0.0; KEPT]; KEPT];
        for (i, row) in self.coefficients.iter().enumerate() {
            for (j, &coefficient) in row.iter().enumerate() {
                let (swapped, negated) = view.rule(i, j);
                let (to_i, to_j) = if swapped { (j, i) } else { (i, j) };
                coefficients[to_i][to_j] = if negated { -coefficient } else { coefficient };
            }
        }
        Self { coefficients, quality: self.quality }
    }
}
