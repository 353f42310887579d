//! The index for Python. Ids travel as bytes, eight for each in this machine's order: `array("Q")` holds them so.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vangnet_core::hamming::HASH_BYTES;
use vangnet_core::index::{self, Base, BuildOptions, IndexError, Progress, Way};

create_exception!(
    vangnet._core,
    IndexUnusable,
    PyValueError,
    "The file is damaged, of another format, or its checksums were not checked yet."
);
create_exception!(vangnet._core, IndexBusy, PyValueError, "A merge is under way already.");

/// An entry's id, and in how many bits its hash differs from the query.
type Match = (u64, u32);
/// Name, entries, different hashes, bytes of a hash, parts, bytes in the file.
type ListInfo = (String, usize, Option<usize>, usize, usize, usize);
/// Format, mark, bytes of the file, whether verified, the lists, additions, withdrawals.
type Info = (u32, u64, usize, bool, Vec<ListInfo>, usize, usize);

/// The hashes of a text of 64 hex digits a line, one after the other.
///
/// Raises ValueError with the arguments (number of the line from 0, its length) for a line that is none.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn parse_hashes<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    match py.detach(|| index::parse_hashes(text)) {
        Ok(hashes) => Ok(PyBytes::new(py, hashes.as_flattened())),
        Err(bad) => Err(PyValueError::new_err((bad.line, bad.length))),
    }
}

/// Collects entries and writes them as an index file.
#[pyclass(module = "vangnet._core", frozen)]
pub struct IndexBuilder(Mutex<index::Builder>);

#[pymethods]
impl IndexBuilder {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    /// Adds perceptual hashes of 32 bytes, one after the other.
    fn add_hashes(&self, py: Python<'_>, list: &str, hashes: &[u8], ids: &[u8]) -> PyResult<()> {
        let hashes = all_hashes(hashes)?;
        py.detach(|| self.lock().add_hashes(list, hashes, &all_ids(ids)?)).map_err(to_python)
    }

    /// Adds digests of `length` bytes, one after the other.
    fn add_digests(&self, py: Python<'_>, algorithm: &str, length: usize, values: &[u8], ids: &[u8]) -> PyResult<()> {
        py.detach(|| self.lock().add_digests(algorithm, length, values, &all_ids(ids)?)).map_err(to_python)
    }

    /// Writes the file and forgets the entries; `progress(done, total)` is called between steps, and may raise.
    #[pyo3(signature = (path, *, mark, threads, progress=None))]
    fn write(
        &self,
        py: Python<'_>,
        path: PathBuf,
        mark: u64,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let options = BuildOptions { mark, threads, parts: None };
        watched(py, progress, |told| std::mem::take(&mut *self.lock()).write(&path, &options, told))
    }
}

impl IndexBuilder {
    fn lock(&self) -> MutexGuard<'_, index::Builder> {
        // A panic while entries were added ends the call that added them; what was there before is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file and what changed since. Many threads may use it at once.
#[pyclass(module = "vangnet._core", frozen)]
pub struct Index(index::Index);

#[pymethods]
impl Index {
    /// Opens a file; look-ups are answered after `verify`.
    #[staticmethod]
    #[pyo3(signature = (path, /))]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| index::Index::open(&path)).map(Self).map_err(to_python)
    }

    /// An index without entries and without a file.
    #[staticmethod]
    fn empty() -> Self {
        Self(index::Index::new(Base::empty()))
    }

    /// Checks every byte of the file; `progress(done, total)` is called between blocks, and may raise.
    #[pyo3(signature = (*, threads, progress=None))]
    fn verify(&self, py: Python<'_>, threads: usize, progress: Option<Py<PyAny>>) -> PyResult<()> {
        watched(py, progress, |told| self.0.verify(threads, told))
    }

    /// (id, distance) of all entries within the radius, nearest first.
    #[pyo3(signature = (list, hash, radius, /))]
    fn lookup(&self, py: Python<'_>, list: &str, hash: &[u8], radius: u32) -> PyResult<Vec<Match>> {
        let hash = crate::hash("hash", hash)?;
        let found = py.detach(|| self.0.lookup(list, hash, radius)).map_err(to_python)?;
        Ok(in_python_order(found))
    }

    /// The same, found by looking at every row.
    #[pyo3(signature = (list, hash, radius, /))]
    fn lookup_by_scan(&self, py: Python<'_>, list: &str, hash: &[u8], radius: u32) -> PyResult<Vec<Match>> {
        let hash = crate::hash("hash", hash)?;
        let found = py.detach(|| self.0.lookup_by(list, hash, radius, Way::Scan)).map_err(to_python)?;
        Ok(in_python_order(found))
    }

