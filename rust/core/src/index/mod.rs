//! The index: all listed hashes within a radius of a hash, exactly, in a fraction of a millisecond among ten million.
//!
//! An [`Index`] is a file that never changes, mapped into memory, and a delta of additions and withdrawals beside it.
//! [`Index::merge`] writes both into a new file and goes on with that, while look-ups are answered. DESIGN.md tells the
//! algorithm; this module keeps file and delta together so that every answer is that of one moment.

mod base;
mod build;
mod delta;
mod error;
mod exact;
mod file;
mod layout;
mod merge;
mod near;
mod order;
pub(crate) mod pages;
mod part_table;
mod plan;
mod read;
mod rows;
mod search;
mod text;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

pub use base::Base;
pub use build::{BuildOptions, Builder};
pub use delta::Change;
pub use error::IndexError;
pub use order::BitOrder;
pub use search::Way;
pub use text::{BadLine, parse_hash, parse_hashes};

use crate::hamming::HASH_BYTES;
use crate::index::delta::{Delta, Query};
use crate::index::search::Found;
use crate::simd::Level;

/// The largest radius of a look-up.
pub const RADIUS_MAX: u32 = 64;
/// Changes that are taken under one lock; look-ups wait for no more than these, some 100 microseconds.
const CHANGES_AT_ONCE: usize = 64;

/// Told how much of how much is done; answers whether to go on.
pub type Progress<'a> = dyn FnMut(usize, usize) -> bool + 'a;

/// An entry within the radius.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// In how many bits the entry's hash differs from the query.
    pub distance: u32,
    /// The entry.
    pub id: u64,
}

/// What one list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListInfo {
    /// The list's or the algorithm's name.
    pub name: String,
    /// Pairs of hash and id in the file.
    pub entries: usize,
    /// Different hashes in the file; for digests, not counted.
    pub different: Option<usize>,
    /// Bytes of each hash.
    pub length: usize,
    /// Parts into which hashes are cut; 0 where every look-up is a scan or a search in order.
    pub parts: usize,
    /// Bytes in the file.
    pub bytes: usize,
}

/// What an index holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The file's format.
    pub format: u32,
    /// Whatever the writer set.
    pub mark: u64,
    /// Bytes of the file.
    pub bytes: usize,
    /// Whether the checksums were checked.
    pub verified: bool,
    /// The lists in the file.
    pub lists: Vec<ListInfo>,
    /// Additions beside the file.
    pub additions: usize,
    /// Withdrawals beside the file.
    pub withdrawals: usize,
}

/// A file and what changed since; many threads may use it at once.
#[derive(Debug)]
pub struct Index {
    state: RwLock<State>,
    merging: Mutex<()>,
}

#[derive(Debug)]
struct State {
    base: Arc<Base>,
    delta: Delta,
}

impl Index {
    /// An index of a file alone.
    #[must_use]
    pub fn new(base: Base) -> Self {
        let delta = delta_beside(&base);
        let state = State { base: Arc::new(base), delta };
        Self { state: RwLock::new(state), merging: Mutex::new(()) }
    }

