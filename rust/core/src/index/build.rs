//! Building an index file out of entries.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crate::hamming::HASH_BYTES;
use crate::index::Progress;
use crate::index::base::Base;
use crate::index::error::IndexError;
use crate::index::exact::{LENGTH_MAX, Sorted, known_length};
use crate::index::file::{Kind, NAME_BYTES, Section};
use crate::index::layout::Part;
use crate::index::near::DESCRIPTION_BYTES;
use crate::index::order::words;
use crate::index::part_table::PartTable;
use crate::index::rows::NearList;
use crate::index::search::Postings;
use crate::index::write::Writer;
use crate::map::{as_bytes, prefer_large_pages};
use crate::simd::Words;

/// Rows and entries are counted in 32 bits.
const ENTRIES_MAX: usize = u32::MAX as usize - 1;
/// Written bytes that are carried to the disk at once while the next ones are worked out.
const FLUSH_BYTES: u64 = 64 << 20;
/// How often that is looked at.
const FLUSH_PAUSE: Duration = Duration::from_millis(5);

/// How an index is built.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    /// Threads that work at the same time.
    pub threads: usize,
    /// Whatever the caller wants to find again in the file, for example the place in a feed up to which it goes.
    pub mark: u64,
    /// Parts of every list, for tests and experiments; otherwise chosen by the number of rows.
    pub parts: Option<usize>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { threads: thread::available_parallelism().map_or(1, std::num::NonZero::get), mark: 0, parts: None }
    }
}

/// Collects entries and writes them as a file.
#[derive(Debug, Default)]
pub struct Builder {
    near: BTreeMap<String, (Vec<Words>, Vec<u64>)>,
    exact: BTreeMap<String, (usize, Vec<u8>, Vec<u64>)>,
}

impl Builder {
    /// A builder without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds perceptual hashes to a list: hash k belongs to the entry `ids[k]`.
    ///
    /// # Errors
    /// `Invalid` if the counts differ, the name cannot be, or the list gets too long.
    pub fn add_hashes(&mut self, list: &str, hashes: &[[u8; HASH_BYTES]], ids: &[u64]) -> Result<(), IndexError> {
        check_name(list)?;
        check_counts(hashes.len(), ids.len())?;
        let (known, known_ids) = self.near.entry(list.to_owned()).or_default();
        check_total(known.len(), hashes.len())?;
        append(known, hashes.iter().map(words));
        append(known_ids, ids.iter().copied());
        Ok(())
    }

    /// Adds digests of `length` bytes to a list: digest k belongs to the entry `ids[k]`.
    ///
    /// # Errors
    /// `Invalid` if the counts differ, or the length is not that of the algorithm or of the list so far.
    pub fn add_digests(
        &mut self,
        algorithm: &str,
        length: usize,
        values: &[u8],
        ids: &[u64],
    ) -> Result<(), IndexError> {
        check_name(algorithm)?;
        check_length(algorithm, length)?;
        if !values.len().is_multiple_of(length) {
            return Err(IndexError::invalid(format!("{} bytes are no whole count of {length}", values.len())));
        }
        check_counts(values.len() / length, ids.len())?;
        let list = self.exact.entry(algorithm.to_owned()).or_insert((length, Vec::new(), Vec::new()));
        if list.0 != length {
            return Err(IndexError::invalid(format!(
                "the digests are {length} bytes long, and those before {}",
                list.0
            )));
        }
        check_total(list.2.len(), ids.len())?;
        append(&mut list.1, values.iter().copied());
        append(&mut list.2, ids.iter().copied());
        Ok(())
    }

