//! Cuts of pictures whose borders, bars and strips are known, and of anything at all.

use proptest::prelude::*;
use vangnet_core::cuts::{self, Cut, Grey, MOST, Rect, Step, painted};

/// Rough noise from a fixed generator, between `low` and `low` + 160.
fn noise(width: usize, height: usize, seed: u32, low: u8) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..width * height)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            low + u8::try_from((state >> 24) * 160 / 256).unwrap()
        })
        .collect()
}

/// A canvas of one tone with a picture on it.
fn placed(canvas: (usize, usize), tone: u8, picture: &[u8], at: Rect) -> Vec<u8> {
    let mut pixels = vec![tone; canvas.0 * canvas.1];
    for (row, line) in (at.top..at.bottom).zip(picture.chunks_exact(at.width())) {
        pixels[row * canvas.0 + at.left..][..at.width()].copy_from_slice(line);
    }
    pixels
}

fn found(pixels: &[u8], width: usize, height: usize) -> Vec<Cut> {
    cuts::find(&Grey::new(pixels, width, height).expect("a picture"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_border_of_any_tone_and_widths_is_found_to_the_pixel(
        tone in prop_oneof![0..30_u8, 225..=255_u8], seed: u32,
        left in 4..60_usize, top in 4..60_usize, right in 4..60_usize, bottom in 4..60_usize,
    ) {
        let rect = Rect { left, top, right: left + 120, bottom: top + 90 };
        let (width, height) = (rect.right + right, rect.bottom + bottom);
        let pixels = placed((width, height), tone, &noise(120, 90, seed, 45), rect);
        let cuts = found(&pixels, width, height);
        prop_assert_eq!(&cuts[0], &Cut { steps: vec![Step::Border], rect, painted: (0, 0) });
    }

    #[test]
    fn bars_are_found_and_named_so(tone: u8, seed: u32, bar in 4..60_usize, upright: bool) {
        let low = if tone < 128 { tone.saturating_add(20).min(95) } else { 0 };
        let picture = noise(120, 90, seed, low.min(95));
        let (rect, canvas) = if upright {
            (Rect { left: bar, top: 0, right: bar + 120, bottom: 90 }, (120 + 2 * bar, 90))
        } else {
            (Rect { left: 0, top: bar, right: 120, bottom: bar + 90 }, (120, 90 + 2 * bar))
        };
        let cuts = found(&placed(canvas, tone, &picture, rect), canvas.0, canvas.1);
        prop_assert!(cuts.iter().any(|cut| cut.rect == rect && cut.steps == [Step::Bars]), "{:?}", cuts);
    }

    #[test]
    fn bars_inside_a_border_of_another_tone_are_found_together(seed: u32, bar in 8..40_usize, border in 8..40_usize) {
        let inner = Rect { left: 0, top: bar, right: 120, bottom: bar + 90 };
        let barred = placed((120, 90 + 2 * bar), 0, &noise(120, 90, seed, 40), inner);
        let (width, height) = (120 + 2 * border, 90 + 2 * (bar + border));
        let outer = Rect { left: border, top: border, right: border + 120, bottom: height - border };
        let pixels = placed((width, height), 255, &barred, outer);
        let rect = Rect { left: border, top: border + bar, right: border + 120, bottom: border + bar + 90 };
        let cuts = found(&pixels, width, height);
        prop_assert_eq!(&cuts[0], &Cut { steps: vec![Step::Border, Step::Bars], rect, painted: (0, 0) });
        prop_assert!(cuts.iter().any(|cut| cut.rect == outer && cut.steps == [Step::Border]));
    }

    #[test]
    fn whatever_the_picture_every_cut_lies_in_it_and_leaves_something(
        width in 1..40_usize, height in 1..40_usize, pixels in proptest::collection::vec(0..4_u8, 1600),
    ) {
        let pixels: Vec<u8> = pixels[..width * height].iter().map(|pixel| pixel * 80).collect();
        let cuts = found(&pixels, width, height);
        prop_assert!(cuts.len() <= MOST);
        for cut in cuts {
            prop_assert!(cut.rect.left < cut.rect.right && cut.rect.right <= width);
            prop_assert!(cut.rect.top < cut.rect.bottom && cut.rect.bottom <= height);
            prop_assert!(cut.painted.0 + cut.painted.1 < cut.rect.height());
            prop_assert!(!cut.steps.is_empty());
        }
    }

    #[test]
    fn painting_changes_the_strips_alone(
        seed: u32, width in 1..50_usize, kept in 1..40_usize, top in 0..20_usize, bottom in 0..20_usize,
    ) {
        let height = kept + top + bottom;
        let pixels = noise(width, height, seed, 0);
        let made = painted(&pixels, width, height, top, bottom);
        prop_assert_eq!(made.len(), pixels.len());
        let seen = top * width..(height - bottom) * width;
        prop_assert_eq!(&made[seen.clone()], &pixels[seen]);
    }

    #[test]
    fn what_is_painted_is_smoother_than_the_rows_beside_it(seed: u32, width in 20..60_usize) {
        // Laplace: no value lies beyond those on the edge, and waves fade with the distance.
        let pixels = noise(width, 40, seed, 50);
        let made = painted(&pixels, width, 40, 0, 12);
        let spread = |row: usize| {
            let line = &made[row * width..][..width];
            usize::from(line.iter().max().unwrap() - line.iter().min().unwrap())
        };
        prop_assert!(spread(39) <= spread(28) + 2);
    }
}

#[test]
fn an_even_picture_has_no_cut() {
    for tone in [0, 7, 128, 255] {
        assert!(found(&vec![tone; 300 * 200], 300, 200).is_empty());
    }
}

#[test]
fn an_even_edge_is_continued_evenly() {
    let mut pixels = vec![90; 60 * 50];
    pixels[40 * 60..].fill(0);
    assert!(painted(&pixels, 60, 50, 0, 10).iter().all(|&pixel| pixel == 90));
}

#[test]
fn a_slope_along_the_edge_fades_with_the_distance_as_the_equation_says() {
    // One wave, cos(π x / width), which must be cosh(k (d - y)) / cosh(k d) of itself at the distance y.
    let (width, height, depth) = (64_usize, 80_usize, 30_usize);
    let wave = |x: usize| (std::f64::consts::PI * (x as f64 + 0.5) / width as f64).cos();
    let pixels: Vec<u8> = (0..height * width).map(|at| (128.0 + 100.0 * wave(at % width)).round() as u8).collect();
    let made = painted(&pixels, width, height, 0, depth);
    let k = std::f64::consts::PI / width as f64;
    for away in 0..depth {
        let share = (k * (depth as f64 - away as f64 - 0.5)).cosh() / (k * depth as f64).cosh();
        for x in 0..width {
            let expected = 128.0 + 100.0 * share * wave(x);
            let got = f64::from(made[(height - depth + away) * width + x]);
            assert!((got - expected).abs() <= 1.5, "row {away}, column {x}: {got} and not {expected}");
        }
    }
}

#[test]
fn a_strip_with_writing_is_cut_off_and_painted_over() {
    let rect = Rect { left: 0, top: 0, right: 200, bottom: 150 };
    let mut pixels = placed((200, 176), 0, &noise(200, 150, 5, 60), rect);
    // Letters: every third pixel of some rows in the middle of the strip.
    for row in 158..166 {
        for column in (40..160).step_by(3) {
            pixels[row * 200 + column] = 255;
        }
    }
    let cuts = found(&pixels, 200, 176);
    let whole = Rect { bottom: 176, ..rect };
    assert!(cuts.contains(&Cut { steps: vec![Step::Caption], rect, painted: (0, 0) }), "{cuts:?}");
    assert!(cuts.contains(&Cut { steps: vec![Step::Banner], rect: whole, painted: (0, 26) }), "{cuts:?}");
}

#[test]
fn the_picture_on_a_page_is_cut_out() {
    let rect = Rect { left: 60, top: 50, right: 240, bottom: 190 };
    let mut pixels = placed((300, 260), 250, &noise(180, 140, 9, 20), rect);
    for row in [10, 12, 14, 210, 212, 220, 222] {
        for column in (20..250).step_by(4) {
            pixels[row * 300 + column] = 10;
        }
    }
    let cuts = found(&pixels, 300, 260);
    assert!(cuts.iter().any(|cut| cut.rect == rect), "{cuts:?}");

    // Beside it a column of another tone with signs in it, as programs have: then it takes even lines in turns.
    for row in 0..260 {
        pixels[row * 300..][..30].fill(120);
        pixels[row * 300 + 8..][..4].fill(if row % 20 < 8 { 30 } else { 120 });
    }
    pixels[..30 * 300].fill(60);
    let cuts = found(&pixels, 300, 260);
    assert!(cuts.iter().any(|cut| cut.rect == rect && cut.steps == [Step::Frame]), "{cuts:?}");
}