    /// Opens a file; look-ups are answered after `verify`.
    ///
    /// # Errors
    /// `Damaged`, `UnknownFormat`, or `Io`.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Base::open(path).map(Self::new)
    }

    /// Checks every byte of the file against its checksum; `progress` is told (bytes done, bytes in all).
    ///
    /// # Errors
    /// `Damaged`, with the place.
    pub fn verify(&self, threads: usize, progress: &mut Progress<'_>) -> Result<(), IndexError> {
        self.base().verify(threads, progress)
    }

    /// All entries of a list within the radius, nearest first, then by id.
    ///
    /// An entry with several hashes in the radius is named once, at its least distance.
    ///
    /// # Errors
    /// `Invalid` for a radius above `RADIUS_MAX`, `NotVerified`, or `Damaged`.
    pub fn lookup(&self, list: &str, hash: &[u8; HASH_BYTES], radius: u32) -> Result<Vec<Match>, IndexError> {
        self.lookup_by(list, hash, radius, Way::Cheapest)
    }

    /// The same answer, found in a given way: for tests, and to see what the index saves.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn lookup_by(
        &self,
        list: &str,
        hash: &[u8; HASH_BYTES],
        radius: u32,
        way: Way,
    ) -> Result<Vec<Match>, IndexError> {
        if radius > RADIUS_MAX {
            return Err(IndexError::invalid(format!("the radius is at most {RADIUS_MAX} bits, not {radius}")));
        }
        loop {
            let (base, query) = self.begin(list, hash, radius);
            base.must_be_verified()?;
            let found = find_in(&base, list, &query, radius, way)?;
            // The delta is asked last, at one moment that both halves of the answer belong to: the file never changes,
            // and if another one took its place meanwhile, the question is asked again.
            let state = self.read();
            if !Arc::ptr_eq(&state.base, &base) {
                continue;
            }
            let mut matches = state.delta.search(Level::best(), list, &query, radius, way)?;
            matches.extend(found.into_iter().filter(|(id, _)| !state.delta.hides(*id)));
            drop(state);
            return Ok(nearest_first(matches));
        }
    }

    /// The file that is searched first, and the query as it is asked there and in the delta.
    fn begin<'a>(&self, list: &str, hash: &'a [u8; HASH_BYTES], radius: u32) -> (Arc<Base>, Query<'a>) {
        let state = self.read();
        let near = state.base.near().get(list);
        let query = Query { hash, ordered: near.map(|near| (Arc::clone(near.order()), near.order().apply(hash))) };
        state.delta.prefetch(list, &query, radius);
        (Arc::clone(&state.base), query)
    }

    /// The answers to many look-ups, each with its own radius, worked out by `threads` threads.
    ///
    /// Each answer is that of one moment; changes may come between two of them.
    ///
    /// # Errors
    /// As `lookup`, and `Invalid` if there are not as many radii as hashes.
    pub fn lookup_batch(
        &self,
        list: &str,
        hashes: &[[u8; HASH_BYTES]],
        radii: &[u32],
        threads: usize,
    ) -> Result<Vec<Vec<Match>>, IndexError> {
        if hashes.len() != radii.len() {
            return Err(IndexError::invalid(format!("there are {} hashes and {} radii", hashes.len(), radii.len())));
        }
        let some = |hashes: &[[u8; HASH_BYTES]], radii: &[u32]| -> Result<Vec<Vec<Match>>, IndexError> {
            hashes.iter().zip(radii).map(|(hash, radius)| self.lookup(list, hash, *radius)).collect()
        };
        let stretch = hashes.len().div_ceil(threads.max(1)).max(1);
        if stretch == hashes.len() {
            return some(hashes, radii);
        }
        thread::scope(|scope| {
            let spawn = |(hashes, radii)| scope.spawn(move || some(hashes, radii));
            let threads: Vec<_> = hashes.chunks(stretch).zip(radii.chunks(stretch)).map(spawn).collect();
            let mut answers = Vec::with_capacity(hashes.len());
            for thread in threads {
                answers.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(answers)
        })
    }

    /// The ids of all entries with exactly this digest, in order.
    ///
    /// # Errors
    /// `NotVerified` or `Damaged`.
    pub fn find_digest(&self, algorithm: &str, value: &[u8]) -> Result<Vec<u64>, IndexError> {
        let state = self.read();
        state.base.must_be_verified()?;
        let in_file = match state.base.exact().get(algorithm) {
            Some(exact) => exact.find(state.base.bytes(), value)?,
            None => &[],
        };
        let mut ids: Vec<u64> = in_file.iter().copied().filter(|id| !state.delta.hides(*id)).collect();
        ids.extend(state.delta.find(algorithm, value));
        drop(state);
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Adds hashes to a list: they match at once. Hash k belongs to the entry `ids[k]`.
    ///
    /// # Errors
    /// `Invalid` if the counts differ or the name cannot be.
    pub fn add_hashes(&self, list: &str, hashes: &[[u8; HASH_BYTES]], ids: &[u64]) -> Result<(), IndexError> {
        build::check_name(list)?;
        check_counts(hashes.len(), ids.len())?;
        let change =
            |(hash, id): (&[u8; HASH_BYTES], &u64)| Change::Hash { list: list.to_owned(), hash: *hash, id: *id };
        self.apply(hashes.iter().zip(ids).map(change));
        Ok(())
    }

    /// Adds digests of `length` bytes: they match at once. Digest k belongs to the entry `ids[k]`.
    ///
    /// # Errors
    /// `Invalid` if the counts differ, or the length is not that of the algorithm or of its digests so far.
    pub fn add_digests(&self, algorithm: &str, length: usize, values: &[u8], ids: &[u64]) -> Result<(), IndexError> {
        build::check_name(algorithm)?;
        build::check_length(algorithm, length)?;
        check_counts(values.len() / length, ids.len())?;
        let known = {
            let state = self.read();
            let in_file = state.base.exact().get(algorithm).map(exact::Exact::length);
            in_file.or_else(|| state.delta.digest_length(algorithm))
        };
        match known {
            Some(known) if known != length => {
                Err(IndexError::invalid(format!("the digests are {length} bytes long, and those before {known}")))
            }
            _ => {
                let values = values.chunks_exact(length).zip(ids);
                self.apply(values.map(|(value, id)| Change::Digest {
                    algorithm: algorithm.to_owned(),
                    value: value.to_vec(),
                    id: *id,
                }));
                Ok(())
            }
        }
    }

    /// Withdraws entries: nothing listed under these ids until now matches any more.
    pub fn withdraw(&self, ids: &[u64]) {
        self.apply(ids.iter().map(|id| Change::Withdrawal { id: *id }));
    }

    /// Takes changes, some at a time, so that look-ups never wait long.
    pub fn apply(&self, changes: impl Iterator<Item = Change>) {
        let mut changes = changes.peekable();
        while changes.peek().is_some() {
            let mut state = self.write();
            let State { base, delta } = &mut *state;
            for change in changes.by_ref().take(CHANGES_AT_ONCE) {
                delta.apply(&change, &|list| order_of(base, list));
            }
        }
    }

    /// What the index holds.
    #[must_use]
    pub fn info(&self) -> Info {
        let state = self.read();
        let base = &state.base;
        let near = base.near().iter().map(|(name, near)| ListInfo {
            name: name.clone(),
            entries: near.entries(),
            different: Some(near.rows()),
            length: HASH_BYTES,
            parts: near.layout().parts.len(),
            bytes: base.section_bytes(true, name),
        });
        let exact = base.exact().iter().map(|(name, exact)| ListInfo {
            name: name.clone(),
            entries: exact.entries(),
            different: None,
            length: exact.length(),
            parts: 0,
            bytes: base.section_bytes(false, name),
        });
        Info {
            format: file::FORMAT,
            mark: base.mark(),
            bytes: base.bytes().len(),
            verified: base.is_verified(),
            lists: near.chain(exact).collect(),
            additions: state.delta.additions(),
            withdrawals: state.delta.withdrawals(),
        }
    }

    fn base(&self) -> Arc<Base> {
        Arc::clone(&self.read().base)
    }

    // A panic in another thread leaves nothing half-done that a look-up could trip over: changes are taken one by one.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delta_beside(base: &Base) -> Delta {
    Delta::beside(base.near().iter().map(|(name, near)| (name, near.order())))
}

fn order_of(base: &Base, list: &str) -> Arc<BitOrder> {
    base.near().get(list).map_or_else(|| Arc::new(BitOrder::identity()), |near| Arc::clone(near.order()))
}

fn check_counts(values: usize, ids: usize) -> Result<(), IndexError> {
    if values == ids {
        return Ok(());
    }
    Err(IndexError::invalid(format!("there are {values} hashes and {ids} ids")))
}

/// The entries of a file within the radius: (id, distance).
fn find_in(base: &Base, list: &str, query: &Query<'_>, radius: u32, way: Way) -> Result<Vec<(u64, u32)>, IndexError> {
    let Some((near, (_, words))) = base.near().get(list).zip(query.ordered.as_ref()) else {
        return Ok(Vec::new());
    };
    let view = near.view(base.bytes())?;
    let found: Vec<Found> = search::search(&view, Level::best(), words, radius, way)?;
    let mut entries = Vec::with_capacity(found.len());
    for (row, distance) in found {
        entries.extend(view.ids(row as usize)?.iter().map(|id| (*id, distance)));
    }
    Ok(entries)
}

fn nearest_first(found: Vec<(u64, u32)>) -> Vec<Match> {
    let mut matches: Vec<Match> = found.into_iter().map(|(id, distance)| Match { distance, id }).collect();
    matches.sort_unstable();
    if matches.len() > 1 {
        let mut seen: HashMap<u64, ()> = HashMap::with_capacity(matches.len());
        matches.retain(|found| seen.insert(found.id, ()).is_none());
    }
    matches
}
