//! The inner loops of the index, for the processor at hand: AVX-512, AVX2, or plain Rust.
//!
//! All three give the same results; the tests hold them against each other. Together with `map.rs` this is the only
//! module with `unsafe`.
#![allow(unsafe_code)]

pub mod lanes;

use std::sync::OnceLock;

use crate::index::pages::{FLIPS, GOES_ON, LINE};

/// A hash as four words of 64 bits, bit 0 the lowest of word 0.
pub type Words = [u64; 4];

/// What the processor can do. A larger level is a faster one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust.
    Portable,
    /// AVX2, shifts that leave flags alone (BMI2), and the population count of single words.
    Avx2,
    /// AVX-512 with population counts of 16-bit and 64-bit lanes (BITALG, VPOPCNTDQ).
    Avx512,
}

impl Level {
    /// The fastest level of this processor.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(Self::detect)
    }

    /// Every level that this processor has, the plain one first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        [Self::Portable, Self::Avx2, Self::Avx512].into_iter().filter(|level| *level <= Self::best()).collect()
    }

    #[cfg(target_arch = "x86_64")]
    fn detect() -> Self {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bitalg")
            && is_x86_feature_detected!("avx512vpopcntdq");
        match (avx2, avx512) {
            (true, true) => Self::Avx512,
            (true, false) => Self::Avx2,
            _ => Self::Portable,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detect() -> Self {
        Self::Portable
    }
}

/// In how many bits two hashes differ.
#[inline]
#[must_use]
pub fn distance(a: &Words, b: &Words) -> u32 {
    (a[0] ^ b[0]).count_ones() + (a[1] ^ b[1]).count_ones() + (a[2] ^ b[2]).count_ones() + (a[3] ^ b[3]).count_ones()
}

/// Asks the processor to fetch the memory that a slice lies in, every line of it; changes nothing but the time.
///
/// Into the second-level cache: it has room for more lines under way than the first.
#[inline]
pub fn prefetch<T>(slice: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        const LINE: usize = 64;
        let start = slice.as_ptr().cast::<i8>();
        let bytes = std::mem::size_of_val(slice);
        let lead = start.addr() % LINE;
        let mut at = 0;
        while at < bytes + lead {
            // SAFETY: a prefetch reads nothing that the program could see and never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(at)) };
            at += LINE;
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slice;
}

/// Asks the processor to fetch one element; out of range, nothing happens.
#[inline]
pub fn prefetch_one<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = slice.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program could see and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}

/// The same for what is needed a little later: into the second-level cache, which has room for more lines under way.
#[inline]
pub fn prefetch_later<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = slice.get(at) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program could see and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(element).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}

/// What was found in five lines of 31 signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InLines {
    /// For each of the five lines, as bits, the numbers of its signatures (1 to 31) that are near.
    pub slots: [u32; 5],
    /// Whether one of them goes on elsewhere.
    pub goes_on: bool,
}

/// Which signatures are near the query's, in line `line` and those whose numbers differ from it in one of four bits.
///
/// `lines` are 16 lines of 32 numbers: how many signatures follow, with the uppermost bit set if the line goes on
/// elsewhere, then these. They may differ in `bound` bits, of which the flipped bit of the line is one.
#[must_use]
pub fn near_in_lines(level: Level, lines: &[u16], line: usize, query: u16, bound: u32) -> InLines {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was detected on this processor.
        Level::Avx512 => unsafe { x86::near_in_lines_avx512(lines, line, query, bound) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { x86::near_in_lines_popcnt(lines, line, query, bound) },
        _ => near_in_lines_plain(lines, line, query, bound),
    }
}

/// The same for one line, all of `bound` being left for its signatures.
#[must_use]
pub fn near_in_line(level: Level, line: &[u16], query: u16, bound: u32) -> u32 {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was detected on this processor.
        Level::Avx512 => unsafe { x86::near_in_line_avx512(line, query, bound) },
        _ => near_in_line_plain(line, query, bound),
    }
}

#[inline(always)]
fn near_in_lines_plain(lines: &[u16], line: usize, query: u16, bound: u32) -> InLines {
    let mut found = InLines::default();
    for (slots, flip) in found.slots.iter_mut().zip(FLIPS) {
        let line = &lines[(line ^ flip) * LINE..][..LINE];
        *slots = near_in_line_plain(line, query, bound - flip.count_ones());
        found.goes_on |= line[0] & GOES_ON != 0;
    }
    found
}

#[inline(always)]
fn near_in_line_plain(line: &[u16], query: u16, bound: u32) -> u32 {
    let count = usize::from(line[0] & !GOES_ON);
    let near = |(slot, signature): (usize, &u16)| u32::from((signature ^ query).count_ones() <= bound) << slot;
    line.iter().enumerate().take(count + 1).skip(1).map(near).sum()
}

