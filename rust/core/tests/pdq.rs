//! PDQ against a second implementation: the definition, written down as plainly as it goes, one number after the other.

use proptest::prelude::*;
use vangnet_core::digest::{Digester, Digests};
use vangnet_core::dihedral::View;
use vangnet_core::pdq::{self, Floor512, KEPT, Layout, NoHash, Picture, Rows, SMALL, Small, Transform, Upright};
use vangnet_core::screen::{Blocks, scaled_side, screened};
use vangnet_core::simd::Level;

/// Pixels from a fixed generator: soft waves with noise on them, so that sums and rounding are busy.
fn pixels(width: usize, height: usize, bytes: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut pixels = Vec::with_capacity(width * height * bytes);
    for row in 0..height {
        for column in 0..width {
            for band in 0..bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wave = (row * 3 + column * (band + 2)) / 4 % 256;
                pixels.push(((wave + (state >> 25) as usize) / 2) as u8);
            }
        }
    }
    pixels
}

fn luma(pixels: &[u8], layout: Layout) -> Vec<f32> {
    pixels
        .chunks_exact(layout.bytes())
        .map(|pixel| match *pixel {
            [grey] => f32::from(grey),
            [red, green, blue, ..] => {
                (f64::from(red) * 0.299 + f64::from(green) * 0.587 + f64::from(blue) * 0.114) as f32
            }
            _ => unreachable!(),
        })
        .collect()
}

/// One box filter along one line, as the definition has it: a running sum, in single precision.
fn box_filter(line: &[f32]) -> Vec<f32> {
    let window = line.len().div_ceil(128);
    let half = window.midpoint(2);
    let (mut sum, mut count, mut output) = (0.0_f32, 0_u16, Vec::new());
    for right in 0..line.len() + half - 1 {
        if right < line.len() {
            sum += line[right];
            count += 1;
        }
        if right >= window {
            sum -= line[right - window];
            count -= 1;
        }
        if right + 1 >= half {
            output.push(sum / f32::from(count));
        }
    }
    output
}

fn along_rows(picture: &[f32], width: usize) -> Vec<f32> {
    picture.chunks_exact(width).flat_map(box_filter).collect()
}

fn turned(picture: &[f32], width: usize) -> Vec<f32> {
    (0..picture.len()).map(|at| picture[at % (picture.len() / width) * width + at / (picture.len() / width)]).collect()
}

fn plainly(pixels: &[u8], width: usize, height: usize, layout: Layout) -> Transform {
    let mut picture = luma(pixels, layout);
    if (width, height) != (SMALL, SMALL) {
        for _ in 0..2 {
            picture = along_rows(&picture, width);
            picture = turned(&along_rows(&turned(&picture, width), height), height);
        }
    }
    let mut small: Small = [[0.0; SMALL]; SMALL];
    for (i, row) in small.iter_mut().enumerate() {
        for (j, cell) in row.iter_mut().enumerate() {
            let at = |index: usize, side: usize| ((index as f64 + 0.5) * side as f64 / 64.0) as usize;
            *cell = picture[at(i, height) * width + at(j, width)];
        }
    }
    Transform::of(&small)
}

fn assert_all_levels_agree(width: usize, height: usize, layout: Layout, seed: u32) {
    let pixels = pixels(width, height, layout.bytes(), seed);
    let picture = Picture::new(&pixels, width, height, layout).expect("right length");
    let expected = plainly(&pixels, width, height, layout);
    for level in Level::available() {
        let ours = pdq::full_at(level, &picture).expect("large enough");
        assert_eq!(ours, expected, "{width} x {height}, {layout:?}, {level:?}");
    }
}

#[test]
fn every_level_gives_the_definition_s_bits() {
    let sides = [5, 6, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 255, 256, 257, 384, 385, 513, 640];
    for (seed, &width) in (0..).zip(&sides) {
        for &height in &[5, 16, 64, 100, 129, 300, 513] {
            assert_all_levels_agree(width, height, Layout::Rgb, seed);
        }
    }
}

