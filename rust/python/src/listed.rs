//! Hash lists for Python, many rows at a time.

use std::sync::{Mutex, PoisonError};

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use vangnet_core::listed::{self, Addition, BadPacked, Categories, Hash, Layout, Line, PdqColumns};
use vangnet_core::mac::Key;

/// Place, code and bytes of a column of digests.
type DigestColumn = (usize, u8, usize);
/// Places of the PDQ hash, its convention, its quality; the names of the conventions.
type Pdq = (usize, Option<usize>, Option<usize>, Vec<String>);
type Text<'py> = Bound<'py, PyString>;
/// Number, list, category, media, state, packed hashes, reference, note, number of the entry that it replaces.
type Added<'py> = (
    i64,
    Bound<'py, PyAny>,
    i64,
    Text<'py>,
    Text<'py>,
    Bound<'py, PyBytes>,
    Option<Text<'py>>,
    Option<Text<'py>>,
    Option<i64>,
);

/// Reads the plain lines of a list as CSV.
#[pyclass(module = "vangnet._core", frozen)]
pub struct ListLines {
    layout: Layout,
    categories: Mutex<Categories>,
}

#[pymethods]
impl ListLines {
    /// For lines of `width` cells, whose columns stand at these places, from 0.
    #[new]
    #[pyo3(signature = (delimiter, width, *, digests, pdq, action, reference, media_kind, scheme, category, note, empty))]
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn new(
        delimiter: char,
        width: usize,
        digests: Vec<DigestColumn>,
        pdq: Option<Pdq>,
        action: Option<usize>,
        reference: Option<usize>,
        media_kind: Option<usize>,
        scheme: Option<usize>,
        category: Option<usize>,
        note: Option<usize>,
        empty: Vec<usize>,
    ) -> PyResult<Self> {
        let delimiter =
            u8::try_from(delimiter).map_err(|_| PyValueError::new_err("`delimiter` must be one byte in ASCII"))?;
        let pdq =
            pdq.map(|(hash, convention, quality, conventions)| PdqColumns { hash, convention, quality, conventions });
        let layout =
            Layout { delimiter, width, digests, pdq, action, reference, media_kind, scheme, category, note, empty };
        if layout.places().any(|place| place >= width) {
            return Err(PyValueError::new_err("a column stands outside the line"));
        }
        Ok(Self { layout, categories: Mutex::default() })
    }

    /// What each line of a block of whole lines says, without the end of the last.
    ///
    /// Plain: (number of the category, whether it is a video, reference, note, packed hashes). Any other: its bytes.
    #[pyo3(signature = (block, /))]
    fn read<'py>(&self, py: Python<'py>, block: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let lines: Vec<Line<'_>> = py.detach(|| {
            // What a panic could leave half-way is a category without a number, which the next line makes anew.
            let mut categories = self.categories.lock().unwrap_or_else(PoisonError::into_inner);
            listed::lines(block, &self.layout, &mut categories).collect()
        });
        let told = PyList::empty(py);
        for line in lines {
            told.append(match line {
                Line::Plain(plain) => {
                    let packed = PyBytes::new(py, &plain.packed);
                    (plain.category, plain.video, some(plain.reference), some(plain.note), packed)
                        .into_bound_py_any(py)?
                }
                Line::Other(bytes) => PyBytes::new(py, bytes).into_any(),
            })?;
        }
        Ok(told)
    }

    /// Scheme and name of the categories that were seen, by number, from `first` on.
    #[pyo3(signature = (first, /))]
    fn categories(&self, first: usize) -> Vec<(String, String)> {
        let categories = self.categories.lock().unwrap_or_else(PoisonError::into_inner);
        categories.seen().iter().skip(first).cloned().collect()
    }
}

/// The hashes of one kind among those of many entries: their values, one after the other; of which entry each is, as
/// numbers of eight bytes in this machine's order; their qualities, 255 where it is not told.
#[pyfunction]
#[pyo3(signature = (packed, code, convention, /))]
pub fn packed_hashes<'py>(
    py: Python<'py>,
    packed: Vec<Bound<'py, PyBytes>>,
    code: u8,
    convention: u8,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (mut values, mut numbers, mut qualities) = (Vec::new(), Vec::new(), Vec::new());
    for (number, entry) in (0_u64..).zip(&packed) {
        for hash in listed::hashes(entry.as_bytes()) {
            let hash = hash.map_err(to_python)?;
            if hash.code == code && hash.convention == convention {
                values.extend_from_slice(hash.value);
                numbers.extend(number.to_ne_bytes());
                qualities.push(hash.quality.unwrap_or(u8::MAX));
            }
        }
    }
    Ok((PyBytes::new(py, &values), PyBytes::new(py, &numbers), PyBytes::new(py, &qualities)))
}

/// Before each: `prefix`. The hash of each entry that tells it apart: its code, its convention, its value.
#[pyfunction]
#[pyo3(signature = (prefix, packed, /))]
pub fn strongest_hashes<'py>(
    py: Python<'py>,
    prefix: &[u8],
    packed: Vec<Bound<'py, PyBytes>>,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let told = |entry: &Bound<'py, PyBytes>| {
        let Hash { code, convention, value, .. } = listed::strongest(entry.as_bytes()).map_err(to_python)?;
        Ok(PyBytes::new(py, &[prefix, &[code, convention], value].concat()))
    };
    packed.iter().map(told).collect()
}

/// HMAC-SHA-256 of each of the messages: 32 bytes each.
#[pyfunction]
#[pyo3(signature = (key, messages, /))]
pub fn hmac_sha256<'py>(py: Python<'py>, key: &[u8], messages: Vec<Bound<'py, PyBytes>>) -> Vec<Bound<'py, PyBytes>> {
    let key = Key::new(key);
    messages.iter().map(|message| PyBytes::new(py, &key.code(message.as_bytes()))).collect()
}

/// The lines of entries that were added, one after the other.
///
/// Of each: number, list, category, media, state, packed hashes, reference, note, number of the entry that it replaces.
#[pyfunction]
#[pyo3(signature = (added, /))]
pub fn addition_lines<'py>(py: Python<'py>, added: Vec<Added<'py>>) -> PyResult<Bound<'py, PyBytes>> {
    let mut lines = String::with_capacity(256 * added.len());
    for (seq, _, category, media, state, packed, reference, note, replaces) in &added {
        let addition = Addition {
            category: *category,
            media: media.to_str()?,
            state: state.to_str()?,
            packed: packed.as_bytes(),
            reference: reference.as_ref().map(|text| text.to_str()).transpose()?,
            note: note.as_ref().map(|text| text.to_str()).transpose()?,
            replaces: *replaces,
        };
        listed::push_addition(&mut lines, *seq, &addition);
    }
    Ok(PyBytes::new(py, lines.as_bytes()))
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn to_python(_: BadPacked) -> PyErr {
    PyValueError::new_err("packed hashes break off, or have a version or a code that is not known here")
}
