//! PDQ, the perceptual hash of 256 bits (ThreatExchange, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing
//! algorithm", 2019), computed so that every bit is the one that the reference C++ gives.
//!
//! A picture becomes grey numbers (luma), is blurred and sampled down to 64 x 64 ([`crate::pdq_filter`]), and that small
//! picture's lowest frequencies, 16 x 16 of them, are the [`Transform`]. A bit of the hash says whether a frequency is
//! stronger than the middle one. `DESIGN.md` tells the steps and the reason for each number.

use std::sync::OnceLock;

use crate::hamming::HASH_BYTES;
use crate::pdq_filter;
pub use crate::pixels::{Floor512, Layout, Picture, Rows, SIDE_512, STRIP, Upright};
use crate::simd::Level;
use crate::simd::lanes::{self, Machine, Work};

/// Sides of the small picture that is transformed.
pub const SMALL: usize = 64;
/// Frequencies kept in each direction.
pub const KEPT: usize = 16;
/// The shortest side that is hashed; below, the reference gives no hash either.
pub const SHORTEST_SIDE: usize = 5;
/// The longest side that is hashed. Far beyond any format's limit that we decode; keeps every product inside `usize`.
pub const LONGEST_SIDE: usize = 1 << 20;

/// The picture after blurring and sampling: rows of luma between 0 and 255.
pub type Small = [[f32; SMALL]; SMALL];

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHash {
    /// A side is shorter than [`SHORTEST_SIDE`].
    TooSmall,
    /// A side is longer than [`LONGEST_SIDE`].
    TooLarge,
}

/// The lowest frequencies of a picture, and how much there is to see in it. All hashes come from this.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Row i, column j: frequency i + 1 downwards and j + 1 sideways. (The mean, frequency 0, says nothing.)
    pub coefficients: [[f32; KEPT]; KEPT],
    /// 0 (featureless) to 100. PDQ's makers distrust hashes of at most 49.
    pub quality: u8,
}

impl Transform {
    /// The transform of a small picture.
    #[must_use]
    pub fn of(small: &Small) -> Self {
        Self::of_at(Level::best(), small)
    }

    /// [`Transform::of`] with the instructions of `level`; every level gives the same bits.
    #[must_use]
    pub fn of_at(level: Level, small: &Small) -> Self {
        lanes::run(level, Lowest(small))
    }

    /// The hash: bit 16 i + j says whether coefficient (i, j) is greater than the median of all. The first byte holds
    /// the bits 255 to 248, so that its hex digits are written as everybody writes them.
    #[must_use]
    pub fn hash(&self) -> [u8; HASH_BYTES] {
        let coefficients = self.coefficients.as_flattened();
        let median = lower_median(coefficients);
        let mut hash = [0; HASH_BYTES];
        for (bit, &coefficient) in coefficients.iter().enumerate() {
            if coefficient > median {
                hash[HASH_BYTES - 1 - bit / 8] |= 1 << (bit % 8);
            }
        }
        hash
    }

    /// The median that [`Transform::hash`] compares with.
    #[must_use]
    pub fn median(&self) -> f32 {
        lower_median(self.coefficients.as_flattened())
    }
}

/// The transform of the whole picture, at its own size: the convention `full`.
///
/// # Errors
/// Where a side is too short or too long.
pub fn full(rows: &impl Rows) -> Result<Transform, NoHash> {
    full_at(Level::best(), rows)
}

/// [`full`] with the instructions of `level`; every level gives the same bits.
///
/// # Errors
/// Where a side is too short or too long.
pub fn full_at(level: Level, rows: &impl Rows) -> Result<Transform, NoHash> {
    check_sides(rows.width(), rows.height())?;
    Ok(Transform::of_at(level, &pdq_filter::small_picture(level, rows)))
}

