//! The search itself: all rows within a radius of a hash, by asking buckets or by looking at every row.
//!
//! Both ways give the same answer; which one is taken is a matter of cost alone. DESIGN.md, "Index", tells why it is
//! enough to ask these buckets, and why a signature may reject a row.

use crate::index::error::IndexError;
use crate::index::layout::{
    COST_CANDIDATE, COST_PROBE, COST_SCANNED, COST_SIGNATURE, Flips, Layout, PART_RADIUS_MAX, Part, choose,
    share_evenly,
};
use crate::simd::{self, Level, Words};

/// A row that was found, and in how many bits its hash differs from the query.
pub type Found = (u32, u32);

/// Buckets whose signatures are on their way from memory while another one's are looked at.
const AHEAD: usize = 12;
/// Buckets that hold more than so many times what evenly spread rows would give have their shares worked out anew.
const UNEVEN: f64 = 3.0;

/// Rows that can be searched: hashes, and for each part the rows of each bucket.
pub trait Postings {
    /// How the hashes are cut into parts; without parts every search is a scan.
    fn layout(&self) -> &Layout;
    /// The flips of a part of this width.
    fn flips(&self, width: usize) -> &Flips;
    /// Every hash, by row.
    fn hashes(&self) -> &[Words];
    /// Signatures and row numbers of one bucket.
    ///
    /// # Errors
    /// `Damaged` if the table of buckets cannot be true.
    fn bucket(&self, part: usize, value: u32) -> Result<(&[u16], &[u32]), IndexError>;
}

struct Probe<'a> {
    signatures: &'a [u16],
    rows: &'a [u32],
    signature: u16,
    bound: u32,
}

/// All rows within `radius` of `query`, in no order, each once.
///
/// # Errors
/// `Damaged` if the rows' memory cannot be true.
pub fn search<P: Postings>(
    postings: &P,
    level: Level,
    query: &Words,
    radius: u32,
) -> Result<Vec<Found>, IndexError> {
    if let Some(found) = by_buckets(postings, level, query, radius)? {
        return Ok(found);
    }
    let mut found = Vec::new();
    simd::scan(level, postings.hashes(), query, radius, &mut found);
    Ok(found)
}

/// The same by a scan, whatever it costs.
pub fn scan<P: Postings>(postings: &P, level: Level, query: &Words, radius: u32) -> Vec<Found> {
    let mut found = Vec::new();
    simd::scan(level, postings.hashes(), query, radius, &mut found);
    found
}

