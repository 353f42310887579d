//! How a hash is cut into parts, and how a radius is shared out among them.
//!
//! DESIGN.md, "Index", tells the reasons; here are the sums.

use crate::index::order::BITS;
use crate::simd::Words;

/// Bits that are kept beside each row of a bucket, to reject it without fetching its hash.
pub const SIGNATURE_BITS: usize = 16;
/// Fewer rows than these are looked at one by one: it takes as long as asking the buckets, and the file stays small.
pub const ROWS_WORTH_PARTS: usize = 1024;
/// The narrowest and the widest part that is considered, in bits. A part of 24 bits has a table of 64 MiB.
const WIDTHS: (usize, usize) = (8, 24);
/// The largest radius inside one part whose flips are listed; beyond, a scan is cheaper for every size that fits.
pub const PART_RADIUS_MAX: usize = 4;
/// The radius that parts are sized for: what PDQ's makers recommend.
const RADIUS_SIZED_FOR: u32 = 31;

// What things cost, in nanoseconds, measured on a processor of 2023 at ten million rows. They only weigh one way of
// finding the same answer against another, so it matters little how true they are elsewhere.
/// Asking one bucket: two entries of its part's table, and the first line of its signatures.
pub const COST_PROBE: f64 = 25.0;
/// One signature among its neighbours.
pub const COST_SIGNATURE: f64 = 0.2;
/// Fetching one hash from a random place, by way of its row number.
pub const COST_CANDIDATE: f64 = 25.0;
/// One hash among its neighbours.
pub const COST_SCANNED: f64 = 3.0;

/// One part: some neighbouring bits. They name a bucket, perhaps together with a few bits of the next part; the 16 bits
/// after those are the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    start: usize,
    /// Bits of the part.
    pub width: usize,
    /// Bits of the next part that name the bucket too.
    pub ahead: usize,
}

impl Part {
    /// Buckets of this part.
    #[must_use]
    pub fn buckets(&self) -> usize {
        1 << (self.width + self.ahead)
    }

    /// The bucket of a hash.
    #[inline]
    #[must_use]
    pub fn bucket(&self, hash: &Words) -> u32 {
        (bits_at(hash, self.start) & ((1 << (self.width + self.ahead)) - 1)) as u32
    }

    /// The signature of a hash: the bits after those of the bucket, beginning anew after the last.
    #[inline]
    #[must_use]
    pub fn signature(&self, hash: &Words) -> u16 {
        (bits_at(hash, (self.start + self.width + self.ahead) % BITS) & 0xffff) as u16
    }
}

/// At least 32 bits of a hash from bit `start` on, beginning anew after the last.
#[inline]
#[must_use]
pub fn bits_at(hash: &Words, start: usize) -> u64 {
    let (word, shift) = (start / 64, start % 64);
    let low = hash[word] >> shift;
    if shift <= 32 { low } else { low | hash[(word + 1) % 4] << (64 - shift) }
}

/// The parts of a hash: together all of its bits, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The parts, in the order of their bits.
    pub parts: Vec<Part>,
}

impl Layout {
    /// Parts of widths that differ by at most one bit; `None` for a count that no index uses.
    #[must_use]
    pub fn of(count: usize) -> Option<Self> {
        Self::looking_ahead(count, 0)
    }

    /// The same, with buckets that are named by `ahead` bits of the next part too; those are no more than a part has.
    #[must_use]
    pub fn looking_ahead(count: usize, ahead: usize) -> Option<Self> {
        if count == 0 {
            return Some(Self { parts: Vec::new() });
        }
        let (narrow, wide) = WIDTHS;
        if BITS / count < narrow.max(ahead) || BITS.div_ceil(count) > wide {
            return None;
        }
        let mut start = 0;
        let parts = (0..count)
            .map(|at| {
                let width = BITS / count + usize::from(at < BITS % count);
                let part = Part { start, width, ahead };
                start += width;
                part
            })
            .collect();
        Some(Self { parts })
    }

