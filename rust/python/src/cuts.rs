//! Cuts for Python: a small grey picture in, rectangles with their names out; and banners painted over.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vangnet_core::cuts::{self, Grey, Step};

/// Names of what was done; left, top, right, bottom; rows painted over at the top and the bottom.
type Cut = (Vec<&'static str>, (usize, usize, usize, usize), (usize, usize));

/// The cuts of a picture of one byte a pixel, the likeliest first.
#[pyfunction]
#[pyo3(signature = (pixels, width, height, /))]
pub fn find_cuts(py: Python<'_>, pixels: &[u8], width: usize, height: usize) -> PyResult<Vec<Cut>> {
    let grey = Grey::new(pixels, width, height).ok_or_else(|| wrong_length(pixels.len(), width, height))?;
    let cuts = py.detach(|| cuts::find(&grey));
    Ok(cuts
        .into_iter()
        .map(|cut| {
            let names = cut.steps.into_iter().map(Step::name).collect();
            (names, (cut.rect.left, cut.rect.top, cut.rect.right, cut.rect.bottom), cut.painted)
        })
        .collect())
}

/// The picture of one byte a pixel with its uppermost and lowest rows painted over with what may have been under them.
#[pyfunction]
#[pyo3(signature = (pixels, width, height, /, *, top, bottom))]
pub fn paint_strips<'py>(
    py: Python<'py>,
    pixels: &[u8],
    width: usize,
    height: usize,
    top: usize,
    bottom: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    Grey::new(pixels, width, height).ok_or_else(|| wrong_length(pixels.len(), width, height))?;
    if top.checked_add(bottom).is_none_or(|rows| rows >= height) {
        return Err(PyValueError::new_err("`top` and `bottom` must leave a row"));
    }
    let made = py.detach(|| cuts::painted(pixels, width, height, top, bottom));
    Ok(PyBytes::new(py, &made))
}

fn wrong_length(length: usize, width: usize, height: usize) -> PyErr {
    PyValueError::new_err(format!("pixels must be {width} x {height} bytes long and at least one, not {length}"))
}