/// Whether a picture of these sides is hashed.
///
/// # Errors
/// Where a side is too short or too long.
pub fn check_sides(width: usize, height: usize) -> Result<(), NoHash> {
    if width.min(height) < SHORTEST_SIDE {
        Err(NoHash::TooSmall)
    } else if width.max(height) > LONGEST_SIDE {
        Err(NoHash::TooLarge)
    } else {
        Ok(())
    }
}

struct Lowest<'a>(&'a Small);

impl Work for Lowest<'_> {
    type Output = Transform;

    #[inline(always)]
    fn run<M: Machine>(self, _: M) -> Transform {
        Transform { coefficients: cosine_transform(self.0), quality: quality(self.0) }
    }
}

/// How many steps of brightness lie between neighbours, each step truncated; scaled to 0 … 100 by the makers' constants.
#[inline(always)]
fn quality(small: &Small) -> u8 {
    #[allow(clippy::cast_possible_truncation)] // At most 100, in each direction.
    let step = |u: f32, v: f32| ((((u - v) * 100.0) / 255.0) as i32).unsigned_abs();
    let mut sum = 0;
    for (row, next) in small.iter().zip(&small[1..]) {
        sum += row.iter().zip(next).map(|(&u, &v)| step(u, v)).sum::<u32>();
    }
    for row in small {
        sum += row.iter().zip(&row[1..]).map(|(&u, &v)| step(u, v)).sum::<u32>();
    }
    u8::try_from((sum / 90).min(100)).expect("at most 100")
}

/// D A Dᵀ for the 16 x 64 matrix D of [`cosines`]. Each sum is taken in the order of its index, as the reference does:
/// another order rounds differently.
#[inline(always)]
fn cosine_transform(small: &Small) -> [[f32; KEPT]; KEPT] {
    let cosines = cosines();
    let mut half = [[0.0_f32; SMALL]; KEPT];
    for (row, sums) in half.iter_mut().enumerate() {
        for (cosine_row, line) in cosines.iter().zip(small) {
            let factor = cosine_row[row];
            for (sum, &luma) in sums.iter_mut().zip(line) {
                *sum += factor * luma;
            }
        }
    }
    let mut whole = [[0.0_f32; KEPT]; KEPT];
    for (sums, line) in whole.iter_mut().zip(&half) {
        for (cosine_row, &value) in cosines.iter().zip(line) {
            for (sum, &factor) in sums.iter_mut().zip(cosine_row) {
                *sum += value * factor;
            }
        }
    }
    whole
}

/// Dᵀ: entry (k, i) is sqrt(2 / 64) cos(π / 128 (i + 1) (2 k + 1)), computed in `f64` and kept in `f32`.
fn cosines() -> &'static [[f32; KEPT]; SMALL] {
    static COSINES: OnceLock<[[f32; KEPT]; SMALL]> = OnceLock::new();
    COSINES.get_or_init(|| {
        // The reference rounds the scale to f32 first. Every cast here is meant: the table's precision is f32.
        #[allow(clippy::cast_possible_truncation)]
        let scale = f64::from((2.0 / 64.0_f64).sqrt() as f32);
        let mut table = [[0.0; KEPT]; SMALL];
        for (k, row) in (0_u16..).zip(table.iter_mut()) {
            for (i, entry) in (0_u16..).zip(row.iter_mut()) {
                let angle = (std::f64::consts::PI / 2.0 / 64.0) * f64::from(i + 1) * f64::from(2 * k + 1);
                #[allow(clippy::cast_possible_truncation)]
                let rounded = (scale * angle.cos()) as f32;
                *entry = rounded;
            }
        }
        table
    })
}

/// The 128th smallest of 256: of the two in the middle, the lower.
fn lower_median(coefficients: &[f32]) -> f32 {
    let mut sorted = [0.0; KEPT * KEPT];
    sorted.copy_from_slice(coefficients);
    *sorted.select_nth_unstable_by(KEPT * KEPT / 2 - 1, f32::total_cmp).1
}
