//! From pixels to PDQ's 64 x 64 picture: luma, four box filters, sampling. Nearly all of PDQ's time is spent here.
//!
//! The reference keeps each box filter's sum running along a line (add the number that comes in, subtract the one that
//! goes out, divide), in `f32`. Its rounding errors depend on that order, so it is kept: a line is always walked from its
//! start, one number at a time. Speed comes from walking 16 lines side by side, one in each lane of a vector. Along rows
//! that needs the picture turned, 16 x 16 numbers at a time, and turned back for the pass along columns.
//!
//! The four passes run as one stream over squares of 16 x 16 numbers, so that nearly everything stays in registers and
//! the nearest cache; the last two passes divide only where a sample is taken.

use std::ops::Range;

use crate::pdq::{Layout, Rows, SMALL, STRIP, Small};
use crate::simd::Level;
use crate::simd::lanes::{self, Divisor, LANES, Lane, Machine, Work};

/// Columns whose luma is computed at a time: 16 rows of them fill a third of the nearest cache.
const BLOCK: usize = 256;

/// Sixteen vectors: sixteen rows of sixteen columns, or the same turned.
type Tile<M> = [<M as Machine>::Vector; LANES];

/// The blurred picture, sampled at 64 x 64 places. Sides must be at least 1.
pub(crate) fn small_picture(level: Level, rows: &impl Rows) -> Small {
    lanes::run(level, Filter { rows })
}

/// Where the samples of a side of `length` are taken: at the middle of each of its 64 parts, rounded down.
pub(crate) fn sample(length: usize, index: usize) -> usize {
    ((2 * index + 1) * length) / (2 * SMALL)
}

/// A box filter along lines of one length.
///
/// The output at i averages the inputs i - back … i + ahead, as far as they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoxFilter {
    pub(crate) length: usize,
    pub(crate) window: usize,
    pub(crate) ahead: usize,
}

impl BoxFilter {
    /// The filter for a side: its window is a 128th of the side, rounded up, because two passes blur twice as far and a
    /// sample stands for a 64th.
    pub(crate) fn for_side(length: usize) -> Self {
        let window = length.div_ceil(2 * SMALL);
        Self { length, window, ahead: window / 2 }
    }

    pub(crate) fn back(self) -> usize {
        self.window - 1 - self.ahead
    }

    /// How many inputs the output at `at` averages.
    #[inline(always)]
    pub(crate) fn count(self, at: usize) -> usize {
        (at + self.ahead).min(self.length - 1) - at.saturating_sub(self.back()) + 1
    }

    fn divisors(self) -> Vec<Divisor> {
        (0..=self.window).map(|count| Divisor::new(u32::try_from(count.max(1)).expect("at most 8,192"))).collect()
    }
}

struct Filter<'a, R> {
    rows: &'a R,
}

impl<R: Rows> Work for Filter<'_, R> {
    type Output = Small;

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) -> Small {
        let (width, height, layout) = (self.rows.width(), self.rows.height(), self.rows.layout());
        if width == SMALL && height == SMALL {
            return unfiltered(self.rows);
        }
        let mut stream = Stream::new(machine, width, height);
        let mut rooms: [Vec<u8>; STRIP] = std::array::from_fn(|_| vec![0; width * layout.bytes()]);
        let mut luma = [[0.0; BLOCK]; LANES];
        for first in (0..height).step_by(LANES) {
            let count = LANES.min(height - first);
            let mut rows: [&[u8]; STRIP] = [&[]; STRIP];
            self.rows.strip(first, &mut rooms, &mut rows[..count]);
            stream.start_rows();
            for left in (0..width).step_by(BLOCK) {
                let columns = BLOCK.min(width - left);
                for (row, luma) in rows.iter().zip(&mut luma).take(count) {
                    luma_of(layout, &row[left * layout.bytes()..][..columns * layout.bytes()], luma);
                }
                stream.push(&luma, columns, count);
            }
            stream.end_rows(count);
        }
        stream.finish()
    }
}

