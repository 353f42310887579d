//! Sixteen numbers at a time, with the vector instructions of the processor at hand.
//!
//! Work is written once against [`Machine`] and compiled three times: for any processor, for AVX2, for AVX-512. All
//! three give the same bits: additions and subtractions are those of IEEE 754, and a division is correctly rounded,
//! however it is come by. Tests hold the three against each other.

#[cfg(target_arch = "x86_64")]
mod x86;

use super::Level;

/// Numbers in a vector: 16 `f32` fill one AVX-512 register.
pub const LANES: usize = 16;

/// Sixteen numbers in memory.
pub type Lane = [f32; LANES];

/// What a divisor needs to be divided by fast.
#[derive(Clone, Copy, Debug)]
pub struct Divisor {
    value: f32,
    reciprocal: f32,
}

impl Divisor {
    /// For dividing by `value`, a whole number from 1 to 2^20.
    #[must_use]
    pub fn new(value: u32) -> Self {
        debug_assert!((1..=1 << 20).contains(&value));
        #[allow(clippy::cast_precision_loss)] // Below 2^24: exact.
        let value = value as f32;
        Self { value, reciprocal: 1.0 / value }
    }
}

/// Vector instructions. A value of a type that has them exists only where the processor has them.
pub trait Machine: Copy {
    /// Sixteen numbers, in registers.
    type Vector: Copy;

    /// Sixteen zeros.
    fn zeros(self) -> Self::Vector;
    /// Reads sixteen numbers.
    fn load(self, lane: &Lane) -> Self::Vector;
    /// Writes sixteen numbers.
    fn store(self, vector: Self::Vector, lane: &mut Lane);
    /// a + b.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a - b.
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a divided by `divisor`, correctly rounded; a is zero or between 2^-60 and 2^60 in size.
    fn divide(self, a: Self::Vector, divisor: &Divisor) -> Self::Vector;
    /// Swaps rows and columns.
    fn transpose(self, rows: &mut [Self::Vector; LANES]);
}

/// Work that is compiled once a level. `run` and everything it calls should be `#[inline(always)]`: only then is it
/// compiled for the level's instructions.
pub trait Work {
    /// What the work gives.
    type Output;

    /// Does the work.
    fn run<M: Machine>(self, machine: M) -> Self::Output;
}

/// Does `work` with the instructions of `level`, or the fastest below it that this processor has.
pub fn run<W: Work>(level: Level, work: W) -> W::Output {
    match level.min(Level::best()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level is at most what was detected on this processor.
        Level::Avx512 => unsafe { x86::run_avx512(work) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above, and fused multiplication was asked for here.
        Level::Avx2 if is_x86_feature_detected!("fma") => unsafe { x86::run_avx2(work) },
        _ => work.run(Portable),
    }
}

#[derive(Clone, Copy)]
struct Portable;

impl Machine for Portable {
    type Vector = Lane;

    #[inline(always)]
    fn zeros(self) -> Lane {
        [0.0; LANES]
    }

    #[inline(always)]
    fn load(self, lane: &Lane) -> Lane {
        *lane
    }

    #[inline(always)]
    fn store(self, vector: Lane, lane: &mut Lane) {
        *lane = vector;
    }

    #[inline(always)]
    fn add(self, mut a: Lane, b: Lane) -> Lane {
        for (a, b) in a.iter_mut().zip(&b) {
            *a += b;
        }
        a
    }

    #[inline(always)]
    fn subtract(self, mut a: Lane, b: Lane) -> Lane {
        for (a, b) in a.iter_mut().zip(&b) {
            *a -= b;
        }
        a
    }

    #[inline(always)]
    fn divide(self, mut a: Lane, divisor: &Divisor) -> Lane {
        for a in &mut a {
            *a /= divisor.value;
        }
        a
    }

    #[inline(always)]
    fn transpose(self, rows: &mut [Lane; LANES]) {
        for row in 1..LANES {
            let (above, below) = rows.split_at_mut(row);
            for (column, line) in above.iter_mut().enumerate() {
                std::mem::swap(&mut line[row], &mut below[0][column]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Transpose([Lane; LANES]);

    impl Work for Transpose {
        type Output = [Lane; LANES];

        #[inline(always)]
        fn run<M: Machine>(mut self, machine: M) -> [Lane; LANES] {
            let mut rows = [machine.zeros(); LANES];
            for (row, lane) in rows.iter_mut().zip(&self.0) {
                *row = machine.load(lane);
            }
            machine.transpose(&mut rows);
            for (row, lane) in rows.iter().zip(&mut self.0) {
                machine.store(*row, lane);
            }
            self.0
        }
    }

    #[test]
    fn every_level_transposes() {
        let mut square = [[0.0; LANES]; LANES];
        for (number, cell) in (0_u16..).zip(square.as_flattened_mut()) {
            *cell = f32::from(number);
        }
        for level in Level::available() {
            let turned = run(level, Transpose(square));
            for (i, row) in square.iter().enumerate() {
                for (j, &number) in row.iter().enumerate() {
                    assert!(turned[j][i] == number, "{level:?}: row {i}, column {j}");
                }
            }
        }
    }

    /// How many of many quotients differ from the processor's own division.
    struct WrongQuotients {
        numbers: Vec<f32>,
        divisors: Vec<u32>,
    }

    impl Work for &WrongQuotients {
        type Output = usize;

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> usize {
            let mut wrong = 0;
            for &value in &self.divisors {
                let divisor = Divisor::new(value);
                for lane in self.numbers.as_chunks::<LANES>().0 {
                    let mut quotients = [0.0; LANES];
                    machine.store(machine.divide(machine.load(lane), &divisor), &mut quotients);
                    for (number, quotient) in lane.iter().zip(&quotients) {
                        wrong += usize::from((number / divisor.value).to_bits() != quotient.to_bits());
                    }
                }
            }
            wrong
        }
    }

    #[test]
    fn every_level_rounds_quotients_correctly() {
        // Sums of up to 8,192 numbers of up to 255, and what rounding leaves near zero; a fixed linear generator.
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let mut numbers = vec![0.0; LANES];
        for exponent in [-24, -12, 0, 8, 13, 21] {
            for _ in 0..8 * LANES {
                #[allow(clippy::cast_precision_loss)] // 24 bits: exact.
                let mantissa = next() as f32 / 8_388_608.0;
                numbers.push(mantissa * 2.0_f32.powi(exponent));
                numbers.push(-mantissa * 2.0_f32.powi(exponent));
            }
        }
        let divisors = (1..=2048).chain([1000, 4095, 4096, 8191, 8192]).collect();
        let work = WrongQuotients { numbers, divisors };
        for level in Level::available() {
            assert_eq!(run(level, &work), 0, "{level:?}");
        }
    }
}
