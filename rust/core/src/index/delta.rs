//! What changed since the file was written: additions, which are indexed as they come, and withdrawals.
//!
//! Additions stand in 32 parts of 8 bits, whose 256 buckets grow by themselves: a radius of 31 asks one bucket of each
//! part, in memory that lies together, and adding a hash touches 32 buckets. Of the arrangements that were tried this
//! costs a look-up least for up to some 100,000 additions; a merge puts them into a file before they are many more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::hamming::HASH_BYTES;
use crate::index::build::Builder;
use crate::index::error::IndexError;
use crate::index::layout::Layout;
use crate::index::order::BitOrder;
use crate::index::plan::Plans;
use crate::index::search::{self, Bucket, Postings, Way};
use crate::simd::{self, Level, Words};

const PARTS: usize = 32;
const BUCKETS: usize = 256;

/// One change, as it was asked for.
#[derive(Clone, Debug)]
pub enum Change {
    /// A hash is listed.
    Hash {
        /// The list.
        list: String,
        /// The hash, its bits in the order in which it came.
        hash: [u8; HASH_BYTES],
        /// The entry.
        id: u64,
    },
    /// A digest is listed.
    Digest {
        /// The algorithm.
        algorithm: String,
        /// The digest.
        value: Vec<u8>,
        /// The entry.
        id: u64,
    },
    /// Everything listed under this id until now is withdrawn.
    Withdrawal {
        /// The entry.
        id: u64,
    },
}

/// A hash that is looked up.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// The hash.
    pub hash: &'a [u8; HASH_BYTES],
    /// The same with its bits in an order that was needed before.
    pub ordered: Option<(Arc<BitOrder>, Words)>,
}

/// The additions to one list of perceptual hashes.
#[derive(Debug)]
pub struct NearAdditions {
    order: Arc<BitOrder>,
    plans: Plans,
    hashes: Vec<Words>,
    ids: Vec<u64>,
    withdrawn: Vec<bool>,
    buckets: Vec<Growing>,
}

#[derive(Clone, Debug, Default)]
struct Growing {
    signatures: Vec<u16>,
    rows: Vec<u32>,
}

impl NearAdditions {
    /// No additions yet.
    #[must_use]
    pub fn new(order: Arc<BitOrder>) -> Self {
        let layout = Layout::of(PARTS).unwrap_or(Layout { parts: Vec::new() });
        Self {
            order,
            plans: Plans::of(layout),
            hashes: Vec::new(),
            ids: Vec::new(),
            withdrawn: Vec::new(),
            buckets: vec![Growing::default(); PARTS * BUCKETS],
        }
    }

    fn add(&mut self, hash: &[u8; HASH_BYTES], id: u64) -> u32 {
        let (hash, row) = (self.order.apply(hash), self.hashes.len() as u32);
        for (at, part) in self.plans.layout().parts.iter().enumerate() {
            let bucket = &mut self.buckets[at * BUCKETS + part.bucket(&hash) as usize];
            bucket.signatures.push(part.signature(&hash));
            bucket.rows.push(row);
        }
        self.hashes.push(hash);
        self.ids.push(id);
        self.withdrawn.push(false);
        row
    }

    /// Every addition within the radius that was not withdrawn: (id, distance).
    fn search(&self, level: Level, query: &Query<'_>, radius: u32, way: Way) -> Result<Vec<(u64, u32)>, IndexError> {
        if self.hashes.is_empty() {
            return Ok(Vec::new());
        }
        let words = match &query.ordered {
            Some((order, words)) if Arc::ptr_eq(order, &self.order) => *words,
            _ => self.order.apply(query.hash),
        };
        let found = search::search(self, level, &words, radius, way)?;
        let known = found.into_iter().filter(|(row, _)| !self.withdrawn[*row as usize]);
        Ok(known.map(|(row, distance)| (self.ids[row as usize], distance)).collect())
    }
}

impl Postings for NearAdditions {
    fn plans(&self) -> &Plans {
        &self.plans
    }

    fn hashes(&self) -> &[Words] {
        &self.hashes
    }

    #[inline]
    fn prefetch(&self, part: usize, value: u32) {
        simd::prefetch_one(&self.buckets, part * BUCKETS + value as usize);
    }

    #[inline]
    fn bucket(&self, part: usize, value: u32) -> Result<Bucket<'_>, IndexError> {
        let Growing { signatures, rows } = &self.buckets[part * BUCKETS + value as usize];
        Ok(Bucket { signatures, rows })
    }
}

/// Where an addition stands.
#[derive(Debug)]
enum Place {
    Hash { list: String, row: u32 },
    Digest { algorithm: String, value: Vec<u8> },
}

/// The digests of one algorithm, each with its entries' ids.
type DigestAdditions = HashMap<Vec<u8>, Vec<u64>>;

/// What was added and withdrawn up to a moment.
pub struct Snapshot {
    near: Vec<NearSnapshot>,
    exact: BTreeMap<String, DigestAdditions>,
    /// The ids whose entries in the file are withdrawn.
    pub hidden: HashSet<u64>,
}

struct NearSnapshot {
    list: String,
    order: Arc<BitOrder>,
    hashes: Vec<Words>,
    ids: Vec<u64>,
    withdrawn: Vec<bool>,
}

