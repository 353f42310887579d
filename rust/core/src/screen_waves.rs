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
use crate::screen::{Run, as_f64, pixels_of};

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
    let stored = small_picture(eighth, &along_row, &along_column);
    let mut upright = stored;
    if swapped {
        for (row, line) in upright.iter_mut().enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                *value = stored[column][row];
            }
        }
    }
    Ok(Transform::of(&upright))
}

/// What each block of a line weighs in each of the 64 samples: by its mean, and by its wave.
struct Weights {
    means: Vec<Run>,
    waves: Vec<Run>,
}

impl Weights {
    fn new(side: usize, reversed: bool) -> Self {
        let filter = BoxFilter::for_side(side);
        let (means, waves) = (0..SMALL)
            .map(|index| {
                let (first, mut weights) = pixels_of(filter, sample(side, index));
                if reversed {
                    weights.reverse();
                    return blocks_of(side - first - weights.len(), &weights, side.div_ceil(BLOCK));
                }
                blocks_of(first, &weights, side.div_ceil(BLOCK))
            })
            .unzip();
        Self { means, waves }
    }
}

/// Weights of pixels as weights of block means and of waves.
fn blocks_of(first: usize, weights: &[f64], count: usize) -> (Run, Run) {
    let s = as_f64(BLOCK);
    let kappa = (1.0 - 1.0 / (s * s)) / 12.0;
    let cosine: [f64; BLOCK] = std::array::from_fn(|at| ((2.0 * as_f64(at) + 1.0) * PI / 16.0).cos());
    let xi: [f64; BLOCK] = std::array::from_fn(|at| (as_f64(at) + 0.5) / s - 0.5);
    // How much of a slope is the cosine. Of the bend, none is.
    let shared = xi.iter().zip(&cosine).map(|(xi, cosine)| xi * cosine).sum::<f64>() / (s / 2.0);
    let last = count - 1;
    let low = (first / BLOCK).saturating_sub(1);
    let high = ((first + weights.len() - 1) / BLOCK + 1).min(last);
    let (mut means, mut waves) = (vec![0.0; high + 1 - low], vec![0.0; high + 1 - low]);
    for (pixel, weight) in (first..).zip(weights) {
        let (block, at) = (pixel / BLOCK, pixel % BLOCK);
        // Beyond the edge stands the edge's own mean again.
        let (before, after) = (block.saturating_sub(1), (block + 1).min(last));
        let (slope, bend) = ((xi[at] - shared * cosine[at]) / 2.0, (xi[at] * xi[at] - kappa) / 2.0);
        means[block - low] += weight * (1.0 - 2.0 * bend);
        means[after - low] += weight * (bend + slope);
        means[before - low] += weight * (bend - slope);
        waves[block - low] += weight * cosine[at];
    }
    #[allow(clippy::cast_possible_truncation)] // f32 is what the sums are taken in.
    let narrowed = |sums: Vec<f64>| (low, sums.into_iter().map(|sum| sum as f32).collect());
    (narrowed(means), narrowed(waves))
}

fn small_picture(eighth: &Eighth, along_row: &Weights, along_column: &Weights) -> Small {
    // A coefficient of one wave is this many times its cosine's height; of both, a quarter (T.81, A.3.3).
    #[allow(clippy::cast_possible_truncation)]
    let one = (FRAC_1_SQRT_2 / 4.0) as f32;
    let across = eighth.width.div_ceil(BLOCK);
    let mut small = [[0.0; SMALL]; SMALL];
    let mut lines: [Vec<f32>; 4] = std::array::from_fn(|_| vec![0.0; across]);
    for (row, (luma, waves)) in eighth.luma.chunks_exact(across).zip(eighth.waves.chunks_exact(across)).enumerate() {
        for (column, (&luma, &[horizontal, vertical, both])) in luma.iter().zip(waves).enumerate() {
            lines[0][column] = f32::from(luma);
            lines[1][column] = horizontal * one;
            lines[2][column] = vertical * one;
            lines[3][column] = both / 4.0;
        }
        // Of this row: what its means and its waves down come to in each column of samples.
        let mut sampled = [[0.0; SMALL]; 2];
        for (kind, sampled) in sampled.iter_mut().enumerate() {
            for ((output, means), waves) in sampled.iter_mut().zip(&along_row.means).zip(&along_row.waves) {
                *output = weighted(&lines[2 * kind], means) + weighted(&lines[2 * kind + 1], waves);
            }
        }
        for ((output, means), waves) in small.iter_mut().zip(&along_column.means).zip(&along_column.waves) {
            let Some(at) = row.checked_sub(means.0).filter(|&at| at < means.1.len()) else { continue };
            for (sum, (mean, wave)) in output.iter_mut().zip(sampled[0].iter().zip(&sampled[1])) {
                *sum += means.1[at] * mean + waves.1[at] * wave;
            }
        }
    }
    small
}

fn weighted(line: &[f32], (first, weights): &Run) -> f32 {
    line[*first..].iter().zip(weights).map(|(value, weight)| value * weight).sum()
}