#[test]
fn every_level_gives_the_definition_s_bits_on_large_pictures() {
    assert_all_levels_agree(2049, 1537, Layout::Rgbx, 1);
    assert_all_levels_agree(33, 4000, Layout::Grey, 2);
    assert_all_levels_agree(9000, 40, Layout::Rgb, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_size_gives_the_definition_s_bits(width in 5_usize..700, height in 5_usize..300, seed: u32, kind in 0..3) {
        let layout = [Layout::Grey, Layout::Rgb, Layout::Rgbx][kind as usize];
        assert_all_levels_agree(width, height, layout, seed);
    }

    #[test]
    fn digests_do_not_depend_on_the_pieces(data in prop::collection::vec(any::<u8>(), 0..100_000), piece in 1_usize..70_000) {
        let mut digester = Digester::default();
        for bytes in data.chunks(piece) {
            digester.update(bytes);
        }
        prop_assert_eq!(digester.finish(), Digests::of(&data));
    }
}

#[test]
fn sides_have_limits() {
    for (width, height, expected) in
        [(4, 100, NoHash::TooSmall), (100, 4, NoHash::TooSmall), (2_000_000, 5, NoHash::TooLarge)]
    {
        let pixels = vec![0; width * height];
        let picture = Picture::new(&pixels, width, height, Layout::Grey).expect("right length");
        assert_eq!(pdq::full(&picture), Err(expected));
    }
    assert!(Picture::new(&[0; 24], 5, 5, Layout::Grey).is_none());
    assert!(Picture::new(&[], usize::MAX, 2, Layout::Rgb).is_none());
}

#[test]
fn a_hash_has_a_bit_for_each_coefficient_over_the_median() {
    let mut coefficients = [[0.0; KEPT]; KEPT];
    for (number, cell) in (0_u16..).zip(coefficients.as_flattened_mut()) {
        *cell = f32::from(number);
    }
    let transform = Transform { coefficients, quality: 100 };
    // The 128th smallest is 127: the bits of 128 to 255 are set, and bit 255 is the first that is printed.
    assert_eq!(transform.hash()[..16], [0xff; 16]);
    assert_eq!(transform.hash()[16..], [0x00; 16]);
    // Where many are equal, none of them is over itself.
    assert_eq!(Transform { coefficients: [[3.0; KEPT]; KEPT], quality: 0 }.hash(), [0; 32]);
}

#[test]
fn views_are_turns_of_the_small_picture() {
    // On 64 x 64 there is no window to lie askew: a turned picture has the turned transform, up to rounding.
    let source = pixels(SMALL, SMALL, 1, 9);
    let turn = |at: fn(usize, usize) -> (usize, usize)| -> Vec<u8> {
        (0..SMALL * SMALL)
            .map(|place| {
                let (row, column) = at(place / SMALL, place % SMALL);
                source[row * SMALL + column]
            })
            .collect()
    };
    let views: [(View, Vec<u8>); 8] = [
        (View::Original, turn(|i, j| (i, j))),
        (View::Rotate90, turn(|i, j| (j, 63 - i))),
        (View::Rotate180, turn(|i, j| (63 - i, 63 - j))),
        (View::Rotate270, turn(|i, j| (63 - j, i))),
        (View::FlipX, turn(|i, j| (63 - i, j))),
        (View::FlipY, turn(|i, j| (i, 63 - j))),
        (View::Transpose, turn(|i, j| (j, i))),
        (View::AntiTranspose, turn(|i, j| (63 - j, 63 - i))),
    ];
    let original = plainly(&source, SMALL, SMALL, Layout::Grey);
    for (view, pixels) in views {
        let really = plainly(&pixels, SMALL, SMALL, Layout::Grey);
        let seen = original.seen_as(view);
        for (a, b) in seen.coefficients.as_flattened().iter().zip(really.coefficients.as_flattened()) {
            assert!((a - b).abs() < 0.01, "{view:?}: {a} and {b}");
        }
    }
}

#[test]
fn floor512_takes_the_pixel_before() {
    let (width, height) = (1000, 700);
    let source = pixels(width, height, 3, 4);
    let picture = Picture::new(&source, width, height, Layout::Rgb).expect("right length");
    let small: Vec<u8> = (0..512 * 512)
        .flat_map(|place| {
            let (row, column) = (place / 512 * height / 512, place % 512 * width / 512);
            source[(row * width + column) * 3..][..3].to_vec()
        })
        .collect();
    assert_eq!(pdq::full(&Floor512::new(&picture)), Ok(plainly(&small, 512, 512, Layout::Rgb)));
    let little = Picture::new(&source[..300 * 200 * 3], 300, 200, Layout::Rgb).expect("right length");
    let kept = Floor512::new(&little);
    assert_eq!((kept.width(), kept.height()), (300, 200));
}

#[test]
fn a_picture_on_its_side_is_read_upright() {
    for (width, height, layout) in [(301, 200, Layout::Rgb), (47, 530, Layout::Grey), (64, 64, Layout::Rgbx)] {
        let source = pixels(width, height, layout.bytes(), 8);
        let picture = Picture::new(&source, width, height, layout).expect("right length");
        for orientation in 1..=8 {
            // The table of CIPA DC-008: where the pixel (row, column) of the upright picture lies in the file.
            let (wide, high) = if orientation >= 5 { (height, width) } else { (width, height) };
            let lies_at = |row: usize, column: usize| match orientation {
                1 => (row, column),
                2 => (row, width - 1 - column),
                3 => (height - 1 - row, width - 1 - column),
                4 => (height - 1 - row, column),
                5 => (column, row),
                6 => (height - 1 - column, row),
                7 => (height - 1 - column, width - 1 - row),
                _ => (column, width - 1 - row),
            };
            let turned: Vec<u8> = (0..wide * high)
                .flat_map(|place| {
                    let (row, column) = lies_at(place / wide, place % wide);
                    source[(row * width + column) * layout.bytes()..][..layout.bytes()].to_vec()
                })
                .collect();
            let upright = Upright::new(&picture, orientation).expect("an orientation");
            assert_eq!(pdq::full(&upright), Ok(plainly(&turned, wide, high, layout)), "orientation {orientation}");
            // The same, asked for in parts.
            let mut room = vec![0; (wide - 7) * layout.bytes()];
            let part = upright.part(high / 3, 7, &mut room);
            assert_eq!(part, &turned[(high / 3 * wide + 7) * layout.bytes()..][..part.len()]);
        }
        assert!(Upright::new(&picture, 0).is_none() && Upright::new(&picture, 9).is_none());
    }
}

// --- screen -------------------------------------------------------------------------------------------------------

fn blocks(side: usize, scale: usize, cut_first: bool) -> Blocks {
    Blocks { side, scale, cut_first }
}

#[test]
fn a_picture_in_blocks_of_one_is_filtered_as_it_is() {
    let (width, height) = (700, 333);
    let source = pixels(width, height, 1, 5);
    let picture = Picture::new(&source, width, height, Layout::Grey).expect("right length");
    let exact = pdq::full(&picture).expect("large enough");
    let weighed = screened(&picture, blocks(width, 1, false), blocks(height, 1, false)).expect("large enough");
    for (a, b) in exact.coefficients.as_flattened().iter().zip(weighed.coefficients.as_flattened()) {
        assert!((a - b).abs() < 0.02, "{a} and {b}");
    }
}

#[test]
fn weights_add_up_to_one() {
    for scale in [1, 2, 4, 8] {
        for side in [64, 100, 1000, 1023, 4001] {
            for cut_first in [false, true] {
                let (width, height) = (scaled_side(side, scale), scaled_side(500, scale));
                let flat = vec![200; width * height];
                let picture = Picture::new(&flat, width, height, Layout::Grey).expect("right length");
                let transform = screened(&picture, blocks(side, scale, cut_first), blocks(500, scale, false))
                    .expect("large enough");
                assert_eq!(transform.quality, 0);
                assert!(transform.coefficients.as_flattened().iter().all(|number| number.abs() < 0.05));
            }
        }
    }
}

#[test]
fn a_cut_block_may_come_first() {
    // A slope in blocks of eight over 1,003 pixels, once with the cut block last, once turned round.
    let (side, scale) = (1003, 8);
    let count = scaled_side(side, scale);
    let mean = |block: usize, lead: usize| {
        let inside = (block * scale).max(lead)..((block + 1) * scale).min(side + lead);
        let length = inside.len();
        (inside.map(|pixel| (pixel - lead) / 4).sum::<usize>() / length) as u8
    };
    for (lead, cut_first) in [(0, false), (count * scale - side, true)] {
        let row: Vec<u8> = (0..count).map(|block| mean(block, lead)).collect();
        let scaled = row.repeat(count);
        let picture = Picture::new(&scaled, count, count, Layout::Grey).expect("right length");
        let whole: Vec<u8> = (0..side * side).map(|place| (place % side / 4) as u8).collect();
        let original = Picture::new(&whole, side, side, Layout::Grey).expect("right length");
        let exact = pdq::full(&original).expect("large enough");
        let weighed = screened(&picture, blocks(side, scale, cut_first), blocks(side, scale, cut_first));
        let weighed = weighed.expect("large enough");
        let (a, b) = (exact.coefficients[0], weighed.coefficients[0]);
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 6.0, "{a} and {b}, cut first: {cut_first}");
        }
    }
}

#[test]
fn digests_of_nothing_are_the_known_ones() {
    let Digests { md5, sha1, sha256 } = Digests::of(b"");
    assert_eq!(md5[..4], [0xd4, 0x1d, 0x8c, 0xd9]);
    assert_eq!(sha1[..4], [0xda, 0x39, 0xa3, 0xee]);
    assert_eq!(sha256[..4], [0xe3, 0xb0, 0xc4, 0x42]);
}