    /// One answer for each of the hashes, each with its own radius.
    #[pyo3(signature = (list, hashes, radii, /, *, threads))]
    fn lookup_batch(
        &self,
        py: Python<'_>,
        list: &str,
        hashes: &[u8],
        radii: Vec<u32>,
        threads: usize,
    ) -> PyResult<Vec<Vec<Match>>> {
        let hashes = all_hashes(hashes)?;
        let found = py.detach(|| self.0.lookup_batch(list, hashes, &radii, threads)).map_err(to_python)?;
        Ok(found.into_iter().map(in_python_order).collect())
    }

    /// The ids of all entries with exactly this digest.
    #[pyo3(signature = (algorithm, value, /))]
    fn find_digest(&self, py: Python<'_>, algorithm: &str, value: &[u8]) -> PyResult<Vec<u64>> {
        py.detach(|| self.0.find_digest(algorithm, value)).map_err(to_python)
    }

    /// Adds perceptual hashes of 32 bytes, one after the other; they match at once.
    fn add_hashes(&self, py: Python<'_>, list: &str, hashes: &[u8], ids: &[u8]) -> PyResult<()> {
        let hashes = all_hashes(hashes)?;
        py.detach(|| self.0.add_hashes(list, hashes, &all_ids(ids)?)).map_err(to_python)
    }

    /// Adds digests of `length` bytes, one after the other; they match at once.
    fn add_digests(&self, py: Python<'_>, algorithm: &str, length: usize, values: &[u8], ids: &[u8]) -> PyResult<()> {
        py.detach(|| self.0.add_digests(algorithm, length, values, &all_ids(ids)?)).map_err(to_python)
    }

    /// Withdraws entries: nothing listed under these ids until now matches any more.
    #[pyo3(signature = (ids, /))]
    fn withdraw(&self, py: Python<'_>, ids: &[u8]) -> PyResult<()> {
        py.detach(|| all_ids(ids).map(|ids| self.0.withdraw(&ids))).map_err(to_python)
    }

    /// Writes file and changes into a new file, and goes on with that.
    #[pyo3(signature = (path, *, mark, threads, progress=None))]
    fn merge(
        &self,
        py: Python<'_>,
        path: PathBuf,
        mark: u64,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let options = BuildOptions { mark, threads, parts: None };
        watched(py, progress, |told| self.0.merge(&path, &options, told))
    }

    /// What the index holds.
    fn info(&self) -> Info {
        let info = self.0.info();
        let list =
            |list: index::ListInfo| (list.name, list.entries, list.different, list.length, list.parts, list.bytes);
        let lists = info.lists.into_iter().map(list).collect();
        (info.format, info.mark, info.bytes, info.verified, lists, info.additions, info.withdrawals)
    }
}

fn in_python_order(found: Vec<index::Match>) -> Vec<Match> {
    found.into_iter().map(|found| (found.id, found.distance)).collect()
}

fn all_hashes(bytes: &[u8]) -> PyResult<&[[u8; HASH_BYTES]]> {
    match bytes.as_chunks() {
        (hashes, []) => Ok(hashes),
        _ => Err(PyValueError::new_err(format!("{} bytes are no whole count of {HASH_BYTES}", bytes.len()))),
    }
}

fn all_ids(bytes: &[u8]) -> Result<Vec<u64>, IndexError> {
    match bytes.as_chunks() {
        (ids, []) => Ok(ids.iter().map(|id| u64::from_ne_bytes(*id)).collect()),
        _ => Err(IndexError::Invalid(format!("{} bytes are no whole count of ids of 8", bytes.len()))),
    }
}

/// Runs long work without the interpreter's lock; what `progress` raises ends the work and is raised again.
fn watched(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut Progress<'_>) -> Result<(), IndexError> + Send,
) -> PyResult<()> {
    let mut raised = None;
    let told = &mut |done: usize, total: usize| {
        let Some(progress) = &progress else {
            return true;
        };
        match Python::attach(|py| progress.call1(py, (done, total))) {
            Ok(_) => true,
            Err(error) => {
                raised = Some(error);
                false
            }
        }
    };
    let result = py.detach(|| work(told));
    match raised {
        Some(error) => Err(error),
        None => result.map_err(to_python),
    }
}

fn to_python(error: IndexError) -> PyErr {
    let sentence = error.to_string();
    match error {
        IndexError::Damaged(_) | IndexError::UnknownFormat { .. } | IndexError::NotVerified => {
            IndexUnusable::new_err(sentence)
        }
        IndexError::Busy(_) => IndexBusy::new_err(sentence),
        IndexError::Invalid(_) | IndexError::Stopped => PyValueError::new_err(sentence),
        IndexError::Io { source, .. } => match source.raw_os_error() {
            // With the system's number Python picks the fitting kind of OSError by itself.
            Some(number) => PyOSError::new_err((number, sentence)),
            None => PyOSError::new_err(sentence),
        },
    }
}
