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
use crate::index::layout::{COST_CANDIDATE, COST_SCANNED, Layout};
use crate::index::order::BitOrder;
use crate::index::pages::{AHEAD_BITS, Pages, RADIUS_FOUND};
use crate::index::plan::Plans;
use crate::index::search::{self, Bucket, Found, Postings, Way};
use crate::simd::{Level, Words};

/// Fewer additions are not indexed but looked at one by one, a microsecond. Before there are so many, they come with
/// one piece of the memory each ...
const PREPARED_FROM: usize = 256;
/// ... and after that with two additions each to be indexed, until all are.
const INDEXED_FROM: usize = 512;

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
    /// `None` for few additions, or if the system gave no memory: then they are looked at one by one.
    pages: Option<Pages>,
    /// The additions before this one are indexed.
    indexed: usize,
}

impl NearAdditions {
    /// No additions yet.
    #[must_use]
    pub fn new(order: Arc<BitOrder>) -> Self {
        let layout = Layout::looking_ahead(HASH_BYTES, AHEAD_BITS).unwrap_or(Layout { parts: Vec::new() });
        Self {
            order,
            plans: Plans::of(layout),
            hashes: Vec::new(),
            ids: Vec::new(),
            withdrawn: Vec::new(),
            pages: None,
            indexed: 0,
        }
    }

    fn add(&mut self, hash: &[u8; HASH_BYTES], id: u64) -> u32 {
        let row = self.hashes.len();
        self.hashes.push(self.order.apply(hash));
        self.ids.push(id);
        self.withdrawn.push(false);
        if row == PREPARED_FROM {
            self.pages = Pages::new().ok();
        }
        if let Some(pages) = &mut self.pages {
            if row < INDEXED_FROM {
                pages.provide(row - PREPARED_FROM, INDEXED_FROM - PREPARED_FROM);
            } else {
                let until = self.hashes.len().min(self.indexed + 2);
                for row in self.indexed..until {
                    pages.add(&self.hashes[row], row as u32);
                }
                self.indexed = until;
            }
        }
        row as u32
    }

    /// The pages, if all additions stand in them.
    fn indexed(&self) -> Option<&Pages> {
        self.pages.as_ref().filter(|_| self.indexed == self.hashes.len())
    }

    /// Asks for the memory that `search` will need first.
    fn prefetch(&self, query: &Query<'_>, radius: u32) {
        if let Some((order, words)) = &query.ordered
            && let Some(pages) = self.indexed()
            && Arc::ptr_eq(order, &self.order)
            && radius <= RADIUS_FOUND
        {
            pages.prefetch(words);
        }
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
        let found = self.found(level, &words, radius, way)?;
        let known = found.into_iter().filter(|(row, _)| !self.withdrawn[*row as usize]);
        Ok(known.map(|(row, distance)| (self.ids[row as usize], distance)).collect())
    }

    fn found(&self, level: Level, query: &Words, radius: u32, way: Way) -> Result<Vec<Found>, IndexError> {
        let Some(pages) = self.indexed() else {
            return search::search(self, level, query, radius, Way::Scan);
        };
        if radius <= RADIUS_FOUND && matches!(way, Way::Cheapest | Way::Buckets) {
            let dear = (self.hashes.len() as f64 * COST_SCANNED / COST_CANDIDATE) as usize;
            let most = if way == Way::Cheapest { dear } else { usize::MAX };
            return match pages.near(level, query, most) {
                Some(rows) => search::verify(level, &self.hashes, &rows, query, radius),
                None => search::search(self, level, query, radius, Way::Scan),
            };
        }
        search::search(self, level, query, radius, way)
    }
}

impl Postings for NearAdditions {
    fn plans(&self) -> &Plans {
        &self.plans
    }

    fn hashes(&self) -> &[Words] {
        &self.hashes
    }

    // A bucket's place follows from its number.
    #[inline]
    fn prefetch(&self, _part: usize, _value: u32) {}

    #[inline]
    fn bucket<'a>(&'a self, part: usize, value: u32, take: &mut impl FnMut(Bucket<'a>)) -> Result<(), IndexError> {
        if let Some(pages) = &self.pages {
            pages.bucket(part, value, take);
        }
        Ok(())
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

    /// Asks for the memory that a search will need first, so that it is on its way while the file is searched.
    pub fn prefetch(&self, list: &str, query: &Query<'_>, radius: u32) {
        if let Some(additions) = self.near.get(list) {
            additions.prefetch(query, radius);
        }
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