/// A picture that is 64 x 64 already is taken as it is.
fn unfiltered(rows: &impl Rows) -> Small {
    let mut small = [[0.0; SMALL]; SMALL];
    let mut room = vec![0; SMALL * rows.layout().bytes()];
    for (row, line) in small.iter_mut().enumerate() {
        luma_of(rows.layout(), rows.part(row, 0, &mut room), line);
    }
    small
}

/// .299 R + .587 G + .114 B, rounded once to `f32`: a whole number of thousandths, divided by 1000. That is the number
/// that double precision gives (a test goes through all of them), and takes a third of the time.
#[inline(always)]
fn luma_of(layout: Layout, bytes: &[u8], luma: &mut [f32]) {
    match layout {
        Layout::Grey => {
            for (grey, luma) in bytes.iter().zip(luma) {
                *luma = f32::from(*grey);
            }
        }
        Layout::Rgb => {
            for (pixel, luma) in bytes.chunks_exact(3).zip(luma) {
                *luma = luma_of_pixel(pixel[0], pixel[1], pixel[2]);
            }
        }
        Layout::Rgbx => {
            for (pixel, luma) in bytes.chunks_exact(4).zip(luma) {
                *luma = luma_of_pixel(pixel[0], pixel[1], pixel[2]);
            }
        }
    }
}

/// The luma of one pixel, 0 … 255.
#[inline(always)]
pub(crate) fn luma_of_pixel(red: u8, green: u8, blue: u8) -> f32 {
    #[allow(clippy::cast_precision_loss)] // At most 255,000: exact.
    let thousandths = (299 * i32::from(red) + 587 * i32::from(green) + 114 * i32::from(blue)) as f32;
    thousandths / 1000.0
}

/// All four passes as one stream, fed with 16 rows of luma at a time.
struct Stream<M: Machine> {
    machine: M,
    first_along_row: RowPass<M>,
    first_along_column: ColumnPass,
    second_along_row: RowPass<M>,
    second_along_column: ColumnPass,
    row_divisors: Vec<Divisor>,
    column_divisors: Vec<Divisor>,
    /// The next tile of the first pass along columns.
    tile: usize,
    /// The sampled columns of the rows under way, and how many of them are there.
    samples: [Lane; SMALL],
    sampled: usize,
    small: Small,
    /// How many rows of `small` are there.
    done: usize,
}

impl<M: Machine> Stream<M> {
    fn new(machine: M, width: usize, height: usize) -> Self {
        let (row, column) = (BoxFilter::for_side(width), BoxFilter::for_side(height));
        Self {
            machine,
            first_along_row: RowPass::new(machine, row),
            // The outputs of the pass along rows lag behind, so that the last of them need tiles of their own.
            first_along_column: ColumnPass::new(column, width.div_ceil(LANES) + row.ahead.div_ceil(LANES)),
            second_along_row: RowPass::new(machine, row),
            second_along_column: ColumnPass::new(column, SMALL / LANES),
            row_divisors: row.divisors(),
            column_divisors: column.divisors(),
            tile: 0,
            samples: [[0.0; LANES]; SMALL],
            sampled: 0,
            small: [[0.0; SMALL]; SMALL],
            done: 0,
        }
    }

    #[inline(always)]
    fn start_rows(&mut self) {
        self.first_along_row.start(self.machine);
        self.second_along_row.start(self.machine);
        (self.tile, self.sampled) = (0, 0);
    }

    /// Takes the next `columns` columns of `count` rows.
    #[inline(always)]
    fn push(&mut self, luma: &[[f32; BLOCK]; LANES], columns: usize, count: usize) {
        for first in (0..columns).step_by(LANES) {
            let mut tile = [self.machine.zeros(); LANES];
            for (vector, row) in tile.iter_mut().zip(luma) {
                *vector = self.machine.load(row[first..].first_chunk().expect("a block is whole tiles"));
            }
            self.machine.transpose(&mut tile);
            let (outputs, ready) = self.first_along_row.push(self.machine, &tile, LANES.min(columns - first));
            self.blurred_along_row(outputs, ready, count);
        }
    }

