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

use crate::box_filter::{BoxFilter, ColumnPass, RowPass, Tile};
use crate::pdq::{Layout, Rows, SMALL, STRIP, Small};
use crate::simd::Level;
use crate::simd::lanes::{self, Divisor, LANES, Lane, Machine, Work};

/// Columns whose luma is computed at a time: 16 rows of them fill a third of the nearest cache.
const BLOCK: usize = 256;

/// The blurred picture, sampled at 64 x 64 places. Sides must be at least 1.
pub(crate) fn small_picture(level: Level, rows: &impl Rows) -> Small {
    lanes::run(level, Filter { rows })
}

/// Where the samples of a side of `length` are taken: at the middle of each of its 64 parts, rounded down.
pub(crate) fn sample(length: usize, index: usize) -> usize {
    ((2 * index + 1) * length) / (2 * SMALL)
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
}