    /// Adds what a file holds, leaving out the entries that `kept` does not keep.
    pub(super) fn add_base(&mut self, base: &Base, kept: &dyn Fn(u64) -> bool) -> Result<(), IndexError> {
        for (name, near) in base.near() {
            let view = near.view(base.bytes())?;
            let (hashes, ids) = self.near.entry(name.clone()).or_default();
            hashes.reserve(near.entries());
            ids.reserve(near.entries());
            for (row, hash) in view.hashes().iter().enumerate() {
                let mut undone = None;
                for id in view.ids(row)?.iter().filter(|id| kept(**id)) {
                    hashes.push(*undone.get_or_insert_with(|| words(&near.order().undo(hash))));
                    ids.push(*id);
                }
            }
        }
        for (name, exact) in base.exact() {
            let list = self.exact.entry(name.clone()).or_insert((exact.length(), Vec::new(), Vec::new()));
            for (value, id) in exact.all(base.bytes())?.filter(|(_, id)| kept(*id)) {
                list.1.extend_from_slice(value);
                list.2.push(id);
            }
        }
        Ok(())
    }

    /// Writes the file, replacing one that is there; `progress` is told (steps done, steps in all).
    ///
    /// # Errors
    /// `Io` if the system refuses; the file that was there before is then unchanged.
    pub fn write(self, path: &Path, options: &BuildOptions, progress: &mut Progress<'_>) -> Result<(), IndexError> {
        let threads = options.threads.max(1);
        if !progress(0, 1) {
            return Err(IndexError::Stopped);
        }
        let lists: Vec<(String, NearList)> = self
            .near
            .into_iter()
            .map(|(name, (hashes, ids))| Ok((name, NearList::of(hashes, ids, threads, options.parts)?)))
            .collect::<Result<_, IndexError>>()?;
        let digests: Vec<(String, Sorted)> = self
            .exact
            .into_iter()
            .map(|(name, (length, values, ids))| (name, Sorted::of(length, &values, &ids)))
            .collect();
        let mut jobs = Vec::new();
        let mut sections = Vec::new();
        for (name, list) in &lists {
            jobs.extend(list.jobs(name, &mut sections));
        }
        for (name, sorted) in &digests {
            let job = Job::Plain(vec![
                (announce(&mut sections, Kind::DigestDescription, name, 0, 24), as_bytes(&sorted.description)),
                (announce(&mut sections, Kind::DigestValues, name, 0, sorted.values.len()), &sorted.values),
                (announce(&mut sections, Kind::DigestIds, name, 0, sorted.ids.len() * 8), as_bytes(&sorted.ids)),
                (announce(&mut sections, Kind::DigestTable, name, 0, sorted.table.len() * 4), as_bytes(&sorted.table)),
            ]);
            jobs.push(job);
        }
        let writer = Writer::create(path, options.mark, sections)?;
        run(&writer, &jobs, threads, progress)?;
        writer.finish()
    }
}

/// Refuses a name that a file cannot carry.
pub(super) fn check_name(name: &str) -> Result<(), IndexError> {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(fine) {
        return Err(IndexError::invalid(format!(
            "a name has 1 to {NAME_BYTES} small letters, digits, `-`, `_` or `.`"
        )));
    }
    Ok(())
}

/// Refuses a length that digests of this algorithm do not have.
pub(super) fn check_length(algorithm: &str, length: usize) -> Result<(), IndexError> {
    match known_length(algorithm) {
        Some(known) if known != length => {
            Err(IndexError::invalid(format!("a digest of {algorithm} is {known} bytes long, not {length}")))
        }
        None if length == 0 || length > LENGTH_MAX => {
            Err(IndexError::invalid(format!("a digest is 1 to {LENGTH_MAX} bytes long, not {length}")))
        }
        _ => Ok(()),
    }
}

fn check_counts(values: usize, ids: usize) -> Result<(), IndexError> {
    if values == ids {
        return Ok(());
    }
    Err(IndexError::invalid(format!("there are {values} hashes and {ids} ids")))
}

fn check_total(known: usize, more: usize) -> Result<(), IndexError> {
    if known + more <= ENTRIES_MAX {
        return Ok(());
    }
    Err(IndexError::invalid(format!("a list has at most {ENTRIES_MAX} entries, not {}", known + more)))
}

/// Adds to a vector that may become large.
fn append<T>(to: &mut Vec<T>, more: impl ExactSizeIterator<Item = T>) {
    to.reserve(more.len());
    prefer_large_pages(to.spare_capacity_mut());
    to.extend(more);
}

