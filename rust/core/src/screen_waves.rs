//! `full~` of a small picture, from the means and the slowest waves of its blocks of eight by eight pixels.
//!
//! `screen.rs` takes brightness within a block for a parabola through means. That is coarse where a block is about as wide as
//! PDQ's window. A JPEG tells more at little cost: how strongly the slowest cosine runs through each block, across, down and
//! both ways. What the waves tell is taken as it is, and of the parabola only what they say nothing of.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::box_filter::BoxFilter;
use crate::jpeg::Eighth;
use crate::pdq::{NoHash, SMALL, Small, Transform, check_sides};
use crate::pdq_filter::sample;
use crate::screen::{as_f64, pixels_of};
use crate::simd::Level;
use crate::simd::lanes::{self, Machine, Work};

const BLOCK: usize = 8;

/// The transform of a picture as it stands upright, of which an eighth with waves is at hand.
///
/// # Errors
/// Where a side of the original is too short or too long.
pub fn screened_by_waves(eighth: &Eighth) -> Result<Transform, NoHash> {
    check_sides(eighth.width, eighth.height)?;
    let swapped = eighth.orientation >= 5;
    let (mirrored, upended) =
        (matches!(eighth.orientation, 2 | 3 | 6 | 7), matches!(eighth.orientation, 3 | 4 | 7 | 8));
    // Rows and columns as they are stored; where they change places, so do left and top.
    let (row_reversed, column_reversed) = if swapped { (upended, mirrored) } else { (mirrored, upended) };
    let along_row = Weights::new(eighth.width, row_reversed);
    let along_column = Weights::new(eighth.height, column_reversed);
    let stored = lanes::run(Level::best(), Sampled { eighth, along_row: &along_row, along_column: &along_column });
    let upright = if swapped { transposed(&stored) } else { stored };
    Ok(Transform::of(&upright))
}

/// What each block of a line weighs: in which of the 64 samples, by its mean, and by its wave.
struct Weights {
    blocks: Vec<Vec<(usize, f32, f32)>>,
}

impl Weights {
    fn new(side: usize, reversed: bool) -> Self {
        let (filter, shape, count) = (BoxFilter::for_side(side), Shape::new(), side.div_ceil(BLOCK));
        let mut blocks = vec![vec![]; count];
        for index in 0..SMALL {
            let (mut first, mut weights) = pixels_of(filter, sample(side, index));
            if reversed {
                weights.reverse();
                first = side - first - weights.len();
            }
            let (low, means, waves) = shape.weights(first, &weights, count);
            for (block, (mean, wave)) in blocks[low..].iter_mut().zip(means.into_iter().zip(waves)) {
                #[allow(clippy::cast_possible_truncation)] // f32 is what the sums are taken in.
                block.push((index, mean as f32, wave as f32));
            }
        }
        Self { blocks }
    }
}

/// How a pixel's brightness comes of its block's mean, of those before and after, and of its wave.
struct Shape {
    cosine: [f64; BLOCK],
    /// By half of what the mean after is higher than the mean before.
    slope: [f64; BLOCK],
    /// By half of what both of them together are higher than twice the mean.
    bend: [f64; BLOCK],
}

impl Shape {
    fn new() -> Self {
        let s = as_f64(BLOCK);
        let kappa = (1.0 - 1.0 / (s * s)) / 12.0;
        let cosine: [f64; BLOCK] = std::array::from_fn(|at| ((2.0 * as_f64(at) + 1.0) * PI / 16.0).cos());
        let xi: [f64; BLOCK] = std::array::from_fn(|at| (as_f64(at) + 0.5) / s - 0.5);
        // How much of a slope is the cosine. Of the bend, none is.
        let shared = xi.iter().zip(&cosine).map(|(xi, cosine)| xi * cosine).sum::<f64>() / (s / 2.0);
        let slope = std::array::from_fn(|at| (xi[at] - shared * cosine[at]) / 2.0);
        Self { cosine, slope, bend: xi.map(|xi| (xi * xi - kappa) / 2.0) }
    }

