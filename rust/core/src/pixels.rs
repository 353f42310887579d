//! Where pixels come from: rows of bytes, as they lie in memory, turned upright, or taken at 512 x 512 places.

use crate::simd::lanes::LANES;

/// A longer side is brought to this by the conventions `floor512` and `thumbnail512`.
pub const SIDE_512: usize = 512;

/// How the bytes of a pixel lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One byte of grey.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, and a byte that counts for nothing.
    Rgbx,
}

impl Layout {
    /// Bytes of one pixel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgbx => 4,
        }
    }

    /// The layout with so many bytes a pixel.
    #[must_use]
    pub const fn with_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            1 => Some(Self::Grey),
            3 => Some(Self::Rgb),
            4 => Some(Self::Rgbx),
            _ => None,
        }
    }
}

/// Rows that are asked for at a time.
pub const STRIP: usize = LANES;

/// Where pixels come from: rows of bytes, from the top down.
pub trait Rows {
    /// Pixels in a row.
    fn width(&self) -> usize;
    /// Rows.
    fn height(&self) -> usize;
    /// How a pixel's bytes lie.
    fn layout(&self) -> Layout;
    /// The bytes of row `row` from the pixel `left` on, as many as `room` is long; put together in `room` where they
    /// don't lie so in memory.
    fn part<'a>(&'a self, row: usize, left: usize, room: &'a mut [u8]) -> &'a [u8];

    /// As many whole rows from `first` on as `rows` is long. Each of the `rooms` is as long as a row.
    #[inline(always)]
    fn strip<'a>(&'a self, first: usize, rooms: &'a mut [Vec<u8>; STRIP], rows: &mut [&'a [u8]]) {
        for ((number, row), room) in (first..).zip(rows).zip(rooms) {
            *row = self.part(number, 0, room);
        }
    }
}

/// Pixels in one piece of memory, row after row without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    layout: Layout,
}

impl<'a> Picture<'a> {
    /// A picture of these sizes; `None` where `pixels` is not exactly as long as they ask for.
    #[must_use]
    pub fn new(pixels: &'a [u8], width: usize, height: usize, layout: Layout) -> Option<Self> {
        let bytes = width.checked_mul(height)?.checked_mul(layout.bytes())?;
        (bytes == pixels.len()).then_some(Self { pixels, width, height, layout })
    }
}

impl Rows for Picture<'_> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    #[inline(always)]
    fn part<'a>(&'a self, row: usize, left: usize, room: &'a mut [u8]) -> &'a [u8] {
        &self.pixels[(row * self.width + left) * self.layout.bytes()..][..room.len()]
    }
}

/// Rows brought to at most 512 x 512 as the convention `floor512` does it: if a side is longer than 512, both become
/// exactly 512, each pixel the nearest one towards the start (source row = floor(i * height / 512)).
pub struct Floor512<'a, R> {
    rows: &'a R,
    width: usize,
    height: usize,
}

impl<'a, R: Rows> Floor512<'a, R> {
    /// The rows at their new size.
    pub fn new(rows: &'a R) -> Self {
        let longer = rows.width() > SIDE_512 || rows.height() > SIDE_512;
        let (width, height) = if longer { (SIDE_512, SIDE_512) } else { (rows.width(), rows.height()) };
        Self { rows, width, height }
    }
}

impl<R: Rows> Rows for Floor512<'_, R> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn layout(&self) -> Layout {
        self.rows.layout()
    }

    fn part<'a>(&'a self, row: usize, left: usize, room: &'a mut [u8]) -> &'a [u8] {
        let pixel = self.layout().bytes();
        let mut whole = vec![0; self.rows.width() * pixel];
        let whole = self.rows.part(row * self.rows.height() / self.height, 0, &mut whole);
        for (column, to) in (left..).zip(room.chunks_exact_mut(pixel)) {
            let from = column * self.rows.width() / self.width;
            to.copy_from_slice(&whole[from * pixel..][..pixel]);
        }
        room
    }
}

/// Rows of a picture that lies on its side, turned upright while they are read: turning it in memory first would take
/// half as long again as decoding it.
pub struct Upright<'a, R> {
    rows: &'a R,
    /// Rows become columns.
    swapped: bool,
    /// Left and right change places (after the swap).
    mirrored: bool,
    /// Top and bottom change places (after the swap).
    upended: bool,
}

