//! The picture on a page: what is left of a screenshot when everything between even lines was set aside.

use super::grey::{Grey, Rect, Side};

/// How far a pixel may be from its line's middle tone in an even line.
const TOLERANCE: u8 = 6;
/// So many pixels of 100 are as near in an even line.
const EVEN: u32 = 96;
/// Fewer even lines than these separate nothing.
const GAP: usize = 2;
/// A part with a shorter side than so many of 100 of the picture's is not looked into.
const SHORTEST: usize = 20;
/// Rows, columns, rows, columns of the rest, and once more each.
const LEVELS: usize = 6;

/// The largest part of the picture that no even line crosses; the whole where there is no such line.
pub(super) fn framed(grey: &Grey<'_>) -> Rect {
    let whole = grey.whole();
    let least = (whole.width() * SHORTEST / 100, whole.height() * SHORTEST / 100);
    largest(grey, whole, least, Side::Top, LEVELS).unwrap_or(whole)
}

/// `Top`: cut into rows of parts first; `Left`: into columns.
fn largest(grey: &Grey<'_>, rect: Rect, least: (usize, usize), side: Side, levels: usize) -> Option<Rect> {
    let across = if side == Side::Top { Side::Left } else { Side::Top };
    let parts = parts(grey, rect, side);
    if levels == 0 {
        return Some(rect);
    }
    if parts == [rect] {
        // No line in this direction; and if none in the other either, it is one thing.
        let others = self::parts(grey, rect, across);
        return if others == [rect] { Some(rect) } else { deepest(grey, others, least, side, levels) };
    }
    deepest(grey, parts, least, across, levels)
}

fn deepest(grey: &Grey<'_>, parts: Vec<Rect>, least: (usize, usize), side: Side, levels: usize) -> Option<Rect> {
    parts
        .into_iter()
        .filter(|part| part.width() >= least.0.max(1) && part.height() >= least.1.max(1))
        .filter_map(|part| largest(grey, part, least, side, levels - 1))
        .max_by_key(|part| part.width() * part.height())
}

/// What lies between the even lines, from `side` on.
fn parts(grey: &Grey<'_>, rect: Rect, side: Side) -> Vec<Rect> {
    let depth = rect.depth(side);
    let even: Vec<bool> = (0..depth)
        .map(|line| {
            let tones = grey.tones(rect, side, line);
            tones.near(tones.median(), TOLERANCE) >= EVEN
        })
        .collect();
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut line = 0;
    while line < depth {
        let run = even[line..].iter().take_while(|&&even| even).count();
        // At a side one line is enough: it belongs to what lies beyond.
        if run >= GAP || (run > 0 && (line == 0 || line + run == depth)) {
            if line > begin {
                parts.push(part(rect, side, begin, line));
            }
            begin = line + run;
        }
        line += run.max(1);
    }
    if depth > begin {
        parts.push(part(rect, side, begin, depth));
    }
    parts
}

fn part(rect: Rect, side: Side, begin: usize, end: usize) -> Rect {
    match side {
        Side::Top | Side::Bottom => Rect { top: rect.top + begin, bottom: rect.top + end, ..rect },
        Side::Left | Side::Right => Rect { left: rect.left + begin, right: rect.left + end, ..rect },
    }
}