    /// The end of `count` rows.
    #[inline(always)]
    fn end_rows(&mut self, count: usize) {
        loop {
            let (outputs, ready) = self.first_along_row.drain(self.machine);
            if ready.is_empty() {
                break;
            }
            self.blurred_along_row(outputs, ready, count);
        }
        let ready = self.first_along_column.advance(count);
        self.end_blurred_rows(ready);
    }

    #[inline(always)]
    fn blurred_along_row(&mut self, mut sums: Tile<M>, columns: Range<usize>, count: usize) {
        if columns.is_empty() {
            return;
        }
        let ready = columns.len();
        for (sum, column) in sums.iter_mut().zip(columns) {
            let divisor = &self.row_divisors[self.first_along_row.filter.count(column)];
            *sum = self.machine.divide(*sum, divisor);
        }
        self.machine.transpose(&mut sums);
        let blurred = self.first_along_column.push(self.machine, self.tile, &sums, count, &self.column_divisors);
        self.tile += 1;
        self.blurred_along_column(blurred, ready);
    }

    /// Second pass along rows: `columns` columns more.
    #[inline(always)]
    fn blurred_along_column(&mut self, mut tile: Tile<M>, columns: usize) {
        self.machine.transpose(&mut tile);
        let (sums, ready) = self.second_along_row.push(self.machine, &tile, columns);
        self.take_samples(&sums, ready);
    }

    #[inline(always)]
    fn take_samples(&mut self, sums: &Tile<M>, columns: Range<usize>) {
        let filter = self.second_along_row.filter;
        while self.sampled < SMALL {
            // A side shorter than 64 gives the same column to several samples.
            let column = sample(filter.length, self.sampled);
            if column >= columns.end {
                break;
            }
            let divisor = &self.row_divisors[filter.count(column)];
            let output = self.machine.divide(sums[column - columns.start], divisor);
            self.machine.store(output, &mut self.samples[self.sampled]);
            self.sampled += 1;
        }
    }

    /// The end of `count` rows that went through the first three passes but for what the third still holds.
    #[inline(always)]
    fn end_blurred_rows(&mut self, count: usize) {
        loop {
            let (sums, ready) = self.second_along_row.drain(self.machine);
            if ready.is_empty() {
                break;
            }
            self.take_samples(&sums, ready);
        }
        let mut tiles = [[self.machine.zeros(); LANES]; SMALL / LANES];
        for ((index, tile), samples) in tiles.iter_mut().enumerate().zip(self.samples.as_chunks::<LANES>().0) {
            for (vector, lane) in tile.iter_mut().zip(samples) {
                *vector = self.machine.load(lane);
            }
            self.machine.transpose(tile);
            let divisors = &self.column_divisors;
            *tile = self.second_along_column.push(self.machine, index, tile, count, divisors);
        }
        let first = self.second_along_column.given;
        let ready = self.second_along_column.advance(count);
        self.keep_rows(&tiles, first..first + ready);
    }

    /// Keeps those finished rows that are sampled.
    #[inline(always)]
    fn keep_rows(&mut self, tiles: &[Tile<M>; SMALL / LANES], rows: Range<usize>) {
        let height = self.second_along_column.filter.length;
        while self.done < SMALL {
            let row = sample(height, self.done);
            if row >= rows.end {
                break;
            }
            let cells = self.small[self.done].as_chunks_mut::<LANES>().0;
            for (cells, tile) in cells.iter_mut().zip(tiles) {
                self.machine.store(tile[row - rows.start], cells);
            }
            self.done += 1;
        }
    }

