//! The search itself: all rows within a radius of a hash, by asking buckets or by looking at every row.
//!
//! Both ways give the same answer; which one is taken is a matter of cost alone. DESIGN.md, "Index", tells why it is
//! enough to ask these buckets, and why a signature may reject a row.

use crate::index::error::IndexError;
use crate::index::layout::{
    COST_CANDIDATE, COST_PROBE, COST_SCANNED, COST_SIGNATURE, PART_RADIUS_MAX, choose, share_evenly,
};
use crate::index::plan::{Plan, Plans, Target};
use crate::simd::{self, Level, Words};

/// A row that was found, and in how many bits its hash differs from the query.
pub type Found = (u32, u32);

/// Buckets whose signatures are on their way from memory while another one's are looked at.
const AHEAD: usize = 32;
/// If the buckets hold more than so many times what evenly spread rows would give, the radius is shared out anew ...
const CROWDED: f64 = 3.0;
/// ... and they hold more than so many signatures: before that there is nothing to gain.
const CROWDED_LEAST: f64 = 1024.0;

/// Rows that can be searched: hashes, and for each part the rows of each bucket.
pub trait Postings {
    /// How the hashes are cut into parts, and which buckets each radius asks.
    fn plans(&self) -> &Plans;
    /// Every hash, by row.
    fn hashes(&self) -> &[Words];
    /// Asks for the memory that tells where a bucket is.
    fn prefetch(&self, part: usize, value: u32);
    /// The rows of one bucket, told in any number of stretches.
    ///
    /// # Errors
    /// `Damaged` if the table of buckets cannot be true.
    fn bucket<'a>(&'a self, part: usize, value: u32, take: &mut impl FnMut(Bucket<'a>)) -> Result<(), IndexError>;
}

/// The rows whose bits in one part are the same.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    /// For each row the 16 bits after the part.
    pub signatures: &'a [u16],
    /// As many row numbers.
    pub rows: &'a [u32],
}

/// A bucket that was found.
struct Probe<'a> {
    bucket: Bucket<'a>,
    signature: u16,
    bound: u8,
}

/// How rows are found. The answer is the same; tests hold one way against the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Whichever costs least.
    Cheapest,
    /// By looking at every row.
    Scan,
    /// By asking buckets, the radius shared out evenly, wherever a plan for that exists.
    Buckets,
    /// By asking buckets, the radius shared out by how crowded each part is, wherever a plan for that exists.
    CrowdedBuckets,
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
    way: Way,
) -> Result<Vec<Found>, IndexError> {
    if way != Way::Scan
        && let Some(found) = by_buckets(postings, level, query, radius, way)?
    {
        return Ok(found);
    }
    let mut found = Vec::new();
    simd::scan(level, postings.hashes(), query, radius, &mut found);
    Ok(found)
}

/// The same by asking buckets; `None` where a scan costs less.
fn by_buckets<P: Postings>(
    postings: &P,
    level: Level,
    query: &Words,
    radius: u32,
    way: Way,
) -> Result<Option<Vec<Found>>, IndexError> {
    let plans = postings.plans();
    let rows = postings.hashes().len();
    let scan_cost = if way == Way::Cheapest { rows as f64 * COST_SCANNED } else { f64::INFINITY };
    let Some(plan) = plans.even(radius).filter(|plan| plan.cost_of_asking() <= scan_cost) else {
        return Ok(None);
    };
    let mut probes = gather(postings, query, plan)?;
    let crowded = signatures_held(&probes) > CROWDED * plan.expected(rows) + CROWDED_LEAST;
    if crowded && way == Way::Cheapest || way == Way::CrowdedBuckets {
        let other = plans.plan(&share_by_crowd(postings, query, radius)?);
        if let Some(other) = other.filter(|plan| plan.cost_of_asking() <= scan_cost) {
            let others = gather(postings, query, &other)?;
            if cost_of(&others) < cost_of(&probes) || way == Way::CrowdedBuckets {
                probes = others;
            }
        }
    }
    if cost_of(&probes) > scan_cost {
        return Ok(None);
    }
    let most_candidates = (scan_cost / COST_CANDIDATE) as usize;
    let Some(rows) = sift(&probes, level, most_candidates) else {
        return Ok(None);
    };
    verify(level, postings.hashes(), &rows, query, radius).map(Some)
}

