//! Box filters as the reference walks them: a running sum along each line, sixteen lines side by side.

use std::ops::Range;

use crate::pdq::SMALL;
use crate::simd::lanes::{Divisor, LANES, Lane, Machine};

/// Sixteen vectors: sixteen rows of sixteen columns, or the same turned.
pub(crate) type Tile<M> = [<M as Machine>::Vector; LANES];

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

    /// What to divide by, by how many inputs are averaged.
    pub(crate) fn divisors(self) -> Vec<Divisor> {
        (0..=self.window).map(|count| Divisor::new(u32::try_from(count.max(1)).expect("at most 8,192"))).collect()
    }
}

/// One pass along sixteen rows at once, up to sixteen columns at a time.
pub(crate) struct RowPass<M: Machine> {
    pub(crate) filter: BoxFilter,
    /// The last `window` columns; column c in slot c % window.
    ring: Vec<Lane>,
    slot: usize,
    sums: M::Vector,
    taken: usize,
    pub(crate) given: usize,
}

impl<M: Machine> RowPass<M> {
    pub(crate) fn new(machine: M, filter: BoxFilter) -> Self {
        let ring = vec![[0.0; LANES]; filter.window];
        Self { filter, ring, slot: 0, sums: machine.zeros(), taken: 0, given: 0 }
    }

    #[inline(always)]
    pub(crate) fn start(&mut self, machine: M) {
        (self.slot, self.sums, self.taken, self.given) = (0, machine.zeros(), 0, 0);
    }

    /// Takes the next `count` columns. Gives sums, not yet divided, and the columns they are the outputs of.
    #[inline(always)]
    pub(crate) fn push(&mut self, machine: M, columns: &Tile<M>, count: usize) -> (Tile<M>, Range<usize>) {
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
    pub(crate) fn drain(&mut self, machine: M) -> (Tile<M>, Range<usize>) {
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
pub(crate) struct ColumnPass {
    pub(crate) filter: BoxFilter,
    /// For each tile, the sums over the window.
    sums: Vec<Lane>,
    /// For each tile, the last `window` rows; row r in slot r % window.
    ring: Vec<Lane>,
    taken: usize,
    pub(crate) given: usize,
}

impl ColumnPass {
    pub(crate) fn new(filter: BoxFilter, tiles: usize) -> Self {
        let (sums, ring) = (vec![[0.0; LANES]; tiles], vec![[0.0; LANES]; tiles * filter.window]);
        Self { filter, sums, ring, taken: 0, given: 0 }
    }

    /// Takes `count` rows of a tile and gives the rows that are ready. All tiles first, then [`ColumnPass::advance`].
    #[inline(always)]
    pub(crate) fn push<M: Machine>(
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
    pub(crate) fn advance(&mut self, count: usize) -> usize {
        self.taken += count;
        let ready = self.taken.saturating_sub(self.filter.ahead) - self.given;
        self.given += ready;
        ready
    }

    /// After the last row: how many outputs are still to be drained.
    #[inline(always)]
    pub(crate) fn due(&self) -> usize {
        self.filter.length - self.given
    }

    /// The next `count` outputs of a tile. All tiles first, then `given` is moved on.
    #[inline(always)]
    pub(crate) fn drain<M: Machine>(&mut self, machine: M, tile: usize, count: usize, divisors: &[Divisor]) -> Tile<M> {
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
    fn windows_are_those_of_the_specification() {
        for (length, window, half) in [(5, 1, 1), (128, 1, 1), (129, 2, 2), (1004, 8, 5), (896, 7, 4), (4000, 32, 17)] {
            let filter = BoxFilter::for_side(length);
            assert_eq!((filter.window, filter.ahead + 1), (window, half), "side {length}");
            assert_eq!(filter.back() + 1 + filter.ahead, window);
        }
    }
}