    /// The rows still due when the last one was pushed.
    #[inline(always)]
    fn finish(mut self) -> Small {
        let width = self.first_along_row.filter.length;
        let lag = self.first_along_row.filter.ahead;
        loop {
            let count = self.first_along_column.due().min(LANES);
            if count == 0 {
                break;
            }
            self.start_rows();
            // The same tiles as `push` and `end_rows` make: their columns lag behind by `lag`.
            let starts = (0..width).step_by(LANES).chain((width..width + lag).step_by(LANES));
            for start in starts {
                let end = if start < width { (start + LANES).min(width) } else { (start + LANES).min(width + lag) };
                let columns = end.saturating_sub(lag) - start.saturating_sub(lag);
                if columns > 0 {
                    let divisors = &self.column_divisors;
                    let blurred = self.first_along_column.drain(self.machine, self.tile, count, divisors);
                    self.tile += 1;
                    self.blurred_along_column(blurred, columns);
                }
            }
            self.first_along_column.given += count;
            self.end_blurred_rows(count);
        }
        loop {
            let count = self.second_along_column.due().min(LANES);
            if count == 0 {
                break;
            }
            let mut tiles = [[self.machine.zeros(); LANES]; SMALL / LANES];
            for (index, tile) in tiles.iter_mut().enumerate() {
                let divisors = &self.column_divisors;
                *tile = self.second_along_column.drain(self.machine, index, count, divisors);
            }
            let first = self.second_along_column.given;
            self.second_along_column.given += count;
            self.keep_rows(&tiles, first..first + count);
        }
        self.small
    }
}

/// One pass along sixteen rows at once, up to sixteen columns at a time.
struct RowPass<M: Machine> {
    filter: BoxFilter,
    /// The last `window` columns; column c in slot c % window.
    ring: Vec<Lane>,
    slot: usize,
    sums: M::Vector,
    taken: usize,
    given: usize,
}

impl<M: Machine> RowPass<M> {
    fn new(machine: M, filter: BoxFilter) -> Self {
        let ring = vec![[0.0; LANES]; filter.window];
        Self { filter, ring, slot: 0, sums: machine.zeros(), taken: 0, given: 0 }
    }

    #[inline(always)]
    fn start(&mut self, machine: M) {
        (self.slot, self.sums, self.taken, self.given) = (0, machine.zeros(), 0, 0);
    }

    /// Takes the next `count` columns. Gives sums, not yet divided, and the columns they are the outputs of.
    #[inline(always)]
    fn push(&mut self, machine: M, columns: &Tile<M>, count: usize) -> (Tile<M>, Range<usize>) {
        let BoxFilter { window, ahead, .. } = self.filter;
        let mut outputs = [machine.zeros(); LANES];
        let (mut sums, mut slot) = (self.sums, self.slot);
        let ring = &mut self.ring[..window];
        let mut ready = 0;
        if self.taken >= window && count == LANES {
            for (&column, output) in columns.iter().zip(&mut outputs) {
                sums = machine.subtract(machine.add(sums, column), machine.load(&ring[slot]));
                machine.store(column, &mut ring[slot]);
                *output = sums;
                slot = if slot + 1 == window { 0 } else { slot + 1 };
            }
            ready = LANES;
        } else {
            for (number, &column) in (self.taken..).zip(&columns[..count]) {
                sums = machine.add(sums, column);
                if number >= window {
                    sums = machine.subtract(sums, machine.load(&ring[slot]));
                }
                machine.store(column, &mut ring[slot]);
                slot = if slot + 1 == window { 0 } else { slot + 1 };
                if number >= ahead {
                    outputs[ready] = sums;
                    ready += 1;
                }
            }
        }
        (self.sums, self.slot) = (sums, slot);
        self.taken += count;
        let first = self.given;
        self.given += ready;
        (outputs, first..self.given)
    }

    /// After the last column: up to sixteen of the outputs that are still due.
    #[inline(always)]
    fn drain(&mut self, machine: M) -> (Tile<M>, Range<usize>) {
        let mut outputs = [machine.zeros(); LANES];
        let first = self.given;
        for output in &mut outputs[..LANES.min(self.filter.length - first)] {
            // The oldest column is the one that the ring would overwrite next.
            self.sums = machine.subtract(self.sums, machine.load(&self.ring[self.slot]));
            self.slot = if self.slot + 1 == self.filter.window { 0 } else { self.slot + 1 };
            *output = self.sums;
            self.given += 1;
        }
        (outputs, first..self.given)
    }
}

/// One pass along columns, up to sixteen rows at a time, one tile of sixteen columns after the other.
struct ColumnPass {
    filter: BoxFilter,
    /// For each tile, the sums over the window.
    sums: Vec<Lane>,
    /// For each tile, the last `window` rows; row r in slot r % window.
    ring: Vec<Lane>,
    taken: usize,
    given: usize,
}