/// Those of the `rows` that are within the radius, each once.
///
/// # Errors
/// `Damaged` if there is no such row.
pub fn verify(
    level: Level,
    hashes: &[Words],
    rows: &[u32],
    query: &Words,
    radius: u32,
) -> Result<Vec<Found>, IndexError> {
    for &row in rows {
        simd::prefetch_one(hashes, row as usize);
    }
    let mut found = Vec::new();
    if !simd::verify(level, hashes, rows, query, radius, &mut found) {
        return Err(IndexError::damaged("a bucket names a row that does not exist"));
    }
    // A row that is near in several parts was found several times.
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn signatures_held(probes: &[Probe<'_>]) -> f64 {
    probes.iter().map(|probe| probe.bucket.signatures.len()).sum::<usize>() as f64
}

fn cost_of(probes: &[Probe<'_>]) -> f64 {
    probes.len() as f64 * COST_PROBE + signatures_held(probes) * COST_SIGNATURE
}

/// The buckets that a plan asks.
fn gather<'a, P: Postings>(postings: &'a P, query: &Words, plan: &Plan) -> Result<Vec<Probe<'a>>, IndexError> {
    let named = postings.plans().names(query);
    let mut probes = Vec::with_capacity(plan.targets.len());
    let value = |target: &Target| named[usize::from(target.part)].0 ^ target.flip;
    // Where a bucket is has to come from memory itself, so it is asked for some buckets ahead.
    for target in plan.targets.iter().take(AHEAD) {
        postings.prefetch(usize::from(target.part), value(target));
    }
    for (at, target) in plan.targets.iter().enumerate() {
        if let Some(next) = plan.targets.get(at + AHEAD) {
            postings.prefetch(usize::from(next.part), value(next));
        }
        let (part, signature) = (usize::from(target.part), named[usize::from(target.part)].1);
        let bound = target.bound;
        postings.bucket(part, value(target), &mut |bucket| probes.push(Probe { bucket, signature, bound }))?;
    }
    Ok(probes)
}

/// The rows whose signatures do not rule them out; `None` if there are more than `most`.
fn sift(probes: &[Probe<'_>], level: Level, most: usize) -> Option<Vec<u32>> {
    // Positions first, so that the row numbers are on their way while further signatures are looked at.
    let mut positions = Vec::with_capacity(256);
    let mut ends = Vec::with_capacity(probes.len());
    for probe in probes.iter().take(AHEAD) {
        simd::prefetch(probe.bucket.signatures);
    }
    for (at, probe) in probes.iter().enumerate() {
        if let Some(next) = probes.get(at + AHEAD) {
            simd::prefetch(next.bucket.signatures);
        }
        let before = positions.len();
        simd::near_signatures(level, probe.bucket.signatures, probe.signature, probe.bound.into(), &mut positions);
        for position in &positions[before..] {
            simd::prefetch_one(probe.bucket.rows, *position as usize);
        }
        ends.push(positions.len());
        if positions.len() > most {
            return None;
        }
    }
    let mut start = 0;
    for (probe, end) in probes.iter().zip(ends) {
        for position in &mut positions[start..end] {
            *position = probe.bucket.rows[*position as usize];
        }
        start = end;
    }
    Some(positions)
}

/// Shares that ask little of parts in which the query's surroundings are crowded, and more of the others.
///
/// The crowd within one bit is counted; wider surroundings are taken to grow as they would for independent bits.
/// The split of the radius is then the cheapest by dynamic programming, as in Qin et al. 2018 ("GPH").
fn share_by_crowd<P: Postings>(postings: &P, query: &Words, radius: u32) -> Result<Vec<u32>, IndexError> {
    const SHARES: usize = PART_RADIUS_MAX + 2;
    let plans = postings.plans();
    let total = radius as usize + 1;
    let named = plans.names(query);
    let mut costs = Vec::with_capacity(named.len());
    for (at, (part, (value, _))) in plans.layout().parts.iter().zip(named).enumerate() {
        let flips = plans.flips(part.width);
        let mut cost = [0.0; SHARES];
        let mut crowd = 0.0;
        for bits in 0..SHARES - 1 {
            if bits <= 1 {
                crowd = 0.0;
                for flip in flips.exactly(bits) {
                    postings.bucket(at, value ^ flip, &mut |bucket| crowd += bucket.signatures.len() as f64)?;
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
