//! The DC-only reader of JPEG for Python.

use std::panic;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vangnet_core::jpeg::{self, Eighth};

/// What stands for a reason where the reader itself went wrong, which no file should bring about.
const FAILED: &str = "failed";

/// Luma, width, height, orientation; or the reason why there are none.
#[derive(IntoPyObject)]
pub enum Answer<'py> {
    Read((Bound<'py, PyBytes>, usize, usize, u8)),
    Unread(&'static str),
}

/// The luma of the JPEG `data` at an eighth of its size, one byte a pixel, as it is stored; the sides of the original; and the
/// EXIF orientation, 1 to 8. Or, in one word, why a real decoder must look at the file; one of more than `most_pixels` is
/// not looked at.
#[pyfunction]
#[pyo3(signature = (data, most_pixels, /))]
pub fn jpeg_eighth<'py>(py: Python<'py>, data: &[u8], most_pixels: usize) -> Answer<'py> {
    // A mistake of ours ends no process: it leaves the file to the decoder, as every doubt does.
    let read = py.detach(|| panic::catch_unwind(|| jpeg::read_eighth(data, most_pixels)));
    match read {
        Ok(Ok(Eighth { luma, width, height, orientation })) => {
            Answer::Read((PyBytes::new(py, &luma), width, height, orientation))
        }
        Ok(Err(unread)) => Answer::Unread(unread.word()),
        Err(_) => Answer::Unread(FAILED),
    }
}