impl ColumnPass {
    fn new(filter: BoxFilter, tiles: usize) -> Self {
        let (sums, ring) = (vec![[0.0; LANES]; tiles], vec![[0.0; LANES]; tiles * filter.window]);
        Self { filter, sums, ring, taken: 0, given: 0 }
    }

    /// Takes `count` rows of a tile and gives the rows that are ready. All tiles first, then [`ColumnPass::advance`].
    #[inline(always)]
    fn push<M: Machine>(
        &mut self,
        machine: M,
        tile: usize,
        rows: &Tile<M>,
        count: usize,
        divisors: &[Divisor],
    ) -> Tile<M> {
        let BoxFilter { window, ahead, .. } = self.filter;
        let ring = &mut self.ring[tile * window..][..window];
        let mut sums = machine.load(&self.sums[tile]);
        let mut outputs = [machine.zeros(); LANES];
        let mut slot = self.taken % window;
        if self.taken >= window && count == LANES {
            let divisor = &divisors[window];
            for (&row, output) in rows.iter().zip(&mut outputs) {
                sums = machine.subtract(machine.add(sums, row), machine.load(&ring[slot]));
                machine.store(row, &mut ring[slot]);
                *output = machine.divide(sums, divisor);
                slot = if slot + 1 == window { 0 } else { slot + 1 };
            }
        } else {
            let mut ready = 0;
            for (number, &row) in (self.taken..).zip(&rows[..count]) {
                sums = machine.add(sums, row);
                if number >= window {
                    sums = machine.subtract(sums, machine.load(&ring[slot]));
                }
                machine.store(row, &mut ring[slot]);
                slot = if slot + 1 == window { 0 } else { slot + 1 };
                if number >= ahead {
                    outputs[ready] = machine.divide(sums, &divisors[window.min(number + 1)]);
                    ready += 1;
                }
            }
        }
        machine.store(sums, &mut self.sums[tile]);
        outputs
    }

    /// Counts `count` rows as taken; how many outputs they made ready.
    #[inline(always)]
    fn advance(&mut self, count: usize) -> usize {
        self.taken += count;
        let ready = self.taken.saturating_sub(self.filter.ahead) - self.given;
        self.given += ready;
        ready
    }

    /// After the last row: how many outputs are still to be drained.
    #[inline(always)]
    fn due(&self) -> usize {
        self.filter.length - self.given
    }

    /// The next `count` outputs of a tile. All tiles first, then `given` is moved on.
    #[inline(always)]
    fn drain<M: Machine>(&mut self, machine: M, tile: usize, count: usize, divisors: &[Divisor]) -> Tile<M> {
        let BoxFilter { length, window, ahead } = self.filter;
        let first = self.given - (length - ahead);
        let mut sums = machine.load(&self.sums[tile]);
        let mut outputs = [machine.zeros(); LANES];
        for (step, output) in (first..).zip(&mut outputs[..count]) {
            let oldest = &self.ring[tile * window + (length - window + step) % window];
            sums = machine.subtract(sums, machine.load(oldest));
            *output = machine.divide(sums, &divisors[window - 1 - step]);
        }
        machine.store(sums, &mut self.sums[tile]);
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_thousandths_is_what_double_precision_gives() {
        for red in 0..=255_u8 {
            for green in 0..=255_u8 {
                for blue in 0..=255_u8 {
                    let double = f64::from(red) * 0.299 + f64::from(green) * 0.587 + f64::from(blue) * 0.114;
                    #[allow(clippy::cast_possible_truncation)]
                    let rounded = double as f32;
                    assert!(luma_of_pixel(red, green, blue) == rounded, "{red} {green} {blue}");
                }
            }
        }
    }

    #[test]
    fn windows_are_those_of_the_specification() {
        for (length, window, half) in [(5, 1, 1), (128, 1, 1), (129, 2, 2), (1004, 8, 5), (896, 7, 4), (4000, 32, 17)] {
            let filter = BoxFilter::for_side(length);
            assert_eq!((filter.window, filter.ahead + 1), (window, half), "side {length}");
            assert_eq!(filter.back() + 1 + filter.ahead, window);
        }
    }
}
