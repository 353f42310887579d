//! Strips of writing on one tone, right across the top or bottom: captions beside a picture and banners over one.

use super::grey::{Grey, Rect, Side};

/// How far a pixel may be from the strip's tone to be of it.
const TOLERANCE: u8 = 16;
/// A line without writing: so many of 100 pixels have the strip's tone.
const BLANK: u32 = 94;
/// A line with writing has at least so many.
const WRITTEN: u32 = 40;
/// Of the picture's first lines, on average, at most so many do.
const PICTURE: u32 = 60;
/// A strip is at least and at most so many of 100 lines high.
const LEAST: usize = 3;
const MOST: usize = 45;
/// Letters touch: so many lines one after the other, of which fewer pixels have the tone, are none of writing.
const RUN: usize = 4;

/// How many lines the strip at `side` has; 0 where there is none.
///
/// It begins at the side, has lines with writing and lines without, and ends with one without.
pub(super) fn strip(grey: &Grey<'_>, rect: Rect, side: Side) -> usize {
    let depth = rect.depth(side);
    let most = depth * MOST / 100;
    let tone = grey.tones(rect, side, 0).median();
    let shares: Vec<u32> = (0..depth).map(|line| grey.tones(rect, side, line).near(tone, TOLERANCE)).collect();
    let written = shares.windows(RUN).position(|run| run.iter().all(|&share| share < WRITTEN)).unwrap_or(depth);
    let Some(last) = shares[..written.min(most)].iter().rposition(|&share| share >= BLANK) else {
        return 0;
    };
    let lines = last + 1;
    let follows = &shares[lines..(lines + (depth / 10).max(2)).min(depth)];
    let mean = follows.iter().sum::<u32>() / u32::try_from(follows.len().max(1)).unwrap_or(u32::MAX);
    let has_writing = shares[..last].iter().any(|&share| share < BLANK);
    if has_writing && lines * 100 >= depth * LEAST && mean <= PICTURE { lines } else { 0 }
}
