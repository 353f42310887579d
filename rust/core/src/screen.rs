//! `full~`: nearly the `full` hash, from a decode that is two, four or eight times smaller.
//!
//! A JPEG decoder gives a picture scaled down for a fraction of the work; each scaled pixel is (nearly) the mean of the
//! block of pixels it stands for. PDQ's blur and sampling are one fixed weighting of the pixels of a line: 64 weighted
//! sums along each side. Here those weights are worked out for the original side and then carried over to the means of
//! blocks, assuming that brightness runs through a block as the parabola that has the means of the block and of its two
//! neighbours. The hash lies a few bits beside the true one: it screens, it never counts as a match.

use crate::box_filter::BoxFilter;
use crate::pdq::{NoHash, Picture, Rows, SMALL, Small, Transform, check_sides};
use crate::pdq_filter::{luma_of_pixel, sample};

/// How a side of the original lies in blocks.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Pixels of the original side.
    pub side: usize,
    /// Pixels of a block: 1, 2, 4 or 8.
    pub scale: usize,
    /// Where the side is not whole blocks: whether its first block is the cut one (of a picture that was turned), not its
    /// last.
    pub cut_first: bool,
}

impl Blocks {
    fn count(self) -> usize {
        scaled_side(self.side, self.scale)
    }

    /// How many pixels the first block lacks.
    fn lead(self) -> usize {
        if self.cut_first { self.count() * self.scale - self.side } else { 0 }
    }
}

/// The transform of a picture of which only `scaled` is at hand: every pixel the mean of one block of the original, that of a
/// cut block too.
///
/// # Errors
/// Where a side of the original is too short or too long.
///
/// # Panics
/// Where `scaled` has other sides than the blocks say.
pub fn screened(scaled: &Picture<'_>, along_row: Blocks, along_column: Blocks) -> Result<Transform, NoHash> {
    check_sides(along_row.side, along_column.side)?;
    assert_eq!(
        (scaled.width(), scaled.height()),
        (along_row.count(), along_column.count()),
        "sides of the scaled picture"
    );
    Ok(Transform::of(&small_picture(scaled, &Weights::new(along_row), &Weights::new(along_column))))
}

/// The side that is left of `side` after scaling down by `scale`.
#[must_use]
pub fn scaled_side(side: usize, scale: usize) -> usize {
    side.div_ceil(scale)
}

/// The first number of a line that counts, and what it and those after it weigh.
pub(crate) type Run = (usize, Vec<f32>);

/// What each block of a line weighs in each of the 64 samples.
struct Weights {
    samples: Vec<Run>,
}

impl Weights {
    fn new(blocks: Blocks) -> Self {
        let filter = BoxFilter::for_side(blocks.side);
        let at = |index| sample(blocks.side, index);
        Self { samples: (0..SMALL).map(|index| blocks_of(&pixels_of(filter, at(index)), blocks)).collect() }
    }
}

/// What each pixel weighs at output `at` of the box filter applied twice: the first pixel's number, then the weights.
pub(crate) fn pixels_of(filter: BoxFilter, at: usize) -> (usize, Vec<f64>) {
    let last = filter.length - 1;
    let window = |at: usize| (at.saturating_sub(filter.back()), (at + filter.ahead).min(last));
    let (low, high) = window(at);
    let (first, end) = (window(low).0, window(high).1);
    let mut weights = vec![0.0; end + 1 - first];
    for middle in low..=high {
        let (from, to) = window(middle);
        let weight = 1.0 / (as_f64(high + 1 - low) * as_f64(to + 1 - from));
        for cell in &mut weights[from - first..=to - first] {
            *cell += weight;
        }
    }
    (first, weights)
}

/// The same as weights of block means. Over a block of s pixels, with ξ running from -1/2 to 1/2 and m the means,
/// brightness is taken to be m₀ + ξ (m₁ - m₋₁) / 2 + (ξ² - κ) (m₁ - 2 m₀ + m₋₁) / 2, with κ the mean of ξ² over the
/// pixels, so that the mean is m₀ as it must be (a reconstruction known from finite volumes; Colella and Woodward 1984).
fn blocks_of(pixels: &(usize, Vec<f64>), blocks: Blocks) -> Run {
    let (first, weights) = pixels;
    let (scale, last) = (blocks.scale, blocks.count() - 1);
    let s = as_f64(scale);
    let kappa = (1.0 - 1.0 / (s * s)) / 12.0;
    let first = first + blocks.lead();
    let low = (first / scale).saturating_sub(1);
    let high = ((first + weights.len() - 1) / scale + 1).min(last);
    let mut sums = vec![0.0; high + 1 - low];
    for (pixel, weight) in (first..).zip(weights) {
        let block = pixel / scale;
        let xi = (as_f64(pixel % scale) + 0.5) / s - 0.5;
        // Beyond the edge stands the edge's own mean again.
        let (before, after) = (block.saturating_sub(1), (block + 1).min(last));
        let (slope, bend) = (xi / 2.0, (xi * xi - kappa) / 2.0);
        sums[block - low] += weight * (1.0 - 2.0 * bend);
        sums[after - low] += weight * (bend + slope);
        sums[before - low] += weight * (bend - slope);
    }
    #[allow(clippy::cast_possible_truncation)]
    // Weights of about 1/20; f32 is what the sums are taken in.
    let weights = sums.into_iter().map(|sum| sum as f32).collect();
    (low, weights)
}

fn small_picture(scaled: &Picture<'_>, along_row: &Weights, along_column: &Weights) -> Small {
    let layout = scaled.layout();
    let mut room = vec![0; scaled.width() * layout.bytes()];
    let mut small = [[0.0; SMALL]; SMALL];
    for row in 0..scaled.height() {
        let luma: Vec<f32> = scaled
            .part(row, 0, &mut room)
            .chunks_exact(layout.bytes())
            .map(|pixel| match *pixel {
                [grey] => f32::from(grey),
                [red, green, blue, ..] => luma_of_pixel(red, green, blue),
                _ => unreachable!("a layout has 1, 3 or 4 bytes"),
            })
            .collect();
        let sampled = sampled(&luma, along_row);
        for (output, (first, weights)) in small.iter_mut().zip(&along_column.samples) {
            let Some(&weight) = row.checked_sub(*first).and_then(|offset| weights.get(offset)) else {
                continue;
            };
            for (sum, value) in output.iter_mut().zip(&sampled) {
                *sum += weight * value;
            }
        }
    }
    small
}

fn sampled(luma: &[f32], weights: &Weights) -> [f32; SMALL] {
    let mut sampled = [0.0; SMALL];
    for (output, (first, weights)) in sampled.iter_mut().zip(&weights.samples) {
        *output = luma[*first..].iter().zip(weights).map(|(luma, weight)| luma * weight).sum();
    }
    sampled
}

pub(crate) fn as_f64(count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // Sides are at most 2^20.
    let number = count as f64;
    number
}