    /// The parts that make a look-up among so many evenly spread rows cheapest; none for few rows.
    #[must_use]
    pub fn for_rows(rows: usize) -> Self {
        if rows < ROWS_WORTH_PARTS {
            return Self { parts: Vec::new() };
        }
        let (narrow, wide) = WIDTHS;
        (BITS.div_ceil(wide)..=BITS / narrow)
            .filter_map(Self::of)
            .min_by(|a, b| a.cost(rows).total_cmp(&b.cost(rows)))
            .unwrap_or(Self { parts: Vec::new() })
    }

    /// What a look-up costs at the radius that parts are sized for, tables that must be built included.
    fn cost(&self, rows: usize) -> f64 {
        let shares = share_evenly(RADIUS_SIZED_FOR, self.parts.len());
        let ask: f64 = self
            .parts
            .iter()
            .zip(&shares)
            .map(|(part, share)| {
                let probes: f64 = (0..*share).map(|radius| choose(part.width, radius as usize)).sum();
                probes * (COST_PROBE + COST_SIGNATURE * rows as f64 / part.buckets() as f64)
            })
            .sum();
        // Memory has a price too: a byte a row weighs as much as 0.3 % of the time.
        ask * (1.0 + 0.003 * 6.0 * self.parts.len() as f64)
    }

    /// For each part, in how many bits bucket and signature together may differ, if a hash is to be found by this part.
    ///
    /// A signature reaches over one or more of the following parts, and a hash within the radius has a part from which
    /// on the sum over every stretch of parts stays below the sum of their shares (Raney's lemma; DESIGN.md).
    #[must_use]
    pub fn bounds(&self, shares: &[u32]) -> Vec<u32> {
        let count = self.parts.len();
        (0..count)
            .map(|first| {
                let (mut bound, mut reached, mut next) = (shares[first], 0, first);
                while reached < self.parts[first].ahead + SIGNATURE_BITS {
                    next = (next + 1) % count;
                    reached += self.parts[next].width;
                    bound += shares[next];
                }
                bound.saturating_sub(1)
            })
            .collect()
    }
}

/// Shares for a radius: they add up to radius + 1, and differ by at most one.
///
/// A share of s means that a part is asked for everything within s - 1 bits; a share of 0, that it is not asked.
#[must_use]
pub fn share_evenly(radius: u32, parts: usize) -> Vec<u32> {
    let (total, parts) = (radius as usize + 1, parts.max(1));
    (0..parts).map(|at| (total / parts + usize::from(at < total % parts)) as u32).collect()
}

/// The flips of a part: every pattern of at most `PART_RADIUS_MAX` bits, fewer bits first.
#[derive(Debug)]
pub struct Flips {
    patterns: Vec<u32>,
    /// `ends[r]` patterns have at most r bits.
    ends: Vec<usize>,
}

impl Flips {
    /// All flips of a part of this width.
    #[must_use]
    pub fn of(width: usize) -> Self {
        let (mut patterns, mut ends) = (vec![0_u32], vec![1]);
        let mut last = 0..1;
        for _ in 0..PART_RADIUS_MAX.min(width) {
            let from = patterns.len();
            for at in last {
                let pattern = patterns[at];
                let lowest_free = 32 - pattern.leading_zeros() as usize;
                patterns.extend((lowest_free..width).map(|bit| pattern | 1 << bit));
            }
            last = from..patterns.len();
            ends.push(patterns.len());
        }
        Self { patterns, ends }
    }

    /// The flips of exactly `bits` bits.
    #[must_use]
    pub fn exactly(&self, bits: usize) -> &[u32] {
        let end = |bits: usize| self.ends[bits.min(self.ends.len() - 1)];
        let start = if bits == 0 { 0 } else { end(bits - 1) };
        &self.patterns[start..end(bits)]
    }
}

/// In how many ways `few` can be chosen of `many`.
#[must_use]
pub fn choose(many: usize, few: usize) -> f64 {
    (0..few).map(|at| (many - at) as f64 / (at + 1) as f64).product()
}
