//! Even edges: borders and bars of any tone.

use super::grey::{Grey, Rect, Side};

/// A line is even if so many of its pixels, of 100, have the tone of the outermost one. The others are noise, a name in a
/// corner.
const EVEN: u32 = 97;
/// Where the edge ends, so many of 100 pixels must differ at once: a sky's end is ragged, a border's is not.
const SHARP: u32 = 25;
/// The same where the opposite edge ends as soon. Bars come in pairs, and a dark picture can begin as dark as its bars.
const SHARP_PAIR: u32 = 5;
/// So many lines may go from the change to the picture: a decoder's and a scaler's blur.
const BLUR: usize = 3;

/// The rectangle without its even edges, of one tone a side; all of it, where it is even altogether.
pub(super) fn trimmed(grey: &Grey<'_>, rect: Rect, tolerance: u8) -> Rect {
    let found = Side::ALL.map(|side| Edge::of(grey, rect, side, tolerance));
    let [top, bottom, left, right] = &found;
    let keep = |edge: &Edge, opposite: &Edge| {
        let pair = edge.lines > 0 && edge.lines.abs_diff(opposite.lines) <= 1 + edge.lines / 16;
        edge.lines > 0 && edge.change >= if pair { SHARP_PAIR } else { SHARP }
    };
    let kept = [keep(top, bottom), keep(bottom, top), keep(left, right), keep(right, left)];
    let mut rest = rect;
    for ((side, edge), kept) in Side::ALL.into_iter().zip(&found).zip(kept) {
        if kept {
            if edge.lines >= rest.depth(side) {
                return rect;
            }
            rest = rest.without(side, edge.lines);
        }
    }
    rest
}

struct Edge {
    /// How many lines are even.
    lines: usize,
    /// How many pixels of 100 differ in the lines that follow.
    change: u32,
}

impl Edge {
    fn of(grey: &Grey<'_>, rect: Rect, side: Side, tolerance: u8) -> Self {
        let depth = rect.depth(side);
        let tone = grey.tones(rect, side, 0).median();
        let near = |line| grey.tones(rect, side, line).near(tone, tolerance);
        let lines = (0..depth).take_while(|&line| near(line) >= EVEN).count();
        let change = (lines..depth.min(lines + BLUR)).map(|line| 100 - near(line)).max().unwrap_or(0);
        Self { lines, change }
    }
}
