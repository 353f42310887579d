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
use crate::index::delta::Change;
use crate::index::error::IndexError;
use crate::index::exact::{LENGTH_MAX, Sorted, known_length};
use crate::index::file::{Kind, NAME_BYTES, Section, Writer};
use crate::index::layout::{Layout, Part};
use crate::index::near::{DESCRIPTION_BYTES, Description};
use crate::index::order::BitOrder;
use crate::index::search::Postings;
use crate::map::{as_bytes, prefer_large_pages, with_large_pages, zeros};
use crate::simd::Words;

/// Rows and entries are counted in 32 bits.
const ENTRIES_MAX: usize = u32::MAX as usize - 1;
/// Rows are sorted by their first so many bits at once, then within: a bucket of them fits a cache.
const SORT_BITS: usize = 12;
/// Written bytes that are carried to the disk at once while the next ones are worked out.
const FLUSH_BYTES: u64 = 64 << 20;
/// How often that is looked at.
const FLUSH_PAUSE: Duration = Duration::from_millis(5);

/// A hash in the order of bits of its list, and the id of its entry.
type Row = (Words, u64);

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
    near: BTreeMap<String, (Vec<[u8; HASH_BYTES]>, Vec<u64>)>,
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
        append(known, hashes);
        append(known_ids, ids);
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
        if values.len() % length != 0 {
            return Err(IndexError::invalid(format!("{} bytes are no whole count of {length}", values.len())));
        }
        check_counts(values.len() / length, ids.len())?;
        let list = self.exact.entry(algorithm.to_owned()).or_insert((length, Vec::new(), Vec::new()));
        if list.0 != length {
            return Err(IndexError::invalid(format!("the digests are {length} bytes long, and those before {}", list.0)));
        }
        check_total(list.2.len(), ids.len())?;
        append(&mut list.1, values);
        append(&mut list.2, ids);
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
                    hashes.push(*undone.get_or_insert_with(|| near.order().undo(hash)));
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

    /// Adds what changes list; withdrawals are none of its business.
    pub(super) fn add_changes(&mut self, changes: &[Change]) -> Result<(), IndexError> {
        for change in changes {
            match change {
                Change::Hash { list, hash, id } => self.add_hashes(list, &[*hash], &[*id])?,
                Change::Digest { algorithm, value, id } => self.add_digests(algorithm, value.len(), value, &[*id])?,
                Change::Withdrawal { .. } => {}
            }
        }
        Ok(())
    }

    /// Writes the file, replacing one that is there; `progress` is told (steps done, steps in all).
    ///
    /// # Errors
    /// `Io` if the system refuses; the file that was there before is then unchanged.
    pub fn write(
        self,
        path: &Path,
        options: &BuildOptions,
        progress: &mut Progress<'_>,
    ) -> Result<(), IndexError> {
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
fn append<T: Copy>(to: &mut Vec<T>, more: &[T]) {
    to.reserve(more.len());
    prefer_large_pages(to.spare_capacity_mut());
    to.extend_from_slice(more);
}

/// Adds a section to the table of the file, and returns its number.
fn announce(sections: &mut Vec<Section>, kind: Kind, name: &str, part: usize, length: usize) -> usize {
    sections.push(Section { kind, part: part as u32, name: name.to_owned(), length });
    sections.len() - 1
}

/// A list of perceptual hashes, sorted, each hash once.
struct NearList {
    description: Vec<u8>,
    hashes: Vec<Words>,
    firsts: Vec<u32>,
    ids: Vec<u64>,
    layout: Layout,
}

impl NearList {
    fn of(
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
fn in_stretches<T: Sync, R: Send + Copy + Default>(input: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
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

/// Something to be written.
enum Job<'a> {
    /// Sections that are there already.
    Plain(Vec<(usize, &'a [u8])>),
    /// A part, whose sections are worked out now.
    Part { part: Part, hashes: &'a [Words], offsets: usize, signatures: usize, rows: usize },
}

impl Job<'_> {
    fn run(&self, writer: &Writer) -> Result<(), IndexError> {
        match self {
            Self::Plain(sections) => {
                for (section, bytes) in sections {
                    writer.put(*section, bytes)?;
                }
            }
            Self::Part { part, hashes, offsets, signatures, rows } => {
                let table = PartTable::of(*part, hashes);
                writer.put(*offsets, as_bytes(&table.offsets))?;
                writer.put(*signatures, as_bytes(&table.signatures))?;
                writer.put(*rows, as_bytes(&table.rows))?;
            }
        }
        Ok(())
    }
}

/// The arrays of one part.
struct PartTable {
    offsets: Vec<u32>,
    signatures: Vec<u16>,
    rows: Vec<u32>,
}

impl PartTable {
    /// A counting sort of the rows by bucket.
    fn of(part: Part, hashes: &[Words]) -> Self {
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

/// Runs the jobs on several threads, and has the disk work beside them.
fn run(
    writer: &Writer,
    jobs: &[Job<'_>],
    threads: usize,
    progress: &mut Progress<'_>,
) -> Result<(), IndexError> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failure: Mutex<Option<IndexError>> = Mutex::new(None);
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing is sent: the channel closes when the last worker is done, whichever way it ends.
    let (working, ended) = mpsc::channel::<()>();
    let work = |_working: mpsc::Sender<()>, told: &mut dyn FnMut() -> bool| {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ran = job.run(writer);
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
        None => Ok(()),
    }
}
