//! Sixteen numbers at a time with AVX2 and with AVX-512.

use std::arch::x86_64::*;

use super::{Divisor, LANES, Lane, Machine, Work};

// In this module a value of `Avx2` or `Avx512` exists only inside the function that was entered because the
// processor has those instructions. That is what every SAFETY comment below rests on.

#[derive(Clone, Copy)]
struct Avx2(());

#[derive(Clone, Copy)]
struct Avx512(());

#[target_feature(enable = "avx2,bmi1,bmi2,fma,popcnt")]
pub fn run_avx2<W: Work>(work: W) -> W::Output {
    work.run(Avx2(()))
}

#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,popcnt")]
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
