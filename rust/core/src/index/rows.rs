//! Putting hashes in order: sorted rows, each hash once.

use std::ops::Range;
use std::thread;

use crate::index::error::IndexError;
use crate::index::layout::Layout;
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
    pub fn of(mut hashes: Vec<Words>, ids: Vec<u64>, threads: usize, parts: Option<usize>) -> Result<Self, IndexError> {
        let order = BitOrder::chosen_for_words(&hashes);
        put_in_order(&mut hashes, &order, threads);
        let (mut sorted_hashes, mut sorted_ids) = sorted(&hashes, &ids, threads);
        drop((hashes, ids));
        let firsts = each_once(&mut sorted_hashes, &mut sorted_ids);
        let layout = match parts {
            Some(count) => Layout::of(count).ok_or_else(|| IndexError::invalid(format!("{count} parts cannot be")))?,
            None => Layout::for_rows(sorted_hashes.len()),
        };
        let description = Description {
            rows: sorted_hashes.len(),
            entries: sorted_ids.len(),
            parts: layout.parts.len(),
            order: order.as_bytes(),
        };
        let description = description.to_bytes();
        Ok(Self { description, hashes: sorted_hashes, firsts, ids: sorted_ids, layout })
    }
}

/// Brings the bits of all hashes into the order, each hash where it stands.
fn put_in_order(hashes: &mut [Words], order: &BitOrder, threads: usize) {
    let stretch = hashes.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        for some in hashes.chunks_mut(stretch) {
            scope.spawn(move || {
                for hash in some {
                    *hash = order.apply_to_words(hash);
                }
            });
        }
    });
}

/// All hashes with their ids, in the order of the hashes, then of the ids.
///
/// Each thread takes the hashes that begin with a range of values, writes them bucket by bucket into its own stretch of
/// the result, and sorts each bucket there.
fn sorted(hashes: &[Words], ids: &[u64], threads: usize) -> (Vec<Words>, Vec<u64>) {
    let mut ends = vec![0_usize; 1 << SORT_BITS];
    for hash in hashes {
        ends[bucket(hash)] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let (mut sorted_hashes, mut sorted_ids) = (zeros(hashes.len()), zeros(hashes.len()));
    // Stretches of buckets with about the same number of hashes.
    let bounds: Vec<usize> = (0..=threads)
        .map(|at| match at {
            0 => 0,
            _ if at == threads => ends.len(),
            _ => ends.partition_point(|end| *end < hashes.len() * at / threads),
        })
        .collect();
    thread::scope(|scope| {
        let (mut rest, mut rest_ids) = (sorted_hashes.as_mut_slice(), sorted_ids.as_mut_slice());
        for pair in bounds.windows(2) {
            let buckets = pair[0]..pair[1];
            let length = begin(&ends, buckets.end) - begin(&ends, buckets.start);
            let (mine, others) = rest.split_at_mut(length);
            let (my_ids, other_ids) = rest_ids.split_at_mut(length);
            (rest, rest_ids) = (others, other_ids);
            let ends = &ends;
            scope.spawn(move || sort_buckets(hashes, ids, buckets, ends, mine, my_ids));
        }
    });
    (sorted_hashes, sorted_ids)
}

fn bucket(hash: &Words) -> usize {
    (hash[0] >> (64 - SORT_BITS)) as usize
}

/// Where a bucket begins, by the ends of all.
fn begin(ends: &[usize], bucket: usize) -> usize {
    bucket.checked_sub(1).map_or(0, |before| ends[before])
}

/// Writes the hashes of some buckets to `to`, each bucket sorted.
fn sort_buckets(
    hashes: &[Words],
    ids: &[u64],
    buckets: Range<usize>,
    ends: &[usize],
    to: &mut [Words],
    to_ids: &mut [u64],
) {
    let base = begin(ends, buckets.start);
    let mut next: Vec<usize> = buckets.clone().map(|at| begin(ends, at) - base).collect();
    for (hash, id) in hashes.iter().zip(ids) {
        let at = bucket(hash);
        if buckets.contains(&at) {
            let next = &mut next[at - buckets.start];
            (to[*next], to_ids[*next]) = (*hash, *id);
            *next += 1;
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for at in buckets {
        let place = begin(ends, at) - base..ends[at] - base;
        rows.clear();
        rows.extend(to[place.clone()].iter().copied().zip(to_ids[place.clone()].iter().copied()));
        rows.sort_unstable_by(compare);
        for ((hash, id), (row_hash, row_id)) in to[place.clone()].iter_mut().zip(&mut to_ids[place]).zip(&rows) {
            (*hash, *id) = (*row_hash, *row_id);
        }
    }
}

fn compare(a: &Row, b: &Row) -> std::cmp::Ordering {
    // The highest word was sorted by already, in part; it comes first.
    a.0[0].cmp(&b.0[0]).then_with(|| a.0[1..].cmp(&b.0[1..])).then_with(|| a.1.cmp(&b.1))
}

/// Keeps each hash once, and each of its ids once; for each, and one past the last, the position of its first id.
fn each_once(hashes: &mut Vec<Words>, ids: &mut Vec<u64>) -> Vec<u32> {
    let mut firsts = with_large_pages(hashes.len() + 1);
    let (mut rows, mut entries) = (0, 0);
    for at in 0..hashes.len() {
        let (hash, id) = (hashes[at], ids[at]);
        if rows == 0 || hashes[rows - 1] != hash {
            firsts.push(entries as u32);
            hashes[rows] = hash;
            rows += 1;
        } else if ids[entries - 1] == id {
            continue; // The same entry with the same hash again.
        }
        ids[entries] = id;
        entries += 1;
    }
    firsts.push(entries as u32);
    hashes.truncate(rows);
    ids.truncate(entries);
    firsts
}
