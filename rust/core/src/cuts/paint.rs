//! What may have been under a banner, guessed from the picture beside it.

use std::f64::consts::PI;

/// Waves along a row that are carried over; finer ones fade within a few rows.
const WAVES: usize = 48;
/// Lines beside the banner that are passed over, as the encoder's ringing is in them, and those that are taken.
const PASSED: usize = 1;
const TAKEN: usize = 2;

/// The grey picture with its `top` uppermost and `bottom` lowest rows painted over.
///
/// Brightness in photographs varies like a random walk: the best guess for what is not seen is the field with the least
/// slopes that fits what is seen (the solution of Laplace's equation). From a straight edge, the wave of frequency k fades
/// with the distance y as cosh(k (d - y)) / cosh(k d), where d is how deep the strip is: coarse ones reach far, fine ones
/// end at once.
///
/// # Panics
/// Where `pixels` are not `width` x `height`, or nothing is left between the strips.
#[must_use]
pub fn painted(pixels: &[u8], width: usize, height: usize, top: usize, bottom: usize) -> Vec<u8> {
    assert!(
        pixels.len() == width * height && width > 0 && top + bottom < height,
        "a picture with something left of it"
    );
    let mut made = pixels.to_vec();
    let row = |number: usize| &pixels[number * width..][..width];
    let kept = height - top - bottom;
    let beside = |number: usize| (number + PASSED).min(kept - 1);
    let cosines = cosines(width);
    let taken = |from_top: bool| -> Vec<f64> {
        let mut sums = vec![0.0; width];
        for number in 0..TAKEN {
            let inside = beside(number);
            let from = row(if from_top { top + inside } else { height - bottom - 1 - inside });
            for (sum, &pixel) in sums.iter_mut().zip(from) {
                *sum += f64::from(pixel) / as_f64(TAKEN);
            }
        }
        sums
    };
    for (from_top, depth) in [(true, top), (false, bottom)] {
        if depth == 0 {
            continue;
        }
        let waves = waves(&taken(from_top), &cosines);
        for away in 0..depth {
            let number = if from_top { top - 1 - away } else { height - bottom + away };
            let line = faded(&waves, &cosines, width, depth, away);
            made[number * width..][..width].copy_from_slice(&line);
        }
    }
    made
}

/// cos(π m (x + 1/2) / width), for each wave m and each x.
fn cosines(width: usize) -> Vec<Vec<f64>> {
    let step = PI / as_f64(width);
    (0..WAVES.min(width))
        .map(|wave| (0..width).map(|at| (step * as_f64(wave) * (as_f64(at) + 0.5)).cos()).collect())
        .collect()
}

/// How strong each wave is in a line.
fn waves(line: &[f64], cosines: &[Vec<f64>]) -> Vec<f64> {
    cosines
        .iter()
        .enumerate()
        .map(|(wave, cosine)| {
            let sum: f64 = line.iter().zip(cosine).map(|(value, cosine)| value * cosine).sum();
            sum * if wave == 0 { 1.0 } else { 2.0 } / as_f64(line.len())
        })
        .collect()
}

fn faded(waves: &[f64], cosines: &[Vec<f64>], width: usize, depth: usize, away: usize) -> Vec<u8> {
    let mut line = vec![0.0; width];
    let (deep, y) = (as_f64(depth), as_f64(away) + 0.5);
    for (number, (wave, cosine)) in waves.iter().zip(cosines).enumerate() {
        let k = PI * as_f64(number) / as_f64(width);
        // cosh(k (d - y)) / cosh(k d), without numbers that overflow.
        let share = ((-k * y).exp() + (-k * (2.0 * deep - y)).exp()) / (1.0 + (-2.0 * k * deep).exp());
        if share < 1e-3 {
            break;
        }
        for (sum, cosine) in line.iter_mut().zip(cosine) {
            *sum += wave * share * cosine;
        }
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 255.
    line.into_iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect()
}

fn as_f64(count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // Sides of pictures.
    let number = count as f64;
    number
}
