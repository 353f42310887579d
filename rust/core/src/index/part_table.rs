//! The rows of each bucket of one part, put in order while an index is built.

use crate::index::layout::Part;
use crate::map::zeros;
use crate::simd::Words;

/// The arrays of one part.
#[derive(Debug, Default)]
pub struct PartTable {
    /// For each bucket, and one past the last, the position at which it begins.
    pub offsets: Vec<u32>,
    /// The signatures, bucket by bucket.
    pub signatures: Vec<u16>,
    /// The rows, bucket by bucket.
    pub rows: Vec<u32>,
    /// Rows on their way: number, lower half of the bucket's number, signature.
    sorted_roughly: Vec<u64>,
}

impl PartTable {
    /// A counting sort of the rows by bucket, in two steps.
    ///
    /// First by the upper half of the bucket's number, then within. Each step writes to a few hundred places at a time, as
    /// many as the nearer caches and the processor's memory of where pages are have room for; written at once, nearly
    /// every row would go to a place of its own.
    pub fn fill(&mut self, part: Part, hashes: &[Words]) {
        self.count(part, hashes);
        if self.rows.len() != hashes.len() {
            *self = Self {
                offsets: std::mem::take(&mut self.offsets),
                signatures: zeros(hashes.len()),
                rows: zeros(hashes.len()),
                sorted_roughly: zeros(hashes.len()),
            };
        }
        let lower_bits = (part.width + part.ahead) / 2;
        let lower = (1_u32 << lower_bits) - 1;
        let rough: Vec<u32> = self.offsets[..part.buckets()].iter().step_by(1 << lower_bits).copied().collect();
        let mut next = rough.clone();
        for (row, hash) in hashes.iter().enumerate() {
            let bucket = part.bucket(hash);
            let next = &mut next[(bucket >> lower_bits) as usize];
            let told = (row as u64) << 32 | u64::from(bucket & lower) << 16 | u64::from(part.signature(hash));
            self.sorted_roughly[*next as usize] = told;
            *next += 1;
        }
        let mut within = vec![0; 1 << lower_bits];
        for (upper, (from, to)) in rough.iter().zip(next).enumerate() {
            within.copy_from_slice(&self.offsets[upper << lower_bits..][..1 << lower_bits]);
            for told in &self.sorted_roughly[*from as usize..to as usize] {
                let next: &mut u32 = &mut within[(told >> 16) as usize & lower as usize];
                self.signatures[*next as usize] = (told & 0xffff) as u16;
                self.rows[*next as usize] = (told >> 32) as u32;
                *next += 1;
            }
        }
    }

    /// Works out where each bucket begins.
    fn count(&mut self, part: Part, hashes: &[Words]) {
        self.offsets.clear();
        self.offsets.resize(part.buckets() + 1, 0);
        for hash in hashes {
            self.offsets[part.bucket(hash) as usize + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut self.offsets {
            sum += *count;
            *count = sum;
        }
    }
}
