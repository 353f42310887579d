//! The order of bits: which bit of a hash stands where inside an index.
//!
//! The order changes no distance. It decides which bits share a part, and so how evenly the hashes spread over a part's
//! buckets. DESIGN.md, "Index", tells why the sum below is the one to make small.

use crate::hamming::HASH_BYTES;
use crate::simd::Words;

/// Bits of a hash.
pub const BITS: usize = 256;
/// Half-bytes of a hash.
const NIBBLES: usize = BITS / 4;
/// Hashes that are looked at to choose an order. The correlation of two independent bits is then known to about 1 %.
const SAMPLE: usize = 8192;
/// Bits in a group that is kept uncorrelated: one part and no more of an index of ten million.
const GROUP: usize = 16;
const GROUPS: usize = BITS / GROUP;
/// Rounds of exchanges at most; real data come to rest in fewer than ten.
const ROUNDS: usize = 24;

/// An order of the bits, with tables that apply it.
#[derive(Clone)]
pub struct BitOrder {
    /// `order[k]` is the bit of a hash that comes to stand at place k.
    order: [u8; BITS],
    /// For each half-byte of a hash and each of its 16 values, the bits it sets.
    forth: Box<[[Words; 16]; NIBBLES]>,
    back: Box<[[Words; 16]; NIBBLES]>,
}

impl BitOrder {
    /// The order as it is.
    #[must_use]
    pub fn identity() -> Self {
        let mut order = [0; BITS];
        for (place, bit) in order.iter_mut().enumerate() {
            *bit = place as u8;
        }
        Self::with(order)
    }

    /// The order in a file; `None` unless each bit is named once.
    #[must_use]
    pub fn from_bytes(order: &[u8]) -> Option<Self> {
        let order: [u8; BITS] = order.try_into().ok()?;
        let mut seen = [false; BITS];
        for bit in order {
            seen[usize::from(bit)] = true;
        }
        seen.iter().all(|seen| *seen).then(|| Self::with(order))
    }

    /// An order that spreads such hashes evenly, worked out from a sample of them.
    #[must_use]
    pub fn chosen_for(hashes: &[[u8; HASH_BYTES]]) -> Self {
        let hashes: Vec<Words> = hashes.iter().map(words).collect();
        Self::chosen_for_words(&hashes)
    }

    /// The same for hashes as words.
    #[must_use]
    pub fn chosen_for_words(hashes: &[Words]) -> Self {
        let step = hashes.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<Words> = hashes.iter().step_by(step).copied().collect();
        if sample.len() < BITS {
            return Self::identity(); // Too few to tell chance from kinship.
        }
        Self::with(spread(&kinship(&sample)))
    }

    fn with(order: [u8; BITS]) -> Self {
        let mut inverse = [0; BITS];
        for (place, bit) in order.iter().enumerate() {
            inverse[usize::from(*bit)] = place as u8;
        }
        Self { order, forth: tables(&inverse), back: tables(&order) }
    }

    /// Which bit stands at which place.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; BITS] {
        &self.order
    }

    /// A hash with its bits in this order.
    #[inline]
    #[must_use]
    pub fn apply(&self, hash: &[u8; HASH_BYTES]) -> Words {
        mix(&self.forth, hash)
    }

    /// The same for a hash as words.
    #[inline]
    #[must_use]
    pub fn apply_to_words(&self, hash: &Words) -> Words {
        self.apply(&bytes(hash))
    }

    /// The hash that `apply` made these words of.
    #[must_use]
    pub fn undo(&self, places: &Words) -> [u8; HASH_BYTES] {
        bytes(&mix(&self.back, &bytes(places)))
    }
}

impl std::fmt::Debug for BitOrder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("BitOrder").finish_non_exhaustive()
    }
}

/// The four words of a hash: bit b of the hash is bit b % 64 of word b / 64.
#[inline]
#[must_use]
pub fn words(hash: &[u8; HASH_BYTES]) -> Words {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(hash.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *word = u64::from_le_bytes(eight);
    }
    words
}

fn bytes(words: &Words) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    for (chunk, word) in hash.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    hash
}

/// Tables that send bit b to `place[b]`, a half-byte at a time: 32 KiB, which stays in the fastest cache.
fn tables(place: &[u8; BITS]) -> Box<[[Words; 16]; NIBBLES]> {
    let mut tables = Box::new([[[0; 4]; 16]; NIBBLES]);
    for (nibble, table) in tables.iter_mut().enumerate() {
        for (value, words) in table.iter_mut().enumerate() {
            for bit in (0..4).filter(|bit| value >> bit & 1 == 1) {
                let to = usize::from(place[4 * nibble + bit]);
                words[to / 64] |= 1 << (to % 64);
            }
        }
    }
    tables
}

