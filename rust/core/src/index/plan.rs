//! Which buckets a look-up asks: worked out once for each radius, then only filled in with the query's own bits.

use std::sync::OnceLock;

use crate::index::RADIUS_MAX;
use crate::index::layout::{COST_PROBE, Flips, Layout, PART_RADIUS_MAX, Part, SIGNATURE_BITS, choose, share_evenly};
use crate::simd::Words;

/// More buckets than any index asks rather than scan; a plan that asks more is not worked out.
const TARGETS_MAX: f64 = 1e6;

/// A bucket to ask: the query's own of this part, with some bits flipped.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Bits of the bucket's number that differ from the query's.
    pub flip: u32,
    /// The part.
    pub part: u8,
    /// In how many bits signatures may differ from the query's.
    pub bound: u8,
}

/// The buckets to ask for one radius.
#[derive(Debug)]
pub struct Plan {
    /// The buckets.
    pub targets: Vec<Target>,
    /// The share of all rows that evenly spread rows would have in them.
    held: f64,
}

impl Plan {
    /// What asking the buckets costs, whatever they hold.
    #[must_use]
    pub fn cost_of_asking(&self) -> f64 {
        self.targets.len() as f64 * COST_PROBE
    }

    /// How many signatures they hold of so many evenly spread rows.
    #[must_use]
    pub fn expected(&self, rows: usize) -> f64 {
        self.held * rows as f64
    }
}

/// How hashes are cut into parts, and the plan for each radius.
#[derive(Debug)]
pub struct Plans {
    layout: Layout,
    flips: Vec<Flips>,
    even: Vec<OnceLock<Option<Plan>>>,
}

impl Plans {
    /// Plans for these parts.
    #[must_use]
    pub fn of(layout: Layout) -> Self {
        let widest = layout.parts.iter().map(|part| part.width).max().unwrap_or(0);
        // Only widths that occur are worked out; the others stay as small as can be.
        let occurs = |width: usize| layout.parts.iter().any(|part| part.width == width || part.ahead == width);
        let flips = (0..=widest).map(|width| Flips::of(if occurs(width) { width } else { 0 })).collect();
        let even = (0..=RADIUS_MAX).map(|_| OnceLock::new()).collect();
        Self { layout, flips, even }
    }

    /// The parts.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The flips of a part of this width.
    #[must_use]
    pub fn flips(&self, width: usize) -> &Flips {
        &self.flips[width]
    }

    /// For each part, the bucket and the signature of a hash.
    #[must_use]
    pub fn names(&self, hash: &Words) -> Vec<(u32, u16)> {
        self.layout.parts.iter().map(|part| (part.bucket(hash), part.signature(hash))).collect()
    }

    /// The plan that shares a radius out evenly; `None` where only a scan will do.
    #[must_use]
    pub fn even(&self, radius: u32) -> Option<&Plan> {
        let worked_out = || self.plan(&share_evenly(radius, self.layout.parts.len()));
        self.even.get(radius as usize)?.get_or_init(worked_out).as_ref()
    }

    /// The plan for these shares; `None` where only a scan will do.
    #[must_use]
    pub fn plan(&self, shares: &[u32]) -> Option<Plan> {
        let parts = &self.layout.parts;
        let asked = |(part, share): (&Part, &u32)| -> f64 {
            (0..*share as usize).map(|bits| choose(part.width, bits)).sum::<f64>() * (1_u32 << part.ahead) as f64
        };
        let too_wide = shares.iter().any(|share| *share as usize > PART_RADIUS_MAX + 1);
        let count: f64 = parts.iter().zip(shares).map(asked).sum();
        if parts.is_empty() || too_wide || count > TARGETS_MAX {
            return None;
        }
        let bounds = self.layout.bounds(shares);
        let mut plan = Plan { targets: Vec::new(), held: 0.0 };
        for (at, part) in parts.iter().enumerate() {
            // This part and the next together differ in fewer bits than their shares add up to.
            let both = shares[at] + shares[(at + 1) % parts.len()];
            for bits in 0..shares[at] {
                for ahead in 0..(both - bits).min(part.ahead as u32 + 1) {
                    let bound = (bounds[at] - bits - ahead).min(SIGNATURE_BITS as u32) as u8;
                    for flip in self.flips[part.width].exactly(bits as usize) {
                        let flips = self.flips[part.ahead].exactly(ahead as usize).iter();
                        let flips = flips.map(|next| flip | next << part.width);
                        plan.targets.extend(flips.map(|flip| Target { flip, part: at as u8, bound }));
                    }
                }
            }
        }
        plan.held = plan.targets.iter().map(|target| 1.0 / parts[usize::from(target.part)].buckets() as f64).sum();
        Some(plan)
    }
}