impl Snapshot {
    /// Adds what is listed to an index that is being built.
    ///
    /// # Errors
    /// `Invalid` if a list gets too long.
    pub fn add_to(&self, builder: &mut Builder) -> Result<(), IndexError> {
        for NearSnapshot { list, order, hashes, ids, withdrawn } in &self.near {
            let listed = || withdrawn.iter().enumerate().filter(|(_, withdrawn)| !**withdrawn).map(|(row, _)| row);
            let hashes: Vec<[u8; HASH_BYTES]> = listed().map(|row| order.undo(&hashes[row])).collect();
            let ids: Vec<u64> = listed().map(|row| ids[row]).collect();
            builder.add_hashes(list, &hashes, &ids)?;
        }
        for (algorithm, values) in &self.exact {
            for (value, ids) in values {
                for id in ids {
                    builder.add_digests(algorithm, value.len(), value, &[*id])?;
                }
            }
        }
        Ok(())
    }
}

/// All changes since the file was written.
#[derive(Debug, Default)]
pub struct Delta {
    near: BTreeMap<String, NearAdditions>,
    exact: BTreeMap<String, DigestAdditions>,
    places: HashMap<u64, Vec<Place>>,
    hidden: HashSet<u64>,
    additions: usize,
    /// Changes since a merge began; `None` while there is no merge.
    log: Option<Vec<Change>>,
}

impl Delta {
    /// Makes room for additions to the lists of a file, so that the first one waits for nothing.
    #[must_use]
    pub fn beside<'a>(lists: impl Iterator<Item = (&'a String, &'a Arc<BitOrder>)>) -> Self {
        let near = lists.map(|(name, order)| (name.clone(), NearAdditions::new(Arc::clone(order)))).collect();
        Self { near, ..Self::default() }
    }

    /// Takes one change; `order_of` names the order of bits of the list in the file.
    pub fn apply(&mut self, change: &Change, order_of: &dyn Fn(&str) -> Arc<BitOrder>) {
        match change {
            Change::Hash { list, hash, id } => {
                let additions = self.near.entry(list.clone()).or_insert_with(|| NearAdditions::new(order_of(list)));
                let row = additions.add(hash, *id);
                self.places.entry(*id).or_default().push(Place::Hash { list: list.clone(), row });
                self.additions += 1;
            }
            Change::Digest { algorithm, value, id } => {
                let ids = self.exact.entry(algorithm.clone()).or_default().entry(value.clone()).or_default();
                if !ids.contains(id) {
                    ids.push(*id);
                    let place = Place::Digest { algorithm: algorithm.clone(), value: value.clone() };
                    self.places.entry(*id).or_default().push(place);
                    self.additions += 1;
                }
            }
            Change::Withdrawal { id } => self.withdraw(*id),
        }
        if let Some(log) = &mut self.log {
            log.push(change.clone());
        }
    }

    fn withdraw(&mut self, id: u64) {
        self.hidden.insert(id);
        for place in self.places.remove(&id).unwrap_or_default() {
            self.additions -= 1;
            match place {
                Place::Hash { list, row } => {
                    if let Some(additions) = self.near.get_mut(&list) {
                        additions.withdrawn[row as usize] = true;
                    }
                }
                Place::Digest { algorithm, value } => {
                    if let Some(ids) = self.exact.get_mut(&algorithm).and_then(|values| values.get_mut(&value)) {
                        ids.retain(|known| *known != id);
                    }
                }
            }
        }
    }

    /// Whether the file's entries under this id are withdrawn.
    #[must_use]
    pub fn hides(&self, id: u64) -> bool {
        !self.hidden.is_empty() && self.hidden.contains(&id)
    }

    /// Additions within the radius.
    pub fn search(
        &self,
        level: Level,
        list: &str,
        query: &Query<'_>,
        radius: u32,
        way: Way,
    ) -> Result<Vec<(u64, u32)>, IndexError> {
        self.near.get(list).map_or(Ok(Vec::new()), |additions| additions.search(level, query, radius, way))
    }

    /// Additions with exactly this digest.
    #[must_use]
    pub fn find(&self, algorithm: &str, value: &[u8]) -> &[u64] {
        self.exact.get(algorithm).and_then(|values| values.get(value)).map_or(&[], Vec::as_slice)
    }

    /// The length of the digests that were added for an algorithm.
    #[must_use]
    pub fn digest_length(&self, algorithm: &str) -> Option<usize> {
        self.exact.get(algorithm)?.keys().next().map(Vec::len)
    }

    /// Additions that were not withdrawn.
    #[must_use]
    pub fn additions(&self) -> usize {
        self.additions
    }

    /// Withdrawals, whether or not the file has such an entry.
    #[must_use]
    pub fn withdrawals(&self) -> usize {
        self.hidden.len()
    }

    /// A copy of what is listed, made quickly: it is worked on when the lock is given back.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let near = self.near.iter().map(|(list, additions)| NearSnapshot {
            list: list.clone(),
            order: Arc::clone(&additions.order),
            hashes: additions.hashes.clone(),
            ids: additions.ids.clone(),
            withdrawn: additions.withdrawn.clone(),
        });
        Snapshot { near: near.collect(), exact: self.exact.clone(), hidden: self.hidden.clone() }
    }

    /// From now on changes are also kept as they came.
    pub fn start_log(&mut self) {
        self.log = Some(Vec::new());
    }

    /// The changes from number `from` on that came since the log was started.
    #[must_use]
    pub fn logged(&self, from: usize) -> &[Change] {
        self.log.as_deref().and_then(|log| log.get(from..)).unwrap_or_default()
    }

    /// Forgets the log.
    pub fn stop_log(&mut self) {
        self.log = None;
    }
}