#[inline]
fn mix(tables: &[[Words; 16]; NIBBLES], hash: &[u8; HASH_BYTES]) -> Words {
    let mut mixed = [0; 4];
    for (pair, byte) in tables.chunks_exact(2).zip(hash) {
        let low = &pair[0][usize::from(byte & 15)];
        let high = &pair[1][usize::from(byte >> 4)];
        for (word, (low, high)) in mixed.iter_mut().zip(low.iter().zip(high)) {
            *word |= low | high;
        }
    }
    mixed
}

/// How much two bits of one part spoil it: the covariance of "these two hashes differ in bit j" and "... in bit k".
///
/// With bits written as +1 and -1 that is (E[X_j X_k]² - E[X_j]² E[X_k]²) / 4; the quarter is left out.
fn kinship(sample: &[Words]) -> Vec<f32> {
    let columns: Vec<Vec<u64>> = (0..BITS).map(|bit| column(sample, bit)).collect();
    let count = sample.len() as f32;
    let means: Vec<f32> = columns.iter().map(|column| 1.0 - 2.0 * ones(column) as f32 / count).collect();
    let mut kinship = vec![0.0; BITS * BITS];
    for j in 0..BITS {
        for k in 0..j {
            let differ: u32 = columns[j].iter().zip(&columns[k]).map(|(a, b)| (a ^ b).count_ones()).sum();
            let together = 1.0 - 2.0 * differ as f32 / count;
            let spoils = together * together - (means[j] * means[k]).powi(2);
            kinship[j * BITS + k] = spoils;
            kinship[k * BITS + j] = spoils;
        }
        // A bit that is nearly always the same makes its part narrower: it is spread over the parts like kinship.
        kinship[j * BITS + j] = means[j] * means[j];
    }
    kinship
}

fn column(sample: &[Words], bit: usize) -> Vec<u64> {
    sample
        .chunks(64)
        .map(|chunk| {
            chunk.iter().enumerate().fold(0, |word, (at, hash)| word | (hash[bit / 64] >> (bit % 64) & 1) << at)
        })
        .collect()
}

fn ones(column: &[u64]) -> u32 {
    column.iter().map(|word| word.count_ones()).sum()
}

/// Puts bits into groups of little kinship: first each bit where it spoils least, then exchanges as long as one helps.
fn spread(kinship: &[f32]) -> [u8; BITS] {
    let between = |j: usize, k: usize| kinship[j * BITS + k];
    let mut by_weight: Vec<usize> = (0..BITS).collect();
    let weight = |bit: usize| -> f32 { (0..BITS).map(|other| between(bit, other)).sum() };
    let weights: Vec<f32> = (0..BITS).map(weight).collect();
    by_weight.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));

    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); GROUPS];
    // What group g costs with bit b in it is kept up to date: cost[b][g] = kinship of b with everything in g.
    let mut cost = vec![[0.0_f32; GROUPS]; BITS];
    let mut means = [0.0_f32; GROUPS];
    for bit in by_weight {
        let spoilt = |group: usize| cost[bit][group] + between(bit, bit) * means[group];
        let best = (0..GROUPS)
            .filter(|group| groups[*group].len() < GROUP)
            .min_by(|a, b| spoilt(*a).total_cmp(&spoilt(*b)).then(groups[*a].len().cmp(&groups[*b].len())));
        let Some(best) = best else { break };
        groups[best].push(bit);
        means[best] += between(bit, bit);
        for (other, costs) in cost.iter_mut().enumerate() {
            if other != bit {
                costs[best] += between(other, bit);
            }
        }
    }
    for _ in 0..ROUNDS {
        if !exchange(&mut groups, &mut cost, kinship) {
            break;
        }
    }
    let mut order = [0; BITS];
    for (place, bit) in order.iter_mut().zip(groups.iter().flatten()) {
        *place = *bit as u8;
    }
    order
}

/// One round over all pairs of bits in different groups; whether any exchange helped.
fn exchange(groups: &mut [Vec<usize>], cost: &mut [[f32; GROUPS]], kinship: &[f32]) -> bool {
    let mut helped = false;
    for g in 0..GROUPS {
        for h in 0..g {
            for at_g in 0..GROUP {
                for at_h in 0..GROUP {
                    let (j, k) = (groups[g][at_g], groups[h][at_h]);
                    let between = kinship[j * BITS + k];
                    let change = cost[j][h] + cost[k][g] - 2.0 * between - cost[j][g] - cost[k][h];
                    if change > -1e-4 {
                        continue;
                    }
                    groups[g][at_g] = k;
                    groups[h][at_h] = j;
                    for (other, costs) in cost.iter_mut().enumerate() {
                        let (with_j, with_k) = (kinship[other * BITS + j], kinship[other * BITS + k]);
                        let (with_j, with_k) =
                            (if other == j { 0.0 } else { with_j }, if other == k { 0.0 } else { with_k });
                        costs[g] += with_k - with_j;
                        costs[h] += with_j - with_k;
                    }
                    helped = true;
                }
            }
        }
    }
    helped
}