    /// Weights of pixels from the one at `first` on as weights of block means and of waves, of `count` blocks: the first
    /// block's number, then both.
    fn weights(&self, first: usize, weights: &[f64], count: usize) -> (usize, Vec<f64>, Vec<f64>) {
        let last = count - 1;
        let low = (first / BLOCK).saturating_sub(1);
        let high = ((first + weights.len() - 1) / BLOCK + 1).min(last);
        let (mut means, mut waves) = (vec![0.0; high + 1 - low], vec![0.0; high + 1 - low]);
        for (pixel, weight) in (first..).zip(weights) {
            let (block, at) = (pixel / BLOCK, pixel % BLOCK);
            // Beyond the edge stands the edge's own mean again.
            let (before, after) = (block.saturating_sub(1), (block + 1).min(last));
            let (slope, bend) = (self.slope[at], self.bend[at]);
            means[block - low] += weight * (1.0 - 2.0 * bend);
            means[after - low] += weight * (bend + slope);
            means[before - low] += weight * (bend - slope);
            waves[block - low] += weight * self.cosine[at];
        }
        (low, means, waves)
    }
}

struct Sampled<'a> {
    eighth: &'a Eighth,
    along_row: &'a Weights,
    along_column: &'a Weights,
}

impl Work for Sampled<'_> {
    type Output = Small;

    #[inline(always)]
    fn run<M: Machine>(self, _: M) -> Small {
        small_picture(self.eighth, self.along_row, self.along_column)
    }
}

/// The 64 x 64 samples, first taken along columns, then along rows, each time for many at once.
#[inline(always)]
fn small_picture(eighth: &Eighth, along_row: &Weights, along_column: &Weights) -> Small {
    let across = eighth.width.div_ceil(BLOCK);
    // Of each row of samples: the means and the waves across that are left when columns have been summed up.
    let mut sampled = [vec![0.0; SMALL * across], vec![0.0; SMALL * across]];
    let mut lines: [Vec<f32>; 4] = std::array::from_fn(|_| vec![0.0; across]);
    let rows = eighth.luma.chunks_exact(across).zip(eighth.waves.chunks_exact(across));
    for ((luma, waves), weights) in rows.zip(&along_column.blocks) {
        spread(luma, waves, &mut lines);
        let [luma, horizontal, vertical, both] = &lines;
        for &(sample, mean, wave) in weights {
            let line = sample * across..(sample + 1) * across;
            add(&mut sampled[0][line.clone()], (mean, wave), luma, vertical);
            add(&mut sampled[1][line], (mean, wave), horizontal, both);
        }
    }
    let mut small = [[0.0; SMALL]; SMALL];
    let [mut means, mut waves] = [[0.0; SMALL]; 2];
    for (column, weights) in along_row.blocks.iter().enumerate() {
        for (row, (mean, wave)) in means.iter_mut().zip(&mut waves).enumerate() {
            (*mean, *wave) = (sampled[0][row * across + column], sampled[1][row * across + column]);
        }
        for &(sample, mean, wave) in weights {
            add(&mut small[sample], (mean, wave), &means, &waves);
        }
    }
    transposed(&small)
}

/// A row of blocks as four lines: means, waves across, waves down, waves both ways.
#[inline(always)]
fn spread(luma: &[u8], waves: &[[f32; 3]], [means, horizontal, vertical, both]: &mut [Vec<f32>; 4]) {
    // A coefficient of one wave is this many times its cosine's height; of both, a quarter (T.81, A.3.3).
    #[allow(clippy::cast_possible_truncation)]
    let one = (FRAC_1_SQRT_2 / 4.0) as f32;
    for (mean, &luma) in means.iter_mut().zip(luma) {
        *mean = f32::from(luma);
    }
    let lines = horizontal.iter_mut().zip(vertical).zip(both);
    for (((horizontal, vertical), both), wave) in lines.zip(waves) {
        (*horizontal, *vertical, *both) = (wave[0] * one, wave[1] * one, wave[2] / 4.0);
    }
}

#[inline(always)]
fn add(sums: &mut [f32], (mean, wave): (f32, f32), means: &[f32], waves: &[f32]) {
    for (sum, (value, slope)) in sums.iter_mut().zip(means.iter().zip(waves)) {
        *sum += mean * value + wave * slope;
    }
}

#[inline(always)]
fn transposed(square: &Small) -> Small {
    let mut turned = [[0.0; SMALL]; SMALL];
    for (row, line) in turned.iter_mut().enumerate() {
        for (value, from) in line.iter_mut().zip(square) {
            *value = from[row];
        }
    }
    turned
}
