//! A small grey picture, and what can be asked of its lines.

/// A rectangle of pixels; `right` and `bottom` are the first beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// The column after the last.
    pub right: usize,
    /// The row after the last.
    pub bottom: usize,
}

impl Rect {
    /// Columns.
    #[must_use]
    pub const fn width(self) -> usize {
        self.right - self.left
    }

    /// Rows.
    #[must_use]
    pub const fn height(self) -> usize {
        self.bottom - self.top
    }

    /// How many lines there are from `side` to the opposite one.
    pub(super) const fn depth(self, side: Side) -> usize {
        match side {
            Side::Top | Side::Bottom => self.height(),
            Side::Left | Side::Right => self.width(),
        }
    }

    /// Without the outermost `lines` of a side.
    pub(super) const fn without(mut self, side: Side, lines: usize) -> Self {
        match side {
            Side::Top => self.top += lines,
            Side::Bottom => self.bottom -= lines,
            Side::Left => self.left += lines,
            Side::Right => self.right -= lines,
        }
        self
    }

    /// Where `side` lies.
    pub(super) const fn edge(self, side: Side) -> usize {
        match side {
            Side::Top => self.top,
            Side::Bottom => self.bottom,
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

/// A side of a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Top,
    Bottom,
    Left,
    Right,
}

impl Side {
    pub(super) const ALL: [Self; 4] = [Self::Top, Self::Bottom, Self::Left, Self::Right];
}

/// One byte a pixel, row after row without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Grey<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
}

impl<'a> Grey<'a> {
    /// A picture of these sizes; `None` where it has no pixel, or `pixels` is not exactly as long as they ask for.
    #[must_use]
    pub fn new(pixels: &'a [u8], width: usize, height: usize) -> Option<Self> {
        let fits = width.checked_mul(height).is_some_and(|count| count > 0 && count == pixels.len());
        fits.then_some(Self { pixels, width, height })
    }

    /// All of it.
    #[must_use]
    pub const fn whole(&self) -> Rect {
        Rect { left: 0, top: 0, right: self.width, bottom: self.height }
    }

    /// The tones of the line of `rect` that lies `lines` from a side: a row from its top or bottom, a column from its
    /// left or right.
    pub(super) fn tones(&self, rect: Rect, side: Side, lines: usize) -> Tones {
        let mut tones = Tones { counts: [0; 256], total: 0 };
        match side {
            Side::Top => tones.count(self.row(rect, rect.top + lines)),
            Side::Bottom => tones.count(self.row(rect, rect.bottom - 1 - lines)),
            Side::Left => tones.count(self.column(rect, rect.left + lines)),
            Side::Right => tones.count(self.column(rect, rect.right - 1 - lines)),
        }
        tones
    }

    fn row(&self, rect: Rect, row: usize) -> impl Iterator<Item = u8> {
        let from = row * self.width;
        self.pixels[from + rect.left..from + rect.right].iter().copied()
    }

    fn column(&self, rect: Rect, column: usize) -> impl Iterator<Item = u8> {
        self.pixels[rect.top * self.width..rect.bottom * self.width].iter().skip(column).step_by(self.width).copied()
    }
}

/// How often each brightness occurs.
pub(super) struct Tones {
    counts: [u32; 256],
    total: u32,
}

impl Tones {
    fn count(&mut self, pixels: impl Iterator<Item = u8>) {
        for pixel in pixels {
            self.counts[usize::from(pixel)] += 1;
            self.total += 1;
        }
    }

    /// The one in the middle.
    pub(super) fn median(&self) -> u8 {
        let mut below = 0;
        for (tone, count) in (0..=u8::MAX).zip(self.counts) {
            below += count;
            if 2 * below > self.total {
                return tone;
            }
        }
        u8::MAX
    }

    /// How many of 100 lie within `tolerance` of `tone`.
    pub(super) fn near(&self, tone: u8, tolerance: u8) -> u32 {
        let range = usize::from(tone.saturating_sub(tolerance))..=usize::from(tone.saturating_add(tolerance));
        100 * self.counts[range].iter().sum::<u32>() / self.total.max(1)
    }
}