/// The same by asking buckets; `None` where a scan costs less.
fn by_buckets<P: Postings>(
    postings: &P,
    level: Level,
    query: &Words,
    radius: u32,
) -> Result<Option<Vec<Found>>, IndexError> {
    let parts = &postings.layout().parts;
    let scan_cost = postings.hashes().len() as f64 * COST_SCANNED;
    let mut shares = share_evenly(radius, parts.len());
    if parts.is_empty() || !payable(parts, &shares, scan_cost) {
        return Ok(None);
    }
    let mut probes = gather(postings, query, &shares)?;
    let expected: f64 = probes_expected(parts, &shares, postings.hashes().len());
    let held = signatures_held(&probes);
    if held > UNEVEN * expected + 1024.0 {
        shares = share_by_mass(postings, query, radius)?;
        if !payable(parts, &shares, scan_cost) {
            return Ok(None);
        }
        let others = gather(postings, query, &shares)?;
        if cost_of(&others) < cost_of(&probes) {
            probes = others;
        }
    }
    if cost_of(&probes) > scan_cost {
        return Ok(None);
    }
    let most_candidates = (scan_cost / COST_CANDIDATE) as usize;
    let Some(mut rows) = sift(&probes, level, most_candidates) else {
        return Ok(None);
    };
    // A row that is near in several parts was found several times; few are left by now, so sorting costs little.
    for &row in &rows {
        simd::prefetch_one(postings.hashes(), row as usize);
    }
    let mut found = Vec::new();
    if !simd::verify(level, postings.hashes(), &rows, query, radius, &mut found) {
        return Err(IndexError::damaged("a bucket names a row that does not exist"));
    }
    rows.clear();
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

/// Whether asking so many buckets can be cheaper than a scan, and all flips that it takes are listed.
fn payable(parts: &[Part], shares: &[u32], scan_cost: f64) -> bool {
    let mut probes = 0.0;
    for (part, share) in parts.iter().zip(shares) {
        if *share as usize > PART_RADIUS_MAX + 1 {
            return false;
        }
        probes += (0..*share as usize).map(|bits| choose(part.width, bits)).sum::<f64>();
    }
    probes * COST_PROBE <= scan_cost
}

fn probes_expected(parts: &[Part], shares: &[u32], rows: usize) -> f64 {
    let of = |(part, share): (&Part, &u32)| {
        let probes: f64 = (0..*share as usize).map(|bits| choose(part.width, bits)).sum();
        probes * rows as f64 / part.buckets() as f64
    };
    parts.iter().zip(shares).map(of).sum()
}

fn signatures_held(probes: &[Probe<'_>]) -> f64 {
    probes.iter().map(|probe| probe.signatures.len()).sum::<usize>() as f64
}

fn cost_of(probes: &[Probe<'_>]) -> f64 {
    probes.len() as f64 * COST_PROBE + signatures_held(probes) * COST_SIGNATURE
}

/// The buckets to ask, their signatures on their way from memory.
fn gather<'a, P: Postings>(postings: &'a P, query: &Words, shares: &[u32]) -> Result<Vec<Probe<'a>>, IndexError> {
    let layout = postings.layout();
    let bounds = layout.bounds(shares);
    let mut probes = Vec::with_capacity(512);
    for (at, part) in layout.parts.iter().enumerate() {
        let (value, signature) = (part.value(query), part.signature(query));
        let flips = postings.flips(part.width);
        for bits in 0..shares[at] {
            let Some(bound) = bounds[at].checked_sub(bits) else { break };
            for flip in flips.exactly(bits as usize) {
                let (signatures, rows) = postings.bucket(at, value ^ flip)?;
                if !signatures.is_empty() {
                    probes.push(Probe { signatures, rows, signature, bound });
                }
            }
        }
    }
    Ok(probes)
}

/// The rows whose signatures do not rule them out; `None` if there are more than `most`.
fn sift(probes: &[Probe<'_>], level: Level, most: usize) -> Option<Vec<u32>> {
    // Positions first, so that the row numbers are on their way while further signatures are looked at.
    let mut positions = Vec::with_capacity(256);
    let mut ends = Vec::with_capacity(probes.len());
    for probe in probes.iter().take(AHEAD) {
        simd::prefetch(probe.signatures);
    }
    for (at, probe) in probes.iter().enumerate() {
        if let Some(next) = probes.get(at + AHEAD) {
            simd::prefetch(next.signatures);
        }
        let before = positions.len();
        simd::near_signatures(level, probe.signatures, probe.signature, probe.bound, &mut positions);
        for position in &positions[before..] {
            simd::prefetch_one(probe.rows, *position as usize);
        }
        ends.push(positions.len());
        if positions.len() > most {
            return None;
        }
    }
    let mut start = 0;
    for (probe, end) in probes.iter().zip(ends) {
        for position in &mut positions[start..end] {
            *position = probe.rows[*position as usize];
        }
        start = end;
    }
    Some(positions)
}

/// Shares that ask little of parts in which the query's surroundings are crowded, and more of the others.
///
/// The crowd within one bit is counted; wider surroundings are taken to grow as they would for independent bits.
/// The split of the radius is then the cheapest by dynamic programming, as in Qin et al. 2018 ("GPH").
fn share_by_mass<P: Postings>(postings: &P, query: &Words, radius: u32) -> Result<Vec<u32>, IndexError> {
    const SHARES: usize = PART_RADIUS_MAX + 2;
    let layout = postings.layout();
    let total = radius as usize + 1;
    let mut costs = Vec::with_capacity(layout.parts.len());
    for (at, part) in layout.parts.iter().enumerate() {
        let value = part.value(query);
        let flips = postings.flips(part.width);
        let mut cost = [0.0; SHARES];
        let mut crowd = 0.0;
        for bits in 0..SHARES - 1 {
            if bits <= 1 {
                crowd = 0.0;
                for flip in flips.exactly(bits) {
                    crowd += postings.bucket(at, value ^ flip)?.0.len() as f64;
                }
            } else {
                crowd *= (part.width + 1 - bits) as f64 / bits as f64;
            }
            cost[bits + 1] = cost[bits] + choose(part.width, bits) * COST_PROBE + crowd * COST_SIGNATURE;
        }
        costs.push(cost);
    }
    Ok(cheapest_split(&costs, total))
}

/// For each row of `costs` a column, so that the columns add up to `total` and the costs are least.
///
/// If no columns reach `total`, the even shares: they are too dear, and the caller scans.
fn cheapest_split<const SHARES: usize>(costs: &[[f64; SHARES]], total: usize) -> Vec<u32> {
    let mut best = vec![f64::INFINITY; total + 1];
    best[0] = 0.0;
    let mut taken = Vec::with_capacity(costs.len());
    for cost in costs {
        let mut next = vec![f64::INFINITY; total + 1];
        let mut choice = vec![0_u32; total + 1];
        for (sum, so_far) in best.iter().enumerate().filter(|(_, cost)| cost.is_finite()) {
            for (share, more) in cost.iter().enumerate().take(total - sum + 1) {
                if so_far + more < next[sum + share] {
                    next[sum + share] = so_far + more;
                    choice[sum + share] = share as u32;
                }
            }
        }
        best = next;
        taken.push(choice);
    }
    if best[total].is_infinite() {
        return share_evenly(total as u32 - 1, costs.len());
    }
    let mut sum = total;
    let mut shares: Vec<u32> = taken
        .iter()
        .rev()
        .map(|choice| {
            let share = choice[sum];
            sum -= share as usize;
            share
        })
        .collect();
    shares.reverse();
    shares
}