impl<'a, R: Rows> Upright<'a, R> {
    /// The rows turned as EXIF's `orientation` says, 1 (as they are) to 8 (CIPA DC-008, 4.6.4); `None` for another one.
    pub fn new(rows: &'a R, orientation: u8) -> Option<Self> {
        (1..=8).contains(&orientation).then_some(Self {
            rows,
            swapped: orientation >= 5,
            mirrored: matches!(orientation, 2 | 3 | 6 | 7),
            upended: matches!(orientation, 3 | 4 | 7 | 8),
        })
    }

    fn column(&self, column: usize) -> usize {
        if self.mirrored { self.width() - 1 - column } else { column }
    }

    fn row(&self, row: usize) -> usize {
        if self.upended { self.height() - 1 - row } else { row }
    }
}

impl<R: Rows> Rows for Upright<'_, R> {
    fn width(&self) -> usize {
        if self.swapped { self.rows.height() } else { self.rows.width() }
    }

    fn height(&self) -> usize {
        if self.swapped { self.rows.width() } else { self.rows.height() }
    }

    fn layout(&self) -> Layout {
        self.rows.layout()
    }

    fn part<'a>(&'a self, row: usize, left: usize, room: &'a mut [u8]) -> &'a [u8] {
        let pixel = self.layout().bytes();
        let row = self.row(row);
        if !self.swapped && !self.mirrored {
            return self.rows.part(row, left, room);
        }
        let mut one = [0; 4];
        for (column, to) in (left..).zip(room.chunks_exact_mut(pixel)) {
            let column = self.column(column);
            let (from_row, from_column) = if self.swapped { (column, row) } else { (row, column) };
            to.copy_from_slice(self.rows.part(from_row, from_column, &mut one[..pixel]));
        }
        room
    }

    fn strip<'a>(&'a self, first: usize, rooms: &'a mut [Vec<u8>; STRIP], rows: &mut [&'a [u8]]) {
        if !self.swapped && !self.mirrored {
            for ((number, row), room) in (first..).zip(rows).zip(rooms) {
                *row = self.rows.part(self.row(number), 0, room);
            }
            return;
        }
        // With the size of a pixel known, it is copied by one instruction.
        let rooms_used = &mut rooms[..rows.len()];
        match self.layout() {
            Layout::Grey => self.turn::<1>(first, rooms_used),
            Layout::Rgb => self.turn::<3>(first, rooms_used),
            Layout::Rgbx => self.turn::<4>(first, rooms_used),
        }
        for (row, room) in rows.iter_mut().zip(rooms) {
            *row = room;
        }
    }
}

impl<R: Rows> Upright<'_, R> {
    fn turn<const PIXEL: usize>(&self, first: usize, rooms: &mut [Vec<u8>]) {
        if self.swapped {
            self.turn_swapped::<PIXEL>(first, rooms);
            return;
        }
        let mut whole = vec![0; self.width() * PIXEL];
        for (number, room) in (first..).zip(rooms) {
            let source = self.rows.part(self.row(number), 0, &mut whole);
            let pixels = source.as_chunks::<PIXEL>().0.iter().rev();
            for (to, from) in room.as_chunks_mut::<PIXEL>().0.iter_mut().zip(pixels) {
                *to = *from;
            }
        }
    }

    /// Sixteen rows are sixteen neighbouring columns of the source: each of its rows is touched once for them all.
    fn turn_swapped<const PIXEL: usize>(&self, first: usize, rooms: &mut [Vec<u8>]) {
        let count = rooms.len();
        let left = if self.upended { self.row(first + count - 1) } else { first };
        let mut room = [0; STRIP * 4];
        // Pixels go to their rows by way of a small square, so that a row is written in pieces of 64 bytes, not of one pixel.
        let mut square = [[[0; PIXEL]; STRIP]; STRIP];
        for start in (0..self.width()).step_by(STRIP) {
            let columns = STRIP.min(self.width() - start);
            for (at, column) in (start..start + columns).enumerate() {
                let source = self.rows.part(self.column(column), left, &mut room[..count * PIXEL]);
                for (line, from) in square.iter_mut().zip(source.as_chunks::<PIXEL>().0) {
                    line[at] = *from;
                }
            }
            for (line, room) in rooms.iter_mut().enumerate() {
                let line = if self.upended { count - 1 - line } else { line };
                let to = &mut room[start * PIXEL..][..columns * PIXEL];
                to.copy_from_slice(square[line][..columns].as_flattened());
            }
        }
    }
}