/// Appends the positions at which `signatures` differ from `query` in at most `bound` bits.
pub fn near_signatures(level: Level, signatures: &[u16], query: u16, bound: u32, found: &mut Vec<u32>) {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was detected on this processor.
        Level::Avx512 => unsafe { x86::near_signatures_avx512(signatures, query, bound, found) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { x86::near_signatures_avx2(signatures, query, bound, found) },
        _ => near_signatures_from(0, signatures, query, bound, found),
    }
}

#[inline(always)]
fn near_signatures_from(first: usize, signatures: &[u16], query: u16, bound: u32, found: &mut Vec<u32>) {
    for (at, signature) in signatures.iter().enumerate().skip(first) {
        if (signature ^ query).count_ones() <= bound {
            found.push(position(at));
        }
    }
}

/// Appends (position, distance) of every hash that differs from `query` in at most `radius` bits, looking at them all.
pub fn scan(level: Level, hashes: &[Words], query: &Words, radius: u32, found: &mut Vec<(u32, u32)>) {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level was detected on this processor.
        Level::Avx512 => unsafe { x86::scan_avx512(hashes, query, radius, found) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { x86::scan_popcnt(hashes, query, radius, found) },
        _ => scan_from(0, hashes, query, radius, found),
    }
}

#[inline(always)]
fn scan_from(first: usize, hashes: &[Words], query: &Words, radius: u32, found: &mut Vec<(u32, u32)>) {
    for (at, hash) in hashes.iter().enumerate().skip(first) {
        let distance = distance(hash, query);
        if distance <= radius {
            found.push((position(at), distance));
        }
    }
}

/// Appends (row, distance) of those of the `rows` whose hash differs from `query` in at most `radius` bits.
///
/// Returns false if a row lies outside `hashes`: then the rows come from damaged memory.
#[must_use]
pub fn verify(
    level: Level,
    hashes: &[Words],
    rows: &[u32],
    query: &Words,
    radius: u32,
    found: &mut Vec<(u32, u32)>,
) -> bool {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: both levels include the population count of single words, and were detected on this processor.
        Level::Avx512 | Level::Avx2 => unsafe { x86::verify_popcnt(hashes, rows, query, radius, found) },
        _ => verify_plain(hashes, rows, query, radius, found),
    }
}

#[inline(always)]
fn verify_plain(hashes: &[Words], rows: &[u32], query: &Words, radius: u32, found: &mut Vec<(u32, u32)>) -> bool {
    for &row in rows {
        let Some(hash) = hashes.get(row as usize) else {
            return false;
        };
        let distance = distance(hash, query);
        if distance <= radius {
            found.push((row, distance));
        }
    }
    true
}