/// Adds a section to the table of the file, and returns its number.
fn announce(sections: &mut Vec<Section>, kind: Kind, name: &str, part: usize, length: usize) -> usize {
    sections.push(Section { kind, part: part as u32, name: name.to_owned(), length });
    sections.len() - 1
}

impl NearList {
    fn jobs<'a>(&'a self, name: &str, sections: &mut Vec<Section>) -> Vec<Job<'a>> {
        let rows = self.hashes.len();
        let mut jobs = vec![Job::Plain(vec![
            (announce(sections, Kind::NearDescription, name, 0, DESCRIPTION_BYTES), &self.description),
            (announce(sections, Kind::NearHashes, name, 0, rows * HASH_BYTES), as_bytes(&self.hashes)),
            (announce(sections, Kind::NearFirsts, name, 0, self.firsts.len() * 4), as_bytes(&self.firsts)),
            (announce(sections, Kind::NearIds, name, 0, self.ids.len() * 8), as_bytes(&self.ids)),
        ])];
        for (at, part) in self.layout.parts.iter().enumerate() {
            jobs.push(Job::Part {
                part: *part,
                hashes: &self.hashes,
                offsets: announce(sections, Kind::PartOffsets, name, at, (part.buckets() + 1) * 4),
                signatures: announce(sections, Kind::PartSignatures, name, at, rows * 2),
                rows: announce(sections, Kind::PartRows, name, at, rows * 4),
            });
        }
        jobs
    }
}

/// Something to be written.
enum Job<'a> {
    /// Sections that are there already.
    Plain(Vec<(usize, &'a [u8])>),
    /// A part, whose sections are worked out now.
    Part { part: Part, hashes: &'a [Words], offsets: usize, signatures: usize, rows: usize },
}

impl Job<'_> {
    /// Does it; `table` is where a part's sections are worked out, the same memory for one after the other.
    fn run(&self, writer: &Writer, table: &mut PartTable) -> Result<(), IndexError> {
        match self {
            Self::Plain(sections) => {
                for (section, bytes) in sections {
                    writer.put(*section, bytes)?;
                }
            }
            Self::Part { part, hashes, offsets, signatures, rows } => {
                table.fill(*part, hashes);
                writer.put(*offsets, as_bytes(&table.offsets))?;
                writer.put(*signatures, as_bytes(&table.signatures))?;
                writer.put(*rows, as_bytes(&table.rows))?;
            }
        }
        Ok(())
    }
}

/// Runs the jobs on several threads, and has the disk work beside them.
fn run(writer: &Writer, jobs: &[Job<'_>], threads: usize, progress: &mut Progress<'_>) -> Result<(), IndexError> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failure: Mutex<Option<IndexError>> = Mutex::new(None);
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing is sent: the channel closes when the last worker is done, whichever way it ends.
    let (working, ended) = mpsc::channel::<()>();
    let work = |_working: mpsc::Sender<()>, told: &mut dyn FnMut() -> bool| {
        let mut table = PartTable::default();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ran = job.run(writer, &mut table);
            done.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = ran.and_then(|()| if told() { Ok(()) } else { Err(IndexError::Stopped) }) {
                *failed() = Some(error);
                // The other threads find no more work and stop.
                next.store(jobs.len(), Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        let spawned = |working: mpsc::Sender<()>| scope.spawn(|| work(working, &mut || true));
        let others: Vec<_> = (1..threads).map(|_| spawned(working.clone())).collect();
        let failed = &failed;
        let flusher = scope.spawn(move || {
            while ended.recv_timeout(FLUSH_PAUSE) == Err(mpsc::RecvTimeoutError::Timeout) {
                if writer.unsynced() >= FLUSH_BYTES
                    && let Err(error) = writer.flush()
                {
                    *failed() = Some(error);
                    break;
                }
            }
        });
        work(working, &mut || progress(done.load(Ordering::Relaxed), jobs.len()));
        for thread in others.into_iter().chain([flusher]) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None if progress(jobs.len(), jobs.len()) => Ok(()),
        None => Err(IndexError::Stopped),
    }
}
