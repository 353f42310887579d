//! Putting hashes in order: sorted rows, each hash once, and for each part the rows of each bucket.

use std::thread;

use crate::hamming::HASH_BYTES;
use crate::index::error::IndexError;
use crate::index::layout::{Layout, Part};
use crate::index::near::Description;
use crate::index::order::BitOrder;
use crate::map::{with_large_pages, zeros};
use crate::simd::Words;

/// Rows are sorted by their first so many bits at once, then within: a bucket of them fits a cache.
const SORT_BITS: usize = 12;

/// A hash in the order of bits of its list, and the id of its entry.
type Row = (Words, u64);

/// A list of perceptual hashes, sorted, each hash once.
pub struct NearList {
    /// What describes the list in the file.
    pub description: Vec<u8>,
    /// The different hashes, in order.
    pub hashes: Vec<Words>,
    /// For each, and one past the last, the position of its first entry.
    pub firsts: Vec<u32>,
    /// The entries' ids.
    pub ids: Vec<u64>,
    /// How hashes are cut into parts.
    pub layout: Layout,
}

impl NearList {
    /// Chooses an order of bits, sorts, and chooses the parts unless their count is given.
    pub fn of(
        hashes: Vec<[u8; HASH_BYTES]>,
        ids: Vec<u64>,
        threads: usize,
        parts: Option<usize>,
    ) -> Result<Self, IndexError> {
        let order = BitOrder::chosen_for(&hashes);
        let rows = sorted(&hashes, &ids, &order, threads);
        drop((hashes, ids));
        let mut list = Self {
            description: Vec::new(),
            hashes: with_large_pages(rows.len()),
            firsts: with_large_pages(rows.len() + 1),
            ids: with_large_pages(rows.len()),
            layout: Layout::for_rows(0),
        };
        let mut before: Option<&Row> = None;
        for row in &rows {
            if before.is_none_or(|before| before.0 != row.0) {
                list.firsts.push(list.ids.len() as u32);
                list.hashes.push(row.0);
            } else if before == Some(row) {
                continue; // The same entry with the same hash again.
            }
            list.ids.push(row.1);
            before = Some(row);
        }
        list.firsts.push(list.ids.len() as u32);
        list.layout = match parts {
            Some(count) => Layout::of(count).ok_or_else(|| IndexError::invalid(format!("{count} parts cannot be")))?,
            None => Layout::for_rows(list.hashes.len()),
        };
        let description = Description {
            rows: list.hashes.len(),
            entries: list.ids.len(),
            parts: list.layout.parts.len(),
            order: order.as_bytes(),
        };
        list.description = description.to_bytes();
        Ok(list)
    }
}

/// All pairs of hash and id, in the order of the hashes, then of the ids.
///
/// Each thread takes the hashes that begin with a range of values, writes them bucket by bucket into its own stretch of
/// the result, and sorts each bucket there.
fn sorted(hashes: &[[u8; HASH_BYTES]], ids: &[u64], order: &BitOrder, threads: usize) -> Vec<Row> {
    let bucket = |hash: &Words| (hash[0] >> (64 - SORT_BITS)) as usize;
    let words: Vec<Words> = in_stretches(hashes, threads, |hash| order.apply(hash));
    let mut ends = vec![0_usize; 1 << SORT_BITS];
    for hash in &words {
        ends[bucket(hash)] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut rows: Vec<Row> = with_large_pages(words.len());
    rows.resize(words.len(), Row::default());
    // Stretches of buckets with about the same number of hashes.
    let bounds: Vec<usize> = (0..=threads)
        .map(|at| match at {
            0 => 0,
            _ if at == threads => ends.len(),
            _ => ends.partition_point(|end| *end < words.len() * at / threads),
        })
        .collect();
    thread::scope(|scope| {
        let mut rest = rows.as_mut_slice();
        let mut start = 0;
        for pair in bounds.windows(2) {
            let (first, last) = (pair[0], pair[1]);
            let end = if last == 0 { 0 } else { ends[last - 1] };
            let (mine, others) = rest.split_at_mut(end - start);
            rest = others;
            let (from, words, ends, base) = (first, &words, &ends, start);
            start = end;
            scope.spawn(move || {
                let begin = |at: usize| if at == 0 { 0 } else { ends[at - 1] };
                let mut next: Vec<usize> = (from..last).map(|at| begin(at) - base).collect();
                for (hash, id) in words.iter().zip(ids) {
                    let at = bucket(hash);
                    if (from..last).contains(&at) {
                        mine[next[at - from]] = (*hash, *id);
                        next[at - from] += 1;
                    }
                }
                for at in from..last {
                    mine[begin(at) - base..ends[at] - base].sort_unstable_by(compare);
                }
            });
        }
    });
    rows
}

fn compare(a: &Row, b: &Row) -> std::cmp::Ordering {
    // The highest word was sorted by already, in part; it comes first.
    a.0[0].cmp(&b.0[0]).then_with(|| a.0[1..].cmp(&b.0[1..])).then_with(|| a.1.cmp(&b.1))
}

/// The results of `work` on each element, in order, worked out by several threads.
fn in_stretches<T: Sync, R: Send + Copy + Default>(
    input: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let mut output = with_large_pages(input.len());
    output.resize(input.len(), R::default());
    let stretch = input.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (from, to) in input.chunks(stretch).zip(output.chunks_mut(stretch)) {
            let work = &work;
            scope.spawn(move || {
                for (element, result) in from.iter().zip(to) {
                    *result = work(element);
                }
            });
        }
    });
    output
}

/// The arrays of one part.
pub struct PartTable {
    /// For each bucket, and one past the last, the position at which it begins.
    pub offsets: Vec<u32>,
    /// The signatures, bucket by bucket.
    pub signatures: Vec<u16>,
    /// The rows, bucket by bucket.
    pub rows: Vec<u32>,
}

impl PartTable {
    /// A counting sort of the rows by bucket.
    pub fn of(part: Part, hashes: &[Words]) -> Self {
        let mut offsets = vec![0_u32; part.buckets() + 1];
        for hash in hashes {
            offsets[part.bucket(hash) as usize + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut offsets {
            sum += *count;
            *count = sum;
        }
        let mut next = offsets.clone();
        let (mut signatures, mut rows) = (zeros(hashes.len()), zeros(hashes.len()));
        for (row, hash) in hashes.iter().enumerate() {
            let next = &mut next[part.bucket(hash) as usize];
            signatures[*next as usize] = part.signature(hash);
            rows[*next as usize] = row as u32;
            *next += 1;
        }
        Self { offsets, signatures, rows }
    }
}