/// Positions fit in 32 bits: an index refuses more rows than that.
#[inline(always)]
fn position(at: usize) -> u32 {
    debug_assert!(at <= u32::MAX as usize);
    at as u32
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{InLines, Words, near_in_lines_plain, near_signatures_from, position, scan_from, verify_plain};
    use crate::index::pages::{FLIPS, GOES_ON, LINE};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512bw,avx512bitalg")]
    pub fn near_signatures_avx512(signatures: &[u16], query: u16, bound: u32, found: &mut Vec<u32>) {
        let wanted = _mm512_set1_epi16(query.cast_signed());
        let most = _mm512_set1_epi16(bound.min(16) as i16);
        let mut at = 0;
        while at < signatures.len() {
            let left = signatures.len() - at;
            let lanes: __mmask32 = if left >= 32 { u32::MAX } else { (1 << left) - 1 };
            // SAFETY: `lanes` leaves out what lies past the end, and a lane that is left out is not read.
            let some = unsafe { _mm512_maskz_loadu_epi16(lanes, signatures.as_ptr().add(at).cast()) };
            let differing = _mm512_popcnt_epi16(_mm512_xor_si512(some, wanted));
            let mut near = _mm512_mask_cmple_epu16_mask(lanes, differing, most);
            while near != 0 {
                found.push(position(at + near.trailing_zeros() as usize));
                near &= near - 1;
            }
            at += 32;
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bitalg")]
    pub fn near_in_lines_avx512(lines: &[u16], line: usize, query: u16, bound: u32) -> InLines {
        let mut found = InLines::default();
        for (slots, flip) in found.slots.iter_mut().zip(FLIPS) {
            let line = &lines[(line ^ flip) * LINE..][..LINE];
            *slots = near_in_line_avx512(line, query, bound - flip.count_ones());
            found.goes_on |= line[0] & GOES_ON != 0;
        }
        found
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bitalg")]
    pub fn near_in_line_avx512(line: &[u16], query: u16, bound: u32) -> u32 {
        let line = &line[..LINE];
        let count = u32::from(line[0] & !GOES_ON).min(LINE as u32 - 1);
        // SAFETY: `line` is 32 numbers of two bytes.
        let some = unsafe { _mm512_loadu_epi16(line.as_ptr().cast()) };
        let differing = _mm512_popcnt_epi16(_mm512_xor_si512(some, _mm512_set1_epi16(query.cast_signed())));
        let near = _mm512_cmple_epu16_mask(differing, _mm512_set1_epi16(bound.min(16) as i16));
        near & (u32::MAX >> (31 - count)) & !1
    }

    #[target_feature(enable = "popcnt")]
    pub fn near_in_lines_popcnt(lines: &[u16], line: usize, query: u16, bound: u32) -> InLines {
        near_in_lines_plain(lines, line, query, bound)
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub fn near_signatures_avx2(signatures: &[u16], query: u16, bound: u32, found: &mut Vec<u32>) {
        // Counts of the sixteen half-bytes, looked up by a shuffle (Mula, Kurz, Lemire 2018).
        let counts = _mm256_setr_epi8(
            0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        );
        let half = _mm256_set1_epi8(0x0f);
        let wanted = _mm256_set1_epi16(query.cast_signed());
        let too_many = _mm256_set1_epi16(bound.min(16) as i16 + 1);
        let whole = signatures.len() / 16 * 16;
        let mut at = 0;
        while at < whole {
            // SAFETY: sixteen signatures from `at` on lie inside the slice.
            let some = unsafe { _mm256_loadu_si256(signatures.as_ptr().add(at).cast()) };
            let bits = _mm256_xor_si256(some, wanted);
            let low = _mm256_shuffle_epi8(counts, _mm256_and_si256(bits, half));
            let high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16::<4>(bits), half));
            let differing = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
            let mut near = _mm256_movemask_epi8(_mm256_cmpgt_epi16(too_many, differing)).cast_unsigned();
            while near != 0 {
                // Two bits of the mask for each signature.
                found.push(position(at + near.trailing_zeros() as usize / 2));
                near &= near - 1;
                near &= near - 1;
            }
            at += 16;
        }
        near_signatures_from(whole, signatures, query, bound, found);
    }

    #[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
    pub fn scan_avx512(hashes: &[Words], query: &Words, radius: u32, found: &mut Vec<(u32, u32)>) {
        // SAFETY: `query` is 32 bytes.
        let one = unsafe { _mm256_loadu_si256(query.as_ptr().cast()) };
        let wanted = _mm512_broadcast_i64x4(one);
        let most = _mm512_set1_epi64(i64::from(radius));
        let whole = hashes.len() / 8 * 8;
        let mut at = 0;
        while at < whole {
            let start = hashes[at..at + 8].as_ptr().cast::<i64>();
            // SAFETY: the slice of eight hashes above is four times 64 bytes.
            let (a, b, c, d) = unsafe {
                (
                    _mm512_loadu_epi64(start),
                    _mm512_loadu_epi64(start.add(8)),
                    _mm512_loadu_epi64(start.add(16)),
                    _mm512_loadu_epi64(start.add(24)),
                )
            };
            let a = _mm512_popcnt_epi64(_mm512_xor_si512(a, wanted));
            let b = _mm512_popcnt_epi64(_mm512_xor_si512(b, wanted));
            let c = _mm512_popcnt_epi64(_mm512_xor_si512(c, wanted));
            let d = _mm512_popcnt_epi64(_mm512_xor_si512(d, wanted));
            // Four counts of each hash are added up: neighbours first, then halves.
            let ab = _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
            let cd = _mm512_add_epi64(_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
            let sums = _mm512_add_epi64(
                _mm512_shuffle_i64x2::<0b10_00_10_00>(ab, cd),
                _mm512_shuffle_i64x2::<0b11_01_11_01>(ab, cd),
            );
            // The lanes are out of order; where one is near, the eight are looked at one by one.
            if _mm512_cmple_epu64_mask(sums, most) != 0 {
                for (near, hash) in hashes.iter().enumerate().skip(at).take(8) {
                    let distance = super::distance(hash, query);
                    if distance <= radius {
                        found.push((position(near), distance));
                    }
                }
            }
            at += 8;
        }
        scan_from(whole, hashes, query, radius, found);
    }

    #[target_feature(enable = "popcnt")]
    pub fn scan_popcnt(hashes: &[Words], query: &Words, radius: u32, found: &mut Vec<(u32, u32)>) {
        scan_from(0, hashes, query, radius, found);
    }

    #[target_feature(enable = "popcnt")]
    pub fn verify_popcnt(
        hashes: &[Words],
        rows: &[u32],
        query: &Words,
        radius: u32,
        found: &mut Vec<(u32, u32)>,
    ) -> bool {
        verify_plain(hashes, rows, query, radius, found)
    }
}
