//! Sixteen numbers at a time, with the vector instructions of the processor at hand.
//!
//! Work is written once against [`Machine`] and compiled three times: for any processor, for AVX2, for AVX-512. All
//! three give the same bits: additions and subtractions are those of IEEE 754, and a division is correctly rounded,
//! however it is come by. Tests hold the three against each other.

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

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Divisor, LANES, Lane, Machine, Work};

    // In this module a value of `Avx2` or `Avx512` exists only inside the function that was entered because the
    // processor has those instructions. That is what every SAFETY comment below rests on.

    #[derive(Clone, Copy)]
    struct Avx2(());

    #[derive(Clone, Copy)]
    struct Avx512(());

    #[target_feature(enable = "avx2,fma,popcnt")]
    pub fn run_avx2<W: Work>(work: W) -> W::Output {
        work.run(Avx2(()))
    }

    #[target_feature(enable = "avx512f,avx512bw,popcnt")]
    pub fn run_avx512<W: Work>(work: W) -> W::Output {
        work.run(Avx512(()))
    }

    impl Machine for Avx512 {
        type Vector = __m512;

        #[inline(always)]
        fn zeros(self) -> __m512 {
            // SAFETY: see the top of the module.
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        fn load(self, lane: &Lane) -> __m512 {
            // SAFETY: see the top of the module; a lane is sixteen numbers.
            unsafe { _mm512_loadu_ps(lane.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, vector: __m512, lane: &mut Lane) {
            // SAFETY: as for loading.
            unsafe { _mm512_storeu_ps(lane.as_mut_ptr(), vector) }
        }

        #[inline(always)]
        fn add(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see the top of the module.
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        fn subtract(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see the top of the module.
            unsafe { _mm512_sub_ps(a, b) }
        }

        /// An approximate quotient, corrected twice by its exact remainder: the first brings it within one unit in the
        /// last place, from where the second rounds correctly (Markstein 1990). A third of a division's time.
        #[inline(always)]
        fn divide(self, a: __m512, divisor: &Divisor) -> __m512 {
            // SAFETY: see the top of the module.
            unsafe {
                let value = _mm512_set1_ps(divisor.value);
                let reciprocal = _mm512_set1_ps(divisor.reciprocal);
                let q = _mm512_mul_ps(a, reciprocal);
                let q = _mm512_fmadd_ps(_mm512_fnmadd_ps(q, value, a), reciprocal, q);
                _mm512_fmadd_ps(_mm512_fnmadd_ps(q, value, a), reciprocal, q)
            }
        }

        #[inline(always)]
        fn transpose(self, rows: &mut [__m512; LANES]) {
            // SAFETY: see the top of the module.
            unsafe { transpose_avx512(rows) }
        }
    }

    /// Sixteen rows become sixteen columns: first inside the 128-bit quarters of the registers, then across them.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose_avx512(rows: &mut [__m512; LANES]) {
        // After this, q[4 g + c] holds in quarter k: column 4 k + c of the rows 4 g … 4 g + 3.
        let mut q = *rows;
        for g in (0..LANES).step_by(4) {
            let (a, b) = (_mm512_unpacklo_ps(rows[g], rows[g + 1]), _mm512_unpackhi_ps(rows[g], rows[g + 1]));
            let (c, d) = (_mm512_unpacklo_ps(rows[g + 2], rows[g + 3]), _mm512_unpackhi_ps(rows[g + 2], rows[g + 3]));
            q[g] = _mm512_shuffle_ps::<0b01_00_01_00>(a, c);
            q[g + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(a, c);
            q[g + 2] = _mm512_shuffle_ps::<0b01_00_01_00>(b, d);
            q[g + 3] = _mm512_shuffle_ps::<0b11_10_11_10>(b, d);
        }
        for c in 0..4 {
            let even_low = _mm512_shuffle_f32x4::<0b10_00_10_00>(q[c], q[4 + c]);
            let even_high = _mm512_shuffle_f32x4::<0b10_00_10_00>(q[8 + c], q[12 + c]);
            let odd_low = _mm512_shuffle_f32x4::<0b11_01_11_01>(q[c], q[4 + c]);
            let odd_high = _mm512_shuffle_f32x4::<0b11_01_11_01>(q[8 + c], q[12 + c]);
            rows[c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(even_low, even_high);
            rows[4 + c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(odd_low, odd_high);
            rows[8 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(even_low, even_high);
            rows[12 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(odd_low, odd_high);
        }
    }

    impl Machine for Avx2 {
        type Vector = [__m256; 2];

        #[inline(always)]
        fn zeros(self) -> [__m256; 2] {
            // SAFETY: see the top of the module.
            unsafe { [_mm256_setzero_ps(), _mm256_setzero_ps()] }
        }

        #[inline(always)]
        fn load(self, lane: &Lane) -> [__m256; 2] {
            // SAFETY: see the top of the module; each half of a lane is eight numbers.
            unsafe { [_mm256_loadu_ps(lane[..8].as_ptr()), _mm256_loadu_ps(lane[8..].as_ptr())] }
        }

        #[inline(always)]
        fn store(self, [low, high]: [__m256; 2], lane: &mut Lane) {
            // SAFETY: as for loading.
            unsafe {
                _mm256_storeu_ps(lane[..8].as_mut_ptr(), low);
                _mm256_storeu_ps(lane[8..].as_mut_ptr(), high);
            }
        }

        #[inline(always)]
        fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: see the top of the module.
            unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
        }

        #[inline(always)]
        fn subtract(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: see the top of the module.
            unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
        }

        /// As for AVX-512.
        #[inline(always)]
        fn divide(self, a: [__m256; 2], divisor: &Divisor) -> [__m256; 2] {
            // SAFETY: see the top of the module.
            unsafe {
                let value = _mm256_set1_ps(divisor.value);
                let reciprocal = _mm256_set1_ps(divisor.reciprocal);
                let halves = [_mm256_mul_ps(a[0], reciprocal), _mm256_mul_ps(a[1], reciprocal)];
                let mut quotients = halves;
                for _ in 0..2 {
                    for (q, a) in quotients.iter_mut().zip(a) {
                        *q = _mm256_fmadd_ps(_mm256_fnmadd_ps(*q, value, a), reciprocal, *q);
                    }
                }
                quotients
            }
        }

        #[inline(always)]
        fn transpose(self, rows: &mut [[__m256; 2]; LANES]) {
            // SAFETY: see the top of the module.
            unsafe { transpose_avx2(rows) }
        }
    }

    /// The four quarters of the square are turned one by one, and two of them change places.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose_avx2(rows: &mut [[__m256; 2]; LANES]) {
        let quarter = |top: usize, half: usize| {
            let mut part = [_mm256_setzero_ps(); 8];
            for (part, row) in part.iter_mut().zip(&rows[top..top + 8]) {
                *part = row[half];
            }
            transposed_avx2(part)
        };
        let (upper_left, upper_right) = (quarter(0, 0), quarter(0, 1));
        let (lower_left, lower_right) = (quarter(8, 0), quarter(8, 1));
        for at in 0..8 {
            rows[at] = [upper_left[at], lower_left[at]];
            rows[8 + at] = [upper_right[at], lower_right[at]];
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn transposed_avx2(rows: [__m256; 8]) -> [__m256; 8] {
        let mut q = rows;
        for g in [0, 4] {
            let (a, b) = (_mm256_unpacklo_ps(rows[g], rows[g + 1]), _mm256_unpackhi_ps(rows[g], rows[g + 1]));
            let (c, d) = (_mm256_unpacklo_ps(rows[g + 2], rows[g + 3]), _mm256_unpackhi_ps(rows[g + 2], rows[g + 3]));
            q[g] = _mm256_shuffle_ps::<0b01_00_01_00>(a, c);
            q[g + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(a, c);
            q[g + 2] = _mm256_shuffle_ps::<0b01_00_01_00>(b, d);
            q[g + 3] = _mm256_shuffle_ps::<0b11_10_11_10>(b, d);
        }
        let mut columns = rows;
        for c in 0..4 {
            columns[c] = _mm256_permute2f128_ps::<0x20>(q[c], q[4 + c]);
            columns[4 + c] = _mm256_permute2f128_ps::<0x31>(q[c], q[4 + c]);
        }
        columns
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
