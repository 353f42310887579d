//! What people put around a picture: found on a small grey copy of it, and named.
//!
//! A telephone puts bars beside a picture, a program a border around it, a screenshot a page, a re-post a caption over it.
//! Each cut is another way to look at the picture, beside the whole: it is only ever looked up in addition. So a wrong cut
//! costs a look-up, and a cut that is not found costs what was lost before.

mod edges;
mod frame;
mod grey;
mod paint;
mod strips;

pub use grey::{Grey, Rect};
pub use paint::painted;

use grey::Side;

/// At most so many: with the whole, in eight ways to hold each, 48 look-ups.
pub const MOST: usize = 5;

/// How far an even edge's pixels may be from its tone: nothing but a decoder's noise, or a scanner's.
const TOLERANCES: [u8; 2] = [4, 16];
/// A border of one tone can have another inside, and a blurred line between them: so many times what is left is looked
/// at again.
const LAYERS: usize = 5;
/// Of each side of the picture, at least so many of 100 are left.
const LEFT: usize = 25;
/// Of each side, a picture on a page has at least so many of 100.
const FRAMED: usize = 20;
/// A banner that covers more than so many of 100 rows leaves too little to guess from.
const PAINTED: usize = 25;
/// Rectangles whose edges lie within so small a part of the side are the same.
const SAME: usize = 160;

/// What was done to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Even bars at top and bottom, or left and right, or at one of them, were cut off.
    Bars,
    /// An even border was cut off.
    Border,
    /// A strip with writing at the top or bottom was cut off.
    Caption,
    /// A strip at the top or bottom was painted over with what may have been under it.
    Banner,
    /// The largest part of a page was cut out.
    Frame,
}

impl Step {
    /// The name by which a match tells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bars => "bars",
            Self::Border => "border",
            Self::Caption => "caption",
            Self::Banner => "banner",
            Self::Frame => "frame",
        }
    }
}

/// A part of a picture that may be the picture somebody listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What was done, one after the other.
    pub steps: Vec<Step>,
    /// What is left.
    pub rect: Rect,
    /// Rows of it, at its top and at its bottom, that are to be painted over.
    pub painted: (usize, usize),
}

/// The cuts of a picture, the likeliest first.
#[must_use]
pub fn find(grey: &Grey<'_>) -> Vec<Cut> {
    let whole = grey.whole();
    let mut found = Found { whole, cuts: Vec::new() };
    let start = Cut { steps: Vec::new(), rect: whole, painted: (0, 0) };
    let mut bases = vec![start.clone()];
    let mut inner = Vec::new();
    let mut outermost = Vec::new();
    for tolerance in TOLERANCES {
        let mut layers = layers(grey, &start, tolerance);
        outermost.extend(layers.first().map(|layer| layer.rect));
        // The innermost first: it is likelier that all was added than that only a part was.
        if let Some(last) = layers.pop() {
            bases.push(last.clone());
            found.add(last);
        }
        inner.extend(layers);
    }
    bases.dedup_by(|one, other| same(whole, one.rect, other.rect));
    for base in bases {
        found.add_strips(grey, &base);
    }
    if found.cuts.iter().all(|cut| cut.painted == (0, 0)) {
        for rest in outermost {
            found.add_blank_strip(rest);
        }
    }
    for layer in inner {
        found.add(layer);
    }
    let framed = frame::framed(grey);
    if framed.width() * 100 >= whole.width() * FRAMED && framed.height() * 100 >= whole.height() * FRAMED {
        found.add(Cut { steps: vec![Step::Frame], rect: framed, painted: (0, 0) });
    }
    found.cuts.truncate(MOST);
    found.cuts
}

/// Without one layer of even edges after the other.
fn layers(grey: &Grey<'_>, start: &Cut, tolerance: u8) -> Vec<Cut> {
    let mut layers: Vec<Cut> = Vec::new();
    let mut last = start.clone();
    for _ in 0..LAYERS {
        let rect = edges::trimmed(grey, last.rect, tolerance);
        if rect == last.rect || !is_large_enough(rect, grey.whole(), LEFT) {
            break;
        }
        if let Some(layer) = layers.last_mut()
            && same(grey.whole(), layer.rect, rect)
        {
            // A line of the layer before, blurred into the picture, and no layer of its own.
            layer.rect = rect;
            last.rect = rect;
            continue;
        }
        let step = if rect.width() < last.rect.width() && rect.height() < last.rect.height() {
            Step::Border
        } else {
            Step::Bars
        };
        let mut steps = last.steps;
        if steps.last() != Some(&step) {
            steps.push(step);
        }
        last = Cut { steps, rect, painted: (0, 0) };
        layers.push(last.clone());
    }
    layers
}

fn is_large_enough(rect: Rect, whole: Rect, percent: usize) -> bool {
    rect.width() * 100 >= whole.width() * percent && rect.height() * 100 >= whole.height() * percent
}

struct Found {
    whole: Rect,
    cuts: Vec<Cut>,
}

impl Found {
    fn add(&mut self, cut: Cut) {
        let is_new = cut.painted != (0, 0) || !same(self.whole, cut.rect, self.whole);
        let known = self.cuts.iter().any(|one| one.painted == cut.painted && same(self.whole, one.rect, cut.rect));
        if is_new && !known {
            self.cuts.push(cut);
        }
    }

    /// The picture without the strips at its top and bottom, and with them painted over.
    fn add_strips(&mut self, grey: &Grey<'_>, base: &Cut) {
        let [top, bottom] = [Side::Top, Side::Bottom].map(|side| strips::strip(grey, base.rect, side));
        if top + bottom == 0 {
            return;
        }
        let rect = base.rect.without(Side::Top, top).without(Side::Bottom, bottom);
        if is_large_enough(rect, self.whole, LEFT) {
            let cut = Cut { steps: [base.steps.as_slice(), &[Step::Caption]].concat(), rect, painted: (0, 0) };
            let last = layers(grey, &cut, TOLERANCES[0]).pop().unwrap_or(cut);
            self.add(last);
        }
        if (top + bottom) * 100 <= base.rect.height() * PAINTED {
            let steps = [base.steps.as_slice(), &[Step::Banner]].concat();
            self.add(Cut { steps, rect: base.rect, painted: (top, bottom) });
        }
    }

    /// An even bar at the top or the bottom alone may lie over the picture, as a banner without writing does.
    fn add_blank_strip(&mut self, rest: Rect) {
        let strips = (rest.top - self.whole.top, self.whole.bottom - rest.bottom);
        let alone = (strips.0 == 0) != (strips.1 == 0) && rest.width() == self.whole.width();
        if alone && (strips.0 + strips.1) * 100 <= self.whole.height() * PAINTED {
            self.add(Cut { steps: vec![Step::Banner], rect: self.whole, painted: strips });
        }
    }
}

/// Whether two rectangles in a picture are as good as one.
fn same(whole: Rect, one: Rect, other: Rect) -> bool {
    let (across, down) = (whole.width() / SAME, whole.height() / SAME);
    Side::ALL.into_iter().all(|side| {
        let least = if matches!(side, Side::Top | Side::Bottom) { down } else { across };
        one.edge(side).abs_diff(other.edge(side)) <= least
    })
}
