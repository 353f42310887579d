//! PDQ for Python: pixels in, coefficients and quality out; hashes from coefficients.

use pyo3::buffer::{PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vangnet_core::dihedral::View;
use vangnet_core::pdq::{self, Floor512, KEPT, Layout, NoHash, Picture, Rows, Transform, Upright};
use vangnet_core::screen::{self, Blocks};

const NUMBER: usize = size_of::<f32>();
/// Bytes of a transform's coefficients.
const COEFFICIENT_BYTES: usize = KEPT * KEPT * NUMBER;

/// Pixels as Python has them: `bytes`, which never change, so that the lock can be released; or any other memory (a decoder's),
/// which is read with the lock held.
#[derive(FromPyObject)]
pub enum Pixels<'py> {
    Bytes(Bound<'py, PyBytes>),
    Buffer(PyBuffer<u8>),
}

struct Cells<'a> {
    cells: &'a [ReadOnlyCell<u8>],
    width: usize,
    height: usize,
    layout: Layout,
}

impl Rows for Cells<'_> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    #[inline(always)]
    fn part<'a>(&'a self, row: usize, left: usize, room: &'a mut [u8]) -> &'a [u8] {
        let cells = &self.cells[(row * self.width + left) * self.layout.bytes()..];
        for (byte, cell) in room.iter_mut().zip(cells) {
            *byte = cell.get();
        }
        room
    }
}

/// The transform of a picture: 256 coefficients (`f32`, little-endian, row by row) and the quality.
///
/// `pixels` holds `width` x `height` pixels of 1 byte (grey), 3 (RGB) or 4 (RGB and one that counts for nothing), which stand
/// upright when turned as the EXIF `orientation` says.
#[pyfunction]
#[pyo3(signature = (pixels, width, height, /, *, orientation = 1, floor512 = false))]
pub fn pdq_transform<'py>(
    py: Python<'py>,
    pixels: Pixels<'py>,
    width: usize,
    height: usize,
    orientation: u8,
    floor512: bool,
) -> PyResult<(Bound<'py, PyBytes>, u8)> {
    let transform = match pixels {
        Pixels::Bytes(bytes) => {
            let bytes = bytes.as_bytes();
            let picture = picture(bytes, width, height)?;
            py.detach(|| transform(&picture, orientation, floor512))
        }
        Pixels::Buffer(buffer) => {
            let cells = buffer
                .as_slice(py)
                .ok_or_else(|| PyValueError::new_err("`pixels` must be one contiguous piece of memory"))?;
            let layout = layout(cells.len(), width, height)?;
            transform(&Cells { cells, width, height, layout }, orientation, floor512)
        }
    };
    answer(py, &transform?)
}

/// The transform of a picture of `width` x `height` pixels of which only `scaled` is at hand, a copy of it that a decoder made
/// `scale` times smaller (sides rounded up). Where the original is not whole blocks, the last block of a line is the cut one,
/// or the first one if `cut_left` or `cut_top`.
#[pyfunction]
#[pyo3(signature = (scaled, width, height, scale, /, *, cut_left = false, cut_top = false))]
pub fn pdq_transform_scaled<'py>(
    py: Python<'py>,
    scaled: &[u8],
    width: usize,
    height: usize,
    scale: usize,
    cut_left: bool,
    cut_top: bool,
) -> PyResult<(Bound<'py, PyBytes>, u8)> {
    if !matches!(scale, 1 | 2 | 4 | 8) {
        return Err(PyValueError::new_err(format!("`scale` must be 1, 2, 4 or 8, not {scale}")));
    }
    pdq::check_sides(width, height).map_err(no_hash)?;
    let picture = picture(scaled, screen::scaled_side(width, scale), screen::scaled_side(height, scale))?;
    let along_row = Blocks { side: width, scale, cut_first: cut_left };
    let along_column = Blocks { side: height, scale, cut_first: cut_top };
    let transform = py.detach(|| screen::screened(&picture, along_row, along_column)).map_err(no_hash)?;
    answer(py, &transform)
}

/// The hash of 32 bytes that belongs to a transform's coefficients.
#[pyfunction]
#[pyo3(signature = (coefficients, /))]
pub fn pdq_hash<'py>(py: Python<'py>, coefficients: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &parse(coefficients)?.hash()))
}

/// The hashes of all eight views of a picture: original, rotate90, rotate180, rotate270, flip_x, flip_y, transpose, anti_transpose.
#[pyfunction]
#[pyo3(signature = (coefficients, /))]
pub fn pdq_dihedral_hashes<'py>(py: Python<'py>, coefficients: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let transform = parse(coefficients)?;
    Ok(View::ALL.iter().map(|&view| PyBytes::new(py, &transform.seen_as(view).hash())).collect())
}

fn transform(rows: &impl Rows, orientation: u8, floor512: bool) -> PyResult<Transform> {
    let upright = Upright::new(rows, orientation)
        .ok_or_else(|| PyValueError::new_err(format!("`orientation` must be 1 to 8, not {orientation}")))?;
    match (orientation, floor512) {
        (1, false) => pdq::full(rows),
        (_, false) => pdq::full(&upright),
        (_, true) => pdq::full(&Floor512::new(&upright)),
    }
    .map_err(no_hash)
}

fn picture(pixels: &[u8], width: usize, height: usize) -> PyResult<Picture<'_>> {
    let layout = layout(pixels.len(), width, height)?;
    Picture::new(pixels, width, height, layout).ok_or_else(|| wrong_length(pixels.len(), width, height))
}

fn layout(length: usize, width: usize, height: usize) -> PyResult<Layout> {
    let pixels = width.checked_mul(height).filter(|&pixels| pixels > 0 && length.is_multiple_of(pixels));
    pixels.and_then(|pixels| Layout::with_bytes(length / pixels)).ok_or_else(|| wrong_length(length, width, height))
}

fn wrong_length(length: usize, width: usize, height: usize) -> PyErr {
    PyValueError::new_err(format!("pixels must be {width} x {height} times 1, 3 or 4 bytes long, not {length} bytes"))
}

fn no_hash(reason: NoHash) -> PyErr {
    PyValueError::new_err(match reason {
        NoHash::TooSmall => format!("a side must be at least {} pixels long", pdq::SHORTEST_SIDE),
        NoHash::TooLarge => format!("a side must be at most {} pixels long", pdq::LONGEST_SIDE),
    })
}

pub fn answer<'py>(py: Python<'py>, transform: &Transform) -> PyResult<(Bound<'py, PyBytes>, u8)> {
    let mut bytes = Vec::with_capacity(COEFFICIENT_BYTES);
    for coefficient in transform.coefficients.as_flattened() {
        bytes.extend_from_slice(&coefficient.to_le_bytes());
    }
    Ok((PyBytes::new(py, &bytes), transform.quality))
}

fn parse(bytes: &[u8]) -> PyResult<Transform> {
    if bytes.len() != COEFFICIENT_BYTES {
        return Err(PyValueError::new_err(format!(
            "`coefficients` must be {COEFFICIENT_BYTES} bytes long, not {}",
            bytes.len()
        )));
    }
    let mut coefficients = [[0.0; KEPT]; KEPT];
    for (coefficient, four) in coefficients.as_flattened_mut().iter_mut().zip(bytes.as_chunks().0) {
        *coefficient = f32::from_le_bytes(*four);
    }
    Ok(Transform { coefficients, quality: 0 })
}
